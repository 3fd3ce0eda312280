"""``manage.py windflow_verify``: prove that no run's history was changed."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from windflow import engine
from windflow.models import Run


class Command(BaseCommand):
    """Recomputes the hash chain of events of every run, or of the given ones."""

    help = (
        "Recompute every run's chain of events and name the first broken event of each run whose "
        "history was changed. Exits 1 if there is one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", nargs="*", type=int, help="numbers of runs (default: all)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, run: list[int], **options: Any) -> None:
        runs = Run.objects.order_by("pk")
        if run:
            runs = runs.filter(pk__in=run)
        missing = sorted(set(run) - set(runs.values_list("pk", flat=True)))
        if missing:
            raise CommandError(f"There is no run {', '.join(map(str, missing))}.")
        checked = 0
        broken = []
        for each in runs.iterator():
            checked += 1
            found = engine.verify(each)
            if found is not None:
                broken.append(found)
        if options["json"]:
            facts = [{"run": b.run_id, "event": b.number, "what": b.what} for b in broken]
            self.stdout.write(json.dumps({"checked": checked, "broken": facts}))
        else:
            for b in broken:
                self.stdout.write(f"run {b.run_id}, event {b.number}: {b.what}")
            self.stdout.write(f"{checked} runs checked, {len(broken)} broken")
        if broken:
            raise SystemExit(1)
