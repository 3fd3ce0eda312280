"""How long a failed step waits before it is tried again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.documents import document, step
from windflow.definition import Retry, parse


def retry_of(raw: dict[str, Any]) -> Retry:
    return parse(document(step("a", retry=raw))).steps[0].retry


def test_without_retry_there_is_one_attempt() -> None:
    assert parse(document(step("a"))).steps[0].retry.attempts == 0


def test_constant_attempts_come_first_then_growing_ones() -> None:
    retry = retry_of(
        {
            "constant": {"attempts": 2, "seconds": 7},
            "exponential": {"attempts": 3, "multiplier": 2, "seconds": 3},
        }
    )
    assert retry.attempts == 5
    assert [retry.delay(attempt) for attempt in range(1, 6)] == [7, 7, 6, 18, 54]


def test_pauses_vary_by_the_random_factor_only() -> None:
    retry = retry_of({"exponential": {"attempts": 1, "seconds": 100, "random_factor": 20}})
    pauses = {retry.delay(1) for _ in range(50)}
    assert len(pauses) > 1
    assert all(80 <= pause <= 120 for pause in pauses)


@pytest.mark.parametrize("attempt", [10, 100, 10_000])
def test_no_pause_is_longer_than_a_day(attempt: int) -> None:
    assert retry_of({"exponential": {"attempts": 100, "seconds": 60}}).delay(attempt) == 86_400
