"""``manage.py windflow_rotate_keys``: seal every resource with the first key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from windflow import engine, vault


class Command(BaseCommand):
    """The step between putting a new key first and removing the old one."""

    help = (
        'Seal every resource with the first key of WINDFLOW["ENCRYPTION_KEYS"]. Afterwards the '
        "other keys can be removed. Safe to repeat, and beside running workers. Exits 1 if a "
        "resource cannot be opened, after sealing all others."
    )

    def handle(self, **options: Any) -> None:
        problem = vault.keys_problem()
        if problem:
            raise CommandError(problem)
        done = engine.reseal()
        self.stdout.write(f"{done.count} resources sealed with the first key")
        if done.locked:
            raise CommandError(
                f"No key opens {', '.join(done.locked)}. Put the key that they were sealed with "
                "at the end of the list and repeat this, or connect them again. Until then keep "
                "the old keys."
            )
