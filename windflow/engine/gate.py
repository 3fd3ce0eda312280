"""The gate of a step: armed when its script is done, closed by votes, a deadline or a cancel."""

from __future__ import annotations

from django.utils.translation import gettext as _

from windflow import signals
from windflow.engine.change import Change
from windflow.engine.end import close, end_cancelled, fail
from windflow.engine.seats import deadline, ensure_suspension
from windflow.exceptions import StepFailed
from windflow.models import StepRun, Suspension
from windflow.policy import Outcome, Policy, Vote, evaluate
from windflow.states import ApprovalStatus, SuspensionStatus
from windflow.values import JSON

TIMED_OUT = "SuspendedTimedOut"  # OpenFlow's names of these two errors
DISAPPROVED = "SuspendedDisapproved"


def suspend(tx: Change, step_run: StepRun, result: JSON, log: str) -> Suspension:
    """The script is done: wait for people, unless the early votes decide already.

    Raises :class:`StepFailed` when fewer people were asked than have to approve.
    """
    rule = tx.run.version.definition.step(step_run.step_id).suspend
    assert rule is not None
    suspension = ensure_suspension(tx, step_run, rule)
    asked = suspension.approvals.count()
    if asked < rule.required_events:
        raise StepFailed(
            _(
                "Step %(step)s needs %(required)d approvals, but its script asked %(asked)d people."
                " Ask more approvers, or lower suspend.required_events."
            )
            % {"step": step_run.step_id, "required": rule.required_events, "asked": asked},
            permanent=True,
        )
    tx.move_row(step_run, "suspend", result=result, log=log, error=None)
    tx.move_row(suspension, "suspend", deadline=deadline(rule, tx.now))
    tx.move("suspend", lease_until=None)
    tx.record(
        "run.suspended",
        step=step_run.step_id,
        round=suspension.round,
        required=suspension.required,
        deadline=suspension.deadline.isoformat() if suspension.deadline else None,
    )
    tx.announce(signals.suspension_opened, suspension=suspension)
    settle(tx, suspension)
    return suspension


def settle(tx: Change, suspension: Suspension) -> None:
    """Count the votes and act on what they say. Counted from the rows, under the run's lock."""
    votes = list(suspension.approvals.votes())
    outcome = evaluate(
        Policy(suspension.required),
        [Vote(seat.person, seat.status == ApprovalStatus.APPROVED) for seat in votes],
    )
    if outcome is Outcome.APPROVED:
        close(tx, suspension, "approve", by=votes[-1].approver)
        _resume(tx, suspension)
    elif outcome is Outcome.REJECTED:
        against = next(seat for seat in votes if seat.status == ApprovalStatus.REJECTED)
        close(tx, suspension, "reject", by=against.approver, reason=against.comment)
        if suspension.rule.continue_on_disapprove_timeout:
            _resume(tx, suspension)
        else:
            end_cancelled(tx, by=against.approver, reason=against.comment)


def time_out(tx: Change, suspension: Suspension) -> None:
    """Nobody decided in time: the run fails, or goes on where its step says so."""
    close(tx, suspension, "expire")
    if suspension.rule.continue_on_disapprove_timeout:
        _resume(tx, suspension)
        return
    error = outcome_error(suspension)
    assert error is not None
    fail(tx, suspension.step_run, error)


def outcome_error(suspension: Suspension) -> dict[str, JSON] | None:
    """What went wrong at this gate, shaped like OpenFlow's; None when nothing did."""
    if suspension.status == SuspensionStatus.TIMED_OUT:
        ended = suspension.deadline.isoformat() if suspension.deadline else ""
        return {
            "name": TIMED_OUT,
            "message": _("Not enough approvals arrived before %(deadline)s.") % {"deadline": ended},
        }
    if suspension.status == SuspensionStatus.REJECTED:
        message = _("Rejected by %(approver)s.") % {"approver": suspension.closed_by}
        return {
            "name": DISAPPROVED,
            "message": f"{message} {suspension.close_reason}".strip(),
        }
    return None


def _resume(tx: Change, suspension: Suspension) -> None:
    tx.move_row(suspension.step_run, "resume", finished_at=tx.now)
    tx.move("resume")
    tx.record("run.resumed", step=suspension.step_run.step_id)
    tx.wake()
