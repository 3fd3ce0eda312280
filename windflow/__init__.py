"""windflow: flows that stop, ask people, and go on.

A shop writes scripts, an admin builds a flow out of them, a worker runs it, and a step with a
``suspend`` block waits until enough people approved::

    from windflow import Context, StepFailed, script

    @script(kind="action", summary="Pay an invoice")
    def pay(ctx: Context, invoice: int, approvers: list[str]) -> dict[str, str]:
        if not approvers:
            raise StepFailed("Nobody approved this invoice.", permanent=True)
        ctx.log(f"paying {invoice}, approved by {', '.join(approvers)}")
        return {"paid": ctx.idempotency_key}

Flows are started and decided by the verbs of :mod:`windflow.engine`.
"""

from __future__ import annotations

from windflow.exceptions import ResourceBroken, StepFailed, WindflowError
from windflow.resources import ResourceValue, resource_type
from windflow.scripts import ApprovalLinks, Context, script

__version__ = "0.1.0.dev0"
__all__ = [
    "ApprovalLinks",
    "Context",
    "ResourceBroken",
    "ResourceValue",
    "StepFailed",
    "WindflowError",
    "__version__",
    "resource_type",
    "script",
]
