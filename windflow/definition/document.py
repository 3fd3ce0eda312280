"""A flow document once it is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import SystemRandom
from typing import Any, Literal

from windflow.expressions import Predicate, Transform
from windflow.values import JSON

MAX_PAUSE = 24 * 3600
"""Seconds: the longest pause before a retry."""

_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a failed step is tried again, first in even steps, then in growing ones.

    Pauses are in seconds. Growing ones are ``multiplier * base ** n`` for the n-th of them, more or
    less by up to ``random_factor`` percent.
    """

    constant_attempts: int = 0
    constant_seconds: int = 0
    exponential_attempts: int = 0
    multiplier: float = 1
    base: int = 1
    random_factor: int = 0

    @property
    def attempts(self) -> int:
        """How many attempts may follow the first one; 0 is none."""
        return self.constant_attempts + self.exponential_attempts

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the ``attempt``-th attempt failed (1 is the first)."""
        if attempt <= self.constant_attempts:
            return float(self.constant_seconds)
        count = attempt - self.constant_attempts
        try:
            pause = self.multiplier * float(self.base) ** count
        except OverflowError:
            return float(MAX_PAUSE)
        jitter = pause * self.random_factor / 100
        return min(max(pause + _random.uniform(-jitter, jitter), 0.0), float(MAX_PAUSE))


@dataclass(frozen=True, slots=True)
class Suspend:
    """What makes a step an approval step: whose answers it waits for, how many, how long."""

    required_events: int = 1
    timeout: int | None = None
    """Seconds until the deadline; None leaves it to the site's settings."""
    form_schema: dict[str, Any] | None = None
    """JSON Schema of what an approver fills in; None for no form."""
    user_auth_required: bool = False
    user_groups_required: tuple[str, ...] = ()
    self_approval_disabled: bool = False
    hide_cancel: bool = False
    continue_on_disapprove_timeout: bool = False


@dataclass(frozen=True, slots=True)
class StopAfterIf:
    """Whether the run ends after a step, and how."""

    predicate: Predicate
    error_message: str | None = None
    """With a message the run fails with it."""

    def evaluate(self, scope: Mapping[str, JSON]) -> bool:
        """Whether the run ends here. Raises :class:`windflow.expressions.ExpressionError`."""
        return self.predicate.evaluate(scope)


@dataclass(frozen=True, slots=True)
class Step:
    """One module of the document."""

    id: str
    summary: str
    type: Literal["script", "identity"]
    path: str | None
    """The script's; None for an identity step, which passes on what it gets."""
    inputs: Mapping[str, Transform]
    suspend: Suspend | None
    retry: Retry
    sleep: Transform | None
    """Gives the seconds to wait after the step."""
    skip_if: Predicate | None
    stop_after_if: StopAfterIf | None
    continue_on_error: bool
    place: str
    """Where the module stands in the document: ``value.modules[1]``."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a flow does."""

    summary: str
    description: str
    schema: dict[str, Any]
    """JSON Schema (Draft 2020-12) of the flow's input, an object."""
    steps: tuple[Step, ...]
    document: dict[str, Any]
    """The document itself, as plain JSON."""

    def index(self, step_id: str) -> int:
        """The position of the step with this id. Raises ``KeyError``."""
        for position, step in enumerate(self.steps):
            if step.id == step_id:
                return position
        raise KeyError(step_id)

    def step(self, step_id: str) -> Step:
        """The step with this id. Raises ``KeyError``."""
        return self.steps[self.index(step_id)]
