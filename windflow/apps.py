"""The app: discovers every app's scripts and sets up what the database cannot hold."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class WindflowConfig(AppConfig):
    """Flows, runs, suspensions and approvals."""

    name = "windflow"
    verbose_name = _("Flows and approvals")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from windflow import checks  # noqa: F401  (registers the system checks)

        autodiscover_modules("scripts")
        post_migrate.connect(_prepare_database, sender=self, dispatch_uid="windflow.prepare")


def _prepare_database(using: str = DEFAULT_DB_ALIAS, **_kwargs: Any) -> None:
    from windflow.executor import install_tick

    connection = connections[using]
    if connection.vendor == "sqlite":
        # Once, here: several processes that switch to WAL at the same time lock each other out.
        # A database in memory has no journal to switch, and says so without an error.
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
    if using == DEFAULT_DB_ALIAS:
        install_tick()
