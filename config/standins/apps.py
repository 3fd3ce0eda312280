"""The stand-ins' app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StandinsConfig(AppConfig):
    """Google and Slack on loopback."""

    name = "config.standins"
    label = "standins"
    verbose_name = _("Stand-ins")
    default_auto_field = "django.db.models.BigAutoField"
