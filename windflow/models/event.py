"""What happened, append-only and hash-chained per run."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from windflow.models.run import Run
from windflow.values import JSON, dumps


class Event(models.Model):
    """One change: who, as whom, by which channel, when, what.

    ``hash`` is SHA-256 over the event's fields and the hash before it, so changing, removing or
    reordering an event breaks the chain; the run keeps the head and the count, so cutting off the
    end shows too. ``data`` is canonical JSON text, kept as text since the hash covers it.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="events", verbose_name=_("run"))
    number = models.PositiveIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=50)
    at = models.DateTimeField(_("at"))
    who = models.CharField(_("who"), max_length=320, blank=True)
    acting_as = models.CharField(_("as"), max_length=320, blank=True)
    channel = models.CharField(_("channel"), max_length=20)
    data = models.TextField(_("data"), default="{}")
    previous = models.CharField(_("hash before"), max_length=64, blank=True)
    hash = models.CharField(_("hash"), max_length=64)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering: ClassVar = ["run", "number"]
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "number"], name="windflow_event_number"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}#{self.number} {self.kind}"

    @property
    def details(self) -> JSON:
        """``data``, parsed."""
        return json.loads(self.data)

    def computed_hash(self) -> str:
        """What ``hash`` must be for these fields."""
        facts = [
            self.run_id,
            self.number,
            self.kind,
            self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            self.who,
            self.acting_as,
            self.channel,
            self.data,
            self.previous,
        ]
        return hashlib.sha256(dumps(facts).encode()).hexdigest()
