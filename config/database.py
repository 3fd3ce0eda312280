"""One address instead of many settings: where the demo project keeps its rows."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

#: Seconds that a worker keeps its connection; opening one costs more than most steps.
CONNECTION_AGE = 60


def parse_database(address: str) -> dict[str, Any]:
    """The entry of ``DATABASES`` for ``sqlite:///path`` or ``postgres://user:pw@host:port/name``.

    Raises ``ImproperlyConfigured`` for any other scheme and for an address without a name.
    """
    parts = urlsplit(address)
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise ImproperlyConfigured(f"The database address {parts.scheme}://… names no database.")
    if parts.scheme == "sqlite":
        return _sqlite(name)
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": CONNECTION_AGE,
            "CONN_HEALTH_CHECKS": True,
        }
    raise ImproperlyConfigured(
        f"The database scheme {parts.scheme!r} is unknown: use sqlite:///path or "
        "postgres://user@host:port/name."
    )


def _sqlite(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "CONN_MAX_AGE": CONNECTION_AGE,
        "OPTIONS": {
            # A deferred transaction that reads and then writes fails when another one wrote in
            # between, without waiting; an immediate one queues for the lock from its start.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,  # seconds to queue for that lock
            # Safe with WAL: a power cut may lose the last commits, never the file. WAL itself is
            # a property of the file, set once by migrate: racing workers would lock each other.
            "init_command": "PRAGMA synchronous=NORMAL",
        },
    }
