"""The app: discovers every app's scripts and resource types, and sets up what the database cannot
hold."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class WindflowConfig(AppConfig):
    """Flows, runs, suspensions and approvals."""

    name = "windflow"
    verbose_name = _("Flows and approvals")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # They need models, so not before now; importing the checks registers them.
        from windflow import checks, database, resource_checks  # noqa: F401, PLC0415

        autodiscover_modules("resources", "scripts")
        post_migrate.connect(database.prepare, sender=self, dispatch_uid="windflow.prepare")
