"""A project of its own for the check: fresh folder, database, ports and mail server address.

Settings are read once, when Python starts, so the check starts itself again with another
environment instead of bending settings that others have read already.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import psutil

from config.demo.ports import LOOPBACK, free_port

FOLDER = "WINDFLOW_DEMO_CHECK"


def inside() -> bool:
    """Whether this process was started by :func:`enter`."""
    return FOLDER in os.environ


def enter() -> NoReturn:
    """Replace this process by the same command in a project of its own."""
    folder = tempfile.mkdtemp(prefix="windflow-check-")
    changes = {
        FOLDER: folder,
        "WINDFLOW_VAR": folder,
        "WINDFLOW_DATABASE": f"sqlite:///{folder}/check.sqlite3",
        "WINDFLOW_BASE_URL": f"http://{LOOPBACK}:{free_port()}",
        "EMAIL_HOST": LOOPBACK,
        "EMAIL_PORT": str(free_port()),
        "EMAIL_HOST_USER": "",
        "EMAIL_HOST_PASSWORD": "",
        "EMAIL_USE_TLS": "0",
        "WINDFLOW_ENCRYPTION_KEYS": "",
        "GOOGLE_CLIENT_ID": "",  # the stand-ins, whatever app this machine has there
        "SLACK_CLIENT_ID": "",
        "DEBUG": "1",
    }
    sys.stdout.flush()
    os.execve(  # noqa: S606 - this very command
        sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **changes}
    )


@contextmanager
def cleaned_up() -> Iterator[None]:
    """Remove the folder at the end."""
    try:
        yield
    finally:
        shutil.rmtree(os.environ[FOLDER], ignore_errors=True)


def processes_left() -> list[str]:
    """Every other process that carries this check's environment: it was started by this check."""
    folder = os.environ[FOLDER]
    found = []
    for process in psutil.process_iter(["pid", "status", "cmdline"]):
        if process.pid == os.getpid() or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        try:
            if process.environ().get(FOLDER) == folder:
                found.append(f"{process.pid} {' '.join(process.info['cmdline'] or [])}")
        except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):
            continue
    return found
