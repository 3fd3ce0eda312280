"""Which services this machine offers to the tests, and what is missing in words."""

from __future__ import annotations

import os
import shutil
from functools import cache
from types import ModuleType
from typing import Any
from urllib.parse import quote

from django.db import connection

from config.database import parse_database

psycopg: ModuleType | None
try:
    import psycopg
except ImportError:  # the driver is an extra
    psycopg = None

#: marker → what to install or set, said at the end of a run that skipped such tests
NEEDS = {
    "postgres": "PostgreSQL: set WINDFLOW_TEST_POSTGRES=postgres://user@host:port/name",
    "browser": "Chromium: install the chromium package, or set WINDFLOW_TEST_CHROMIUM to its path",
}


def chromium() -> str | None:
    """Path of a Chromium that Playwright can drive, or None."""
    wanted = os.environ.get("WINDFLOW_TEST_CHROMIUM")
    return wanted or shutil.which("chromium") or shutil.which("chromium-browser")


@cache
def postgres() -> dict[str, Any] | None:
    """The ``DATABASES`` entry of a PostgreSQL server that answers, or None."""
    address = os.environ.get("WINDFLOW_TEST_POSTGRES") or os.environ.get("WINDFLOW_TEST_DATABASE")
    if psycopg is None or not address or not address.startswith("postgres"):
        return None
    found = parse_database(address)
    try:
        psycopg.connect(
            host=found["HOST"],
            port=found["PORT"] or 5432,
            user=found["USER"],
            password=found["PASSWORD"],
            dbname="postgres",
            connect_timeout=3,
        ).close()
    except psycopg.OperationalError:
        return None
    return found


def missing(marker: str) -> str | None:
    """What a test with this marker lacks on this machine, or None."""
    if marker == "postgres" and postgres() is None:
        return NEEDS["postgres"]
    if marker == "browser" and chromium() is None:
        return NEEDS["browser"]
    return None


def process_environment(**changes: str) -> dict[str, str]:
    """For a ``manage.py`` command in another process: the same settings, on this test's database,
    with the real queue."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "WINDFLOW_TEST_DATABASE": _address(connection.settings_dict),
        "WINDFLOW_TEST_EXECUTOR": "windflow.executor.QClusterExecutor",
        **changes,
    }


def _address(database: dict[str, Any]) -> str:
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
    return f"postgres://{user}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
