"""Figures: taken many times, told as the middle and the slow end."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """Durations in milliseconds."""

    p50: float
    p95: float
    count: int

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> Figure:
        """The figure of these samples, at least one."""
        ordered = sorted(milliseconds)
        slow = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
        return cls(statistics.median(ordered), slow, len(ordered))


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is measured on one database."""

    database: str
    bare: Figure
    """One transaction that inserts a step's row and updates its run's, by the ORM."""
    step: Figure
    """One of 40 trivial steps, the engine driven in this process."""
    step_in_worker: Figure
    """The same in a worker of the cluster."""
    steps_a_second: float
    """50 flows of 10 steps, from the first start to the last end."""
    resume_json: Figure
    """From the last approval's POST to the first line of the next step's script."""
    resume_page: Figure
    """The same, from the form of the approval page."""

    @property
    def ratio(self) -> float:
        """How many bare transactions one step costs."""
        return self.step.p50 / self.bare.p50
