"""What workers are asked to do. Arguments are ids; nothing is returned: the rows say it all."""

from __future__ import annotations

from django.utils import timezone

from windflow import engine
from windflow.models import Heartbeat


def advance(run_id: int) -> None:
    """Take a run as far as it goes now."""
    engine.advance(run_id)


def tick() -> None:
    """Move what time has made due."""
    engine.tick()


def beat(name: str) -> None:
    """The canary: it came through the queue."""
    Heartbeat.objects.filter(name=name).update(seen_at=timezone.now())
