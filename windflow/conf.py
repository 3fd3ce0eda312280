"""The settings: one dict, ``WINDFLOW``, read at use, so ``override_settings`` just works."""

from __future__ import annotations

from typing import Any

from django.conf import settings


class Conf:
    """Each attribute is a key of ``settings.WINDFLOW``; its value here is the default."""

    #: Where approvers reach this site, e.g. ``https://flows.example.com``. Every link is built from
    #: it, never from a request. Required in production; include the sub-path if there is one.
    BASE_URL: str = ""
    #: Seconds that a link can be read. Raise it when approvals may wait longer than 60 days.
    LINK_MAX_AGE: int = 60 * 24 * 3600
    #: Dotted path of the queue adapter. Use ``windflow.executor.InlineExecutor`` to run flows in
    #: the calling process, e.g. in tests.
    EXECUTOR: str = "windflow.executor.QClusterExecutor"
    #: The django-q2 cluster (queue) that runs windflow's tasks; None means the default one.
    CLUSTER: str | None = None
    #: Seconds that one step may run before the worker stops it. Raise it for slow scripts, and
    #: raise ``Q_CLUSTER["retry"]`` with it.
    DEFAULT_TIMEOUT: int = 60
    #: Seconds that a worker drives one run before it lets others go first.
    SLICE_SECONDS: float = 10.0
    #: How often a step that keeps losing its worker is started before it counts as failed.
    MAX_INTERRUPTIONS: int = 3
    #: Seconds that a suspension waits when its step sets no ``timeout``. OpenFlow's default is
    #: 30 minutes, too short for people; None would wait for ever.
    DEFAULT_SUSPEND_TIMEOUT: int | None = 30 * 24 * 3600
    #: Bytes of JSON that a run's inputs, one step's result or one answer may have.
    MAX_JSON_BYTES: int = 1_000_000
    #: Keys that resources are encrypted with: the first one seals, every one opens. Needed before
    #: the first resource is saved. To rotate, put a new key first, run ``windflow_rotate_keys``,
    #: then remove the old one. Not derived from ``SECRET_KEY``, so each can change by itself.
    ENCRYPTION_KEYS: list[str] = []
    #: From address of windflow's mails; empty means ``DEFAULT_FROM_EMAIL``.
    FROM_EMAIL: str = ""

    def __getattribute__(self, name: str) -> Any:
        default = object.__getattribute__(self, name)
        if not name.isupper():
            return default
        return getattr(settings, "WINDFLOW", {}).get(name, default)


conf = Conf()
KNOWN_SETTINGS = frozenset(name for name in vars(Conf) if name.isupper())
