"""A canary through the queue."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """When a canary was last put into a queue, and when a worker last took one out.

    A cluster can hang with every process alive, so only a task that came through proves it well.
    """

    name = models.CharField(_("queue"), max_length=100, unique=True)
    sent_at = models.DateTimeField(_("sent"))
    seen_at = models.DateTimeField(_("seen"), null=True, blank=True)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
