"""System checks: what would fail later is said now, with what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import django
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.module_loading import import_string

from windflow.conf import KNOWN_SETTINGS, conf
from windflow.executor import cluster_settings, least_retry, task_timeout
from windflow.models import FlowVersion
from windflow.scripts import catalogue


@register()
def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """Keys of ``WINDFLOW`` that are missing, unknown or of no use."""
    return [*_unknown_keys(), *_base_url(), *_executor()]


def _unknown_keys() -> Iterable[CheckMessage]:
    for key in getattr(settings, "WINDFLOW", {}):
        if key not in KNOWN_SETTINGS:
            near = difflib.get_close_matches(str(key), KNOWN_SETTINGS, n=1)
            yield Error(
                f"WINDFLOW has the unknown key {key!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else "Remove it.",
                id="windflow.E001",
            )


def _base_url() -> Iterable[CheckMessage]:
    parts = urlsplit(conf.BASE_URL)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        yield Error(
            'WINDFLOW["BASE_URL"] is not set to an address, so no approval link can be made.',
            hint='Set it to where approvers reach this site, e.g. "https://flows.example.com".',
            id="windflow.E002",
        )
    elif parts.scheme == "http" and not settings.DEBUG:
        yield CheckWarning(
            'WINDFLOW["BASE_URL"] is not https: approval links can be read on their way.',
            hint="Serve the site by https and set BASE_URL to that address.",
            id="windflow.W001",
        )


def _executor() -> Iterable[CheckMessage]:
    try:
        import_string(conf.EXECUTOR)
    except ImportError as error:
        yield Error(
            f'WINDFLOW["EXECUTOR"] cannot be imported: {error}',
            hint="Use windflow.executor.QClusterExecutor or windflow.executor.InlineExecutor.",
            id="windflow.E003",
        )


#: Backends that are for development: they take a mail, and nobody gets it.
_NO_MAIL = ("console", "dummy", "filebased", "locmem")


@register()
def check_mail(
    app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """A mail backend that delivers nothing."""
    setting, backend = _mail_backend()
    if settings.DEBUG or backend not in {
        f"django.core.mail.backends.{name}.EmailBackend" for name in _NO_MAIL
    }:
        return []
    return [
        CheckWarning(
            f"{setting} is {backend}: no approver will get a mail.",
            hint="Use the SMTP backend with your mail server's host, or your provider's backend.",
            id="windflow.W002",
        )
    ]


def _mail_backend() -> tuple[str, str]:
    """The name of the setting that says how mail is sent, and the backend's dotted path."""
    if django.VERSION >= (6, 1) and hasattr(settings, "MAILERS"):
        mailer: dict[str, Any] = settings.MAILERS.get("default", {})
        return 'MAILERS["default"]["BACKEND"]', mailer.get("BACKEND", "")
    # Reading the default of a deprecated setting would warn of a line that nobody wrote.
    is_set = settings.is_overridden("EMAIL_BACKEND")  # type: ignore[misc]
    return "EMAIL_BACKEND", getattr(settings, "EMAIL_BACKEND", "") if is_set else ""


@register()
def check_queue(
    app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """``Q_CLUSTER`` settings with which django-q2 loses or repeats work."""
    if conf.EXECUTOR != "windflow.executor.QClusterExecutor":
        return []
    return list(_queue_problems(cluster_settings()))


def _queue_problems(cluster: dict[str, Any]) -> Iterable[CheckMessage]:
    least = least_retry(task_timeout())
    if cluster["retry"] < least:
        yield CheckWarning(
            f'Q_CLUSTER["retry"] is {cluster["retry"]} s: a task that waits behind others is '
            "started twice.",
            hint=f'Set "retry" to at least {least}; it must outlast a full queue of tasks of '
            f"{task_timeout()} s (WINDFLOW's DEFAULT_TIMEOUT plus SLICE_SECONDS).",
            id="windflow.W003",
        )
    if cluster["sync"]:
        yield Error(
            'Q_CLUSTER["sync"] is on: runs would be driven inside the request that starts them.',
            hint='Remove "sync", and use windflow.executor.InlineExecutor where that is wanted.',
            id="windflow.E004",
        )
    if cluster["max_attempts"] == 0 or not cluster["ack_failures"]:
        yield CheckWarning(
            "Q_CLUSTER repeats failed tasks for ever.",
            hint='Set "ack_failures": True and "max_attempts": 1. Retries are windflow\'s.',
            id="windflow.W004",
        )
    if cluster["orm"] != DEFAULT_DB_ALIAS:
        yield CheckWarning(
            "The queue is not in windflow's database, so a message can be lost between the commit "
            "and the queue.",
            hint="Keep `manage.py windflow_tick` running: it sends lost messages again. Or set "
            f'Q_CLUSTER["orm"] to {DEFAULT_DB_ALIAS!r}. Silence this once that is so.',
            id="windflow.W005",
        )
    if cluster["catch_up"]:
        yield CheckWarning(
            "After a downtime django-q2 would run every missed tick.",
            hint='Set Q_CLUSTER["catch_up"] to False.',
            id="windflow.W006",
        )


@register()
def check_sqlite(
    app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """SQLite transactions that can fail in the middle."""
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.vendor != "sqlite":
        return []
    mode = connection.settings_dict.get("OPTIONS", {}).get("transaction_mode")
    if str(mode).upper() in ("IMMEDIATE", "EXCLUSIVE"):
        return []
    return [
        Error(
            "SQLite begins its transactions deferred, so two writers at once end in "
            "'database is locked'.",
            hint='Set DATABASES["default"]["OPTIONS"] to {"transaction_mode": "IMMEDIATE", '
            '"timeout": 20}.',
            id="windflow.E005",
        )
    ]


@register(Tags.database)
def check_published_flows(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **_kwargs: Any,
) -> list[CheckMessage]:
    """Published flows that name a script which is not installed. Reads the database."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    connection = connections[DEFAULT_DB_ALIAS]
    if FlowVersion._meta.db_table not in connection.introspection.table_names():
        return []  # not migrated yet
    newest: dict[int, FlowVersion] = {}
    published = FlowVersion.objects.filter(number__isnull=False).select_related("flow")
    for version in published.order_by("flow_id", "number"):
        newest[version.flow_id] = version
    return [problem for version in newest.values() for problem in _missing_scripts(version)]


def _missing_scripts(version: FlowVersion) -> Iterable[CheckMessage]:
    for step in version.definition.steps:
        if step.path is not None and step.path not in catalogue:
            yield Error(
                f"{version}: step {step.id} uses the script {step.path}, which is not installed.",
                hint="Install the app that has it, or publish a version without it.",
                obj=version.flow,
                id="windflow.E006",
            )
