"""Kills process groups when the process that started this one is gone, however it went.

A supervisor that is killed with SIGKILL cannot stop its children, and asking the kernel to do so
reaches children only, not their workers, and on Linux only. So the supervisor keeps this program
beside it, started as a file of its own (nothing but the standard library, so it costs little):
``+123`` on standard input takes process group 123 into care, ``-123`` lets go of it, and the end of
input, which the kernel brings about when the supervisor dies, kills what is left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def groups_left(lines: Iterable[str]) -> set[int]:
    """Read to the end of input; the process groups still in care then."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


def main() -> None:
    """Wait for the end of input, then kill."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    for group in groups_left(sys.stdin):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
