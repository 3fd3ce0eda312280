"""The hub's app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HubConfig(AppConfig):
    """The catalogue of ready scripts."""

    name = "hub"
    verbose_name = _("Hub of scripts")

    def ready(self) -> None:
        import_module("hub.checks")
