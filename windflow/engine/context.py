"""The ``ctx`` that a running script gets."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, NoReturn

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from windflow.engine import resources
from windflow.engine.change import Actor, Change, fenced_change
from windflow.engine.seats import ensure_seat, ensure_suspension, links, record_invited
from windflow.exceptions import StepFailed
from windflow.models import Run, StepRun, Suspension
from windflow.redaction import Redactor, storable
from windflow.resources import ResourceValue, Value, resource_types, secrets_of
from windflow.scripts import ApprovalLinks, person
from windflow.states import RunStatus
from windflow.values import JSON

WORKER = Actor("worker")
MAX_LOG = 100_000
_FLUSH_SECONDS = 1.0


class StepContext:
    """Implements :class:`windflow.Context` for one attempt of one step."""

    def __init__(self, run: Run, fence: int, step_run: StepRun, approvers: list[str]) -> None:
        self._run = run
        self._fence = fence
        self._step_run = step_run
        self._flushed = monotonic()
        self.run_id = run.pk
        self.step_id = step_run.step_id
        self.attempt = step_run.attempts
        self.idempotency_key = f"{run.key}:{step_run.step_id}"
        self.flow_name = run.flow.name
        self.started_by = person(run.started_by)
        self.approvers = approvers
        self.text = step_run.log
        self.redactor = Redactor()
        self._broken: list[tuple[ResourceValue, str]] = []

    @property
    def cancelled(self) -> bool:
        return not Run.objects.filter(
            pk=self.run_id, fence=self._fence, status=RunStatus.RUNNING
        ).exists()

    def log(self, text: str) -> None:
        line = self.redactor.text(storable(str(text)))
        stamp = timezone.now().strftime("%H:%M:%S")
        self.text = f"{self.text}{stamp} {line}\n"
        if len(self.text) > MAX_LOG:
            self.text = "…" + self.text[-MAX_LOG:]
        self._flush(log=self.text)

    def progress(self, done: float, total: float) -> None:
        share = min(max(done / total, 0.0), 1.0) if total else 0.0
        self._flush(progress=share, log=self.text)

    def ask(self, subject: str, message: str = "", about: str = "") -> None:
        with fenced_change(self._run, self._fence, WORKER) as tx:
            suspension = self._suspension(tx)
            question = {
                "subject": " ".join(self.redactor.text(subject).split())[:300],
                "message": self.redactor.text(message),
                "about": " ".join(self.redactor.text(about).split())[:300],
            }
            Suspension.objects.filter(pk=suspension.pk).update(**question)
            tx.record("suspension.asked", step=self.step_id, **question)

    def approval_links(self, approver: str) -> ApprovalLinks:
        with fenced_change(self._run, self._fence, WORKER) as tx:
            seat = ensure_seat(tx, self._suspension(tx), self.redactor.text(approver))
        return links(seat)

    def invited(self, links: ApprovalLinks) -> None:
        with fenced_change(self._run, self._fence, WORKER) as tx:
            record_invited(tx, links.approval_id)

    # Resources

    def resource(self, name: str, of: type[Value] | None = None) -> Any:
        type_name = resource_types.of(of).name if of is not None else ""
        static = any(name == value for value in self._static_inputs().values())
        return self._use(name, type_name, static=static)

    def argument(self, parameter: str, name: str, type_name: str) -> ResourceValue:
        """The resource that the step's input ``parameter`` names."""
        return self._use(name, type_name, static=parameter in self._static_inputs())

    def refresh(self, value: Value) -> Value:
        return self._handed_out(resources.refresh(value))

    def broken(self, value: ResourceValue, reason: str) -> NoReturn:
        self._broken.append((value, reason))
        raise resources.broken(value, reason)

    def close(self) -> None:
        """Say again what is broken, once the script has ended: the transaction in which it was
        said may have been rolled back."""
        for value, reason in self._broken:
            resources.mark_broken(value, reason)

    def _use(self, name: str, type_name: str, *, static: bool) -> ResourceValue:
        person = self._author() if static else self._starter()
        return self._handed_out(resources.use(name, type_name, on_behalf_of=person))

    def _handed_out(self, value: Value) -> Value:
        self.redactor.add(secrets_of(value))
        return value

    def _starter(self) -> AbstractBaseUser | None:
        """Whose wish the run's inputs are; where nobody's, the flow's author stands for them."""
        return self._run.started_by or self._author()

    def _author(self) -> AbstractBaseUser | None:
        """Whose wish the flow's own words are: who tests it, else who published this version."""
        if self._run.is_test:
            return self._run.started_by
        return self._run.version.created_by

    def _static_inputs(self) -> dict[str, JSON]:
        """The step's inputs that the document itself gives, as opposed to an expression."""
        module = _module(self._run.version.document, self.step_id) or {"value": {}}
        transforms = module["value"].get("input_transforms") or {}
        return {
            name: transform.get("value")
            for name, transform in transforms.items()
            if transform and transform.get("type") == "static"
        }

    def _suspension(self, tx: Change) -> Suspension:
        rule = self._run.version.definition.step(self.step_id).suspend
        if rule is None:
            raise StepFailed(
                f"Step {self.step_id} asks for approval but has no suspend block, so nobody's "
                "answer would be waited for. Add suspend to the step.",
                permanent=True,
            )
        return ensure_suspension(tx, self._step_run, rule)

    def _flush(self, **fields: object) -> None:
        """Show a long step's log and progress while it runs; at most once a second."""
        if monotonic() - self._flushed < _FLUSH_SECONDS or _in_event_loop():
            return
        self._flushed = monotonic()
        StepRun.objects.filter(pk=self._step_run.pk).update(**fields)


def _module(document: JSON, step_id: str) -> dict[str, JSON] | None:
    """The module with this id, however deep it lies."""
    if isinstance(document, dict) and document.get("id") == step_id and "value" in document:
        return document
    parts = document.values() if isinstance(document, dict) else document
    if not isinstance(document, dict | list):
        return None
    return next(filter(None, (_module(part, step_id) for part in parts)), None)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
