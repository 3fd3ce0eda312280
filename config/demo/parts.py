"""The three processes of the demo: web server, cluster, tick."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

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
            environment={"DJANGO_RUNSERVER_HIDE_WARNING": "true", **_direct()},
            grace=3,
        ),
        Process(
            "cluster",
            _manage("qcluster"),
            environment=_direct(),
            trouble=Canary("demo"),
            grace=10,
        ),
        Process("tick", _manage("windflow_tick", "--every", "0.5"), grace=5),
    ]


def _direct() -> Mapping[str, str]:
    """The stand-ins are on this machine: no proxy on the way, whatever others are reached by."""
    hosts = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    here = urlsplit(settings.WINDFLOW["BASE_URL"]).hostname or LOOPBACK
    direct = {"no_proxy": ",".join(filter(None, (hosts, LOOPBACK, here))), "http_proxy": ""}
    # Empty as well: where one is set, Google's client asks for PySocks before it reads no_proxy.
    return {**direct, **{name.upper(): value for name, value in direct.items()}}


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
