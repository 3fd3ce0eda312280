"""One person's decision, and what it does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from tests.documents import cel, gate, kinds, run, seat, settle, step, suspension
from windflow import engine
from windflow.exceptions import DecisionRefused, InvalidInput, NotAllowed
from windflow.models import Approval, Suspension
from windflow.states import ApprovalStatus, RunStatus, StepStatus, SuspensionStatus

pytestmark = pytest.mark.django_db

BOB, CAROL, DAN = "bob@example.com", "carol@example.com", "dan@example.com"
FORM = {
    "schema": {
        "type": "object",
        "properties": {"cost_centre": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["cost_centre"],
    }
}


def test_enough_approvals_resume_the_run_and_name_the_approvers() -> None:
    waiting = run(gate(BOB, CAROL, DAN, required=2), step("b", inputs={"value": cel("approvers")}))
    engine.decide(seat(waiting, "carol"), "approve")
    assert settle(waiting).status == RunStatus.SUSPENDED
    engine.decide(seat(waiting, "bob"), "approve")
    done = settle(waiting)
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, [CAROL, BOB])
    assert seat(done, "dan").status == ApprovalStatus.NO_LONGER_NEEDED


def test_one_rejection_cancels_the_run_by_that_person_with_the_comment() -> None:
    waiting = run(gate(BOB, CAROL, required=2), step("b"))
    engine.decide(seat(waiting, "bob"), "approve")
    engine.decide(seat(waiting, "carol"), "reject", comment="too dear")
    ended = settle(waiting)
    assert (ended.status, ended.ended_by, ended.end_reason) == (
        RunStatus.CANCELLED,
        CAROL,
        "too dear",
    )
    assert suspension(ended).status == SuspensionStatus.REJECTED
    assert ended.step_runs.get().status == StepStatus.CANCELLED


def test_a_rejection_may_be_an_answer_like_any_other() -> None:
    waiting = run(
        gate(BOB, continue_on_disapprove_timeout=True),
        step("b", inputs={"value": cel("resume.error.name")}),
    )
    engine.decide(seat(waiting, "bob"), "reject")
    assert settle(waiting).result == "SuspendedDisapproved"


def test_repeating_a_decision_changes_nothing() -> None:
    waiting = run(gate(BOB, CAROL, required=2))
    assert engine.decide(seat(waiting, "bob"), "approve").recorded
    events = kinds(waiting)
    again = engine.decide(seat(waiting, "bob"), "approve", comment="again")
    assert not again.recorded
    assert kinds(waiting) == events
    assert seat(waiting, "bob").comment == ""


def test_a_decision_stands() -> None:
    waiting = run(gate(BOB, CAROL, required=2))
    engine.decide(seat(waiting, "bob"), "approve")
    with pytest.raises(DecisionRefused, match="You have approved this already"):
        engine.decide(seat(waiting, "bob"), "reject")
    assert settle(waiting).status == RunStatus.SUSPENDED


def test_after_the_end_nobody_is_needed_any_more() -> None:
    waiting = run(gate(BOB, CAROL))
    engine.decide(seat(waiting, "bob"), "approve")
    settle(waiting)
    with pytest.raises(DecisionRefused, match="no longer needed"):
        engine.decide(seat(waiting, "carol"), "reject")


def test_votes_survive_the_end_of_the_run() -> None:
    waiting = run(gate(BOB))
    engine.decide(seat(waiting, "bob"), "approve", comment="fine")
    settle(waiting)
    assert seat(waiting, "bob").comment == "fine"


def test_the_deadline_counts_at_vote_time_however_late_the_tick_is() -> None:
    waiting = run(gate(BOB), step("b"))
    Suspension.objects.update(deadline=timezone.now() - timedelta(microseconds=1))
    with pytest.raises(DecisionRefused, match="deadline has passed"):
        engine.decide(seat(waiting, "bob"), "approve")
    ended = settle(waiting)
    assert (ended.status, ended.error["name"]) == (RunStatus.FAILED, "SuspendedTimedOut")
    assert suspension(ended).status == SuspensionStatus.TIMED_OUT
    assert seat(ended, "bob").status == ApprovalStatus.NO_LONGER_NEEDED


def test_the_answer_of_the_form_reaches_the_next_step() -> None:
    waiting = run(
        gate(BOB, resume_form=FORM), step("b", inputs={"value": cel("resume.cost_centre")})
    )
    engine.decide(seat(waiting, "bob"), "approve", answer={"cost_centre": "4711"})
    assert settle(waiting).result == "4711"


def test_an_answer_that_does_not_fit_names_its_fields_and_records_nothing() -> None:
    waiting = run(gate(BOB, resume_form=FORM))
    with pytest.raises(InvalidInput) as refused:
        engine.decide(seat(waiting, "bob"), "approve", answer={"limit": "x", "status": "approved"})
    assert set(refused.value.errors) == {"answer.limit", "answer.status", "answer.cost_centre"}
    assert seat(waiting, "bob").status == ApprovalStatus.INVITED


def test_rejecting_needs_no_form() -> None:
    waiting = run(gate(BOB, resume_form=FORM))
    engine.decide(seat(waiting, "bob"), "reject")
    assert settle(waiting).status == RunStatus.CANCELLED


def test_a_request_without_cancel_cannot_be_rejected() -> None:
    waiting = run(gate(BOB, hide_cancel=True))
    with pytest.raises(InvalidInput, match="only be approved"):
        engine.decide(seat(waiting, "bob"), "reject")


@pytest.mark.parametrize("comment", ["a\0b", "\ud800", "x" * 5_001])
def test_a_comment_that_cannot_be_kept_is_refused_by_name(comment: str) -> None:
    waiting = run(gate(BOB))
    with pytest.raises(InvalidInput) as refused:
        engine.decide(seat(waiting, "bob"), "approve", comment=comment)
    assert set(refused.value.errors) == {"comment"}


# Who may decide


def may(approval: Approval, user: User | None) -> bool:
    try:
        engine.decide(approval, "approve", by=user)
    except NotAllowed:
        return False
    return True


def test_a_step_that_needs_a_login_takes_only_the_person_who_was_asked(
    bob: User, charlie: User
) -> None:
    waiting = run(gate(BOB, user_auth_required=True))
    assert not may(seat(waiting, "bob"), None)
    assert not may(seat(waiting, "bob"), charlie)
    assert may(seat(waiting, "bob"), bob)


def test_a_seat_of_an_account_is_not_taken_over_by_an_address(bob: User, mallory: User) -> None:
    waiting = run(gate(BOB, user_auth_required=True))
    bob.email = "robert@example.com"
    bob.save()
    mallory.email = BOB
    mallory.save()
    assert not may(seat(waiting, "bob"), mallory)
    assert may(seat(waiting, "bob"), bob)


def test_a_step_for_a_group_takes_only_its_members(bob: User) -> None:
    waiting = run(gate(BOB, user_groups_required=["finance"]))
    assert not may(seat(waiting, "bob"), bob)
    bob.groups.add(Group.objects.create(name="finance"))
    assert may(seat(waiting, "bob"), bob)


def test_the_starter_may_not_approve_where_that_is_banned(alice: User) -> None:
    banned = run(gate("alice@example.com", self_approval_disabled=True), by=alice)
    assert not may(seat(banned, "alice"), None)
    assert not may(seat(banned, "alice"), alice)


def test_a_superuser_is_no_exception(alice: User) -> None:
    alice.is_superuser = True
    alice.save()
    banned = run(gate("alice@example.com", self_approval_disabled=True), by=alice)
    assert not may(seat(banned, "alice"), alice)


def test_the_starter_may_approve_where_it_is_not_banned(alice: User) -> None:
    assert may(seat(run(gate("alice@example.com"), by=alice), "alice"), None)
