"""Flows: the list, and the page on which a draft is edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from windflow.admin.catalogue import entries
from windflow.admin.documents import FlowForm
from windflow.admin.launch import LaunchPages
from windflow.admin.publish import PublishPage
from windflow.models import Flow, FlowVersion, Run
from windflow.models.flow import digest
from windflow.presentation import moment, pretty

#: Buttons that save the draft and then go on to another page.
_SAVE_AND = ("test", "publish")


@admin.register(Flow)
class FlowAdmin(LaunchPages, PublishPage):
    """Edit a flow's draft, publish it, test it, start it."""

    form = FlowForm
    list_display = ("name", "slug", "published_version", "draft_state", "live_runs", "last_run")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    ordering = ("name",)

    def get_urls(self) -> list[Any]:
        return [*self.launch_urls(), *self.publish_urls(), *super().get_urls()]

    def has_start_permission(self, request: HttpRequest, obj: Flow | None = None) -> bool:
        """Whether the visitor may start and test runs of this flow."""
        return self.may(request, "start_flow")

    def has_publish_permission(self, request: HttpRequest, obj: Flow | None = None) -> bool:
        """Whether the visitor may publish this flow's draft."""
        return self.may(request, "publish_flow")

    # The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        published = FlowVersion.objects.filter(flow=OuterRef("pk"), number__isnull=False).order_by(
            "-number"
        )
        runs = Run.objects.filter(flow=OuterRef("pk"))
        live = runs.live().order_by().values("flow").annotate(number=Count("pk")).values("number")
        return (
            super()
            .get_queryset(request)
            .annotate(
                published_number=Subquery(published.values("number")[:1]),
                published_digest=Subquery(published.values("digest")[:1]),
                live_number=Subquery(live, output_field=IntegerField()),
                last_run_id=Subquery(runs.order_by("-pk").values("pk")[:1]),
                last_run_at=Subquery(runs.order_by("-pk").values("created_at")[:1]),
            )
        )

    @admin.display(
        description=gettext_lazy("published"), ordering="published_number", empty_value="–"
    )
    def published_version(self, flow: Any) -> str | None:
        if flow.published_number is None:
            return None
        return _("version %(number)d") % {"number": flow.published_number}

    @admin.display(description=gettext_lazy("draft"))
    def draft_state(self, flow: Any) -> str:
        if flow.published_number is None:
            return _("not published yet")
        if flow.published_digest == digest(flow.draft):
            return _("as published")
        return _("differs from version %(number)d") % {"number": flow.published_number}

    @admin.display(description=gettext_lazy("live runs"), ordering="live_number", empty_value="–")
    def live_runs(self, flow: Any) -> str | None:
        return str(flow.live_number) if flow.live_number else None

    @admin.display(description=gettext_lazy("last run"), ordering="last_run_id", empty_value="–")
    def last_run(self, flow: Any) -> str | None:
        if flow.last_run_id is None:
            return None
        words = _("run %(number)d") % {"number": flow.last_run_id}
        if self.admin_site.is_registered(Run):
            page = reverse(
                "admin:windflow_run_change",
                args=[flow.last_run_id],
                current_app=self.admin_site.name,
            )
            words = format_html('<a href="{}">{}</a>', page, words)
        return format_html("{}, {}", words, moment(flow.last_run_at))

    # The page of one flow

    def get_fields(self, request: HttpRequest, obj: Flow | None = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return ("name", "slug", "document")
        return ("name", "slug", "draft")

    def get_readonly_fields(self, request: HttpRequest, obj: Flow | None = None) -> Any:
        return ("document",)

    @admin.display(description=gettext_lazy("draft"))
    def document(self, flow: Flow) -> str:
        return format_html('<pre class="wf-code">{}</pre>', pretty(flow.draft))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        flow = self.get_object(request, object_id) if object_id else None
        facts = {"scripts": entries(request.user), **(self._facts(request, flow) if flow else {})}
        return super().changeform_view(
            request, object_id, form_url, {**facts, **(extra_context or {})}
        )

    def _facts(self, request: HttpRequest, flow: Flow) -> dict[str, Any]:
        versions = list(
            flow.versions.filter(number__isnull=False)
            .select_related("created_by")
            .defer("document")
            .order_by("-number")
        )
        return {
            "title": flow.name,
            "subtitle": None,
            "versions": [(version, self.link(request, version)) for version in versions],
            "published": versions[0] if versions else None,
            "differs": versions[:1] and versions[0].digest != digest(flow.draft),
            "may_start": self.has_start_permission(request, flow),
            "may_publish": self.has_publish_permission(request, flow),
        }

    def response_change(self, request: HttpRequest, obj: Flow) -> HttpResponse:
        return self._go_on(request, obj) or super().response_change(request, obj)

    def response_add(
        self, request: HttpRequest, obj: Flow, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._go_on(request, obj) or super().response_add(request, obj, post_url_continue)

    def _go_on(self, request: HttpRequest, flow: Flow) -> HttpResponse | None:
        for page in _SAVE_AND:
            if f"_{page}" in request.POST:
                return self.go(page, flow)
        return None

    # Deleting

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A flow with a history stays: say so in one sentence instead of listing all of it."""
        kept = [sentence for flow in objs if (sentence := _history(flow))]
        if kept:
            return [], {}, set(), kept
        return super().get_deleted_objects(objs, request)


def _history(flow: Flow) -> str:
    if not flow.versions.exists():  # a run has one too
        return ""
    versions, runs = flow.versions.filter(number__isnull=False).count(), flow.runs.count()
    return _("%(flow)s: %(versions)s and %(runs)s, whose history is kept") % {
        "flow": flow,
        "versions": ngettext("%(number)d version", "%(number)d versions", versions)
        % {"number": versions},
        "runs": ngettext("%(number)d run", "%(number)d runs", runs) % {"number": runs},
    }
