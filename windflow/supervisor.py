"""Keeps processes running together, and ends them together.

Each process leads a process group of its own, and whatever becomes of it, its whole group goes with
it: django-q2's workers outlive a master that was killed, and would run old code beside the new
cluster. A dead process is started again after a pause that grows while it keeps dying. One that
lives but does no work is found by its ``trouble`` callback, killed and started again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from types import FrameType, TracebackType
from typing import IO, Self

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from windflow import guardian

#: Takes a process's name and one line: of its output, or what the supervisor says of it.
Tell = Callable[[str, str], None]
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
KILL_WAIT = 5.0  # seconds for a killed group to be gone


@dataclass(frozen=True)
class Process:
    """What to keep running.

    ``trouble`` gets the seconds since this process was started and says why it does no work, or
    None when all is well; it is called every ``interval`` seconds of the supervisor, so a slow
    question must pace itself. ``grace`` is how many seconds it may take to stop when asked to.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    trouble: Callable[[float], str | None] | None = None
    grace: float = 10.0


@dataclass(frozen=True)
class Pauses:
    """How long to wait before a restart, in seconds: ``first``, doubled up to ``longest`` while the
    process keeps dying before it has run for ``steady``."""

    first: float = 0.5
    longest: float = 30.0
    steady: float = 60.0

    def after(self, failures: int) -> float:
        """The pause after this many early deaths in a row."""
        return float(min(self.longest, self.first * 2 ** max(0, failures - 1)))


class Supervisor:
    """Runs ``processes`` until it is left (``with``) or told to stop (``run``)."""

    def __init__(
        self,
        processes: Sequence[Process],
        *,
        tell: Tell,
        interval: float = 0.5,
        pauses: Pauses | None = None,
    ) -> None:
        self._guardian = _Guardian()
        self._children = [
            _Child(process, tell, self._guardian, pauses or Pauses()) for process in processes
        ]
        self._interval = interval
        self._stopping = Event()
        self._watcher = Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        """Start everything. Raises ``OSError``, with nothing left running, when one cannot."""
        self._guardian.start()
        try:
            for child in self._children:
                child.start()
        except OSError:
            self._stop_children()
            raise
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._watcher.join()
        self._stop_children()

    def run(self) -> None:
        """Keep everything running until SIGINT, SIGTERM or SIGHUP. Call it in the main thread."""
        with _signals_set(self._stopping), self:
            self._stopping.wait()

    def pids(self) -> dict[str, int]:
        """The leader of each process group that is running now, by process name."""
        return {child.process.name: child.pid for child in self._children if child.pid}

    def _watch(self) -> None:
        while not self._stopping.wait(self._interval):
            for child in self._children:
                child.watch()

    def _stop_children(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop()
        self._guardian.stop()


class _Child:
    """One process and its group: at any time running, or waiting to be started again."""

    def __init__(self, process: Process, tell: Tell, keeper: _Guardian, pauses: Pauses) -> None:
        self.process = process
        self._tell = tell
        self._guardian = keeper
        self._pauses = pauses
        self._running: subprocess.Popen[str] | None = None
        self._reader: Thread | None = None
        self._started = 0.0
        self._asked = 0.0
        self._failures = 0
        self._due = 0.0

    @property
    def pid(self) -> int:
        return self._running.pid if self._running else 0

    def start(self) -> None:
        self._running = subprocess.Popen(  # noqa: S603 - the commands are the project's own
            list(self.process.command),
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.process.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._guardian.take(self._running.pid)
        self._started = time.monotonic()
        self._reader = Thread(target=self._read, args=[self._running.stdout], daemon=True)
        self._reader.start()

    def watch(self) -> None:
        if self._running is None:
            self._restart_when_due()
        elif self._running.poll() is not None:
            self._died(_("ended (%(how)s)") % {"how": _how(self._running.returncode)})
        elif reason := self._trouble():
            self._died(_("hangs (%(reason)s)") % {"reason": reason})

    def ask_to_stop(self) -> None:
        """Only the leader is asked: it knows how to let its workers finish their step."""
        self._asked = time.monotonic()
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()

    def stop(self) -> None:
        """Wait for the rest of the grace, then kill whatever of the group is left."""
        if self._running is None:
            return
        left = max(0.0, self._asked + self.process.grace - time.monotonic())
        try:
            self._running.wait(left)
        except subprocess.TimeoutExpired:
            self._say(
                ngettext(
                    "did not stop within %(seconds)d second; killed",
                    "did not stop within %(seconds)d seconds; killed",
                    int(self.process.grace),
                )
                % {"seconds": int(self.process.grace)}
            )
        self._end()

    def _trouble(self) -> str | None:
        if self.process.trouble is None:
            return None
        try:
            return self.process.trouble(time.monotonic() - self._started)
        except Exception as error:  # a failing question is no reason to kill
            self._say(_("cannot be checked: %(error)s") % {"error": error})
            return None

    def _died(self, what: str) -> None:
        now = time.monotonic()
        steady = now - self._started >= self._pauses.steady
        self._failures = 1 if steady else self._failures + 1
        self._end()
        self._pause(now, what)

    def _restart_when_due(self) -> None:
        if time.monotonic() < self._due:
            return
        try:
            self.start()
        except OSError as error:
            self._failures += 1
            self._pause(time.monotonic(), _("cannot start (%(error)s)") % {"error": error})
        else:
            self._say(_("started again"))

    def _pause(self, now: float, what: str) -> None:
        pause = self._pauses.after(self._failures)
        self._due = now + pause
        self._say(
            _("%(what)s; starting it again in %(pause).1f s") % {"what": what, "pause": pause}
        )

    def _end(self) -> None:
        """Kill whatever is left of the group, and wait until it is gone."""
        if self._running is None:
            return
        group = self._running.pid
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        self._running.wait()
        if self._reader is not None:
            self._reader.join(KILL_WAIT)  # ends when the last of the group has closed its output
        self._guardian.let_go(group)
        self._running = None

    def _read(self, output: IO[str]) -> None:
        with output:
            for line in output:
                self._tell(self.process.name, line.rstrip("\n"))

    def _say(self, what: str) -> None:
        self._tell(self.process.name, f"*** {what}")


class _Guardian:
    """The supervisor's end of :mod:`windflow.guardian`."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._program = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", str(Path(guardian.__file__))],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def take(self, group: int) -> None:
        self._write(f"+{group}\n")

    def let_go(self, group: int) -> None:
        self._write(f"-{group}\n")

    def stop(self) -> None:
        if self._program is not None and self._program.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._program.stdin.close()
            self._program.wait()

    def _write(self, line: str) -> None:
        if self._program is None or self._program.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):  # killed by hand: the rest works without it
            self._program.stdin.write(line)
            self._program.stdin.flush()


@contextlib.contextmanager
def _signals_set(event: Event) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        event.set()

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _how(code: int) -> str:
    if code < 0:
        return _("by signal %(number)d, %(name)s") % {
            "number": -code,
            "name": signal.strsignal(-code) or "?",
        }
    return _("exit code %(code)d") % {"code": code}
