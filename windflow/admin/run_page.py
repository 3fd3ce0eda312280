"""What the page of one run shows, gathered in a handful of queries and put into words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from windflow import engine
from windflow.definition import Step
from windflow.display import facts
from windflow.engine.access import is_seat_of
from windflow.models import Approval, Event, Run, StepRun, Suspension
from windflow.presentation import duration, moment, redacted, waiting
from windflow.states import (
    LIVE_RUN,
    ApprovalStatus,
    RunStatus,
    StepStatus,
    SuspensionStatus,
)

_MOST_EVENTS = 500
#: A message that nobody took for this long is worth a word.
_QUIET = timedelta(seconds=30)
_PATIENT = {RunStatus.SUSPENDED, RunStatus.SLEEPING}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the visitor may do with this run, by permission."""

    cancel: bool
    retry: bool
    links: bool


@dataclass(frozen=True, slots=True)
class Seat:
    """One approver, and what the visitor can do about them."""

    approval: Approval
    words: str
    invitation: str
    answer: list[tuple[str, SafeString]]
    can_resend: bool
    can_revoke: bool
    can_approve: bool
    can_reject: bool
    has_form: bool
    refused: str
    """Why the visitor, whose seat this is, may not decide."""


@dataclass(frozen=True, slots=True)
class Round:
    """One wait of one step."""

    suspension: Suspension
    words: str
    seats: list[Seat]


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of the flow, begun or not."""

    step: Step
    step_run: StepRun | None
    state: str
    words: str
    took: str
    rounds: list[Round]

    @property
    def percent(self) -> int | None:
        """How far a running step says it is."""
        if self.step_run is None or self.step_run.progress is None:
            return None
        if self.step_run.status != StepStatus.RUNNING:
            return None
        return round(self.step_run.progress * 100)


@dataclass(frozen=True, slots=True)
class RunPage:
    """Everything on the page."""

    run: Run
    steps: list[StepRow]
    events: list[Event]
    earlier_events: int
    broken: str
    """Where the chain of events does not hold; empty when it does."""
    gate: Round | None
    hint: str
    refresh: int | None
    """Seconds until the page is worth another look; None when the run has ended."""
    inputs: list[tuple[str, SafeString]]
    """Title and value of each input, without those that the schema marks as secret."""
    took: str
    """Empty while the run is live."""

    @property
    def succeeded(self) -> bool:
        """Whether there is a result to show."""
        return self.run.status == RunStatus.SUCCEEDED


def build(run: Run, user: AbstractBaseUser, abilities: Abilities) -> RunPage:
    """The page of ``run`` as ``user`` sees it."""
    step_runs = {step_run.step_id: step_run for step_run in run.step_runs.all()}
    rounds = _rounds(run, step_runs, user, abilities)
    steps = [
        _row(run, step, step_runs.get(step.id), rounds) for step in run.version.definition.steps
    ]
    events = list(run.events.order_by("-number")[:_MOST_EVENTS])[::-1]
    gates = [found for row in steps for found in row.rounds if found.suspension.is_live]
    return RunPage(
        run=run,
        steps=steps,
        events=events,
        earlier_events=run.event_count - len(events),
        broken=_broken(run),
        gate=gates[-1] if gates and run.status == RunStatus.SUSPENDED else None,
        hint=_hint(run),
        refresh=_refresh(run),
        inputs=facts(run.inputs, run.version.definition.schema),
        took=duration(run.finished_at - run.created_at) if run.finished_at else "",
    )


def _row(run: Run, step: Step, step_run: StepRun | None, rounds: dict[int, list[Round]]) -> StepRow:
    if step_run is None:
        return StepRow(step, None, "not_begun", _("Not begun"), "", [])
    waits = rounds.get(step_run.pk, [])
    ended = step_run.finished_at or (now() if step_run.status == StepStatus.RUNNING else None)
    return StepRow(
        step,
        step_run,
        step_run.status,
        _step_words(run, step_run, waits),
        duration(ended - step_run.started_at) if ended else "",
        waits,
    )


def _step_words(run: Run, step_run: StepRun, waits: list[Round]) -> str:
    if step_run.status == StepStatus.SUSPENDED and waits:
        return waits[-1].words
    if step_run.status == StepStatus.WAITING and run.wake_at is not None:
        return format_html(_("Tried again at {}"), moment(run.wake_at))
    return step_run.get_status_display()


# Waits and seats


def _rounds(
    run: Run, step_runs: dict[str, StepRun], user: AbstractBaseUser, abilities: Abilities
) -> dict[int, list[Round]]:
    by_pk = {step_run.pk: step_run for step_run in step_runs.values()}
    found: dict[int, list[Round]] = {}
    for suspension in run.suspensions.prefetch_related("approvals").order_by("round"):
        suspension.run, suspension.step_run = run, by_pk[suspension.step_run_id]
        seats = []
        for approval in suspension.approvals.all():
            approval.suspension = suspension
            seats.append(_seat(approval, user, abilities))
        made = Round(suspension, _round_words(suspension), seats)
        found.setdefault(suspension.step_run_id, []).append(made)
    return found


def _round_words(suspension: Suspension) -> str:
    approved = [
        seat for seat in suspension.approvals.all() if seat.status == ApprovalStatus.APPROVED
    ]
    if suspension.is_live:
        return waiting(len(approved), suspension.required)
    if suspension.status == SuspensionStatus.APPROVED:
        return _("Approved: %(approved)d of %(required)d") % {
            "approved": len(approved),
            "required": suspension.required,
        }
    if suspension.closed_by:
        return _("%(outcome)s by %(who)s") % {
            "outcome": suspension.get_status_display(),
            "who": suspension.closed_by,
        }
    return suspension.get_status_display()


def _seat(approval: Approval, user: AbstractBaseUser, abilities: Abilities) -> Seat:
    asked = approval.status == ApprovalStatus.INVITED and approval.suspension.is_live
    withdrawn = approval.generation > 0 and approval.invited_at is None
    mine = asked and is_seat_of(approval, user)
    refused = engine.refusal(approval, user) if mine else None
    rule = approval.suspension.rule
    decides = mine and refused is None
    return Seat(
        approval=approval,
        words=approval.get_status_display(),
        invitation=_invitation(approval, withdrawn) if asked or approval.invited_at else "",
        answer=facts(approval.answer, rule.form_schema or {}) if approval.answer else [],
        can_resend=asked and abilities.links,
        can_revoke=asked and abilities.links and not withdrawn,
        can_approve=decides,
        can_reject=decides and not rule.hide_cancel,
        has_form=rule.form_schema is not None,
        refused=str(refused.value) if refused is not None else "",
    )


def _invitation(approval: Approval, withdrawn: bool) -> str:
    if approval.invited_at is not None:
        return format_html(_("Invitation delivered {}"), moment(approval.invited_at))
    return _("Link withdrawn") if withdrawn else _("No invitation delivered")


# The run


def _broken(run: Run) -> str:
    broken = engine.verify(run)
    if broken is None:
        return ""
    return _("event %(number)d: %(what)s") % {"number": broken.number, "what": broken.what}


def _hint(run: Run) -> str:
    """Why the run seems to stand still, where that can be said."""
    at = now()
    quiet = at - run.enqueued_at
    if run.status == RunStatus.QUEUED and quiet > _QUIET:
        return _("No worker has taken this run for %(time)s. Is manage.py qcluster running?") % {
            "time": duration(quiet)
        }
    if run.status == RunStatus.RUNNING and _is_past(run.lease_until, at):
        return _("The worker that drove this run was lost. Another one takes it over.")
    failed = run.step_runs.filter(status=StepStatus.WAITING).first() if _is_live(run) else None
    if failed is not None and failed.error:
        return ngettext(
            "Step %(step)s failed %(number)d time and is tried again: %(message)s",
            "Step %(step)s failed %(number)d times and is tried again: %(message)s",
            failed.attempts,
        ) % {
            "step": failed.step_id,
            "number": failed.attempts,
            "message": redacted(str(failed.error.get("message", ""))),
        }
    return ""


def _is_past(instant: datetime | None, at: datetime) -> bool:
    return instant is not None and instant <= at


def _is_live(run: Run) -> bool:
    return run.status in LIVE_RUN


def _refresh(run: Run) -> int | None:
    if not _is_live(run):
        return None
    return 15 if run.status in _PATIENT else 2
