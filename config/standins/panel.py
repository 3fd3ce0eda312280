"""The control panel: what arrived, who allowed what, and what the next calls are to meet."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from config.standins import control, directory
from config.standins.answers import BEHAVIOURS, MAX_SECONDS
from config.standins.csp import protect
from config.standins.guard import page
from config.standins.models import Call, Endpoint, Fault, Grant, Mail, Message
from config.standins.oauth import revoke_grant

_SHOWN = 20  # calls
_BEHAVIOURS: dict[str, str | Promise] = {
    "delay": _("answer late, and rightly"),
    "hang": _("do nothing, answer too late"),
    "lose_answer": _("do the work, answer too late"),
}


class FaultForm(forms.Form):
    """What goes wrong, where, how often."""

    endpoint = forms.ChoiceField(label=_("Calls of"), choices=Endpoint.choices)
    how = forms.ChoiceField(label=_("Fail by"))
    times = forms.IntegerField(label=_("How many times"), min_value=1, max_value=1000, initial=1)
    retry_after = forms.IntegerField(
        label=_("Retry-After of a rate limit, in seconds"),
        min_value=0,
        max_value=86_400,
        required=False,
    )
    seconds = forms.FloatField(
        label=_("How late a late answer is, in seconds"),
        min_value=0.1,
        max_value=MAX_SECONDS,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["how"] = forms.ChoiceField(label=_("Fail by"), choices=_how())

    def clean(self) -> dict[str, Any]:
        """Refuse what the endpoint cannot do."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                control.check_fault(
                    cleaned["endpoint"],
                    cleaned["how"],
                    cleaned["times"],
                    seconds=cleaned["seconds"],
                )
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned


def _how() -> list[tuple[str | Promise, Any]]:
    """Every failure once, behaviours first, then the errors by provider."""
    groups: dict[str, dict[str, str]] = {"Google": {}, "Slack": {}}
    for endpoint in Endpoint.values:
        group = groups["Slack" if endpoint.startswith("slack.") else "Google"]
        errors = [name for name in control.failures(endpoint) if name not in BEHAVIOURS]
        group.update((name, name) for name in errors)
    return [
        (_("Behaviour"), list(_BEHAVIOURS.items())),
        *((provider, list(names.items())) for provider, names in groups.items()),
    ]


@page
@require_GET
def panel(request: HttpRequest) -> HttpResponse:
    """Show everything."""
    return _show(request, FaultForm())


@page
@require_POST
def fail(request: HttpRequest) -> HttpResponse:
    """Arm a fault."""
    form = FaultForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=400)
    control.fail(**form.cleaned_data)
    return redirect("standins:panel")


@page
@require_POST
def remove_fault(request: HttpRequest, pk: int) -> HttpResponse:
    """Disarm a fault."""
    Fault.objects.filter(pk=pk).delete()
    return redirect("standins:panel")


@page
@require_POST
def expire(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a grant's access tokens expire."""
    control.expire_tokens_of(get_object_or_404(Grant, pk=pk))
    return redirect("standins:panel")


@page
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a grant back."""
    revoke_grant(get_object_or_404(Grant, pk=pk))
    return redirect("standins:panel")


@page
@require_POST
def reset(request: HttpRequest) -> HttpResponse:
    """Forget everything but the apps."""
    control.reset()
    return redirect("standins:panel")


def _show(request: HttpRequest, form: FaultForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "faults": control.pending_faults(),
        "grants": [(one, _account(one)) for one in control.live_grants()],
        "totals": Call.objects.values("endpoint", "outcome").annotate(number=Count("pk"))
        .order_by("endpoint", "outcome"),
        "calls": Call.objects.all()[:_SHOWN],
        "mails": Mail.objects.count(),
        "messages": Message.objects.count(),
    }  # fmt: skip
    return protect(render(request, "standins/panel.html", context, status=status))


def _account(grant: Grant) -> str:
    person = directory.person_by_slack_id(grant.account)
    return person.email if person else grant.account
