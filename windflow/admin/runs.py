"""Runs: the list, and the page of one run. Both only read; what changes a run is a verb."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from windflow import engine
from windflow.admin.base import actor
from windflow.admin.run_page import Abilities, build
from windflow.admin.seats import SeatPages
from windflow.exceptions import TransitionRefused
from windflow.models import Run
from windflow.models.run import RunQuerySet
from windflow.presentation import duration, headline, moment, with_gates
from windflow.states import LIVE_RUN, RunStatus

_MOST_WORDS = 120  # characters of a message in the list


class CancelForm(forms.Form):
    """Why a run is cancelled."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Shown on the run's page and to its approvers."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
    )


@admin.register(Run)
class RunAdmin(SeatPages):
    """Watch runs, and act on them as far as permissions go."""

    list_display = ("number", "state", "flow", "version_used", "starter", "started", "took")
    list_filter = (("flow", admin.RelatedOnlyFieldListFilter), "status", "is_test")
    list_select_related = ("flow", "version", "started_by")
    list_per_page = 50
    search_help_text = gettext_lazy("Number of the run, name of the flow, or who started it")
    actions = ("cancel_runs", "retry_runs")
    ordering = ("-pk",)

    def get_urls(self) -> list[Any]:
        return [
            self.route("<int:pk>/cancel/", self.cancel_page, "cancel"),
            self.route("<int:pk>/retry/", self.retry_page, "retry"),
            *self.seat_urls(),
            *super().get_urls(),
        ]

    def has_cancel_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        """Whether the visitor may cancel this run."""
        return self.may(request, "cancel_run")

    def has_retry_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        """Whether the visitor may retry this run."""
        return self.may(request, "retry_run")

    # The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        runs = super().get_queryset(request)
        assert isinstance(runs, RunQuerySet)
        # Up to a megabyte each, and a list shows none of them.
        return with_gates(runs).defer("inputs", "result", "version__document")

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        user = get_user_model()
        return (
            "=id",
            "flow__name",
            "flow__slug",
            f"started_by__{user.USERNAME_FIELD}",
            f"started_by__{user.get_email_field_name()}",
        )

    @admin.display(description=gettext_lazy("run"), ordering="pk")
    def number(self, run: Run) -> str:
        return _("run %(number)d") % {"number": run.pk}

    @admin.display(description=gettext_lazy("state"), ordering="status")
    def state(self, run: Run) -> SafeString:
        return badge(run.status, headline(run, most=_MOST_WORDS))

    @admin.display(description=gettext_lazy("version"), ordering="version__number")
    def version_used(self, run: Run) -> str:
        return version_words(run)

    @admin.display(description=gettext_lazy("started by"), ordering="started_by", empty_value="–")
    def starter(self, run: Run) -> str | None:
        return run.started_by.get_username() if run.started_by is not None else None

    @admin.display(description=gettext_lazy("started"), ordering="created_at")
    def started(self, run: Run) -> SafeString:
        return moment(run.created_at)

    @admin.display(description=gettext_lazy("took"), empty_value="–")
    def took(self, run: Run) -> str | None:
        return duration(run.finished_at - run.created_at) if run.finished_at else None

    # Actions

    @admin.action(description=gettext_lazy("Cancel selected runs…"), permissions=["cancel"])
    def cancel_runs(self, request: HttpRequest, runs: QuerySet[Run]) -> HttpResponse | None:
        form = CancelForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            return self._cancel_form(request, form, list(runs))
        done = sum(self._cancel(request, run, form.cleaned_data["reason"]) for run in runs)
        said = ngettext("%(number)d run cancelled.", "%(number)d runs cancelled.", done)
        if done:
            messages.success(request, said % {"number": done})
        return None

    @admin.action(description=gettext_lazy("Retry selected runs"), permissions=["retry"])
    def retry_runs(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        done = sum(self._retry(request, run) for run in runs)
        said = ngettext("%(number)d run retried.", "%(number)d runs retried.", done)
        if done:
            messages.success(request, said % {"number": done})

    # The page of one run

    @method_decorator(require_safe)
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Everything about one run."""
        run = self.find(request, object_id)
        by = actor(request)
        assert by.user is not None
        abilities = Abilities(
            cancel=run.status in LIVE_RUN and self.has_cancel_permission(request, run),
            retry=run.status == RunStatus.FAILED and self.has_retry_permission(request, run),
            links=self.has_links_permission(request, run),
        )
        paused = request.GET.get("updates") == "off"
        return self.page(
            request,
            "run/change_form.html",
            run,
            f"{run.flow} · {_('run %(number)d') % {'number': run.pk}}",
            run_page=build(run, by.user, abilities),
            abilities=abilities,
            headline=headline(run),
            version_words=version_words(run),
            flow_url=self.link(request, run.flow),
            version_url=self.link(request, run.version),
            paused=paused,
            **(extra_context or {}),
        )

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def cancel_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for a reason; cancel on POST."""
        run = self.find(request, pk)
        if not self.has_cancel_permission(request, run):
            raise PermissionDenied
        form = CancelForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._cancel_form(request, form, [run])
        if self._cancel(request, run, form.cleaned_data["reason"]):
            said = _("Run %(number)d cancelled.") % {"number": run.pk}
            messages.success(request, said)
        return self.go("change", run)

    @method_decorator(require_POST)
    def retry_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Take a failed run up again."""
        run = self.find(request, pk)
        if not self.has_retry_permission(request, run):
            raise PermissionDenied
        if self._retry(request, run):
            messages.success(request, _("Run %(number)d retried.") % {"number": run.pk})
        return self.go("change", run)

    def _cancel_form(self, request: HttpRequest, form: CancelForm, runs: list[Run]) -> HttpResponse:
        only = runs[0] if len(runs) == 1 else None
        title = (
            _("Cancel run %(number)d?") % {"number": only.pk}
            if only is not None
            else _("Cancel %(number)d runs?") % {"number": len(runs)}
        )
        return self.page(
            request,
            "run/cancel.html",
            only,
            title,
            form=form,
            runs=[(run, headline(run)) for run in runs],
            is_action="action" in request.POST,
        )

    def _cancel(self, request: HttpRequest, run: Run, reason: str) -> bool:
        allowed = self.has_cancel_permission(request, run)
        try:
            if not allowed:
                raise PermissionDenied(_("You may not cancel this run."))
            engine.cancel(run, by=actor(request), reason=reason)
        except (TransitionRefused, PermissionDenied) as error:
            self._say(request, run, error)
            return False
        return True

    def _retry(self, request: HttpRequest, run: Run) -> bool:
        try:
            if not self.has_retry_permission(request, run):
                raise PermissionDenied(_("You may not retry this run."))
            engine.retry(run, by=actor(request))
        except (TransitionRefused, PermissionDenied) as error:
            self._say(request, run, error)
            return False
        return True

    def _say(self, request: HttpRequest, run: Run, error: Exception) -> None:
        messages.error(request, f"{run}: {error}")


def badge(state: str, words: str) -> SafeString:
    """A state as shape, colour and words."""
    return format_html('<span class="wf-state wf-state--{}">{}</span>', state, words)


def version_words(run: Run) -> str:
    """Which document the run follows: "version 3", or "test of the draft"."""
    if run.version.number is None:
        return _("test of the draft")
    return _("version %(number)d") % {"number": run.version.number}
