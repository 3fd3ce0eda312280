"""System checks of resources: keys, what is sealed with them, and where types are connected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DEFAULT_DB_ALIAS, connections
from django.urls import NoReverseMatch, reverse

from windflow import vault
from windflow.conf import conf
from windflow.exceptions import VaultLocked
from windflow.models import Resource
from windflow.resources import resource_types


@register()
def check_keys(
    app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """Encryption keys that are no keys. None at all is fine until the first resource is saved."""
    problem = vault.keys_problem() if conf.ENCRYPTION_KEYS else None
    return [Error(problem, id="windflow.E007")] if problem else []


@register()
def check_connect_urls(
    app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """Resource types whose connection cannot be started, since their URLs are not included."""
    return list(_unreachable())


def _unreachable() -> Iterable[CheckMessage]:
    for made in resource_types.values():
        try:
            if made.connect:
                reverse(made.connect)
        except NoReverseMatch:
            yield CheckWarning(
                f"Nobody can connect a resource of the type {made.name}: there is no URL called "
                f"{made.connect}.",
                hint="Include the URLs of the app that registers it in your urls.py.",
                id="windflow.W007",
            )


@register(Tags.database)
def check_sealed_values(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **_kwargs: Any,
) -> list[CheckMessage]:
    """Resources that none of the keys opens. Reads the database."""
    connection = connections[DEFAULT_DB_ALIAS]
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    if Resource._meta.db_table not in connection.introspection.table_names():
        return []  # not migrated yet
    return list(_locked())


def _locked() -> Iterable[CheckMessage]:
    for resource in Resource.objects.order_by("name"):
        try:
            vault.unseal(resource.sealed)
        except VaultLocked as locked:
            yield Error(
                f"The resource {resource.name} cannot be opened.",
                hint=locked.message,
                obj=resource,
                id="windflow.E008",
            )
