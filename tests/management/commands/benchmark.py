"""``manage.py benchmark``: the part of ``python -m tests.benchmarks`` that needs settings."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from tests.benchmarks.measure import FULL, QUICK, measure


class Command(BaseCommand):
    """Measures on the database of its settings, which it fills, and prints JSON."""

    help = "Measure on the database of these settings, which should be empty, and print JSON."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quick", action="store_true", help="fewer samples")

    def handle(self, *, quick: bool, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        figures = measure(QUICK if quick else FULL)
        self.stdout.write(json.dumps({"cluster": settings.Q_CLUSTER, "figures": asdict(figures)}))
