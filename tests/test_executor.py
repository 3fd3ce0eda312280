"""The queue adapter: a message exists if and only if its transaction commits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from django.utils.module_loading import import_string
from django_q.brokers import Broker
from django_q.conf import Conf as QConf
from django_q.exceptions import TimeoutException
from django_q.models import OrmQ, Schedule
from django_q.signing import SignedPackage
from pytest_django import Settings

from tests import documents
from windflow import engine, executor
from windflow.executor import ADVANCE, InlineExecutor, QClusterExecutor
from windflow.models import Run
from windflow.states import RunStatus

pytestmark = pytest.mark.django_db(transaction=True)


class Elsewhere(Broker):  # type: ignore[misc]
    """A queue outside the database."""

    sent: ClassVar[list[dict[str, Any]]] = []

    @staticmethod
    def get_connection(list_key: str | None = None) -> None: ...

    def enqueue(self, task: str) -> int:
        self.sent.append(SignedPackage.loads(task))
        return len(self.sent)


@pytest.fixture
def queue(settings: Settings) -> QClusterExecutor:
    """django-q2 with its queue in our database, as the demo has it."""
    settings.WINDFLOW = {
        "BASE_URL": "https://flows.example.com",
        "EXECUTOR": "windflow.executor.QClusterExecutor",
    }
    return QClusterExecutor()


@pytest.fixture
def elsewhere(
    queue: QClusterExecutor, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[dict[str, Any]]]:
    """What was sent to a queue outside the database."""
    monkeypatch.setattr(QConf, "ORM", None)
    monkeypatch.setattr(QConf, "BROKER_CLASS", f"{__name__}.Elsewhere")
    Elsewhere.sent.clear()
    yield Elsewhere.sent
    Elsewhere.sent.clear()


def messages() -> list[dict[str, Any]]:
    return [SignedPackage.loads(row.payload) for row in OrmQ.objects.order_by("pk")]


def test_a_message_is_there_before_the_commit_and_after_it(queue: QClusterExecutor) -> None:
    with transaction.atomic():
        queue.enqueue(ADVANCE, 7)
        assert OrmQ.objects.count() == 1  # a row of this very transaction
    assert OrmQ.objects.count() == 1


def test_a_rolled_back_message_was_never_there(queue: QClusterExecutor) -> None:
    with transaction.atomic():
        queue.enqueue(ADVANCE, 7)
        transaction.set_rollback(True)
    assert OrmQ.objects.count() == 0


def test_a_rolled_back_savepoint_takes_its_message_with_it(queue: QClusterExecutor) -> None:
    with transaction.atomic():
        queue.enqueue(ADVANCE, 1)
        with transaction.atomic():
            queue.enqueue(ADVANCE, 2)
            transaction.set_rollback(True)
    assert [message["args"] for message in messages()] == [(1,)]


def test_a_message_holds_an_id_and_nothing_else(queue: QClusterExecutor) -> None:
    queue.enqueue(ADVANCE, 7)
    [message] = messages()
    assert (message["func"], message["args"], message["kwargs"]) == (ADVANCE, (7,), {})


def test_starting_a_run_sends_its_id_and_none_of_its_inputs(queue: QClusterExecutor) -> None:
    flow = documents.flow(documents.step("a"), secret={"type": "string"})
    run = engine.start(flow, {"secret": "hunter2"})
    [message] = messages()
    assert message["args"] == (run.pk,)
    assert "hunter2" not in repr(message)


def test_a_run_that_is_rolled_back_leaves_no_message(queue: QClusterExecutor) -> None:
    flow = documents.flow(documents.step("a"))
    with transaction.atomic():
        engine.start(flow)
        transaction.set_rollback(True)
    assert (Run.objects.count(), OrmQ.objects.count()) == (0, 0)


def test_what_windflow_relies_on_goes_with_each_message(
    queue: QClusterExecutor, settings: Settings
) -> None:
    settings.WINDFLOW = {**settings.WINDFLOW, "DEFAULT_TIMEOUT": 100, "SLICE_SECONDS": 2.5}
    queue.enqueue(ADVANCE, 7)
    [message] = messages()
    assert message["timeout"] == executor.task_timeout() == 103
    assert message["ack_failure"] is True
    assert message["save"] is False
    assert message["name"] == "advance 7"


def test_a_message_goes_to_the_cluster_that_the_settings_name(
    queue: QClusterExecutor, settings: Settings
) -> None:
    queue.enqueue(ADVANCE, 1)
    settings.WINDFLOW = {**settings.WINDFLOW, "CLUSTER": "approvals"}
    queue.enqueue(ADVANCE, 2)
    keys = list(OrmQ.objects.order_by("pk").values_list("key", flat=True))
    assert keys == [QConf.CLUSTER_NAME, "approvals"]


# Queues that are not in our database


def test_elsewhere_a_message_is_sent_after_the_commit(
    queue: QClusterExecutor, elsewhere: list[dict[str, Any]]
) -> None:
    with transaction.atomic():
        queue.enqueue(ADVANCE, 7)
        assert elsewhere == []
    assert [message["args"] for message in elsewhere] == [(7,)]
    assert OrmQ.objects.count() == 0


def test_elsewhere_nothing_is_sent_after_a_rollback(
    queue: QClusterExecutor, elsewhere: list[dict[str, Any]]
) -> None:
    with transaction.atomic():
        queue.enqueue(ADVANCE, 7)
        transaction.set_rollback(True)
    assert elsewhere == []


def test_a_queue_in_another_database_waits_for_the_commit_too(
    queue: QClusterExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QConf, "ORM", "another")
    with transaction.atomic():
        queue.enqueue(ADVANCE, 7)  # would raise here: there is no such database
        assert len(connection.run_on_commit) == 1
        transaction.set_rollback(True)


# How a step is stopped


def test_only_the_queues_own_timeout_stops_a_step() -> None:
    assert QClusterExecutor().stopped_by_timeout(TimeoutException("too long"))
    assert not QClusterExecutor().stopped_by_timeout(TimeoutError("of some socket"))
    assert not QClusterExecutor().stopped_by_timeout(SystemExit())
    assert not InlineExecutor().stopped_by_timeout(TimeoutError())


def test_a_claim_outlasts_the_task_that_holds_it() -> None:
    assert executor.lease_seconds() > executor.task_timeout() > 0


# Without a queue


def test_inline_the_run_is_driven_right_after_the_commit() -> None:
    flow = documents.flow(documents.step("a"))
    with transaction.atomic():
        run = engine.start(flow)
        assert Run.objects.get(pk=run.pk).status == RunStatus.QUEUED
    assert Run.objects.get(pk=run.pk).status == RunStatus.SUCCEEDED


def test_inline_nothing_happens_after_a_rollback() -> None:
    flow = documents.flow(documents.step("a"))
    with transaction.atomic():
        engine.start(flow)
        transaction.set_rollback(True)
    assert not Run.objects.filter(flow=flow).exists()


def test_the_settings_choose_the_executor(settings: Settings) -> None:
    assert isinstance(executor.executor(), InlineExecutor)
    settings.WINDFLOW = {"EXECUTOR": "windflow.executor.QClusterExecutor"}
    assert isinstance(executor.executor(), QClusterExecutor)


# The safety net


def test_the_cluster_calls_the_tick_once_a_minute_and_is_told_once() -> None:
    executor.install_tick()
    executor.install_tick()
    schedule = Schedule.objects.get(func=executor.TICK)
    assert (schedule.schedule_type, schedule.minutes, schedule.repeats) == ("I", 1, -1)


def test_every_task_that_is_sent_by_name_exists() -> None:
    for name in (executor.ADVANCE, executor.TICK, executor.BEAT):
        assert callable(import_string(name))
