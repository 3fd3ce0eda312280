"""A cluster that hangs with every process alive is noticed, and a busy one is left alone."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import psutil
import pytest
from django.conf import LazySettings
from django.utils import timezone

from config.settings import BASE_DIR
from tests.services import process_environment
from windflow.canary import Canary
from windflow.models import Heartbeat
from windflow.supervisor import Process, Supervisor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.qcluster]


@pytest.fixture
def told(settings: LazySettings) -> Iterator[list[str]]:
    settings.WINDFLOW = {**settings.WINDFLOW, "EXECUTOR": "windflow.executor.QClusterExecutor"}
    lines: list[str] = []
    yield lines
    Heartbeat.objects.all().delete()


def supervised_cluster(told: list[str], canary: Canary) -> Supervisor:
    command = [sys.executable, str(BASE_DIR / "manage.py"), "qcluster"]
    cluster = Process("cluster", command, process_environment(), trouble=canary, grace=5)
    return Supervisor([cluster], tell=lambda name, line: told.append(line), interval=0.1)


def eventually(happens: Callable[[], object], seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.05)


def seen_after(moment: object) -> bool:
    return Heartbeat.objects.filter(name="test", seen_at__gt=moment).exists()


def test_a_hanging_cluster_is_killed_and_its_successor_works(told: list[str]) -> None:
    began = timezone.now()
    with supervised_cluster(told, Canary("test", every=0.2, patience=4)) as supervisor:
        eventually(lambda: seen_after(began))
        master = psutil.Process(supervisor.pids()["cluster"])
        (sentinel,) = master.children()
        for worker in sentinel.children():  # idle: one of them waits for work with the lock
            os.kill(worker.pid, signal.SIGKILL)
        eventually(lambda: any("nothing came through its queue" in line for line in told))
        hung = timezone.now()
        assert not seen_after(hung)
        eventually(lambda: seen_after(hung))
        assert supervisor.pids()["cluster"] != master.pid


def test_a_working_cluster_is_left_alone(told: list[str]) -> None:
    began = timezone.now()
    with supervised_cluster(told, Canary("test", every=0.2, patience=4)) as supervisor:
        before = supervisor.pids()
        eventually(lambda: seen_after(began + timedelta(seconds=5)))
        assert supervisor.pids() == before
    assert not [line for line in told if line.startswith("***")]
