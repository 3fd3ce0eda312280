"""The whole machine: what a run, a step run, a suspension, an approval and a resource can be, and
the verbs that move them. Nothing else in windflow decides whether a change of state is legal."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class RunStatus(TextChoices):
    """Where one execution of a flow stands."""

    QUEUED = "queued", _("Queued")  # a worker will take it
    RUNNING = "running", _("Running")  # a worker drives it, under a lease
    SUSPENDED = "suspended", _("Waiting for approval")  # people decide; costs no worker
    SLEEPING = "sleeping", _("Sleeping")  # until wake_at
    SUCCEEDED = "succeeded", _("Success")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class StepStatus(TextChoices):
    """Where one step of a run stands."""

    RUNNING = "running", _("Running")  # its script runs, or its worker was lost
    WAITING = "waiting", _("Waiting for another attempt")  # failed, to be tried again
    SUSPENDED = "suspended", _("Waiting for approval")  # its script is done, its gate is not
    SUCCEEDED = "succeeded", _("Success")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Skipped")  # skip_if was true: no script ran, no gate was armed
    CANCELLED = "cancelled", _("Cancelled")  # the run ended before this step did


class SuspensionStatus(TextChoices):
    """Where one wait for people stands. The last four are its outcomes."""

    OPENING = "opening", _("Asking")  # the script still sends links; votes already count
    OPEN = "open", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    TIMED_OUT = "timed_out", _("Timed out")
    CANCELLED = "cancelled", _("Cancelled")


class ApprovalStatus(TextChoices):
    """What one person's seat in one suspension holds."""

    INVITED = "invited", _("Asked")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    NO_LONGER_NEEDED = "no_longer_needed", _("No longer needed")


class ResourceState(TextChoices):
    """Whether a resource can be used."""

    CONNECTED = "connected", _("Connected")
    EXPIRED = "expired", _("Expired")  # its time is over and nothing but a person can renew it
    BROKEN = "broken", _("Broken")  # the provider refuses it, for the reason that is kept


Status = RunStatus | StepStatus | SuspensionStatus | ApprovalStatus | ResourceState

LIVE_RUN = frozenset({RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.SUSPENDED, RunStatus.SLEEPING})
LIVE_SUSPENSION = frozenset({SuspensionStatus.OPENING, SuspensionStatus.OPEN})
LIVE_STEP = frozenset({StepStatus.RUNNING, StepStatus.WAITING, StepStatus.SUSPENDED})
COUNTED_VOTES = frozenset({ApprovalStatus.APPROVED, ApprovalStatus.REJECTED})

Arrow = tuple[frozenset[Status], Status]


def _arrow(sources: Status | frozenset[Status], target: Status) -> Arrow:
    return (sources if isinstance(sources, frozenset) else frozenset({sources})), target


#: verb → (allowed from, to), one column a kind of row. What makes rows has no source: ``start``,
#: and for resources ``connect``.
TRANSITIONS: dict[str, dict[str, Arrow]] = {
    "run": {
        "start": (frozenset(), RunStatus.QUEUED),
        "advance": (
            frozenset({RunStatus.QUEUED, RunStatus.SLEEPING, RunStatus.RUNNING}),
            RunStatus.RUNNING,
        ),
        "suspend": _arrow(RunStatus.RUNNING, RunStatus.SUSPENDED),
        "sleep": _arrow(RunStatus.RUNNING, RunStatus.SLEEPING),
        "resume": _arrow(RunStatus.SUSPENDED, RunStatus.QUEUED),
        "complete": _arrow(RunStatus.RUNNING, RunStatus.SUCCEEDED),
        "fail": (frozenset({RunStatus.RUNNING, RunStatus.SUSPENDED}), RunStatus.FAILED),
        "cancel": (LIVE_RUN, RunStatus.CANCELLED),
        "retry": _arrow(RunStatus.FAILED, RunStatus.QUEUED),
    },
    "step run": {
        "start": (frozenset(), StepStatus.RUNNING),
        "advance": (
            frozenset({StepStatus.RUNNING, StepStatus.WAITING, StepStatus.FAILED}),
            StepStatus.RUNNING,
        ),
        "suspend": _arrow(StepStatus.RUNNING, StepStatus.SUSPENDED),
        "resume": _arrow(StepStatus.SUSPENDED, StepStatus.SUCCEEDED),
        "complete": _arrow(StepStatus.RUNNING, StepStatus.SUCCEEDED),
        "skip": (frozenset(), StepStatus.SKIPPED),
        "retry": _arrow(StepStatus.RUNNING, StepStatus.WAITING),
        "fail": (frozenset({StepStatus.RUNNING, StepStatus.SUSPENDED}), StepStatus.FAILED),
        "cancel": (LIVE_STEP, StepStatus.CANCELLED),
    },
    "suspension": {
        "start": (frozenset(), SuspensionStatus.OPENING),
        "suspend": _arrow(SuspensionStatus.OPENING, SuspensionStatus.OPEN),
        "approve": (LIVE_SUSPENSION, SuspensionStatus.APPROVED),
        "reject": (LIVE_SUSPENSION, SuspensionStatus.REJECTED),
        "expire": (LIVE_SUSPENSION, SuspensionStatus.TIMED_OUT),
        "cancel": (LIVE_SUSPENSION, SuspensionStatus.CANCELLED),
        "retry": _arrow(SuspensionStatus.CANCELLED, SuspensionStatus.OPENING),
    },
    "approval": {
        "start": (frozenset(), ApprovalStatus.INVITED),
        "approve": _arrow(ApprovalStatus.INVITED, ApprovalStatus.APPROVED),
        "reject": _arrow(ApprovalStatus.INVITED, ApprovalStatus.REJECTED),
        "cancel": _arrow(ApprovalStatus.INVITED, ApprovalStatus.NO_LONGER_NEEDED),
        "retry": _arrow(ApprovalStatus.NO_LONGER_NEEDED, ApprovalStatus.INVITED),
    },
    "resource": {
        "connect": (frozenset(), ResourceState.CONNECTED),
        "reconnect": (frozenset(ResourceState), ResourceState.CONNECTED),
        # From broken too: a new value that arrives is better than what was said of the old one.
        "refresh": (
            frozenset({ResourceState.CONNECTED, ResourceState.BROKEN}),
            ResourceState.CONNECTED,
        ),
        "expire": _arrow(ResourceState.CONNECTED, ResourceState.EXPIRED),
        "break": (
            frozenset({ResourceState.CONNECTED, ResourceState.EXPIRED}),
            ResourceState.BROKEN,
        ),
    },
}
