"""What a freshly migrated database still needs."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from windflow.executor import install_tick


def prepare(using: str = DEFAULT_DB_ALIAS, **_kwargs: Any) -> None:
    """Receives ``post_migrate``: WAL for SQLite, and the tick's place in the queue's schedule."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        # Once, here: several processes that switch to WAL at the same time lock each other out.
        # A database in memory has no journal to switch, and says so without an error.
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
    if using == DEFAULT_DB_ALIAS:
        install_tick()
