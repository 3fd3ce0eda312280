"""What can be done with a run in the admin: cancel, retry, resend, revoke, decide."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from tests.documents import gate, run, seat, step
from tests.mailing import use_server
from tests.staff import run_url as url
from tests.staff import said, shown, staff
from windflow import engine
from windflow.exceptions import BadLink
from windflow.links import Purpose
from windflow.states import ApprovalStatus, RunStatus, StepStatus

pytestmark = pytest.mark.django_db
BOB, CAROL = "bob@example.com", "carol@example.com"
FORM = {
    "schema": {
        "type": "object",
        "properties": {"cost_centre": {"type": "string", "title": "Cost centre"}},
        "required": ["cost_centre"],
    }
}


@pytest.fixture
def admin(client: Client, admin_user: User) -> Client:
    """Logged in with every permission."""
    client.force_login(admin_user)
    return client


# Cancel and retry


def test_cancelling_asks_for_a_reason_and_says_who_did_it(admin: Client) -> None:
    waiting = run(gate(BOB))
    assert "Cancel this run" in admin.get(url("cancel", waiting)).content.decode()
    waiting.refresh_from_db()
    assert waiting.status == RunStatus.SUSPENDED
    admin.post(url("cancel", waiting), {"reason": "not needed"})
    assert "Cancelled by admin: not needed" in shown(admin, waiting)
    assert waiting.events.get(kind="run.cancelled").channel == "admin"


def test_cancelling_an_ended_run_says_why_not(admin: Client) -> None:
    done = run(step("a"))
    assert "Cannot cancel" in said(admin.post(url("cancel", done), {"reason": ""}))


def test_retry_takes_a_failed_run_up_again_keeping_earlier_results(admin: Client) -> None:
    failed = run(step("a"), step("b", "tests/flaky", {"failures": 0}))
    broken = run(step("a"), step("b", "tests/explode", {"how": "loudly"}))
    assert "Retry" in shown(admin, broken)
    admin.post(url("retry", broken))
    broken.refresh_from_db()
    assert broken.status == RunStatus.QUEUED
    assert broken.step_runs.get(step_id="a").status == StepStatus.SUCCEEDED
    assert "Cannot retry" in said(admin.post(url("retry", failed)))


# Seats


def test_resend_mails_the_link_once_more_and_records_it(admin: Client) -> None:
    waiting = run(gate(BOB))
    place = seat(waiting, "bob")
    assert "Sent to bob@example.com again." in said(admin.post(url("resend", waiting, place)))
    assert mail.outbox[0].to == [BOB]
    event = waiting.events.get(kind="approval.resent")
    assert (event.who, event.acting_as, event.channel) == ("admin", BOB, "admin")


def test_a_mail_server_that_is_down_is_said_with_its_reason(
    admin: Client, settings: Settings
) -> None:
    use_server(settings, "127.0.0.1", 1)
    waiting = run(gate(BOB))
    answer = admin.post(url("resend", waiting, seat(waiting, "bob")))
    assert answer.status_code == 302
    assert "could not be sent" in said(answer)
    assert not waiting.events.filter(kind="approval.resent").exists()


def test_a_seat_that_has_decided_is_not_asked_again(admin: Client) -> None:
    waiting = run(gate(BOB, CAROL, required=2))
    place = seat(waiting, "bob")
    engine.decide(place, "approve")
    answer = admin.post(url("resend", waiting, place))
    assert "nothing left to decide" in said(answer)
    assert not mail.outbox


def test_a_revoked_link_no_longer_opens_and_the_page_says_it_is_withdrawn(admin: Client) -> None:
    waiting = run(gate(BOB))
    place = seat(waiting, "bob")
    token = engine.links(place).resume.rstrip("/").rpartition("/")[2]
    answer = admin.post(url("revoke", waiting, place))
    assert "no longer works" in said(answer)
    with pytest.raises(BadLink):
        engine.find(token, Purpose.RESUME)
    assert "Link withdrawn" in shown(admin, waiting)
    assert waiting.events.get(kind="approval.revoked").channel == "admin"


def test_a_seat_of_another_run_is_not_found(admin: Client) -> None:
    mine, other = run(gate(BOB)), run(gate(CAROL))
    for page in ("resend", "revoke", "approve", "reject"):
        assert admin.post(url(page, mine, seat(other, "carol"))).status_code == 404
    assert seat(other, "carol").generation == 0


def test_whoever_holds_a_seat_approves_as_themselves_with_one_click(
    client: Client, bob: User
) -> None:
    waiting = run(gate(BOB, CAROL, required=2))
    holder = staff(client, bob, "view_run")
    page = shown(holder, waiting)
    assert page.count("Approve as me") == 1
    assert "You approved." in said(holder.post(url("approve", waiting, seat(waiting, "bob"))))
    vote = seat(waiting, "bob")
    assert (vote.status, vote.channel) == (ApprovalStatus.APPROVED, "admin")
    event = waiting.events.get(kind="approval.approved")
    assert (event.who, event.acting_as) == ("bob", BOB)


def test_rejecting_asks_once_more_and_takes_a_comment(client: Client, bob: User) -> None:
    waiting = run(gate(BOB))
    holder = staff(client, bob, "view_run")
    assert holder.get(url("reject", waiting, seat(waiting, "bob"))).status_code == 200
    assert seat(waiting, "bob").status == ApprovalStatus.INVITED
    holder.post(url("reject", waiting, seat(waiting, "bob")), {"comment": "too dear"})
    assert "Cancelled by bob@example.com: too dear" in shown(holder, waiting)


def test_a_step_with_a_form_asks_for_it_and_names_what_is_missing(
    client: Client, bob: User
) -> None:
    waiting = run(gate(BOB, resume_form=FORM))
    holder = staff(client, bob, "view_run")
    place = seat(waiting, "bob")
    page = holder.post(url("approve", waiting, place), {"answer.cost_centre": "", "comment": "ok"})
    assert page.context["answer"].errors.keys() == {"cost_centre"}
    assert page.context["form"]["comment"].value() == "ok"
    holder.post(url("approve", waiting, place), {"answer.cost_centre": "4711"})
    assert seat(waiting, "bob").answer == {"cost_centre": "4711"}


def test_nobody_decides_on_another_persons_seat(admin: Client) -> None:
    waiting = run(gate(BOB))
    assert "Approve as me" not in shown(admin, waiting)
    for page in ("approve", "reject"):
        assert admin.post(url(page, waiting, seat(waiting, "bob"))).status_code == 403
    assert seat(waiting, "bob").status == ApprovalStatus.INVITED


def test_the_policy_of_the_step_holds_in_the_admin_too(client: Client, bob: User) -> None:
    waiting = run(gate(BOB, self_approval_disabled=True), by=bob)
    holder = staff(client, bob, "view_run")
    assert "Whoever started this run may not approve it." in shown(holder, waiting)
    answer = holder.post(url("approve", waiting, seat(waiting, "bob")))
    assert "may not approve it" in said(answer)
    assert seat(waiting, "bob").status == ApprovalStatus.INVITED
