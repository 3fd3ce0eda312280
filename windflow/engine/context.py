"""The ``ctx`` that a running script gets."""

from __future__ import annotations

import asyncio
from time import monotonic

from django.utils import timezone

from windflow.engine.change import Actor, Change, fenced_change
from windflow.engine.seats import ensure_seat, ensure_suspension, links, record_invited
from windflow.exceptions import StepFailed
from windflow.models import Run, StepRun, Suspension
from windflow.scripts import ApprovalLinks, person
from windflow.states import RunStatus

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

    @property
    def cancelled(self) -> bool:
        return not Run.objects.filter(
            pk=self.run_id, fence=self._fence, status=RunStatus.RUNNING
        ).exists()

    def log(self, text: str) -> None:
        line = str(text).replace("\0", "").encode("utf-8", "replace").decode()
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
                "subject": " ".join(subject.split())[:300],
                "message": message,
                "about": " ".join(about.split())[:300],
            }
            Suspension.objects.filter(pk=suspension.pk).update(**question)
            tx.record("suspension.asked", step=self.step_id, **question)

    def approval_links(self, approver: str) -> ApprovalLinks:
        with fenced_change(self._run, self._fence, WORKER) as tx:
            seat = ensure_seat(tx, self._suspension(tx), approver)
        return links(seat)

    def invited(self, links: ApprovalLinks) -> None:
        with fenced_change(self._run, self._fence, WORKER) as tx:
            record_invited(tx, links.approval_id)

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


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
