"""Approving and rejecting on the page, as a person does it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from tests.documents import expire_now, seat, settle, suspension
from tests.flows import (
    CAROL,
    COST_CENTRE,
    QUESTION,
    ask_for_expense,
    everything,
    link,
    words,
)
from windflow import engine
from windflow.engine import Actor
from windflow.models import Run, Suspension
from windflow.states import ApprovalStatus, RunStatus, SuspensionStatus

pytestmark = pytest.mark.django_db


def approve(browser: Client, path: str, **fields: str) -> Any:
    return browser.post(path, {"decision": "approve", **fields}, follow=True)


def reject(browser: Client, path: str, **fields: str) -> Any:
    return browser.post(path, {"decision": "reject", "confirm": "1", **fields}, follow=True)


def test_the_page_says_what_is_asked_by_whom_and_for_what(
    browser: Client, run_waiting_for_bob: Run
) -> None:
    text = words(browser.get(link(run_waiting_for_bob)))
    for fact in (QUESTION, "Asked by Alice", "0 of 2 approvals", "until", "Dora Dearing"):
        assert fact in text
    for fact in ("It needs two approvals.", "Amount 1,240.50", "Reason Laptop", "Urgent Yes"):
        assert fact in text
    assert "You ( b•••@example.com )" in text


@pytest.mark.parametrize(("language", "direction"), [("de", "ltr"), ("ar", "rtl")])
def test_the_page_is_in_the_readers_language(
    browser: Client, run_waiting_for_bob: Run, language: str, direction: str
) -> None:
    page = browser.get(link(run_waiting_for_bob), headers={"accept-language": language})
    assert f'<html lang="{language}" dir="{direction}">' in page.content.decode()


def test_bob_can_approve_and_the_run_goes_on(browser: Client, run_waiting_for_bob: Run) -> None:
    approve(browser, link(run_waiting_for_bob, "carol"))
    page = approve(browser, link(run_waiting_for_bob), comment="within budget")
    assert "You approved this request." in words(page)
    vote = seat(run_waiting_for_bob, "bob")
    assert (vote.status, vote.comment, vote.channel) == ("approved", "within budget", "page")
    assert settle(run_waiting_for_bob).status == RunStatus.SUCCEEDED


def test_the_answer_leads_back_to_the_page(browser: Client, run_waiting_for_bob: Run) -> None:
    path = link(run_waiting_for_bob)
    response = browser.post(path, {"decision": "approve"})
    assert (response.status_code, response["Location"]) == (303, path)


def test_after_the_vote_the_page_says_what_was_recorded_and_what_is_missing(
    browser: Client, run_waiting_for_bob: Run
) -> None:
    text = words(approve(browser, link(run_waiting_for_bob)))
    assert "Recorded today" in text
    assert "1 of 2 approvals are in. The flow goes on with the last." in text
    assert "Reject" not in text


def test_two_clicks_approve_once(browser: Client, run_waiting_for_bob: Run) -> None:
    path = link(run_waiting_for_bob)
    approve(browser, path, comment="first")
    before = everything()
    assert "You approved this request." in words(approve(browser, path, comment="second"))
    assert everything() == before


def test_two_links_of_one_person_are_one_seat(browser: Client, bob: User) -> None:
    waiting = ask_for_expense("bob", "BOB@example.com ", "carol@example.com")
    assert suspension(waiting).approvals.count() == 2
    approve(browser, link(waiting))
    approve(browser, link(waiting))
    assert settle(waiting).status == RunStatus.SUSPENDED


def test_the_second_approver_reads_what_the_first_answered(
    browser: Client, run_waiting_for_bob: Run
) -> None:
    approve(browser, link(run_waiting_for_bob, "carol"), comment="fine\nby me")
    text = words(browser.get(link(run_waiting_for_bob)))
    assert "Carol approved, today" in text
    assert "fine by me" in text
    assert "1 of 2 approvals" in text


def test_a_changed_mind_comes_too_late(browser: Client, run_waiting_for_bob: Run) -> None:
    path = link(run_waiting_for_bob)
    approve(browser, path)
    response = browser.post(path, {"decision": "reject", "confirm": "1"})
    assert response.status_code == 409
    assert "You have approved this already; that stands." in words(response)
    assert seat(run_waiting_for_bob, "bob").status == ApprovalStatus.APPROVED


# Rejecting


def test_reject_asks_once_more_and_keeps_the_comment(
    browser: Client, run_waiting_for_bob: Run
) -> None:
    before = everything()
    page = browser.post(link(run_waiting_for_bob), {"decision": "reject", "comment": "too <dear>"})
    assert page.status_code == 200
    assert "Reject this request?" in words(page)
    assert "too &lt;dear&gt;</textarea>" in page.content.decode()
    assert everything() == before


def test_the_second_reject_cancels_the_run_with_the_comment(
    browser: Client, run_waiting_for_bob: Run
) -> None:
    text = words(reject(browser, link(run_waiting_for_bob), comment="too dear"))
    assert "You rejected this request." in text
    assert "The run was cancelled." in text
    ended = settle(run_waiting_for_bob)
    assert (ended.status, ended.end_reason) == (RunStatus.CANCELLED, "too dear")


def test_it_says_before_what_a_rejection_does(browser: Client) -> None:
    for goes_on, sentence in [(False, "cancels the run"), (True, "the flow goes on")]:
        waiting = ask_for_expense(continue_on_disapprove_timeout=goes_on)
        assert sentence in words(browser.post(link(waiting), {"decision": "reject"}))
        reject(browser, link(waiting))
        cancelled = settle(waiting).status == RunStatus.CANCELLED
        assert cancelled is not goes_on
        assert ("The run was cancelled." in words(browser.get(link(waiting)))) is cancelled


def test_going_back_keeps_what_was_typed_and_judges_nothing(browser: Client) -> None:
    waiting = ask_for_expense(resume_form=COST_CENTRE)
    typed = {"answer.cost_centre": "47", "answer.limit": "many", "comment": "hm"}
    confirm = browser.post(link(waiting), {"decision": "reject", **typed}).content.decode()
    assert '<input type="hidden" name="answer.limit" value="many">' in confirm
    back = browser.post(link(waiting), {"decision": "back", "confirm": "1", **typed})
    page = back.content.decode()
    assert 'value="47"' in page
    assert "hm</textarea>" in page
    assert "error" not in page


def test_hide_cancel_takes_the_reject_button_away_and_refuses_it_too(browser: Client) -> None:
    waiting = ask_for_expense(hide_cancel=True)
    assert 'value="reject"' not in browser.get(link(waiting)).content.decode()
    response = browser.post(link(waiting), {"decision": "reject", "confirm": "1"})
    assert response.status_code == 400
    assert "can only be approved" in words(response)


# The form


def test_the_answer_is_checked_and_what_was_typed_is_kept(browser: Client) -> None:
    waiting = ask_for_expense(resume_form=COST_CENTRE)
    typed = {"answer.cost_centre": "47", "answer.limit": "-3", "comment": "soon"}
    before = everything()
    response = browser.post(link(waiting), {"decision": "approve", **typed})
    page = response.content.decode()
    assert response.status_code == 400
    assert page.count('class="error"') == 2
    for text in ('value="47"', 'value="-3"', "soon</textarea>", 'role="alert"'):
        assert text in page
    assert everything() == before


def test_the_answer_is_recorded_as_plain_json(browser: Client) -> None:
    waiting = ask_for_expense(resume_form=COST_CENTRE)
    approve(browser, link(waiting), **{"answer.cost_centre": "4711", "answer.limit": "20"})
    assert seat(waiting, "bob").answer == {"cost_centre": "4711", "limit": 20}


def test_a_rejection_needs_no_answer(browser: Client) -> None:
    waiting = ask_for_expense(resume_form=COST_CENTRE)
    reject(browser, link(waiting))
    assert seat(waiting, "bob").status == ApprovalStatus.REJECTED


def test_names_of_columns_in_the_form_change_nothing(browser: Client) -> None:
    waiting = ask_for_expense()
    approver = seat(waiting, "bob").approver
    approve(browser, link(waiting), approver=CAROL, generation="7", status="x", channel="y", id="9")
    vote = seat(waiting, "bob")
    assert (vote.approver, vote.generation, vote.channel) == (approver, 0, "page")


@pytest.mark.parametrize("pressed", ["", "Approve", "approve\0", "APPROVED"])
def test_what_is_no_button_decides_nothing(
    browser: Client, run_waiting_for_bob: Run, pressed: str
) -> None:
    before = everything()
    response = browser.post(link(run_waiting_for_bob), {"decision": pressed})
    assert response.status_code == 400
    assert "Press Approve or Reject." in words(response)
    assert everything() == before


def test_too_long_a_comment_is_named(browser: Client, run_waiting_for_bob: Run) -> None:
    fields = {"decision": "approve", "comment": "x" * 5001}
    response = browser.post(link(run_waiting_for_bob), fields)
    assert response.status_code == 400
    assert "Comment : At most 5000 characters are allowed." in words(response)
    assert "xxxxx</textarea>" in response.content.decode()


def test_a_comment_that_no_database_can_hold_is_named(
    browser: Client, run_waiting_for_bob: Run
) -> None:
    response = browser.post(link(run_waiting_for_bob), {"decision": "approve", "comment": "a\0b"})
    assert response.status_code == 400
    assert "NUL character" in words(response)


# Who may


def test_a_step_that_needs_a_login_shows_the_flow_and_the_way_to_log_in(
    browser: Client, bob: User, charlie: User
) -> None:
    waiting = ask_for_expense(user_auth_required=True)
    response = browser.get(link(waiting))
    assert response.status_code == 403
    assert "Log in to see and answer this request." in words(response)
    assert f'href="/admin/login/?next={link(waiting).replace("/", "%2F")}"' in str(response.content)
    browser.force_login(charlie)
    assert "sent to somebody else" in words(browser.get(link(waiting)))
    browser.force_login(bob)
    assert QUESTION in words(browser.get(link(waiting)))


def test_refused_visitors_learn_the_flows_name_and_nothing_else(
    browser: Client, bob: User, charlie: User
) -> None:
    waiting = ask_for_expense(user_groups_required=["Finance"])
    before = everything()
    for visitor in (None, charlie, bob):
        if visitor is not None:
            browser.force_login(visitor)
        for response in (
            browser.get(link(waiting)),
            browser.post(link(waiting), {"decision": "approve"}),
        ):
            page = response.content.decode()
            assert response.status_code == 403
            assert waiting.flow.name in page
            for secret in ("expense", "Laptop", "1,240", "carol", "Dora", "two", "Alice", "of 2"):
                assert secret not in page
    assert everything() == before


def test_bob_of_finance_may_decide(browser: Client, bob: User) -> None:
    bob.groups.add(Group.objects.create(name="Finance"))
    waiting = ask_for_expense(user_groups_required=["Finance"])
    browser.force_login(bob)
    assert "You approved this request." in words(approve(browser, link(waiting)))
    event = waiting.events.get(kind="approval.approved")
    assert (event.who, event.acting_as, event.channel) == ("bob", "bob@example.com", "page")


def test_alice_may_not_approve_what_she_started(browser: Client, alice: User) -> None:
    waiting = ask_for_expense(
        "alice@example.com", "bob@example.com", by=alice, self_approval_disabled=True
    )
    hers, bobs = link(waiting, "alice"), link(waiting, "bob")
    assert browser.get(hers).status_code == 403
    browser.force_login(alice)
    response = browser.post(bobs, {"decision": "approve"})
    assert response.status_code == 403
    assert "may not approve it" in words(response)
    assert not suspension(waiting).approvals.votes().exists()


# What came of it


def test_nobody_is_needed_after_a_rejection(browser: Client, run_waiting_for_bob: Run) -> None:
    reject(browser, link(run_waiting_for_bob, "carol"), comment="buy a used one")
    settle(run_waiting_for_bob)
    text = words(browser.get(link(run_waiting_for_bob)))
    assert "Your answer is no longer needed." in text
    assert "Carol rejected it today" in text
    assert "buy a used one" in text


def test_nobody_is_needed_after_enough_approvals(browser: Client, bob: User, carol: User) -> None:
    waiting = ask_for_expense(required_events=1)
    approve(browser, link(waiting, "carol"))
    settle(waiting)
    response = browser.get(link(waiting))
    text = words(response)
    assert response.status_code == 200
    for sentence in ("no longer needed", "was approved today", "finished successfully"):
        assert sentence in text
    assert "<button" not in response.content.decode()


def test_a_deadline_counts_before_the_tick_has_noticed(
    browser: Client, run_waiting_for_bob: Run
) -> None:
    expire_now(run_waiting_for_bob)
    response = browser.get(link(run_waiting_for_bob))
    assert "The deadline has passed." in words(response)
    assert "<button" not in response.content.decode()
    assert suspension(run_waiting_for_bob).status == SuspensionStatus.OPEN
    late = browser.post(link(run_waiting_for_bob), {"decision": "approve"})
    assert late.status_code == 409
    assert "your answer came too late" in words(late)
    assert suspension(run_waiting_for_bob).status == SuspensionStatus.TIMED_OUT


def test_a_missed_deadline_is_said(browser: Client, run_waiting_for_bob: Run) -> None:
    Suspension.objects.update(deadline=timezone.now() - timedelta(days=3))
    engine.expire(suspension(run_waiting_for_bob), by=Actor("tick"))
    text = words(browser.get(link(run_waiting_for_bob)))
    assert "The deadline has passed. Too few people had answered by" in text
    assert "You ( b•••@example.com ): not answered" in text


def test_a_cancelled_run_says_by_whom_and_why(
    browser: Client, run_waiting_for_bob: Run, alice: User
) -> None:
    engine.cancel(run_waiting_for_bob, by=alice, reason="a duplicate")
    text = words(browser.get(link(run_waiting_for_bob)))
    assert "This request was withdrawn." in text
    assert "alice cancelled the run today" in text
    assert "a duplicate" in text
    late = browser.post(link(run_waiting_for_bob), {"decision": "approve"})
    assert late.status_code == 409


def test_no_page_shows_what_went_wrong_in_a_later_step(browser: Client) -> None:
    waiting = ask_for_expense(required_events=1)
    approve(browser, link(waiting))
    Run.objects.filter(pk=waiting.pk).update(
        status=RunStatus.FAILED,
        error={"name": "KeyError", "message": "hush", "traceback": "line 7"},
        finished_at=timezone.now(),
    )
    text = words(browser.get(link(waiting)))
    assert "A later step failed" in text
    assert "hush" not in text
    assert "line 7" not in text
