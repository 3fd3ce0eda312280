"""Row writes whose SQL is worked out once: the same rows as the ORM's."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import documents
from tests.models import Ledger
from windflow import engine
from windflow.models import Run, StepRun, rows
from windflow.states import RunStatus, StepStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    return engine.start(documents.flow(documents.step("a")))


def step_run(run: Run, **fields: Any) -> StepRun:
    facts = {"step_id": "a", "position": 0, "status": StepStatus.RUNNING}
    return StepRun(run=run, started_at=timezone.now(), **{**facts, **fields})


def kept(row: StepRun) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if name not in {"_state", "id"}}


def test_an_inserted_row_has_its_key_and_every_value(run: Run) -> None:
    made = step_run(run, inputs={"ä": [1, None, "x"]}, result="text", log="it's 100 %\n")
    rows.insert([made])
    found = StepRun.objects.get(pk=made.pk)
    del made._state.fields_cache["run"]
    assert kept(found) == kept(made)
    assert not made._state.adding


def test_it_is_the_row_that_the_orm_would_have_made(run: Run) -> None:
    mine, theirs = step_run(run, step_id="a"), step_run(run, step_id="b")
    rows.insert([mine])
    theirs.save()
    columns = [field.attname for field in StepRun._meta.concrete_fields]
    differing = {"id", "step_id", "started_at"}
    wanted = [column for column in columns if column not in differing]
    first, second = StepRun.objects.order_by("step_id").values_list(*wanted)
    assert first == second


def test_nothing_is_null_and_not_json_of_it(run: Run) -> None:
    made = step_run(run, inputs=None)
    rows.insert([made])
    assert StepRun.objects.get(inputs__isnull=True) == made
    rows.update(StepRun, {"result": {"a": 1}, "inputs": {}}, id=made.pk)
    rows.update(StepRun, {"result": None}, id=made.pk)
    assert StepRun.objects.get(result__isnull=True, inputs__isnull=False) == made


def test_several_rows_go_in_at_once(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        rows.insert([Ledger(key="one"), Ledger(key="two"), Ledger(key="three")])
    assert sorted(Ledger.objects.values_list("key", flat=True)) == ["one", "three", "two"]


def test_a_text_is_kept_for_each_number_of_rows() -> None:
    for count in (1, 2, 1, 3, 2):
        rows.insert([Ledger(key=f"{Ledger.objects.count()} {n} {count}") for n in range(count)])
    assert Ledger.objects.count() == 9


def test_constraints_hold(run: Run) -> None:
    rows.insert([step_run(run)])
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert([step_run(run)])


def test_an_update_changes_only_what_its_conditions_name(run: Run) -> None:
    other = engine.start(documents.flow(documents.step("a"), slug="other"))
    before = Run.objects.values().get(pk=other.pk)
    assert rows.update(Run, {"position": 3}, id=run.pk, status=RunStatus.QUEUED) == 1
    assert Run.objects.get(pk=run.pk).position == 3
    assert Run.objects.values().get(pk=other.pk) == before


def test_an_update_that_finds_another_status_changes_nothing(run: Run) -> None:
    assert rows.update(Run, {"position": 3}, id=run.pk, status=RunStatus.RUNNING) == 0
    assert Run.objects.get(pk=run.pk).position == 0


def test_updates_of_other_fields_do_not_share_a_text(run: Run) -> None:
    rows.update(Run, {"position": 1, "end_reason": "a"}, id=run.pk)
    rows.update(Run, {"end_reason": "b", "position": 2}, id=run.pk)
    found = Run.objects.get(pk=run.pk)
    assert (found.position, found.end_reason) == (2, "b")


def test_a_name_that_is_no_field_is_refused(run: Run) -> None:
    with pytest.raises(FieldDoesNotExist):
        rows.update(Run, {"position = 1; --": 1}, id=run.pk)


def test_a_lock_reads_the_columns_it_is_asked_for(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(event_count=7, event_head="abc")
    names = ("event_count", "event_head")
    assert rows.lock(Run, names, id=run.pk, status=RunStatus.QUEUED) == (7, "abc")
    assert rows.lock(Run, names, id=run.pk, status=RunStatus.RUNNING) is None


def test_a_lock_holds_where_the_database_has_one(run: Run) -> None:
    with CaptureQueriesContext(connection) as captured:
        rows.lock(Run, ("fence",), id=run.pk)
    locks = captured[0]["sql"].endswith("FOR UPDATE")
    assert locks == connection.features.has_select_for_update
