"""Cancelling, retrying and timing out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.documents import cel, expire_now, gate, run, seat, settle, step, suspension
from tests.models import Ledger
from windflow import engine
from windflow.exceptions import DecisionRefused, TransitionRefused
from windflow.models import Run
from windflow.states import ApprovalStatus, RunStatus, StepStatus, SuspensionStatus

pytestmark = pytest.mark.django_db

BOB = "bob@example.com"


def test_a_waiting_run_can_be_cancelled_and_asks_nobody_any_more(alice: User) -> None:
    waiting = run(gate(BOB), step("b"))
    ended = engine.cancel(waiting, by=alice, reason="ordered elsewhere")
    assert (ended.status, ended.ended_by, ended.end_reason) == (
        RunStatus.CANCELLED,
        "alice",
        "ordered elsewhere",
    )
    assert suspension(ended).status == SuspensionStatus.CANCELLED
    assert seat(ended, "bob").status == ApprovalStatus.NO_LONGER_NEEDED
    with pytest.raises(DecisionRefused):
        engine.decide(seat(ended, "bob"), "approve")


def test_a_sleeping_run_can_be_cancelled() -> None:
    sleeping = run(step("a", sleep={"type": "static", "value": 60}), step("b"))
    assert engine.cancel(sleeping).status == RunStatus.CANCELLED
    assert settle(sleeping).status == RunStatus.CANCELLED


def test_an_ended_run_cannot_be_cancelled() -> None:
    done = run(step("a"))
    with pytest.raises(TransitionRefused, match="it is Success"):
        engine.cancel(done)


def test_a_retry_goes_on_at_the_failed_step_with_earlier_results() -> None:
    failed = run(
        step("a", "tests/pay"),
        step("b", "tests/flaky", {"failures": 1}),
        step("c", inputs={"value": cel("results.a")}),
    )
    assert failed.status == RunStatus.FAILED
    failed.step_runs.filter(step_id="b").update(inputs={"failures": 0})
    engine.retry(failed)
    assert settle(failed).result == "paid"
    assert Ledger.objects.filter(key__endswith=":a").count() == 1


def test_only_a_failed_run_can_be_retried() -> None:
    with pytest.raises(TransitionRefused):
        engine.retry(run(gate(BOB)))


def test_a_passed_deadline_fails_the_run_at_the_next_tick() -> None:
    waiting = run(gate(BOB), step("b"))
    expire_now(waiting)
    assert engine.tick().expired == 1
    ended = settle(waiting)
    assert (ended.status, ended.error["name"]) == (RunStatus.FAILED, "SuspendedTimedOut")
    assert ended.step_runs.get().status == StepStatus.FAILED


def test_a_passed_deadline_may_let_the_run_go_on() -> None:
    waiting = run(
        gate(BOB, continue_on_disapprove_timeout=True),
        step("b", inputs={"value": cel("resume.error.name")}),
    )
    expire_now(waiting)
    engine.tick()
    assert settle(waiting).result == "SuspendedTimedOut"


def test_a_deadline_ahead_is_left_alone() -> None:
    waiting = run(gate(BOB))
    assert engine.tick().expired == 0
    assert settle(waiting).status == RunStatus.SUSPENDED


def test_retrying_a_timed_out_gate_asks_again_in_a_new_round() -> None:
    waiting = run(gate(BOB), step("b", inputs={"value": cel("approvers")}))
    expire_now(waiting)
    engine.tick()
    engine.retry(settle(waiting))
    again = settle(waiting)
    assert (again.status, suspension(again).round) == (RunStatus.SUSPENDED, 2)
    engine.decide(seat(again, "bob"), "approve")
    assert settle(again).result == [BOB]


def test_retrying_a_half_done_ask_keeps_its_seats_and_votes() -> None:
    failed = run(gate(BOB, required=2))
    failed.step_runs.update(inputs={"approvers": [BOB, "carol@example.com"]})
    engine.retry(failed)
    again = settle(failed)
    assert (again.status, suspension(again).round) == (RunStatus.SUSPENDED, 1)
    assert suspension(again).approvals.filter(status=ApprovalStatus.INVITED).count() == 2


# The clock


def test_the_tick_wakes_a_sleeper_when_its_time_has_come() -> None:
    sleeping = run(step("a", sleep={"type": "static", "value": 60}))
    assert engine.tick().woken == 0
    Run.objects.update(wake_at=timezone.now(), enqueued_at=timezone.now() - timedelta(seconds=1))
    assert engine.tick().woken == 1
    assert engine.tick().woken == 0
    assert settle(sleeping).status == RunStatus.SUCCEEDED


def test_the_tick_sends_a_lost_message_again_once() -> None:
    Run.objects.filter(pk=run(gate(BOB)).pk).update(
        status=RunStatus.QUEUED, enqueued_at=timezone.now() - timedelta(seconds=31)
    )
    assert engine.tick().resent == 1
    assert engine.tick().resent == 0


def test_the_tick_takes_up_a_run_whose_worker_was_lost() -> None:
    Run.objects.filter(pk=run(gate(BOB)).pk).update(
        status=RunStatus.RUNNING,
        lease_until=timezone.now() - timedelta(seconds=1),
        enqueued_at=timezone.now() - timedelta(seconds=100),
    )
    assert engine.tick().resent == 1
