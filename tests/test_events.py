"""The history of a run."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db.models import F

from tests.documents import gate, run, seat, settle, step
from windflow import engine
from windflow.engine import Actor
from windflow.models import Event, Run

pytestmark = pytest.mark.django_db


@pytest.fixture
def told() -> Run:
    """A run with a story behind it."""
    waiting = run(gate("bob@example.com"), step("b"))
    engine.decide(seat(waiting, "bob"), "approve", comment="ok")
    return settle(waiting)


def test_an_untouched_history_verifies(told: Run) -> None:
    assert engine.verify(told) is None


@pytest.mark.parametrize(
    "field", ["kind", "who", "acting_as", "channel", "data", "at", "previous", "hash"]
)
def test_a_changed_field_of_any_event_is_found(told: Run, field: str) -> None:
    value = told.created_at if field == "at" else "x"
    for event in told.events.all():
        before = getattr(event, field)
        Event.objects.filter(pk=event.pk).update(**{field: value})
        broken = engine.verify(told)
        assert broken is not None
        assert broken.number in (event.number, event.number + 1)
        Event.objects.filter(pk=event.pk).update(**{field: before})


def test_a_removed_event_is_found_wherever_it_was(told: Run) -> None:
    for number in range(1, told.event_count + 1):
        event = told.events.get(number=number)
        event.delete()
        assert engine.verify(told) is not None
        event.save(force_insert=True)
    assert engine.verify(told) is None


def test_a_cut_off_end_is_found_even_when_the_rest_is_whole(told: Run) -> None:
    told.events.order_by("-number").first().delete()  # type: ignore[union-attr]
    broken = engine.verify(told)
    assert broken is not None
    assert broken.number == told.event_count


def test_swapped_events_are_found(told: Run) -> None:
    told.events.filter(number=2).update(number=1000)
    told.events.filter(number=3).update(number=2)
    told.events.filter(number=1000).update(number=3)
    assert engine.verify(told) is not None


def test_a_run_whose_count_was_changed_is_found(told: Run) -> None:
    Run.objects.filter(pk=told.pk).update(event_count=F("event_count") + 1)
    assert engine.verify(Run.objects.get(pk=told.pk)) is not None


def test_an_event_says_who_as_whom_by_which_channel(bob: User) -> None:
    waiting = run(gate("bob@example.com"))
    engine.decide(seat(waiting, "bob"), "approve", by=Actor("page", "bob", bob))
    event = waiting.events.get(kind="approval.approved")
    assert (event.who, event.acting_as, event.channel) == ("bob", "bob@example.com", "page")
