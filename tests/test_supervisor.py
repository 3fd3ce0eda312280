"""What the supervisor promises, tried with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from windflow.supervisor import Pauses, Process, Supervisor

QUICK = Pauses(first=0.05, longest=0.2, steady=60)

#: A leader with one worker, like a cluster; writes both process ids to the file it is given.
LEADER = """
import os, pathlib, subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
target = pathlib.Path(sys.argv[1])
target.with_suffix(".new").write_text(f"{os.getpid()} {worker.pid}")
target.with_suffix(".new").rename(target)
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
SUPERVISOR = """
import sys
import django
django.setup()
from windflow.supervisor import Process, Supervisor
leader = Process("leader", [sys.executable, "-c", sys.argv[1], sys.argv[2]], grace=1)
Supervisor([leader], tell=print, interval=0.05).run()
"""


class Lines(list[str]):
    """What the supervisor told, as ``name: line``."""

    def __call__(self, name: str, line: str) -> None:
        self.append(f"{name}: {line}")

    def has(self, text: str) -> bool:
        return any(text in line for line in self)


@pytest.fixture
def told() -> Lines:
    return Lines()


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    return tmp_path / "pids"


def python(name: str, code: str, *arguments: object, **options: object) -> Process:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return Process(name, command, **options)  # type: ignore[arg-type]


def supervise(process: Process, told: Lines) -> Supervisor:
    return Supervisor([process], tell=told, interval=0.02, pauses=QUICK)


def eventually(happens: Callable[[], object], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.02)


def written(pids: Path) -> list[int]:
    eventually(pids.exists)
    return [int(pid) for pid in pids.read_text().split()]


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_passes_on_what_a_process_prints(told: Lines) -> None:
    with supervise(python("web", "print('hello')"), told):
        eventually(lambda: "web: hello" in told)


def test_a_dead_process_is_started_again_and_said_so(told: Lines) -> None:
    with supervise(python("web", "raise SystemExit(3)"), told):
        eventually(lambda: sum("started again" in line for line in told) >= 2)
    assert told.has("web: *** ended (exit code 3); starting it again in 0.1 s")


def test_pauses_grow_up_to_a_bound() -> None:
    pauses = Pauses(first=1, longest=5)
    assert [pauses.after(failures) for failures in (1, 2, 3, 4, 50)] == [1, 2, 4, 5, 5]


def test_leaving_stops_the_whole_group(told: Lines, pids: Path) -> None:
    with supervise(python("leader", LEADER, pids), told):
        leader, worker = written(pids)
        assert lives(leader)
        assert lives(worker)
    eventually(lambda: not lives(leader) and not lives(worker))


def test_workers_go_with_a_master_that_was_killed(told: Lines, pids: Path) -> None:
    with supervise(python("leader", LEADER, pids), told):
        leader, worker = written(pids)
        pids.unlink()
        os.kill(leader, signal.SIGKILL)
        eventually(lambda: not lives(worker))
        assert written(pids)[0] != leader
    assert told.has("leader: *** ended (by signal 9")


def test_a_process_in_trouble_is_killed_with_its_group_and_started_again(
    told: Lines, pids: Path
) -> None:
    ill = [True]

    def trouble(_up_for: float) -> str | None:
        return "no sign of life" if ill and pids.exists() else None

    with supervise(python("leader", LEADER, pids, trouble=trouble), told):
        eventually(lambda: told.has("leader: *** hangs (no sign of life)"))
        leader, worker = written(pids)
        ill.clear()
        eventually(lambda: not lives(leader) and not lives(worker))
        eventually(lambda: told.has("started again"))


def test_a_question_that_fails_kills_nothing(told: Lines) -> None:
    def trouble(_up_for: float) -> str | None:
        raise RuntimeError("database is locked")

    with supervise(python("web", "import time; time.sleep(60)", trouble=trouble), told) as running:
        before = running.pids()
        eventually(lambda: told.has("cannot be checked: database is locked"))
        assert running.pids() == before


def test_who_does_not_stop_in_time_is_killed(told: Lines) -> None:
    with supervise(python("web", STUBBORN, grace=0.2), told) as running:
        eventually(lambda: told.has("ready"))
        pid = running.pids()["web"]
    assert not lives(pid)
    assert told.has("did not stop within")


def test_a_command_that_does_not_exist_leaves_nothing_running(told: Lines, pids: Path) -> None:
    both = [python("leader", LEADER, pids), Process("nobody", ["/nonexistent"])]
    with pytest.raises(FileNotFoundError), Supervisor(both, tell=told):
        pass
    assert not [child for child in psutil.Process().children() if lives(child.pid)]


@pytest.fixture
def program(pids: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SUPERVISOR, LEADER, str(pids)])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything(
    program: subprocess.Popen[bytes], pids: Path, number: signal.Signals
) -> None:
    leader, worker = written(pids)
    program.send_signal(number)
    assert program.wait(10) == 0
    eventually(lambda: not lives(leader) and not lives(worker))


def test_nothing_outlives_a_supervisor_that_was_killed(
    program: subprocess.Popen[bytes], pids: Path
) -> None:
    leader, worker = written(pids)
    program.kill()
    program.wait(10)
    eventually(lambda: not lives(leader) and not lives(worker))
