"""The hub's app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HubConfig(AppConfig):
    """The catalogue of ready scripts."""

    name = "hub"
    verbose_name = _("Hub of scripts")
