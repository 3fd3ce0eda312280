"""What can be done about one approver's seat: send the link again, withdraw it, decide as oneself.
Links go out by mail; no page here ever shows one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from windflow import engine, notifications
from windflow.admin.base import ReadOnlyAdmin, actor
from windflow.engine.access import is_seat_of
from windflow.engine.decide import MAX_COMMENT, Decision
from windflow.exceptions import InvalidInput, WindflowError
from windflow.forms import SchemaForm, schema_form
from windflow.models import Approval, Run


class DecisionForm(forms.Form):
    """What goes with a decision, beside the step's own form."""

    comment = forms.CharField(
        label=gettext_lazy("Comment"),
        max_length=MAX_COMMENT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
    )


class SeatPages(ReadOnlyAdmin[Run]):
    """The pages below a run that act on one of its seats."""

    def seat_urls(self) -> list[Any]:
        """The routes of these pages."""
        seat = "<int:pk>/seat/<int:seat_pk>"
        return [
            self.route(f"{seat}/resend/", self.resend_page, "resend"),
            self.route(f"{seat}/revoke/", self.revoke_page, "revoke"),
            self.route(f"{seat}/approve/", self.approve_page, "approve"),
            self.route(f"{seat}/reject/", self.reject_page, "reject"),
        ]

    def has_links_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        """Whether the visitor may resend and withdraw the links of this run."""
        return self.may(request, "manage_links")

    @method_decorator(require_POST)
    def resend_page(self, request: HttpRequest, pk: int, seat_pk: int) -> HttpResponse:
        """Mail the seat its link once more."""
        run, seat = self._seat(request, pk, seat_pk)
        if not self.has_links_permission(request, run):
            raise PermissionDenied
        try:
            notifications.resend(seat, by=actor(request))
        except WindflowError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("Sent to %(who)s again.") % {"who": seat.approver})
        return self.go("change", run)

    @method_decorator(require_POST)
    def revoke_page(self, request: HttpRequest, pk: int, seat_pk: int) -> HttpResponse:
        """Withdraw every link of the seat."""
        run, seat = self._seat(request, pk, seat_pk)
        if not self.has_links_permission(request, run):
            raise PermissionDenied
        engine.revoke(seat, by=actor(request))
        said = _("The link of %(who)s no longer works.") % {"who": seat.approver}
        messages.success(request, said)
        return self.go("change", run)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def approve_page(self, request: HttpRequest, pk: int, seat_pk: int) -> HttpResponse:
        """Approve as the person who is logged in."""
        return self._decide(request, pk, seat_pk, "approve")

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def reject_page(self, request: HttpRequest, pk: int, seat_pk: int) -> HttpResponse:
        """Reject as the person who is logged in."""
        return self._decide(request, pk, seat_pk, "reject")

    def _decide(
        self, request: HttpRequest, pk: int, seat_pk: int, decision: Decision
    ) -> HttpResponse:
        run, seat = self._seat(request, pk, seat_pk)
        if not (isinstance(request.user, AbstractBaseUser) and is_seat_of(seat, request.user)):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        form, answer = DecisionForm(data), _answer_form(seat, decision, data)
        valid = form.is_valid() and (answer is None or answer.is_valid())
        if valid and _record(request, seat, decision, form, answer):
            return self.go("change", run)
        title = _("Approve?") if decision == "approve" else _("Reject?")
        return self.page(
            request,
            "run/decide.html",
            run,
            title,
            seat=seat,
            decision=decision,
            form=form,
            answer=answer,
        )

    def _seat(self, request: HttpRequest, pk: int, seat_pk: int) -> tuple[Run, Approval]:
        run = self.find(request, pk)
        seats = Approval.objects.select_related("suspension__step_run")
        seat = get_object_or_404(seats, pk=seat_pk, suspension__run=run)
        seat.suspension.run = run
        return run, seat


def _answer_form(seat: Approval, decision: Decision, data: Any) -> SchemaForm | None:
    schema = seat.suspension.rule.form_schema
    if decision != "approve" or schema is None:
        return None
    return schema_form(schema, prefix="answer", data=data)


def _record(
    request: HttpRequest,
    seat: Approval,
    decision: Decision,
    form: DecisionForm,
    answer: SchemaForm | None,
) -> bool:
    """Whether that is settled, one way or the other; False when the form shows errors."""
    comment = form.cleaned_data["comment"]
    given = answer.json() if answer is not None else None
    try:
        receipt = engine.decide(seat, decision, by=actor(request), comment=comment, answer=given)
    except InvalidInput as error:
        if answer is not None:
            answer.add_problems(error.errors)
        for place, text in error.errors.items():
            if not place.startswith("answer"):
                form.add_error(place if place in form.fields else None, text)
        return False
    except WindflowError as error:
        messages.error(request, error.message)
        return True
    if receipt.recorded:
        said = _("You approved.") if decision == "approve" else _("You rejected.")
        messages.success(request, said)
    else:
        messages.info(request, _("That was recorded already; nothing changed."))
    return True
