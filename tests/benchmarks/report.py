"""The table that is printed, and what it was measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.figures import Figure, Figures

WIDTHS = (48, 20, 20, 20)


def machine() -> Iterable[str]:
    """The machine and the versions, a line each."""
    names = ["django", "django-q2", "pydantic", "common-expression-language", "psycopg"]
    yield f"{os.cpu_count()} cores, {_cpu()}, {platform.system()} {platform.release()}"
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    yield f"Python {platform.python_version()}, {versions}"


def settings(cluster: dict[str, object]) -> str:
    """The demo's cluster settings, in one line."""
    return "Q_CLUSTER " + ", ".join(f"{name}={value}" for name, value in cluster.items())


def table(columns: Sequence[Figures]) -> Iterable[str]:
    """One row a figure, one column a database."""
    goals = [("SQLite", "1.0"), ("PostgreSQL", "3.0")]
    goal = " / ".join(text for name, text in goals if any(name in c.database for c in columns))
    yield _row("", *(c.database for c in columns), "goal")
    yield _row("bare ORM transaction, ms", *(_ms(c.bare) for c in columns), "")
    yield _row("one step of 40, ms", *(_ms(c.step) for c in columns), goal)
    yield _row("  in bare transactions", *(f"{c.ratio:.1f}" for c in columns), "")
    yield _row("  in a worker, ms", *(_ms(c.step_in_worker) for c in columns), "")
    yield _row("flows of 10 steps, steps/s", *(f"{c.steps_a_second:.0f}" for c in columns), "")
    yield _row("last approval to next step, JSON, ms", *(_ms(c.resume_json) for c in columns), "25")
    yield _row("last approval to next step, page, ms", *(_ms(c.resume_page) for c in columns), "25")
    yield "p50 / p95; goals are for p50"


def _ms(figure: Figure) -> str:
    return f"{figure.p50:.2f} / {figure.p95:.2f}"


def _row(*cells: str) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=False)).rstrip()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
