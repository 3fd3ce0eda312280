"""Drive a run: claim it, run step after step inline, one commit at each boundary, until it
suspends, sleeps, ends, or has used its slice of the worker's time."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from windflow.conf import conf
from windflow.definition import Step
from windflow.engine.change import Change, LeaseLost, fenced_change
from windflow.engine.context import WORKER, StepContext
from windflow.engine.end import complete, fail
from windflow.engine.gate import suspend
from windflow.engine.scope import Scope
from windflow.engine.steps import Call, Failed, Plan, failed, plan, prepare, run_step
from windflow.exceptions import StepFailed, WindflowError
from windflow.executor import lease_seconds
from windflow.models import Run, StepRun, rows
from windflow.states import RunStatus, StepStatus
from windflow.values import JSON

logger = logging.getLogger(__name__)
MAX_SLEEP = 5 * 366 * 24 * 3600  # seconds
#: How often a script that says when to come back is believed, where its step sets no ``retry``.
ASKED_RETRIES = 5


def advance(run_id: int) -> None:
    """Take the run as far as it goes now. Safe to call at any time, twice, or concurrently: who
    does not get the claim leaves, and who lost it can write nothing."""
    run = _claim(run_id)
    if run is None:
        return
    try:
        _Drive(run).go()
    except LeaseLost:
        logger.info("run %s was taken over or has ended; leaving it", run_id)


def _claim(run_id: int) -> Run | None:
    now = timezone.now()
    claimed = (
        Run.objects.filter(pk=run_id)
        .claimable(now)
        .update(
            status=RunStatus.RUNNING,
            fence=F("fence") + 1,
            lease_until=now + timedelta(seconds=lease_seconds()),
            wake_at=None,
        )
    )
    if not claimed:
        return None
    return Run.objects.select_related("version", "flow", "started_by").get(pk=run_id)


@dataclass(slots=True)
class _Work:
    """A step that has begun: its row is committed, its script not yet called."""

    step: Step
    step_run: StepRun
    inputs: dict[str, JSON]
    error: Failed | None = None


class _Drive:
    """One worker's claim on one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.fence = run.fence
        self.definition = run.version.definition
        self.scope = Scope(run, self.definition)
        self.until = monotonic() + conf.SLICE_SECONDS

    def go(self) -> None:
        work = self._take_up()
        while work is not None:
            work = self._settle(work)

    def _change(self) -> AbstractContextManager[Change]:
        return fenced_change(self.run, self.fence, WORKER)

    # Taking up

    def _take_up(self) -> _Work | None:
        """Where the last worker, the gate or the retry left the run."""
        step_run = self.run.step_runs.filter(position=self.run.position).first()
        if step_run is None:
            return self._open_next()
        step = self.definition.steps[self.run.position]
        if step_run.status == StepStatus.SUCCEEDED:
            return self._after_gate(step, step_run)
        return self._reopen(step, step_run)

    def _open_next(self) -> _Work | None:
        ahead = plan(self.definition, self.run.position, self.scope)
        with self._change() as tx:
            return self._begin(tx, ahead)

    def _reopen(self, step: Step, step_run: StepRun) -> _Work | None:
        """Another attempt: after a failure, after a retry by hand, or after a lost worker."""
        lost = step_run.status == StepStatus.RUNNING
        if step_run.inputs is None:
            ahead = plan(self.definition, self.run.position, self.scope)
        else:
            ahead = Plan((), step, step_run.inputs)
        with self._change() as tx:
            if lost and step_run.interruptions >= conf.MAX_INTERRUPTIONS:
                fail(tx, step_run, _lost_too_often(step, step_run.interruptions))
                return None
            tx.move_row(
                step_run,
                "advance",
                attempts=step_run.attempts + 1,
                interruptions=step_run.interruptions + lost,
                inputs=ahead.inputs,
                started_at=tx.now,
                finished_at=None,
            )
            tx.record(
                "step.started", step=step.id, attempt=step_run.attempts, after_lost_worker=lost
            )
            self._renew(tx)
        return _Work(step, step_run, ahead.inputs or {}, ahead.error)

    def _begin(self, tx: Change, ahead: Plan) -> _Work | None:
        """Write that the next step begins, or that there is none."""
        for step in ahead.skipped:
            self._create(tx, step, StepStatus.SKIPPED, finished_at=tx.now)
            tx.record("step.skipped", step=step.id)
        if ahead.step is None:
            complete(tx, self.scope.previous_result)
            return None
        step_run = self._create(tx, ahead.step, StepStatus.RUNNING, attempts=1, inputs=ahead.inputs)
        tx.record("step.started", step=ahead.step.id, attempt=1)
        tx.set(position=step_run.position)
        self._renew(tx)
        return _Work(ahead.step, step_run, ahead.inputs or {}, ahead.error)

    def _create(self, tx: Change, step: Step, status: StepStatus, **fields: object) -> StepRun:
        step_run = StepRun(
            run=self.run,
            step_id=step.id,
            position=self.definition.index(step.id),
            status=status,
            started_at=tx.now,
            **fields,
        )
        rows.insert([step_run])
        return step_run

    def _renew(self, tx: Change) -> None:
        tx.set(lease_until=tx.now + timedelta(seconds=lease_seconds()))

    # Running and settling

    def _settle(self, work: _Work) -> _Work | None:
        """Run the step, then write how it ended; in the same commit begin the next one."""
        context = StepContext(self.run, self.fence, work.step_run, self.scope.approvers)
        try:
            return self._settled(work, context)
        finally:
            context.close()

    def _settled(self, work: _Work, context: StepContext) -> _Work | None:
        if work.error is not None:
            return self._failed(work, work.error, context.text)
        call = prepare(work.step, work.inputs, context)
        if isinstance(call, Failed):
            return self._failed(work, call, context.text)
        if call.atomic:
            return self._settle_atomic(work, call, context)
        outcome = run_step(work.step, call, context)
        if isinstance(outcome, Failed):
            return self._failed(work, outcome, context.text)
        return self._done(work, outcome.result, context.text)

    def _settle_atomic(self, work: _Work, call: Call, context: StepContext) -> _Work | None:
        """The script's own writes and its result are one transaction."""
        try:
            with self._change() as tx:
                outcome = run_step(work.step, call, context)
                if isinstance(outcome, Failed):
                    raise _Undo(outcome)
                if work.step.suspend is not None:
                    suspend(tx, work.step_run, outcome.result, context.text)
                    return None
                self._complete_step(tx, work.step_run, outcome.result, context.text)
                tx.set(position=work.step_run.position + 1)
        except _Undo as undo:
            return self._failed(work, undo.outcome, context.text)
        except StepFailed as error:
            return self._failed(work, failed(error, permanent=True), context.text)
        self.scope.add(work.step.id, outcome.result)
        return self._after(work.step, work.step_run, already_done=True)

    def _done(self, work: _Work, result: JSON, log: str) -> _Work | None:
        if work.step.suspend is not None:
            try:
                with self._change() as tx:
                    suspend(tx, work.step_run, result, log)
                return None
            except StepFailed as error:
                return self._failed(work, failed(error, permanent=True), log)
        self.scope.add(work.step.id, result)
        work.step_run.result, work.step_run.log = result, log
        return self._after(work.step, work.step_run)

    def _after_gate(self, step: Step, step_run: StepRun) -> _Work | None:
        return self._after(step, step_run, already_done=True)

    def _after(self, step: Step, step_run: StepRun, *, already_done: bool = False) -> _Work | None:
        """The step is done: stop early, sleep, hand the worker back, or go on with the next."""
        try:
            stops = step.stop_after_if is not None and step.stop_after_if.evaluate(
                self.scope.values
            )
            seconds = self._sleep_seconds(step)
            ahead = None
            if not stops and not seconds and monotonic() < self.until:
                ahead = plan(self.definition, step_run.position + 1, self.scope)
        except WindflowError as error:
            with self._change() as tx:
                fail(tx, step_run, failed(error).error, result=step_run.result, log=step_run.log)
            return None
        with self._change() as tx:
            if not already_done:
                self._complete_step(tx, step_run, step_run.result, step_run.log)
            if stops:
                self._stop_early(tx, step, step_run)
                return None
            if ahead is not None:
                return self._begin(tx, ahead)
            tx.set(position=step_run.position + 1)
            self._hand_back(tx, seconds)
            return None

    def _stop_early(self, tx: Change, step: Step, step_run: StepRun) -> None:
        message = step.stop_after_if.error_message if step.stop_after_if is not None else None
        if message:
            fail(tx, step_run, {"name": "StoppedEarly", "message": message})
        else:
            complete(tx, self.scope.previous_result)

    def _sleep_seconds(self, step: Step) -> float:
        seconds = step.sleep.evaluate(self.scope.values) if step.sleep is not None else 0
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise StepFailed(f"sleep of step {step.id} is {seconds!r}, not a number of seconds.")
        if not 0 <= seconds <= MAX_SLEEP:
            raise StepFailed(
                f"sleep of step {step.id} is {seconds} seconds; 0 to {MAX_SLEEP} are allowed."
            )
        return float(seconds)

    def _complete_step(self, tx: Change, step_run: StepRun, result: JSON, log: str) -> None:
        tx.move_row(step_run, "complete", result=result, log=log, error=None, finished_at=tx.now)
        tx.record("step.succeeded", step=step_run.step_id, attempt=step_run.attempts)

    def _hand_back(self, tx: Change, seconds: float) -> None:
        if seconds > 0:
            tx.move("sleep", wake_at=tx.now + timedelta(seconds=seconds), lease_until=None)
            tx.record("run.sleeping", until=self.run.wake_at and self.run.wake_at.isoformat())
        else:
            tx.set(lease_until=None)
            tx.wake()

    # Failing

    def _failed(self, work: _Work, outcome: Failed, log: str) -> _Work | None:
        step, step_run = work.step, work.step_run
        pause = _pause(step, step_run.attempts, outcome)
        if pause is None and step.continue_on_error:
            return self._go_on_despite(work, outcome, log)
        with self._change() as tx:
            if pause is None:
                fail(tx, step_run, outcome.error, log=log)
                return None
            tx.move_row(step_run, "retry", error=outcome.error, log=log)
            tx.record(
                "step.retried",
                step=step.id,
                attempt=step_run.attempts,
                error=outcome.error["name"],
                pause=str(pause),
            )
            self._hand_back(tx, max(pause, 0.001))
        return None

    def _go_on_despite(self, work: _Work, outcome: Failed, log: str) -> _Work | None:
        result = {"error": {"name": outcome.error["name"], "message": outcome.error["message"]}}
        with self._change() as tx:
            tx.move_row(
                work.step_run,
                "fail",
                error=outcome.error,
                result=result,
                log=log,
                finished_at=tx.now,
            )
            tx.record(
                "step.failed",
                step=work.step.id,
                attempt=work.step_run.attempts,
                error=outcome.error["name"],
            )
            tx.set(position=work.step_run.position + 1)
            if outcome.spent:
                self._hand_back(tx, 0.0)
                return None
        self.scope.add(work.step.id, result)
        return self._open_next()


def _pause(step: Step, attempts: int, outcome: Failed) -> float | None:
    """Seconds until the next attempt, after so many; None when there is none."""
    asked = None if outcome.retry_after is None else min(outcome.retry_after, MAX_SLEEP)
    if outcome.permanent:
        return None
    if attempts <= step.retry.attempts:
        return max(step.retry.delay(attempts), asked or 0.0)
    return asked if attempts <= ASKED_RETRIES else None


class _Undo(Exception):
    """Rolls back the transaction of an atomic step that failed."""

    def __init__(self, outcome: Failed) -> None:
        self.outcome = outcome
        super().__init__(outcome.error["message"])


def _lost_too_often(step: Step, times: int) -> dict[str, JSON]:
    return {
        "name": "WorkerLost",
        "message": _(
            "The worker that ran step %(step)s disappeared %(times)d times, so it is not started "
            "again. Look for what kills it (memory, a crash in native code), then retry."
        )
        % {"step": step.id, "times": times + 1},
    }
