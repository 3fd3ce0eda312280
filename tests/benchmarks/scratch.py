"""Databases that exist for one benchmark and not a moment longer."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit, urlunsplit

psycopg: ModuleType | None
try:
    import psycopg
except ImportError:  # the driver is an extra
    psycopg = None

DEFAULT_POSTGRES = "postgres://postgres@127.0.0.1:5432/windflow"


@contextmanager
def sqlite() -> Iterator[str]:
    """The address of an SQLite database in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="windflow-bench-") as folder:
        yield f"sqlite:///{Path(folder) / 'bench.sqlite3'}"


@contextmanager
def postgres() -> Iterator[str | None]:
    """The address of a new database on a PostgreSQL server; None when no server answers.

    ``WINDFLOW_TEST_POSTGRES`` names the server; without it, the one on this machine is tried.
    """
    address = os.environ.get("WINDFLOW_TEST_POSTGRES") or DEFAULT_POSTGRES
    server = _connect(address)
    if server is None:
        yield None
        return
    name = f"windflow_bench_{os.getpid()}"
    with server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _connect(address: str) -> Any:
    if psycopg is None:
        return None
    maintenance = urlunsplit(urlsplit(address)._replace(path="/postgres"))
    try:
        return psycopg.connect(maintenance, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        return None
