"""The three processes of the demo: web server, cluster, tick."""

from __future__ import annotations

import sys

from django.conf import settings

from config.demo.ports import LOOPBACK
from windflow.canary import Canary
from windflow.supervisor import Process


def processes(port: int) -> list[Process]:
    """What to keep running together; the web server listens on ``port`` of loopback."""
    return [
        Process(
            "web",
            _manage("runserver", "--noreload", f"{LOOPBACK}:{port}"),
            environment={"DJANGO_RUNSERVER_HIDE_WARNING": "true"},
            grace=3,
        ),
        Process("cluster", _manage("qcluster"), trouble=Canary("demo"), grace=10),
        Process("tick", _manage("windflow_tick", "--every", "0.5"), grace=5),
    ]


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
