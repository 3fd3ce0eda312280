"""Flow documents and runs, in few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from windflow import engine
from windflow.links import Purpose
from windflow.models import Approval, Flow, Run, Suspension

Module = dict[str, Any]


def step(
    id: str,  # noqa: A002
    path: str = "tests/echo",
    inputs: Mapping[str, Any] | None = None,
    **keys: Any,
) -> Module:
    """A script step. An input is a static value, or a transform where it says its type."""
    transforms = {name: _transform(value) for name, value in (inputs or {}).items()}
    return {
        "id": id,
        "value": {"type": "script", "path": path, "input_transforms": transforms},
        **keys,
    }


def cel(expr: str) -> dict[str, str]:
    """An input that is a CEL expression."""
    return {"type": "cel", "expr": expr}


def _transform(value: Any) -> Any:
    if isinstance(value, dict) and "type" in value:
        return value
    return {"type": "static", "value": value}


def gate(
    *approvers: str,
    id: str = "ask",  # noqa: A002
    required: int = 1,
    timeout: int = 3600,
    **suspend: Any,
) -> Module:
    """An approval step that asks without sending mail."""
    block = {"required_events": required, "timeout": timeout, **suspend}
    return step(id, "tests/ask", {"approvers": list(approvers)}, suspend=block)


def document(*modules: Module, **schema: Any) -> dict[str, Any]:
    """A flow document; keyword arguments are the properties of its input schema."""
    return {
        "summary": "A flow",
        "schema": {"type": "object", "properties": schema},
        "value": {"modules": list(modules)},
    }


def flow(*modules: Module, slug: str = "flow", **schema: Any) -> Flow:
    """A published flow."""
    made = Flow.objects.create(
        name=slug.capitalize(), slug=slug, draft=document(*modules, **schema)
    )
    engine.publish(made)
    return made


def run(*modules: Module, by: User | None = None, inputs: Any = None, **schema: Any) -> Run:
    """A run of a new flow, taken as far as it goes."""
    number = Flow.objects.count()
    made = flow(*modules, slug=f"flow-{number}", **schema)
    return settle(engine.start(made, inputs or {}, by=by))


def settle(run: Run) -> Run:
    """Do what workers would, until nothing is left to do now."""
    while Run.objects.filter(pk=run.pk).claimable(timezone.now()).exists():
        engine.advance(run.pk)
    return Run.objects.get(pk=run.pk)


def suspension(run: Run) -> Suspension:
    """The run's last suspension."""
    return run.suspensions.order_by("pk").last()  # type: ignore[return-value]


def seat(run: Run, approver: str) -> Approval:
    """The seat of ``approver`` in the run's last suspension; a first name will do."""
    address = approver if "@" in approver else f"{approver}@example.com"
    return suspension(run).approvals.get(approver=address)


def opened_by(url: str) -> Approval:
    """The seat whose approval page is at ``url``; two links of one seat can differ as text."""
    return engine.find(url.rstrip("/").rpartition("/")[2], Purpose.PAGE)


def expire_now(run: Run) -> None:
    """Let the deadline of the run's suspension have passed."""
    Suspension.objects.filter(run=run).update(deadline=timezone.now())


def kinds(run: Run) -> list[str]:
    """The kinds of the run's events, in order."""
    return list(run.events.order_by("number").values_list("kind", flat=True))


def error(run: Run) -> dict[str, Any]:
    """What the run failed with."""
    assert run.error is not None, f"the run did not fail: it is {run.status}"
    found: dict[str, Any] = run.error
    return found
