"""The tick as a process of its own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests import documents
from tests.acceptance.processes import Managed, eventually
from windflow.models import Run, Suspension

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_ends_waits_on_time_and_stops_when_it_is_told_to(tmp_path: Path) -> None:
    run = documents.run(documents.gate("bob@example.com"))
    soon = timezone.now() + timedelta(seconds=2)
    Suspension.objects.filter(run=run).update(deadline=soon)
    with Managed("windflow_tick", "--every", "0.1", log=tmp_path / "tick.log") as tick:
        eventually(lambda: Run.objects.get(pk=run.pk).status == "failed")
        closed_at = Suspension.objects.get(run=run).closed_at
        assert tick.stop() == 0
    assert closed_at is not None
    assert timedelta() <= closed_at - soon < timedelta(seconds=2)
