"""From votes to outcome: a pure function, so every door and every test asks the same judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What the votes so far mean for the suspension."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's decision. ``person`` is the one key that makes two links one person."""

    person: str
    approved: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """At least ``required`` distinct people approve; any one rejection ends the wait."""

    required: int = 1


def evaluate(policy: Policy, votes: Iterable[Vote]) -> Outcome:
    """The outcome of ``votes``, in any order. A person counts once, whatever they send."""
    approved: set[str] = set()
    for vote in votes:
        if not vote.approved:
            return Outcome.REJECTED
        approved.add(vote.person)
    return Outcome.APPROVED if len(approved) >= policy.required else Outcome.WAITING
