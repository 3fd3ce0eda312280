"""Scripts that only the tests have."""

from __future__ import annotations

import os
import time
import uuid

from django.db.models import F
from pydantic import BaseModel

from tests.models import Ledger
from windflow import Context, StepFailed, script
from windflow.models import Run


class Total(BaseModel):
    """A typed result."""

    amount: float
    currency: str = "EUR"


@script(summary="Return what came in")
def echo(ctx: Context, value: object = None) -> object:
    return value


@script(summary="Return a typed result")
def total(ctx: Context, amount: float) -> Total:
    return Total(amount=amount)


@script(summary="An async script")
async def later(ctx: Context, value: str) -> str:
    ctx.log(f"awaited {value}")
    return value.upper()


@script(kind="approval", summary="Ask without sending anything")
def ask(
    ctx: Context,
    approvers: list[str],
    subject: str = "Agree?",
    message: str = "",
    about: str = "",
) -> list[str]:
    ctx.ask(subject, message, about)
    return [ctx.approval_links(approver).approver for approver in approvers]


@script(summary="Count calls, and fail the first ones")
def flaky(
    ctx: Context, failures: int, permanent: bool = False, retry_after: float | None = None
) -> int:
    Ledger.objects.create(key=str(uuid.uuid4()))
    if ctx.attempt <= failures:
        raise StepFailed(
            f"attempt {ctx.attempt} failed", permanent=permanent, retry_after=retry_after
        )
    return ctx.attempt


@script(summary="Write one row, in the transaction of its result", atomic=True)
def pay(ctx: Context, fail: bool = False) -> str:
    Ledger.objects.create(key=ctx.idempotency_key)
    if fail:
        raise StepFailed("paid and regretted")
    return "paid"


@script(summary="Raise what no script should")
def explode(ctx: Context, how: str) -> object:
    if how == "exit":
        raise SystemExit(3)
    if how == "set":
        return {1, 2}
    if how == "nul":
        return "a\0b"
    if how == "huge":
        return "x" * 2_000_000
    raise ZeroDivisionError(how)


@script(summary="Take some time")
def nap(ctx: Context, seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@script(summary="Return the time, in seconds since 1970")
def clock(ctx: Context) -> float:
    return time.time()


@script(summary="Kill the worker that runs it, on the first attempts")
def die(ctx: Context, times: int) -> int:
    Ledger.objects.create(key=f"{ctx.idempotency_key}:{ctx.attempt}")
    if ctx.attempt <= times:
        os.kill(os.getpid(), 9)
    return ctx.attempt


@script(summary="Lose the lease to another worker, and carry on")
def takeover(ctx: Context) -> str:
    Run.objects.filter(pk=ctx.run_id).update(fence=F("fence") + 1)
    return "too late"
