"""``manage.py windflow_tick``: the clock beside the workers."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, close_old_connections

from windflow import engine


class Command(BaseCommand):
    """Wakes sleeping runs, ends waits whose deadline passed, resends what the queue lost."""

    help = (
        "Wake sleeping runs, end waits whose deadline has passed, and send again the messages that "
        "the queue lost. Runs until stopped; any number may run at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="tick once and exit (for cron)")
        parser.add_argument(
            "--every", type=float, default=1.0, metavar="SECONDS", help="pause between two ticks"
        )

    def handle(self, *, once: bool, every: float, **options: Any) -> None:
        if once:
            self._report(engine.tick())
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.wait(every):
            try:
                ticked = engine.tick()
                if options["verbosity"] > 1:
                    self._report(ticked)
            except DatabaseError as error:
                # The database may be back at the next tick; giving up would lose the clock.
                self.stderr.write(f"tick failed, trying again: {error}")
            close_old_connections()

    def _report(self, ticked: engine.Ticked) -> None:
        self.stdout.write(
            f"woken {ticked.woken}, timed out {ticked.expired}, sent again {ticked.resent}"
        )
