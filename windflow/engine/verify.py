"""Prove a run's history."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from windflow.models import Run


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where a run's chain does not hold."""

    run_id: int
    number: int
    what: str


def verify(run: Run) -> Broken | None:
    """None when every event of ``run`` is as it was written and none is missing."""
    head, count = "", 0
    for event in run.events.order_by("number").iterator():
        count += 1
        if event.number != count:
            return Broken(run.pk, count, _("This event is missing."))
        if event.previous != head:
            return Broken(run.pk, count, _("This event does not follow the one before it."))
        if event.hash != event.computed_hash():
            return Broken(run.pk, count, _("This event was changed after it was written."))
        head = event.hash
    if (count, head) != (run.event_count, run.event_head):
        return Broken(run.pk, count + 1, _("Events after this one were removed."))
    return None
