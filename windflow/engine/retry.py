"""Take a failed run up again at the step that failed."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from windflow.engine.change import Actor, Change, change
from windflow.engine.seats import recall
from windflow.models import Run, StepRun
from windflow.states import StepStatus, SuspensionStatus


def retry(run: Run, *, by: AbstractBaseUser | Actor | None = None) -> Run:
    """Run the failed step again, with all its attempts; earlier results are kept.

    Invitations that a half-done approval step had sent stay good, and so do the votes on them. A
    step whose wait timed out asks again in a new round.

    Raises :class:`TransitionRefused` when the run has not failed.
    """
    with change(run.pk, Actor.of(by, "code")) as tx:
        tx.move("retry", error=None, finished_at=None, wake_at=None)
        step_run = tx.run.step_runs.filter(
            position=tx.run.position, status=StepStatus.FAILED
        ).first()
        if step_run is not None:
            StepRun.objects.filter(pk=step_run.pk).update(attempts=0, interruptions=0)
            _reopen(tx, step_run)
        tx.record("run.retried", step=step_run.step_id if step_run else None)
        tx.wake()
    return tx.run


def _reopen(tx: Change, step_run: StepRun) -> None:
    latest = step_run.suspensions.select_for_update().order_by("-round").first()
    if latest is not None and latest.status == SuspensionStatus.CANCELLED:
        tx.move_row(latest, "retry", closed_at=None, closed_by="", close_reason="")
        recall(tx, latest)
