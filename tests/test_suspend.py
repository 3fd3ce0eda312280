"""The gate of a step."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.documents import cel, gate, kinds, run, seat, settle, step, suspension
from windflow import engine
from windflow.exceptions import BadLink, RevokedLink
from windflow.links import Purpose, read
from windflow.models import Approval, Run, StepRun
from windflow.states import ApprovalStatus, RunStatus, StepStatus, SuspensionStatus

pytestmark = pytest.mark.django_db

BOB, CAROL = "bob@example.com", "carol@example.com"


def test_a_run_waits_after_the_script_and_holds_no_lease() -> None:
    waiting = run(gate(BOB), step("b"))
    assert (waiting.status, waiting.lease_until) == (RunStatus.SUSPENDED, None)
    assert waiting.step_runs.get().status == StepStatus.SUSPENDED
    assert suspension(waiting).status == SuspensionStatus.OPEN


def test_a_gate_on_the_last_step_holds() -> None:
    waiting = run(step("a"), gate(BOB))
    assert waiting.status == RunStatus.SUSPENDED
    engine.decide(seat(waiting, "bob"), "approve")
    assert settle(waiting).status == RunStatus.SUCCEEDED


def test_a_skipped_step_arms_no_gate() -> None:
    done = run(gate(BOB) | {"skip_if": {"expr": "true"}}, step("b", inputs={"value": 1}))
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, 1)
    assert not done.suspensions.exists()


def test_asking_fewer_people_than_must_approve_fails_the_step_at_once() -> None:
    failed = run(gate(BOB, required=2))
    assert failed.status == RunStatus.FAILED
    assert "needs 2 approvals, but its script asked 1 people" in failed.error["message"]
    assert suspension(failed).status == SuspensionStatus.CANCELLED


def test_a_gate_that_asks_nobody_fails_the_step() -> None:
    failed = run(step("a", suspend={"required_events": 1}))
    assert failed.status == RunStatus.FAILED


def test_links_without_a_suspend_block_are_refused_by_name() -> None:
    failed = run(step("a", "tests/ask", {"approvers": [BOB]}))
    assert "no suspend block" in failed.error["message"]
    assert not Approval.objects.exists()


def test_one_person_asked_twice_has_one_seat(bob: User) -> None:
    waiting = run(gate("bob", BOB, " Bob@Example.com "), step("b"))
    assert suspension(waiting).approvals.count() == 1


def test_two_spellings_of_one_address_are_one_person() -> None:
    waiting = run(gate(BOB, "BOB@example.com"), step("b"))
    assert suspension(waiting).approvals.get().person == f"mail:{BOB}"


def test_an_address_that_is_none_fails_the_step_and_says_which() -> None:
    failed = run(gate(BOB, "bob at example"))
    assert "'bob at example' is neither" in failed.error["message"]


def test_a_second_attempt_finds_the_same_seats() -> None:
    waiting = run(gate(BOB, CAROL, required=2))
    before = list(Approval.objects.values_list("pk", flat=True))
    back_to_running(waiting)
    assert settle(waiting).status == RunStatus.SUSPENDED
    assert list(Approval.objects.values_list("pk", flat=True)) == before


def back_to_running(waiting: Run) -> None:
    """As if the worker had been lost just before the gate was armed."""
    waiting.suspensions.update(status=SuspensionStatus.OPENING)
    StepRun.objects.update(status=StepStatus.RUNNING)
    Run.objects.update(status=RunStatus.RUNNING)


def test_a_vote_cast_while_the_script_still_runs_counts() -> None:
    waiting = run(gate(BOB), step("b", inputs={"value": cel("approvers")}))
    back_to_running(waiting)
    engine.decide(seat(waiting, "bob"), "approve")
    waiting.refresh_from_db()
    assert waiting.status == RunStatus.RUNNING
    assert settle(waiting).result == [BOB]


def test_a_rejection_cast_while_the_script_still_runs_counts() -> None:
    waiting = run(gate(BOB, CAROL))
    back_to_running(waiting)
    engine.decide(seat(waiting, "carol"), "reject", comment="no")
    assert settle(waiting).status == RunStatus.CANCELLED


def test_two_gates_keep_their_own_answers() -> None:
    waiting = run(
        gate(BOB, id="first"),
        gate(CAROL, id="second"),
        step("last", inputs={"value": cel("[approvals.first.approvers, approvers]")}),
    )
    engine.decide(seat(waiting, "bob"), "approve")
    waiting = settle(waiting)
    assert waiting.status == RunStatus.SUSPENDED
    engine.decide(seat(waiting, "carol"), "approve")
    assert settle(waiting).result == [[BOB], [CAROL]]


def test_what_follows_a_gate_stays_readable_by_every_later_step() -> None:
    waiting = run(gate(BOB), step("b"), step("c", inputs={"value": cel("approvers")}))
    engine.decide(seat(waiting, "bob"), "approve")
    assert settle(waiting).result == [BOB]


def test_the_events_of_a_gate_tell_its_story() -> None:
    waiting = run(gate(BOB))
    engine.decide(seat(waiting, "bob"), "approve")
    settle(waiting)
    assert kinds(waiting) == [
        "run.started",
        "step.started",
        "suspension.asked",
        "approval.asked",
        "run.suspended",
        "approval.approved",
        "suspension.closed",
        "run.resumed",
        "run.succeeded",
    ]


def test_a_link_opens_its_own_seat_only_for_its_own_purpose() -> None:
    made = seat(run(gate(BOB)), "bob")
    token = engine.links(made).resume.rstrip("/").rpartition("/")[2]
    assert engine.find(token, Purpose.RESUME) == made
    for other in (Purpose.PAGE, Purpose.CANCEL):
        with pytest.raises(BadLink):
            read(token, other)


def test_a_revoked_link_opens_nothing_and_a_new_one_does() -> None:
    made = seat(run(gate(BOB)), "bob")
    old = engine.links(made).approval_page.rstrip("/").rpartition("/")[2]
    engine.revoke(made)
    with pytest.raises(RevokedLink):
        engine.find(old, Purpose.PAGE)
    made.refresh_from_db()
    new = engine.links(made).approval_page.rstrip("/").rpartition("/")[2]
    assert engine.find(new, Purpose.PAGE).status == ApprovalStatus.INVITED
