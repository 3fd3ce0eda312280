"""The one way to change a run: lock it, move rows by the table of states, record events; all of it
in one transaction, with signals and the queue after the commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext as _

from windflow.exceptions import TransitionRefused, WindflowError
from windflow.executor import ADVANCE, executor
from windflow.models import Approval, Event, Run, StepRun, Suspension, rows
from windflow.states import TRANSITIONS, RunStatus, Status
from windflow.values import JSON, dumps


class LeaseLost(WindflowError):
    """Another worker drives this run now, or it has ended. Leave quietly."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, by which channel. No name: windflow itself."""

    channel: str
    name: str = ""
    user: AbstractBaseUser | None = None

    @classmethod
    def of(cls, by: AbstractBaseUser | Actor | None, channel: str) -> Actor:
        """``by`` as an actor: a user, an actor already, or None for windflow or unnamed code."""
        if isinstance(by, Actor):
            return by
        if by is None or by.is_anonymous:
            return cls(channel)
        return cls(channel, by.get_username(), by)


def is_allowed(kind: str, verb: str, status: str) -> bool:
    """Whether ``verb`` may move a ``kind`` of row that is in ``status``."""
    return status in TRANSITIONS[kind][verb][0]


class Change:
    """One transaction on one locked run. ``now`` is its single instant."""

    def __init__(self, run: Run, by: Actor) -> None:
        self.run = run
        self.by = by
        self.now = timezone.now()
        self._found_status = run.status
        self._fields: dict[str, Any] = {}
        self._events: list[Event] = []
        self._wakes = False

    def move(self, verb: str, **fields: Any) -> None:
        """Move the run by ``verb`` and set ``fields``. Raises :class:`TransitionRefused`."""
        self.set(status=_target(self.run, "run", verb), **fields)

    def set(self, **fields: Any) -> None:
        """Set fields of the run other than its status."""
        for name, value in fields.items():
            setattr(self.run, name, value)
        self._fields.update(fields)

    def move_row(self, row: StepRun | Suspension | Approval, verb: str, **fields: Any) -> None:
        """Move a row of this run by ``verb`` if its status in the database is still the one that
        was read. Raises :class:`TransitionRefused`."""
        kind = row._meta.model_name or ""
        fields["status"] = _target(row, {"steprun": "step run"}.get(kind, kind), verb)
        if not rows.update(type(row), fields, id=row.pk, status=row.status):
            raise TransitionRefused(_refusal(verb, row, "?"))
        for name, value in fields.items():
            setattr(row, name, value)

    def record(self, kind: str, *, acting_as: str = "", **data: JSON) -> None:
        """Add an event to the run's chain. ``data`` holds no secrets: events are never deleted."""
        self._events.append(
            Event(
                run_id=self.run.pk,
                kind=kind,
                at=self.now,
                who=self.by.name,
                acting_as=acting_as,
                channel=self.by.channel,
                data=dumps(data),
            )
        )

    def wake(self) -> None:
        """Have a worker advance the run once this is committed."""
        self._wakes = True

    def announce(self, signal: Signal, **arguments: Any) -> None:
        """Send ``signal`` once this is committed."""
        transaction.on_commit(partial(signal.send_robust, sender=Run, **arguments))

    def flush(self) -> None:
        """Write the events and the run; called once, at the end of the transaction."""
        run = self.run
        for event in self._events:
            run.event_count += 1
            event.number = run.event_count
            event.previous = run.event_head
            event.hash = run.event_head = event.computed_hash()
        if self._events:
            rows.insert(self._events)
            self.set(event_count=run.event_count, event_head=run.event_head)
        if self._wakes:
            self.set(enqueued_at=self.now)
        if self._fields and not rows.update(
            Run, self._fields, id=run.pk, status=self._found_status
        ):
            raise TransitionRefused(_refusal("change", run, "?"))
        if self._wakes:
            executor().enqueue(ADVANCE, run.pk)


@contextmanager
def change(run_id: int, by: Actor) -> Iterator[Change]:
    """Lock the run and change it. Lock order everywhere: run, suspension, approval."""
    with transaction.atomic():
        made = Change(Run.objects.select_for_update().get(pk=run_id), by)
        yield made
        made.flush()


@contextmanager
def fenced_change(run: Run, fence: int, by: Actor) -> Iterator[Change]:
    """Like :func:`change`, for the worker that claimed ``run`` with ``fence``. Uses the instance
    at hand, so that a step boundary reads two columns and not the whole row.

    Raises :class:`LeaseLost` when somebody claimed the run since, or ended it.
    """
    with transaction.atomic():
        head = rows.lock(
            Run, ("event_count", "event_head"), id=run.pk, fence=fence, status=RunStatus.RUNNING
        )
        if head is None:
            raise LeaseLost
        run.event_count, run.event_head = head
        made = Change(run, by)
        yield made
        made.flush()


def _target(row: Run | StepRun | Suspension | Approval, kind: str, verb: str) -> Status:
    sources, target = TRANSITIONS[kind][verb]
    if row.status not in sources:
        raise TransitionRefused(_refusal(verb, row, row.get_status_display()))
    return target


def _refusal(verb: str, row: Run | StepRun | Suspension | Approval, status: str) -> str:
    return _("Cannot %(verb)s %(what)s: it is %(status)s.") % {
        "verb": verb,
        "what": f"{row._meta.verbose_name} {row.pk}",
        "status": status,
    }
