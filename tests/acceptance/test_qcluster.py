"""Runs on a real django-q2 cluster: what its workers may do, and what they may suffer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from tests import documents
from tests.acceptance.processes import Managed, cluster, eventually, members
from tests.models import Ledger
from windflow import engine
from windflow.executor import ADVANCE, executor
from windflow.models import Run
from windflow.states import RunStatus

pytestmark = [pytest.mark.qcluster, pytest.mark.django_db(transaction=True)]

OPTIONS = {
    "BASE_URL": "https://flows.example.com",
    "EXECUTOR": "windflow.executor.QClusterExecutor",
}


@pytest.fixture(autouse=True)
def _queue(settings: Settings) -> None:
    """The test sends its messages to the queue too."""
    settings.WINDFLOW = dict(OPTIONS)


@pytest.fixture
def running(_queue: None, tmp_path: Path) -> Iterator[Managed]:
    """A cluster at work."""
    with cluster(tmp_path) as started:
        yield started


def started(*modules: documents.Module) -> Run:
    """A new run of a new flow; workers will drive it."""
    return engine.start(documents.flow(*modules, slug=f"flow-{Run.objects.count()}"))


def reaches(run: Run, status: RunStatus) -> Run:
    """Wait for the run to have this status."""
    eventually(lambda: Run.objects.filter(pk=run.pk, status=status).exists())
    run.refresh_from_db()
    return run


def attempted(run: Run, times: int) -> None:
    """Wait for the script of the run's step to have been called that often."""
    eventually(lambda: Ledger.objects.filter(key=f"{run.key}:a:{times}").exists())


def a_minute_later(run: Run) -> None:
    """As if its lease had run out and a minute had passed since the last message."""
    now = timezone.now()
    Run.objects.filter(pk=run.pk).update(lease_until=now, enqueued_at=now - timedelta(minutes=1))
    engine.tick()


def test_a_run_waits_at_its_gate_and_a_vote_takes_it_to_its_end(
    running: Managed, bob: User
) -> None:
    run = started(
        documents.step("a", inputs={"value": 7}),
        documents.gate("bob@example.com"),
        documents.step("b", "hub/say_hello", {"name": documents.cel("approvers")}),
    )
    reaches(run, RunStatus.SUSPENDED)
    engine.decide(documents.seat(run, "bob"), "approve", by=bob)
    assert reaches(run, RunStatus.SUCCEEDED).result == "Hello bob@example.com!"
    assert engine.verify(run) is None


def test_a_rejection_ends_the_run_and_the_workers_leave_it_alone(running: Managed) -> None:
    run = started(documents.gate("bob@example.com"), documents.step("b"))
    reaches(run, RunStatus.SUSPENDED)
    engine.decide(documents.seat(run, "bob"), "reject", comment="too dear")
    executor().enqueue(ADVANCE, run.pk)
    eventually(lambda: not OrmQ.objects.exists())
    run.refresh_from_db()
    assert (run.status, run.end_reason) == ("cancelled", "too dear")


def test_a_step_whose_worker_was_killed_runs_again_with_the_same_key(running: Managed) -> None:
    run = started(documents.step("a", "tests/die", {"times": 1}), documents.step("b"))
    attempted(run, 1)
    a_minute_later(run)
    reaches(run, RunStatus.SUCCEEDED)
    step_run = run.step_runs.get(step_id="a")
    assert (step_run.attempts, step_run.interruptions, step_run.result) == (2, 1, 2)
    keys = [key.rpartition(":")[0] for key in Ledger.objects.values_list("key", flat=True)]
    assert keys == [f"{run.key}:a"] * 2


def test_the_cluster_goes_on_after_a_worker_was_killed(running: Managed) -> None:
    attempted(started(documents.step("a", "tests/die", {"times": 1})), 1)
    for _ in range(4):
        reaches(started(documents.step("a")), RunStatus.SUCCEEDED)


def test_a_step_that_kills_every_worker_fails_in_the_end(
    settings: Settings, tmp_path: Path
) -> None:
    settings.WINDFLOW = {**OPTIONS, "MAX_INTERRUPTIONS": 1}
    with cluster(tmp_path):
        run = started(documents.step("a", "tests/die", {"times": 99}))
        for times in (1, 2):
            attempted(run, times)
            a_minute_later(run)
        reaches(run, RunStatus.FAILED)
    assert documents.error(run)["name"] == "WorkerLost"
    assert documents.error(run)["step_id"] == "a"
    assert "disappeared 2 times" in documents.error(run)["message"]


def test_a_step_that_takes_too_long_is_stopped_and_can_be_retried_with_more_time(
    settings: Settings, tmp_path: Path
) -> None:
    settings.WINDFLOW = {**OPTIONS, "DEFAULT_TIMEOUT": 1, "SLICE_SECONDS": 0.5}
    with cluster(tmp_path):
        run = started(documents.step("a", "tests/nap", {"seconds": 3}), documents.step("b"))
        reaches(run, RunStatus.FAILED)
        assert documents.error(run)["name"] == "StepTimedOut"
        assert "ran longer than 1 seconds" in documents.error(run)["message"]
        settings.WINDFLOW = {**OPTIONS, "DEFAULT_TIMEOUT": 10}
        engine.retry(run)
        reaches(run, RunStatus.SUCCEEDED)


def test_what_the_queue_lost_is_sent_again(tmp_path: Path) -> None:
    lost = started(documents.step("a"))
    OrmQ.objects.all().delete()
    with cluster(tmp_path):
        reaches(started(documents.step("a")), RunStatus.SUCCEEDED)
        assert Run.objects.get(pk=lost.pk).status == RunStatus.QUEUED
        a_minute_later(lost)
        reaches(lost, RunStatus.SUCCEEDED)


def test_a_message_that_comes_ten_times_is_acted_on_once(tmp_path: Path) -> None:
    run = started(
        documents.step("a", "tests/flaky", {"failures": 0}), documents.step("b", "tests/pay")
    )
    for _ in range(9):
        executor().enqueue(ADVANCE, run.pk)
    with cluster(tmp_path):
        reaches(run, RunStatus.SUCCEEDED)
        eventually(lambda: not OrmQ.objects.exists())
    assert Ledger.objects.count() == 2  # one a call
    assert list(run.step_runs.values_list("attempts", flat=True)) == [1, 1]
    assert documents.kinds(run).count("step.started") == 2


def test_a_finished_run_leaves_nothing_in_the_queues_tables(running: Managed) -> None:
    reaches(started(documents.step("a")), RunStatus.SUCCEEDED)
    eventually(lambda: not OrmQ.objects.exists())
    assert "Traceback" not in running.said


def test_a_stopped_cluster_leaves_no_process_behind(running: Managed) -> None:
    reaches(started(documents.step("a")), RunStatus.SUCCEEDED)
    assert len(members(running.pid)) > 2
    assert running.stop() == 0, running.said
    assert members(running.pid) == []
