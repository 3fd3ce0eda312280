"""Start a run: of the published version, or of the draft as a test."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from windflow import engine
from windflow.admin.base import PageAdmin, actor
from windflow.admin.documents import problem_words
from windflow.definition import DefinitionError, parse
from windflow.exceptions import InvalidInput, NotPublished
from windflow.forms import SchemaForm, schema_form
from windflow.models import Flow, Run
from windflow.scripts import catalogue
from windflow.values import JSON


class LaunchPages(PageAdmin[Flow]):
    """The pages that ask for a flow's inputs and start a run with them."""

    def launch_urls(self) -> list[Any]:
        """The routes of these pages."""
        return [
            self.route("<int:pk>/test/", self.test_page, "test"),
            self.route("<int:pk>/start/", self.start_page, "start"),
        ]

    def has_start_permission(self, request: HttpRequest, obj: Flow | None = None) -> bool:
        """Whether the visitor may start and test runs of this flow."""
        return self.may(request, "start_flow")

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def test_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Run the draft as it is now."""
        return self._launch(request, pk, test=True)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def start_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Run the published version."""
        return self._launch(request, pk, test=False)

    def _launch(self, request: HttpRequest, pk: int, *, test: bool) -> HttpResponse:
        flow = self.find(request, pk)
        if not self.has_start_permission(request, flow):
            raise PermissionDenied
        try:
            schema = _schema(flow, test=test)
        except DefinitionError as error:
            messages.error(request, _draft_problems(error))
            return self.go("change", flow)
        except NotPublished as error:
            messages.error(request, error.message)
            return self.go("change", flow)
        data = request.POST if request.method == "POST" else None
        form = schema_form(schema, prefix="inputs", data=data)
        if form.is_valid():
            run = _start(request, flow, form, test=test)
            if run is not None:
                return self._show(request, run)
        title = _("Test %(flow)s") if test else _("Start a run of %(flow)s")
        return self.page(
            request,
            "flow/launch.html",
            flow,
            title % {"flow": flow},
            form=form,
            test=test,
            version=None if test else flow.published,
            once=request.POST.get("once") or uuid.uuid4().hex,
        )

    def _show(self, request: HttpRequest, run: Run) -> HttpResponse:
        page = self.link(request, run)
        if page:
            return redirect(page)
        messages.success(request, _("Run %(number)d started.") % {"number": run.pk})
        return self.go("change", run.flow)


def _schema(flow: Flow, *, test: bool) -> dict[str, JSON]:
    if test:
        return parse(flow.draft, scripts=catalogue).schema
    if flow.published is None:
        raise NotPublished
    return flow.published.definition.schema


def _start(request: HttpRequest, flow: Flow, form: SchemaForm, *, test: bool) -> Run | None:
    by = actor(request)
    # The page carries a key of its own, so that a double click starts one run and asks once.
    once = request.POST.get("once", "")[:64]
    key = f"admin:{request.user.pk}:{once}" if once else None
    try:
        return engine.start(flow, form.json(), by=by, test=test, idempotency_key=key)
    except InvalidInput as error:
        form.add_problems(error.errors)
    return None


def _draft_problems(error: DefinitionError) -> SafeString:
    return format_html(
        "{}<ul>{}</ul>",
        _("The draft cannot run yet:"),
        format_html_join("", "<li>{}</li>", ((problem_words(item),) for item in error.problems)),
    )
