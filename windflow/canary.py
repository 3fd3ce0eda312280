"""Notices a cluster that hangs with every process alive.

django-q2's workers share one queue behind one lock. A worker that is killed while it waits there,
by the kernel when memory is short for instance, takes the lock with it: the master replaces the
worker, all looks well, and nothing runs any more. Only a task that came through proves the way.
"""

from __future__ import annotations

import time
from datetime import datetime

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from windflow.executor import BEAT, executor, lease_seconds
from windflow.models import Heartbeat, Run
from windflow.states import RunStatus


class Canary:
    """A ``trouble`` callback for the process that is a cluster.

    Sends one canary every ``every`` seconds, one at a time. It hangs when a canary was not seen for
    ``patience`` seconds although no run is held by a worker: held runs may keep every worker busy,
    so then it gets as long as a worker may hold a run before that is a sign of anything.
    """

    def __init__(self, name: str, *, every: float = 5.0, patience: float = 20.0) -> None:
        self._name = name
        self._every = every
        self._patience = patience
        self._up_for = 0.0
        self._asked = 0.0
        self._sent_at: datetime | None = None

    def __call__(self, up_for: float) -> str | None:
        restarted, self._up_for = up_for < self._up_for, up_for
        if restarted:
            self._sent_at = None  # what was sent to the old cluster may be lost with it
        elif time.monotonic() - self._asked < min(1.0, self._every):
            return None
        self._asked = time.monotonic()
        try:
            return self._look(timezone.now())
        finally:
            # Asked in a thread of the supervisor, which may end at any time; and the next question
            # must not fail on a connection that the server has closed since.
            connection.close()

    def _look(self, now: datetime) -> str | None:
        if self._sent_at is None:
            self._send(now)
            return None
        waited = (now - self._sent_at).total_seconds()
        if self._seen(self._sent_at):
            if waited >= self._every:
                self._send(now)
            return None
        if waited < self._patience or (waited < lease_seconds() and _workers_are_busy(now)):
            return None
        return _("nothing came through its queue for %(seconds)d seconds") % {
            "seconds": round(waited)
        }

    def _seen(self, sent_at: datetime) -> bool:
        return Heartbeat.objects.filter(name=self._name, seen_at__gte=sent_at).exists()

    def _send(self, now: datetime) -> None:
        Heartbeat.objects.update_or_create(name=self._name, defaults={"sent_at": now})
        executor().enqueue(BEAT, self._name)
        self._sent_at = now


def _workers_are_busy(now: datetime) -> bool:
    return Run.objects.filter(status=RunStatus.RUNNING, lease_until__gt=now).exists()
