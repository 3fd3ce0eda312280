"""How a run ends: complete, fail, cancel. Whatever still waits in it is closed with it."""

from __future__ import annotations

from windflow import signals
from windflow.engine.change import Change
from windflow.engine.seats import dismiss
from windflow.models import StepRun, Suspension
from windflow.states import LIVE_STEP, StepStatus
from windflow.values import JSON


def complete(tx: Change, result: JSON) -> None:
    """Every step is done (or an early stop said so): the run succeeded with ``result``."""
    tx.move("complete", result=result, finished_at=tx.now, lease_until=None)
    tx.record("run.succeeded")
    tx.announce(signals.run_finished, run=tx.run)


def fail(tx: Change, step_run: StepRun, error: dict[str, JSON], **fields: JSON) -> None:
    """The step failed for good, and the run with it. ``retry`` can take it up again.

    A step that is done already stays so: then only what comes after it could not be worked out.
    """
    if step_run.status != StepStatus.SUCCEEDED:
        tx.move_row(step_run, "fail", error=error, finished_at=tx.now, **fields)
        tx.record(
            "step.failed", step=step_run.step_id, attempt=step_run.attempts, error=error["name"]
        )
    _close_all(tx)
    tx.move(
        "fail",
        error={"step_id": step_run.step_id, **error},
        finished_at=tx.now,
        lease_until=None,
    )
    tx.record("run.failed", step=step_run.step_id, error=error["name"])
    tx.announce(signals.run_finished, run=tx.run)


def end_cancelled(tx: Change, *, by: str, reason: str) -> None:
    """Somebody ended the run: an approver by rejecting, or a person by cancelling."""
    _close_all(tx, by=by, reason=reason)
    for step_run in tx.run.step_runs.filter(status__in=LIVE_STEP):
        tx.move_row(step_run, "cancel", finished_at=tx.now)
    tx.move("cancel", finished_at=tx.now, lease_until=None, ended_by=by, end_reason=reason)
    tx.record("run.cancelled", by=by, reason=reason)
    tx.announce(signals.run_finished, run=tx.run)


def close(tx: Change, suspension: Suspension, verb: str, *, by: str = "", reason: str = "") -> None:
    """End a wait by ``verb``; who has not answered is no longer needed."""
    tx.move_row(suspension, verb, closed_at=tx.now, closed_by=by, close_reason=reason)
    dismiss(tx, suspension)
    tx.record(
        "suspension.closed",
        step=suspension.step_run.step_id,
        round=suspension.round,
        outcome=str(suspension.status),
        by=by,
    )
    tx.announce(signals.suspension_closed, suspension=suspension)


def _close_all(tx: Change, *, by: str = "", reason: str = "") -> None:
    for suspension in tx.run.suspensions.live().select_for_update().select_related("step_run"):
        close(tx, suspension, "cancel", by=by, reason=reason)
