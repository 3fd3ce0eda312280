"""Many at once: threads with connections of their own, on whatever database the tests run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.test import override_settings

from tests.documents import expire_now, flow, gate, kinds, run, seat, settle, step, suspension
from tests.models import Ledger
from windflow import engine
from windflow.exceptions import WindflowError
from windflow.models import Approval, Run
from windflow.states import COUNTED_VOTES, RunStatus, SuspensionStatus

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[], Any]
ROUNDS = 20


@pytest.fixture(autouse=True)
def no_worker() -> Iterator[None]:
    """Nothing runs by itself: a message is dropped, as a lost one would be."""
    with override_settings(
        WINDFLOW={"BASE_URL": "https://x.example", "EXECUTOR": "tests.test_races.Nobody"}
    ):
        yield


class Nobody:
    """An executor whose every message is lost."""

    def enqueue(self, task: str, *args: int | str) -> None:
        pass

    def stopped_by_timeout(self, error: BaseException) -> bool:
        return False


def at_once(*calls: Call) -> list[Any]:
    """The results of calls that start at one barrier; a refusal of windflow is a result too."""
    barrier = Barrier(len(calls))

    def one(call: Call) -> Any:
        try:
            barrier.wait(timeout=30)
            return call()
        except WindflowError as refused:
            return refused
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def people(count: int) -> list[str]:
    return [f"person{number}@example.com" for number in range(count)]


def test_simultaneous_votes_of_many_people_resume_the_run_once() -> None:
    waiting = run(gate(*people(40), required=20), step("b"))
    seats = list(suspension(waiting).approvals.all())
    results = at_once(*[partial(engine.decide, each, "approve") for each in seats])
    recorded = [result for result in results if isinstance(result, engine.Receipt)]
    assert len(recorded) == 20
    assert Approval.objects.filter(status__in=COUNTED_VOTES).count() == 20
    assert kinds(waiting).count("run.resumed") == 1
    assert settle(waiting).status == RunStatus.SUCCEEDED
    assert engine.verify(settle(waiting)) is None


def test_one_person_clicking_many_times_votes_once() -> None:
    waiting = run(gate("bob@example.com", "carol@example.com", required=2), step("b"))
    bob = seat(waiting, "bob")
    results = at_once(*[lambda: engine.decide(bob, "approve")] * 16)
    assert sum(result.recorded for result in results) == 1
    assert kinds(waiting).count("approval.approved") == 1


def test_approving_and_rejecting_at_once_is_one_decision() -> None:
    for _round in range(ROUNDS):
        waiting = run(gate("bob@example.com"), step("b"))
        bob = seat(waiting, "bob")
        at_once(partial(engine.decide, bob, "approve"), partial(engine.decide, bob, "reject"))
        assert len({"approval.approved", "approval.rejected"} & set(kinds(waiting))) == 1
        assert_one_outcome(waiting)


@pytest.mark.parametrize(
    ("first", "second"), [("vote", "cancel"), ("vote", "deadline"), ("cancel", "deadline")]
)
def test_of_vote_cancel_and_deadline_exactly_one_wins(first: str, second: str) -> None:
    for _round in range(ROUNDS):
        waiting = run(gate("bob@example.com"), step("b"))
        bob = seat(waiting, "bob")
        if "deadline" in (first, second):
            expire_now(waiting)
        verbs: dict[str, Call] = {
            "vote": partial(engine.decide, bob, "approve"),
            "cancel": partial(engine.cancel, waiting),
            "deadline": engine.tick,
        }
        at_once(verbs[first], verbs[second])
        assert_one_outcome(waiting)


def assert_one_outcome(waiting: Run) -> None:
    assert kinds(waiting).count("suspension.closed") == 1
    ended = Run.objects.get(pk=waiting.pk)
    outcome = suspension(ended).status
    # An approved run goes on, so a cancel that comes second ends it all the same.
    assert (
        ended.status
        in {
            SuspensionStatus.APPROVED: {RunStatus.QUEUED, RunStatus.CANCELLED},
            SuspensionStatus.REJECTED: {RunStatus.CANCELLED},
            SuspensionStatus.CANCELLED: {RunStatus.CANCELLED},
            SuspensionStatus.TIMED_OUT: {RunStatus.FAILED},
        }[SuspensionStatus(outcome)]
    )
    assert engine.verify(ended) is None


def test_many_workers_with_the_same_message_run_each_step_once() -> None:
    for number in range(ROUNDS):
        made = engine.start(flow(step("a", "tests/pay"), step("b"), slug=f"raced-{number}"))
        at_once(*[partial(engine.advance, made.pk)] * 4)
        assert settle(made).status == RunStatus.SUCCEEDED
        assert kinds(made).count("step.started") == 2
    assert Ledger.objects.count() == ROUNDS


def test_a_worker_whose_lease_was_taken_can_write_nothing() -> None:
    made = engine.start(flow(step("a", "tests/takeover")))
    engine.advance(made.pk)
    made.refresh_from_db()
    assert (made.status, made.fence) == (RunStatus.RUNNING, 2)
    assert "step.succeeded" not in kinds(made)


def test_a_repeated_start_from_many_places_makes_one_run() -> None:
    made = flow(step("a"))
    runs = at_once(*[lambda: engine.start(made, idempotency_key="order-7")] * 8)
    assert len({started.pk for started in runs}) == 1


def test_many_tickers_send_each_message_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = run(gate("bob@example.com"))
    expire_now(waiting)
    ticked = at_once(*[engine.tick] * 6)
    assert sum(each.expired for each in ticked) == 1


def test_publishing_twice_at_once_gives_two_numbers() -> None:
    made = flow(step("a"))
    versions = at_once(*[lambda: engine.publish(made)] * 4)
    assert sorted(version.number for version in versions) == [2, 3, 4, 5]


def test_the_database_is_the_one_that_was_asked_for() -> None:
    assert connection.vendor in {"sqlite", "postgresql", "mysql"}
