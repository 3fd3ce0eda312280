"""End a wait whose deadline has passed."""

from __future__ import annotations

from windflow.engine.change import Actor, Change, change
from windflow.engine.gate import time_out
from windflow.models import Suspension


def expire(suspension: Suspension, *, by: Actor) -> bool:
    """Time the suspension out if it is due. False when it is not, or somebody decided first."""
    with change(suspension.run_id, by) as tx:
        locked = Suspension.objects.select_for_update().get(pk=suspension.pk)
        return expire_if_due(tx, locked)


def expire_if_due(tx: Change, suspension: Suspension) -> bool:
    """The same inside a change that locked run and suspension; asked before every vote too."""
    if not suspension.is_due(tx.now):
        return False
    suspension.run = tx.run
    time_out(tx, suspension)
    return True
