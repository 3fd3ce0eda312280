"""A flow and its frozen versions."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property, lru_cache
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from windflow import definition
from windflow.models.fields import DocumentField
from windflow.values import JSON


def new_document() -> JSON:
    """What a new flow's draft starts from: the shape, with one step that does nothing."""
    return {
        "summary": str(_("New flow")),
        "schema": {"type": "object", "properties": {}, "required": []},
        "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]},
    }


class Flow(models.Model):
    """A named definition. ``draft`` is edited; publishing freezes it as a :class:`FlowVersion`."""

    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(
        _("slug"), max_length=200, unique=True, help_text=_("The name that code starts it by.")
    )
    draft = DocumentField(_("draft"), default=new_document)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("flow")
        verbose_name_plural = _("flows")
        ordering: ClassVar = ["name"]
        permissions: ClassVar = [
            ("publish_flow", "Can publish flow"),
            ("start_flow", "Can start runs of flow"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def published(self) -> FlowVersion | None:
        """The version that new runs get: the one published last."""
        return self.versions.filter(number__isnull=False).order_by("-number").first()


class FlowVersion(models.Model):
    """One frozen document. Numbered when published; a test run's snapshot of a draft has none."""

    flow = models.ForeignKey(Flow, models.PROTECT, related_name="versions", verbose_name=_("flow"))
    number = models.PositiveIntegerField(_("number"), null=True, blank=True)
    document = DocumentField(_("document"))
    digest = models.CharField(_("digest"), max_length=64)
    note = models.CharField(_("note"), max_length=500, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("flow version")
        verbose_name_plural = _("flow versions")
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["flow", "number"], name="windflow_one_number_a_flow"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["flow", "digest"], name="windflow_version_digest")
        ]

    def __str__(self) -> str:
        if self.number is None:
            return str(_("Test of a draft of %(flow)s") % {"flow": self.flow})
        return str(_("%(flow)s, version %(number)s") % {"flow": self.flow, "number": self.number})

    @cached_property
    def definition(self) -> definition.Definition:
        """The parsed document. Not checked against the installed scripts: a waiting run must be
        readable after one of them is gone."""
        return _parsed(json.dumps(self.document))


def digest(document: JSON) -> str:
    """SHA-256 of the text of ``document``; the order of its keys counts, as it does in forms."""
    return hashlib.sha256(json.dumps(document).encode()).hexdigest()


@lru_cache(maxsize=256)
def _parsed(text: str) -> definition.Definition:
    return definition.parse(json.loads(text))
