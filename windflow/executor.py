"""The queue adapter. The queue is a hint, the database the truth: losing or doubling a message
costs time and nothing else. This is the only file that knows django-q2."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import Any, Protocol

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, transaction
from django.utils.module_loading import import_string
from django_q.conf import Conf as QConf
from django_q.exceptions import TimeoutException
from django_q.models import Schedule
from django_q.tasks import async_task

from windflow.conf import conf

ADVANCE = "windflow.tasks.advance"
TICK = "windflow.tasks.tick"
BEAT = "windflow.tasks.beat"
#: What the worker may take beyond a step's own time to write down how it ended.
GRACE_SECONDS = 15


class Executor(Protocol):
    """Calls a dotted path in a worker, soon, at least once; never before the commit."""

    def enqueue(self, task: str, *args: int | str) -> None:
        """Have a worker call ``task``. Inside a transaction: if and only if that commits."""

    def stopped_by_timeout(self, error: BaseException) -> bool:
        """Whether ``error`` is how this executor stops a task that ran too long."""


class QClusterExecutor:
    """django-q2. On its ORM broker in our database the message is a row of our transaction; on any
    other broker it is sent right after the commit, and the tick covers the gap."""

    def enqueue(self, task: str, *args: int | str) -> None:
        send = partial(
            async_task,
            task,
            *args,
            q_options={
                "task_name": f"{task.rpartition('.')[2]} {' '.join(map(str, args))}".strip(),
                "cluster": conf.CLUSTER,
                "timeout": task_timeout(),
                "ack_failure": True,  # a failure is data in our rows, never the queue's to retry
                "save": False,  # our rows are the record; saving locks every Success row
            },
        )
        if QConf.ORM == DEFAULT_DB_ALIAS and QConf.BROKER_CLASS is None:
            send()
        else:
            transaction.on_commit(send)

    def stopped_by_timeout(self, error: BaseException) -> bool:
        return isinstance(error, TimeoutException)


class InlineExecutor:
    """Runs the task in this process, right after the commit: for tests and tiny installs."""

    def enqueue(self, task: str, *args: int | str) -> None:
        function: Callable[..., None] = import_string(task)
        transaction.on_commit(partial(function, *args))

    def stopped_by_timeout(self, error: BaseException) -> bool:
        return False


def executor() -> Executor:
    """The configured executor."""
    made: Executor = import_string(conf.EXECUTOR)()
    return made


def task_timeout() -> int:
    """Seconds that a worker may spend on one task: a step that begins at the very end of the slice
    still gets its whole time."""
    seconds: int = conf.DEFAULT_TIMEOUT + ceil(conf.SLICE_SECONDS)
    return seconds


def lease_seconds() -> int:
    """How long a claim on a run holds: longer than the worker lets one task run."""
    return task_timeout() + GRACE_SECONDS


def least_retry(timeout: int) -> int:
    """The least ``Q_CLUSTER["retry"]`` with which django-q2 does not start a task twice.

    Its clock starts when the task is fetched, not when it begins, so a full queue of tasks that
    each use their whole timeout must fit (measured on 1.11.1).
    """
    waiting: int = ceil((QConf.QUEUE_LIMIT + QConf.BULK) / int(QConf.WORKERS))
    return timeout * (1 + waiting) + 3


def cluster_settings() -> dict[str, Any]:
    """What the system checks look at."""
    return {
        "retry": QConf.RETRY,
        "timeout": QConf.TIMEOUT,
        "ack_failures": QConf.ACK_FAILURES,
        "max_attempts": QConf.MAX_ATTEMPTS,
        "orm": QConf.ORM,
        "sync": QConf.SYNC,
        "catch_up": QConf.CATCH_UP,
        "poll": QConf.POLL,
    }


def install_tick() -> None:
    """Have the cluster call the tick once a minute: the safety net under ``windflow_tick``."""
    if not apps.is_installed("django_q"):
        return
    Schedule.objects.update_or_create(
        name="windflow tick",
        defaults={
            "func": TICK,
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "repeats": -1,
            "cluster": conf.CLUSTER,
        },
    )
