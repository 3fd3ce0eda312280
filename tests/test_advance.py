"""Driving a run from step to step."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from tests.documents import cel, document, flow, kinds, run, settle, step
from tests.models import Ledger
from windflow import engine
from windflow.models import Flow, Run
from windflow.scripts import catalogue
from windflow.states import RunStatus, StepStatus

pytestmark = pytest.mark.django_db


def step_of(a_run: Run, step_id: str):
    return a_run.step_runs.get(step_id=step_id)


def test_steps_run_in_order_and_see_earlier_results() -> None:
    done = run(
        step("a", inputs={"value": 20}),
        step("b", inputs={"value": cel("results.a + flow_input.extra")}),
        step("c", inputs={"value": cel("[previous_result, results.a]")}),
        inputs={"extra": 1},
        extra={"type": "integer"},
    )
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, [21, 20])


def test_a_typed_result_becomes_plain_json() -> None:
    assert run(step("a", "tests/total", {"amount": 2})).result == {"amount": 2.0, "currency": "EUR"}


def test_an_async_script_works_and_its_log_is_kept() -> None:
    done = run(step("a", "tests/later", {"value": "tea"}))
    assert done.result == "TEA"
    assert "awaited tea" in step_of(done, "a").log


def test_an_identity_step_passes_its_value_on() -> None:
    module = {"id": "a", "value": {"type": "identity", "input_transforms": {"value": cel("1 + 1")}}}
    assert run(module).result == 2


def test_a_skipped_step_runs_nothing_and_keeps_the_previous_result() -> None:
    done = run(
        step("a", inputs={"value": 1}),
        step("b", "tests/explode", {"how": "now"}, skip_if={"expr": "results.a == 1"}),
    )
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, 1)
    assert step_of(done, "b").status == StepStatus.SKIPPED


def test_an_early_stop_ends_the_run_with_that_result() -> None:
    done = run(
        step("a", inputs={"value": 5}, stop_after_if={"expr": "previous_result > 3"}),
        step("b", "tests/explode", {"how": "now"}),
    )
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, 5)
    assert not done.step_runs.filter(step_id="b").exists()


def test_an_early_stop_with_a_message_fails_the_run_and_not_the_step() -> None:
    stop = {"expr": "previous_result > 3", "error_message": "too much"}
    failed = run(step("a", inputs={"value": 5}, stop_after_if=stop), step("b"))
    assert (failed.status, failed.error["message"]) == (RunStatus.FAILED, "too much")
    assert step_of(failed, "a").status == StepStatus.SUCCEEDED


def test_sleep_parks_the_run_until_its_time() -> None:
    parked = run(step("a", sleep={"type": "static", "value": 60}), step("b", inputs={"value": 2}))
    assert parked.status == RunStatus.SLEEPING
    assert parked.wake_at is not None
    assert parked.wake_at > timezone.now() + timedelta(seconds=55)
    Run.objects.update(wake_at=timezone.now())
    assert settle(parked).result == 2


def test_a_script_that_raises_fails_the_step_with_type_message_and_traceback() -> None:
    failed = run(step("a", "tests/explode", {"how": "boom"}), step("b"))
    error = step_of(failed, "a").error
    assert failed.status == RunStatus.FAILED
    assert (error["name"], error["message"]) == ("ZeroDivisionError", "boom")
    assert "in explode" in error["traceback"]
    assert failed.error["step_id"] == "a"


@pytest.mark.parametrize(
    ("how", "words"),
    [("set", "not plain JSON"), ("nul", "NUL character"), ("huge", "bytes of JSON")],
)
def test_a_result_that_cannot_be_stored_is_an_error_naming_the_step(how: str, words: str) -> None:
    failed = run(step("a", "tests/explode", {"how": how}))
    assert "result of step a" in failed.error["message"]
    assert words in failed.error["message"]


def test_a_script_that_exits_fails_its_step_and_not_the_worker() -> None:
    assert run(step("a", "tests/explode", {"how": "exit"})).error["name"] == "SystemExit"


def test_an_expression_that_cannot_be_evaluated_fails_the_step_that_has_it() -> None:
    failed = run(step("a", inputs={"value": {}}), step("b", inputs={"value": cel("results.a.x")}))
    assert (failed.status, failed.error["step_id"]) == (RunStatus.FAILED, "b")


def test_a_script_is_tried_again_as_its_step_says() -> None:
    retry = {"constant": {"attempts": 3, "seconds": 0}}
    done = settle_all(run(step("a", "tests/flaky", {"failures": 2}, retry=retry)))
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, 3)


def test_a_permanent_failure_is_not_tried_again() -> None:
    retry = {"constant": {"attempts": 3, "seconds": 0}}
    inputs = {"failures": 2, "permanent": True}
    assert settle_all(run(step("a", "tests/flaky", inputs, retry=retry))).status == RunStatus.FAILED
    assert Ledger.objects.count() == 1


def test_the_next_attempt_waits_for_its_pause() -> None:
    retry = {"constant": {"attempts": 1, "seconds": 90}}
    waiting = run(step("a", "tests/flaky", {"failures": 1}, retry=retry))
    assert waiting.status == RunStatus.SLEEPING
    assert step_of(waiting, "a").status == StepStatus.WAITING


def test_a_script_that_says_when_to_come_back_needs_no_retry_of_its_step() -> None:
    waiting = run(step("a", "tests/flaky", {"failures": 1, "retry_after": 90}))
    assert waiting.status == RunStatus.SLEEPING
    assert settle_all(waiting).result == 2


def test_a_script_that_says_so_for_ever_is_not_believed_for_ever() -> None:
    failed = settle_all(run(step("a", "tests/flaky", {"failures": 99, "retry_after": 90})))
    assert (failed.status, Ledger.objects.count()) == (RunStatus.FAILED, 6)


def settle_all(a_run: Run) -> Run:
    """Settle, with every pause already over."""
    while settle(a_run).status == RunStatus.SLEEPING:
        Run.objects.filter(pk=a_run.pk).update(wake_at=timezone.now())
    return settle(a_run)


def test_a_step_may_fail_and_the_flow_go_on() -> None:
    done = run(
        step("a", "tests/explode", {"how": "x"}, continue_on_error=True),
        step("b", inputs={"value": cel("results.a.error.name")}),
    )
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, "ZeroDivisionError")


def test_an_atomic_script_and_its_result_are_one_transaction() -> None:
    assert run(step("a", "tests/pay")).status == RunStatus.SUCCEEDED
    assert Ledger.objects.count() == 1
    assert run(step("a", "tests/pay", {"fail": True})).status == RunStatus.FAILED
    assert Ledger.objects.count() == 1


def test_a_script_that_is_gone_fails_its_step_by_name_and_the_run_can_be_retried() -> None:
    made = flow(step("a", "tests/echo", {"value": 1}))
    document_without = document(step("a", "tests/gone", {"value": 1}))
    made.versions.update(document=document_without)
    failed = settle(engine.start(Flow.objects.get()))
    assert "tests/gone is not installed" in failed.error["message"]
    made.versions.update(document=document(step("a", "tests/echo", {"value": 1})))
    engine.retry(failed)
    assert settle(failed).result == 1


def test_a_finished_step_never_runs_again() -> None:
    done = run(step("a", "tests/pay"))
    engine.advance(done.pk)
    engine.advance(done.pk)
    assert done.step_runs.get().attempts == 1


def test_a_claimed_run_is_left_alone_until_its_lease_ends() -> None:
    made = engine.start(flow(step("a", "tests/pay")))
    soon = timezone.now() + timedelta(seconds=30)
    Run.objects.update(status=RunStatus.RUNNING, lease_until=soon, fence=1)
    engine.advance(made.pk)
    assert not Ledger.objects.exists()
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert settle(made).status == RunStatus.SUCCEEDED


@override_settings(WINDFLOW={"SLICE_SECONDS": 0, "EXECUTOR": "windflow.executor.InlineExecutor"})
def test_a_used_up_slice_gives_the_worker_back_between_two_steps() -> None:
    made = engine.start(flow(step("a", inputs={"value": 1}), step("b", inputs={"value": 2})))
    engine.advance(made.pk)
    made.refresh_from_db()
    assert (made.status, made.lease_until) == (RunStatus.RUNNING, None)
    assert settle(made).result == 2


def test_a_step_whose_worker_was_lost_runs_again_with_the_same_key() -> None:
    lost = lose_worker(engine.start(flow(step("a", "tests/pay"))))
    done = settle(lost)
    assert done.step_runs.get().attempts == 2
    assert Ledger.objects.get().key == f"{done.key}:a"


def test_a_step_that_keeps_losing_its_worker_fails_in_the_end() -> None:
    lost = lose_worker(engine.start(flow(step("a", "tests/pay"))))
    lost.step_runs.update(interruptions=3)
    assert settle(lost).error["name"] == "WorkerLost"
    assert not Ledger.objects.exists()


def lose_worker(a_run: Run) -> Run:
    """The state that a SIGKILL in the middle of the first step leaves behind."""
    Run.objects.filter(pk=a_run.pk).update(status=RunStatus.RUNNING, fence=1)
    a_run.step_runs.create(
        step_id="a",
        position=0,
        status=StepStatus.RUNNING,
        attempts=1,
        inputs={},
        started_at=timezone.now(),
    )
    return a_run


def test_every_change_of_a_step_leaves_an_event() -> None:
    assert kinds(run(step("a"), step("b"))) == [
        "run.started",
        "step.started",
        "step.succeeded",
        "step.started",
        "step.succeeded",
        "run.succeeded",
    ]


def test_the_catalogue_has_the_scripts_of_every_app() -> None:
    assert {"hub/email_approval", "hub/say_hello", "hub/send_email", "tests/echo"} <= set(catalogue)
