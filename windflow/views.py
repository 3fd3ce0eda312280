"""What an approval link opens. Views parse and show; :func:`windflow.engine.decide` decides."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _

from windflow import engine
from windflow.answers import Sent, answer_form, comment, is_form, read_form, read_json
from windflow.engine import Actor, Refusal
from windflow.engine.access import Visitor
from windflow.engine.decide import MAX_COMMENT, Decision
from windflow.exceptions import DecisionRefused, InvalidInput
from windflow.forms import SchemaForm
from windflow.links import Purpose
from windflow.models import Approval, Suspension
from windflow.pages import SeeOther, approval_link, check_size, invalid, problem, wants_json
from windflow.question import Question

_DECISIONS: dict[str, Decision] = {"approve": "approve", "reject": "reject"}


@approval_link(csrf=True)
def approval(request: HttpRequest, token: str) -> HttpResponse:
    """The approval page: read what is asked, then approve or reject it."""
    seat = engine.find(token, Purpose.PAGE)
    visitor: Visitor = getattr(request, "user", None)
    refused = engine.refusal(seat, visitor)
    if refused is not None:
        return _refused(request, seat, refused)
    if request.method != "POST":
        return _page(request, seat)
    pressed = request.POST.get("decision", "")
    if pressed == "back":
        return _page(request, seat, form=answer_form(seat, request.POST, checked=False))
    if pressed not in _DECISIONS:
        return _page(request, seat, errors={"decision": _("Press Approve or Reject.")})
    if pressed == "reject" and "confirm" not in request.POST and Question(seat).is_open:
        return _confirm(request, seat)
    return _decide(request, token, seat, _DECISIONS[pressed], _actor(seat, visitor))


@approval_link(csrf=False)
def resume(request: HttpRequest, token: str) -> HttpResponse:
    """Approve: by one button, or by a program's POST."""
    return _direct(request, token, Purpose.RESUME, "approve")


@approval_link(csrf=False)
def cancel(request: HttpRequest, token: str) -> HttpResponse:
    """Reject, likewise."""
    return _direct(request, token, Purpose.CANCEL, "reject")


def _direct(request: HttpRequest, token: str, purpose: Purpose, decision: Decision) -> HttpResponse:
    """The token is the whole authority here. Nobody's session is looked at: without a CSRF check,
    another site could lend itself the cookies of somebody who is logged in."""
    seat = engine.find(token, purpose)
    refused = engine.refusal(seat, None)
    if refused is not None:
        return _refused(request, seat, refused, can_log_in=False)
    if request.method != "POST":
        return _page(request, seat, purpose=purpose)
    check_size(request)
    actor = Actor("link", seat.approver)
    if wants_json(request):
        return _decide_for_program(request, token, seat, decision, actor, purpose)
    return _decide(request, token, seat, decision, actor, purpose)


# Deciding


def _actor(seat: Approval, visitor: Visitor) -> Actor:
    if visitor is None or not visitor.is_authenticated:
        return Actor("page", seat.approver)
    return Actor("page", visitor.get_username(), visitor)


def _decide(
    request: HttpRequest,
    token: str,
    seat: Approval,
    decision: Decision,
    actor: Actor,
    purpose: Purpose = Purpose.PAGE,
) -> HttpResponse:
    """Record what a person posted, and show them what came of it."""
    form = _posted_form(request, seat, decision)
    try:
        sent = read_form(request, form)
        engine.decide(seat, decision, by=actor, comment=sent.comment, answer=sent.answer)
    except InvalidInput as error:
        return _page(request, seat, purpose=purpose, form=form, errors=error.errors)
    except DecisionRefused as error:
        found = engine.find(token, purpose)
        return _page(request, found, purpose=purpose, notice=error.message, status=409)
    return SeeOther(reverse(_name(purpose), args=[token]))


def _decide_for_program(
    request: HttpRequest,
    token: str,
    seat: Approval,
    decision: Decision,
    actor: Actor,
    purpose: Purpose,
) -> HttpResponse:
    try:
        sent = _read(request, seat, decision)
        receipt = engine.decide(seat, decision, by=actor, comment=sent.comment, answer=sent.answer)
    except InvalidInput as error:
        return invalid(request, error)
    except DecisionRefused as error:
        state = _state(engine.find(token, purpose).suspension)
        return JsonResponse({"error": error.message, **state}, status=409)
    return JsonResponse({"recorded": receipt.recorded, **_state(receipt.suspension)})


def _read(request: HttpRequest, seat: Approval, decision: Decision) -> Sent:
    if is_form(request):
        return read_form(request, _posted_form(request, seat, decision))
    if request.content_type == "application/json" or not request.body:
        return read_json(request)
    raise InvalidInput({"body": _("Send JSON (as application/json) or a form.")})


def _posted_form(request: HttpRequest, seat: Approval, decision: Decision) -> SchemaForm | None:
    """Filled in to approve, and read only where that is still possible: else its gaps would hide
    the true state."""
    if decision != "approve" or not Question(seat).is_open:
        return None
    return answer_form(seat, request.POST)


def _state(suspension: Suspension) -> dict[str, Any]:
    return {
        "status": suspension.status,
        "approvals": suspension.approvals.approved().count(),
        "required": suspension.required,
    }


# Showing


def _page(
    request: HttpRequest,
    seat: Approval,
    *,
    purpose: Purpose = Purpose.PAGE,
    form: SchemaForm | None = None,
    errors: dict[str, str] | None = None,
    notice: str = "",
    status: int = 200,
) -> HttpResponse:
    """The approval page, or its outcome. ``errors`` are shown where they belong, with a 400."""
    question = Question(seat)
    asks = question.is_open and purpose is not Purpose.CANCEL
    shown = (form or answer_form(seat)) if asks else None
    if shown is not None and shown.is_bound and shown.checked:
        shown.add_problems(errors or {})
    context = {
        "question": question,
        "form": shown,
        "errors": errors or {},
        "notice": notice,
        "comment": comment(request),
        "max_comment": MAX_COMMENT,
        "may_approve": purpose is not Purpose.CANCEL,
        "may_reject": purpose is not Purpose.RESUME and question.may_reject,
    }
    return render(request, "windflow/approval.html", context, status=400 if errors else status)


def _confirm(request: HttpRequest, seat: Approval) -> HttpResponse:
    """Reject asks once more; what was typed is kept for both answers."""
    kept = [
        (name, value)
        for name, values in request.POST.lists()
        if name.startswith("answer.")
        for value in values
    ]
    context = {
        "question": Question(seat),
        "comment": comment(request),
        "max_comment": MAX_COMMENT,
        "kept": kept,
    }
    return render(request, "windflow/confirm.html", context)


def _refused(
    request: HttpRequest, seat: Approval, refused: Refusal, *, can_log_in: bool = True
) -> HttpResponse:
    """Whoever may not decide learns the flow's name, and why."""
    text, login = str(refused.value), ""
    if refused in {Refusal.LOGIN, Refusal.NOT_YOU}:
        if can_log_in:
            login = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': request.path})}"
        else:
            text = _("This needs a login. Open the approval page instead, and log in there.")
    flow = seat.suspension.run.flow.name
    return problem(request, 403, text, flow=flow, login=login)


def _name(purpose: Purpose) -> str:
    return "windflow:approval" if purpose is Purpose.PAGE else f"windflow:{purpose.value}"
