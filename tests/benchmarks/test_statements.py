"""What a step costs, in statements: counted, since counting needs no quiet machine."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests import documents
from windflow import engine

#: BEGIN, lock the run, finish one step, begin the next, their events, the run, COMMIT.
A_STEP = 7


def statements(steps: int) -> int:
    """How many it takes to drive a flow of so many trivial steps to its end."""
    modules = [documents.step(f"s{number}") for number in range(steps)]
    run = engine.start(documents.flow(*modules, slug=f"steps-{steps}"))
    with CaptureQueriesContext(connection) as captured:
        engine.advance(run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded"
    return len(captured)


@pytest.mark.django_db(transaction=True)
def test_a_trivial_step_costs_no_more_statements_than_it_must(
    settings: Settings,
) -> None:
    settings.WINDFLOW = {"EXECUTOR": "windflow.executor.QClusterExecutor"}  # nobody takes it
    assert statements(30) - statements(10) <= 20 * A_STEP
