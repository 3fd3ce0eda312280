"""How an endpoint answers: counted, and with whatever fault waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db import connection
from django.http import HttpResponse, JsonResponse

from config.standins.models import Call, Fault

OK = "ok"
PENDING = "no answer yet"
MAX_SECONDS = 60  # a stand-in never holds a caller longer than this


class Refusal(Exception):
    """An error answer in the provider's own shape. ``name`` is how the call is counted."""

    def __init__(
        self,
        name: str,
        status: int,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name)
        self.name = name
        self.status = status
        self.body = dict(body)
        self.headers = dict(headers or {})

    def response(self) -> HttpResponse:
        """The answer."""
        return JsonResponse(self.body, status=self.status, headers=self.headers)


Work = Callable[[], HttpResponse]
Behaviour = Callable[[Fault, Work], HttpResponse]


def delay(fault: Fault, work: Work) -> HttpResponse:
    """Answer late."""
    _wait(fault)
    return work()


def hang(fault: Fault, work: Work) -> HttpResponse:
    """Do nothing, and answer long after the caller should have given up."""
    _wait(fault)
    raise Refusal(fault.how, 504, {"error": "stand-in: this call was told to hang"})


def lose_answer(fault: Fault, work: Work) -> HttpResponse:
    """Do the work, and answer long after the caller should have given up."""
    response = work()
    _wait(fault)
    return response


BEHAVIOURS: dict[str, Behaviour] = {"delay": delay, "hang": hang, "lose_answer": lose_answer}


def _wait(fault: Fault) -> None:
    if not connection.in_atomic_block:
        connection.close()  # a call that nobody waits for any more must not hold one
    time.sleep(min(fault.seconds or 0, MAX_SECONDS))


def answer(endpoint: str, work: Work, refuse: Callable[[Fault], Refusal]) -> HttpResponse:
    """What ``work`` answers, or the fault that waits for this endpoint; counted either way.

    ``refuse`` makes the provider's error for a fault that is no behaviour.
    """
    fault = Fault.objects.take(endpoint)
    call = Call.objects.create(endpoint=endpoint, outcome=fault.how if fault else PENDING)
    try:
        response = _carry_out(fault, work, refuse)
        outcome = fault.how if fault else OK
    except Refusal as refusal:
        response, outcome = refusal.response(), refusal.name
    if call.outcome != outcome:
        Call.objects.filter(pk=call.pk).update(outcome=outcome)
    return response


def _carry_out(fault: Fault | None, work: Work, refuse: Callable[[Fault], Refusal]) -> HttpResponse:
    if fault is None:
        return work()
    behave = BEHAVIOURS.get(fault.how)
    if behave is None:
        raise refuse(fault)
    return behave(fault, work)
