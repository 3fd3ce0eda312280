"""A table of effects: what scripts did, for tests that count it."""

from __future__ import annotations

from django.db import models


class Ledger(models.Model):
    """One effect. A doubled one cannot be stored."""

    key = models.CharField(max_length=200, unique=True)

    def __str__(self) -> str:
        return self.key
