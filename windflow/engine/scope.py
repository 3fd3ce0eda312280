"""What the expressions of a step can see."""

from __future__ import annotations

from typing import Any

from windflow.definition import Definition
from windflow.engine.gate import outcome_error
from windflow.models import Run, StepRun, Suspension
from windflow.states import ApprovalStatus, StepStatus
from windflow.values import JSON

_WITH_RESULT = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED, StepStatus.FAILED})


class Scope:
    """The step context of a run: grows with every step that is done."""

    def __init__(self, run: Run, definition: Definition) -> None:
        self._values: dict[str, JSON] = {
            "flow_input": run.inputs,
            "results": {},
            "previous_result": None,
            "approvals": {},
            "approvers": [],
            "resume": None,
            "resumes": [],
            "run": {"id": run.pk, "key": str(run.key), "flow": run.flow.slug},
        }
        gates = _gates(run) if any(step.suspend for step in definition.steps) else {}
        done = run.step_runs.filter(status__in=_WITH_RESULT, position__lte=run.position)
        for step_run in done.order_by("position"):
            if step_run.status == StepStatus.SKIPPED:
                self.skip(step_run.step_id)
            else:
                self.add(step_run.step_id, step_run.result)
            if step_run.pk in gates:
                self._pass(step_run, gates[step_run.pk])

    @property
    def values(self) -> dict[str, Any]:
        """The scope as plain data. Expressions read it; nothing writes it."""
        return self._values

    @property
    def previous_result(self) -> JSON:
        """The result of the last step that was done."""
        return self._values["previous_result"]

    @property
    def approvers(self) -> list[str]:
        """Who approved at the last gate, in order."""
        return list(self._values["approvers"])

    def add(self, step_id: str, result: JSON) -> None:
        """A step is done."""
        self._values["results"][step_id] = result
        self._values["previous_result"] = result

    def skip(self, step_id: str) -> None:
        """A step was passed over: it has no result, and the previous one stays."""
        self._values["results"][step_id] = None

    def _pass(self, step_run: StepRun, suspension: Suspension) -> None:
        gate = _gate(suspension)
        self._values["approvals"][step_run.step_id] = gate
        for name in ("approvers", "resume", "resumes"):
            self._values[name] = gate[name]


def _gates(run: Run) -> dict[int, Suspension]:
    """The decided suspension of each step run; of several rounds, the last."""
    decided = run.suspensions.select_related("step_run").prefetch_related("approvals")
    gates = {}
    for suspension in decided.order_by("round"):
        suspension.run = run
        gates[suspension.step_run_id] = suspension
    return gates


def _gate(suspension: Suspension) -> dict[str, JSON]:
    votes = sorted(
        (seat for seat in suspension.approvals.all() if seat.decided_at is not None),
        key=lambda seat: (seat.decided_at, seat.pk),
    )
    resumes = [seat.answer for seat in votes if seat.status == ApprovalStatus.APPROVED]
    error = outcome_error(suspension)
    if error is not None:
        resumes.append({"error": error})
    return {
        "outcome": str(suspension.status),
        "approvers": [seat.approver for seat in votes if seat.status == ApprovalStatus.APPROVED],
        "resume": resumes[-1] if resumes else None,
        "resumes": resumes,
        "votes": [
            {
                "approver": seat.approver,
                "decision": str(seat.status),
                "comment": seat.comment,
                "answer": seat.answer,
                "at": seat.decided_at.isoformat(),
            }
            for seat in votes
            if seat.decided_at is not None
        ],
    }
