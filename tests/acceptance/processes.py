"""Real processes beside a test: on its database, in a group of their own, gone at its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import psutil
from django.conf import settings
from django.db import connection

STOP_SECONDS = 15.0


class Managed:
    """``manage.py`` with a long-running command. Use it with ``with``."""

    def __init__(self, *command: str, log: Path) -> None:
        self._command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *command]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process, which leads its group."""
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """What the process and its children have printed."""
        return self._log.read_text(errors="replace")

    def stop(self) -> int | None:
        """Ask it to end and return its exit code, None when it had to be killed; either way
        nothing of its group is left."""
        assert self._process is not None
        self._process.terminate()
        try:
            code: int | None = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        eventually(lambda: not members(self.pid), seconds=5)
        return code


def cluster(folder: Path) -> Managed:
    """A real ``qcluster`` with its workers; it logs into ``folder``."""
    return Managed("qcluster", log=folder / "cluster.log")


def members(group: int) -> list[psutil.Process]:
    """The living processes of a process group."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if process.status() != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == group:
                found.append(process)
    return found


def eventually(happens: Callable[[], object], seconds: float = 20) -> None:
    """Wait until ``happens()`` is true."""
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.05)


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.acceptance.settings",
        "DEBUG": "0",
        "SECRET_KEY": settings.SECRET_KEY,
        "WINDFLOW_DATABASE": _database(),
        "WINDFLOW_VAR": str(settings.VAR),
        "WINDFLOW_TEST_OPTIONS": json.dumps(settings.WINDFLOW),
    }


def _database() -> str:
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    account = f"{found['USER']}:{found['PASSWORD']}"
    return f"postgres://{account}@{found['HOST']}:{found['PORT'] or 5432}/{found['NAME']}"
