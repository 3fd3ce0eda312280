"""Starting a run."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from tests.documents import document, flow, gate, settle, step
from windflow import engine
from windflow.exceptions import InvalidInput, NotPublished
from windflow.models import Event, Flow, Run
from windflow.states import RunStatus

pytestmark = pytest.mark.django_db


def test_a_started_run_is_queued_with_its_inputs_and_starter(alice: User) -> None:
    run = engine.start(flow(step("a"), amount={"type": "number"}), {"amount": 12.5}, by=alice)
    assert (run.status, run.inputs, run.started_by) == (RunStatus.QUEUED, {"amount": 12.5}, alice)


def test_a_flow_is_found_by_its_slug() -> None:
    flow(step("a"), slug="expenses")
    assert engine.start("expenses").flow.slug == "expenses"


def test_a_start_that_is_rolled_back_never_happened() -> None:
    made = flow(step("a"))
    with transaction.atomic():
        engine.start(made)
        transaction.set_rollback(True)
    assert not Run.objects.exists()
    assert not Event.objects.exists()


def test_declared_defaults_fill_missing_inputs() -> None:
    run = engine.start(flow(step("a"), currency={"type": "string", "default": "EUR"}))
    assert run.inputs == {"currency": "EUR"}


def test_inputs_that_do_not_fit_are_all_named_and_nothing_is_started() -> None:
    made = flow(step("a"), amount={"type": "number"}, reason={"type": "string"})
    with pytest.raises(InvalidInput) as refused:
        engine.start(made, {"amount": "much", "reason": 7})
    assert set(refused.value.errors) == {"inputs.amount", "inputs.reason"}
    assert not Run.objects.exists()


def test_an_unpublished_flow_cannot_be_started_but_its_draft_can_be_tested() -> None:
    made = Flow.objects.create(name="New", slug="new", draft=document(step("a")))
    with pytest.raises(NotPublished):
        engine.start(made)
    run = engine.start(made, test=True)
    assert run.is_test
    assert run.version.number is None


def test_testing_the_same_draft_twice_uses_one_snapshot() -> None:
    made = Flow.objects.create(name="New", slug="new", draft=document(step("a")))
    first, second = engine.start(made, test=True), engine.start(made, test=True)
    assert first.version == second.version


def test_a_repeated_start_with_the_same_key_returns_the_first_run() -> None:
    made = flow(step("a"))
    first = engine.start(made, idempotency_key="order-7")
    assert engine.start(made, idempotency_key="order-7") == first
    assert Run.objects.count() == 1


def test_a_run_keeps_its_version_when_the_flow_is_published_anew() -> None:
    made = flow(gate("bob@example.com"), step("b", inputs={"value": "old"}))
    waiting = settle(engine.start(made))
    made.draft = document(step("other", inputs={"value": "new"}))
    made.save()
    engine.publish(made)
    engine.decide(waiting.suspensions.get().approvals.get(), "approve")
    assert settle(waiting).result == "old"
    assert settle(engine.start(made)).result == "new"


def test_a_document_keeps_the_order_in_which_it_was_written() -> None:
    made = flow(step("a"), zeta={"type": "string"}, b={"type": "string"}, alpha={"type": "string"})
    version = Flow.objects.get(pk=made.pk).published
    assert version is not None
    assert list(version.definition.schema["properties"]) == ["zeta", "b", "alpha"]
