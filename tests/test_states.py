"""The machine itself: what the table of transitions allows."""

from __future__ import annotations

import pytest
from django.db.models import TextChoices

from windflow.states import (
    COUNTED_VOTES,
    LIVE_RUN,
    LIVE_STEP,
    LIVE_SUSPENSION,
    TRANSITIONS,
    ApprovalStatus,
    ResourceState,
    RunStatus,
    StepStatus,
    SuspensionStatus,
)

KINDS: dict[str, type[TextChoices]] = {
    "run": RunStatus,
    "step run": StepStatus,
    "suspension": SuspensionStatus,
    "approval": ApprovalStatus,
    "resource": ResourceState,
}
ARROWS = [
    (kind, verb, sources, target)
    for kind, verbs in TRANSITIONS.items()
    for verb, (sources, target) in verbs.items()
]
each_kind = pytest.mark.parametrize("kind", KINDS)


def ways_out(kind: str, status: str) -> set[str]:
    return {verb for of, verb, sources, _ in ARROWS if of == kind and status in sources}


def reachable(kind: str, *starts: str) -> set[str]:
    found = set(starts)
    while True:
        more = {
            target for of, _, sources, target in ARROWS if of == kind and found & set(sources)
        } - found
        if not more:
            return found
        found |= more


def test_the_table_has_a_column_for_every_kind_of_row() -> None:
    assert TRANSITIONS.keys() == KINDS.keys()


@pytest.mark.parametrize(("kind", "verb", "sources", "target"), ARROWS)
def test_every_arrow_joins_statuses_of_its_own_kind(
    kind: str, verb: str, sources: frozenset[str], target: str
) -> None:
    assert all(type(status) is KINDS[kind] for status in [*sources, target])


@each_kind
def test_only_the_verbs_that_make_rows_have_no_source(kind: str) -> None:
    makers = {verb for of, verb, sources, _ in ARROWS if of == kind and not sources}
    assert makers == {"step run": {"start", "skip"}, "resource": {"connect"}}.get(kind, {"start"})


@each_kind
def test_every_status_can_be_reached(kind: str) -> None:
    made = [target for of, _, sources, target in ARROWS if of == kind and not sources]
    assert reachable(kind, *made) == set(KINDS[kind])


@pytest.mark.parametrize("status", sorted(LIVE_RUN))
def test_every_live_run_can_be_cancelled_and_can_succeed(status: RunStatus) -> None:
    assert "cancel" in ways_out("run", status)
    assert RunStatus.SUCCEEDED in reachable("run", status)


@pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.CANCELLED])
def test_a_run_that_succeeded_or_was_cancelled_stays_so(status: RunStatus) -> None:
    assert ways_out("run", status) == set()


def test_a_failed_run_can_only_be_retried() -> None:
    assert ways_out("run", RunStatus.FAILED) == {"retry"}


@pytest.mark.parametrize("status", [StepStatus.SUCCEEDED, StepStatus.SKIPPED, StepStatus.CANCELLED])
def test_a_finished_step_never_runs_again(status: StepStatus) -> None:
    assert ways_out("step run", status) == set()


@pytest.mark.parametrize("status", sorted(LIVE_STEP))
def test_every_live_step_is_cancelled_with_its_run(status: StepStatus) -> None:
    assert "cancel" in ways_out("step run", status)


@pytest.mark.parametrize("verb", ["approve", "reject", "expire", "cancel"])
def test_each_outcome_is_reached_from_a_live_suspension_alone(verb: str) -> None:
    assert TRANSITIONS["suspension"][verb][0] == LIVE_SUSPENSION


@pytest.mark.parametrize(
    "status",
    [SuspensionStatus.APPROVED, SuspensionStatus.REJECTED, SuspensionStatus.TIMED_OUT],
)
def test_an_outcome_is_never_taken_back(status: SuspensionStatus) -> None:
    assert ways_out("suspension", status) == set()


@pytest.mark.parametrize("status", sorted(COUNTED_VOTES))
def test_a_vote_is_never_taken_back(status: ApprovalStatus) -> None:
    assert ways_out("approval", status) == set()


@each_kind
def test_every_status_has_a_name_of_its_own_for_people(kind: str) -> None:
    names = [str(label) for label in KINDS[kind].labels]
    assert all(names)
    assert len(names) == len(set(names))
