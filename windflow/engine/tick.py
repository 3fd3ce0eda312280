"""What time does to runs: wake sleepers, end waits, and send again what the queue lost."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from windflow.engine.change import Actor
from windflow.engine.expire import expire
from windflow.executor import ADVANCE, executor
from windflow.models import Run, Suspension
from windflow.models.run import RunQuerySet

logger = logging.getLogger(__name__)
TICK = Actor("tick")
BATCH = 200
#: A message that nobody took for this long is sent again.
QUIET = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Ticked:
    """How much one tick moved."""

    woken: int
    expired: int
    resent: int


def tick(at: datetime | None = None) -> Ticked:
    """Move what is due at ``at`` (now). Any number of these may run at once."""
    now = at or timezone.now()
    return Ticked(
        woken=_enqueue(Run.objects.due(now), now),
        expired=_expire(now),
        resent=_enqueue(Run.objects.stuck(now, quiet_since=now - QUIET), now),
    )


def _enqueue(runs: RunQuerySet, now: datetime) -> int:
    """Send a message for each; of several tickers, the one that moves ``enqueued_at`` sends it."""
    sent = 0
    for pk, enqueued_at in list(runs.order_by("pk").values_list("pk", "enqueued_at")[:BATCH]):
        with transaction.atomic():
            if Run.objects.filter(pk=pk, enqueued_at=enqueued_at).update(enqueued_at=now):
                executor().enqueue(ADVANCE, pk)
                sent += 1
    return sent


def _expire(now: datetime) -> int:
    expired = 0
    for suspension in list(Suspension.objects.due(now).order_by("pk")[:BATCH]):
        try:
            expired += expire(suspension, by=TICK)
        except Exception:
            # One run that cannot be expired must not keep the others waiting.
            logger.exception("could not expire suspension %s", suspension.pk)
    return expired
