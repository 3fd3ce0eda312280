"""Publish a draft: what changes is shown first."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from windflow import engine
from windflow.admin.base import PageAdmin, actor
from windflow.admin.documents import problem_words
from windflow.definition import DefinitionError, parse
from windflow.models import Flow, FlowVersion
from windflow.models.flow import digest
from windflow.presentation import pretty
from windflow.scripts import catalogue

_MOST_LINES = 600
_MARKS = {"+": "added", "-": "removed", "@": "place"}


class PublishForm(forms.Form):
    """What can be said of a new version."""

    note = forms.CharField(
        label=gettext_lazy("Note"),
        help_text=gettext_lazy("Optional: what changed and why, for the list of versions."),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class PublishPage(PageAdmin[Flow]):
    """The page that publishes a flow."""

    def publish_urls(self) -> list[Any]:
        """The routes of this page."""
        return [self.route("<int:pk>/publish/", self.publish_page, "publish")]

    def has_publish_permission(self, request: HttpRequest, obj: Flow | None = None) -> bool:
        """Whether the visitor may publish this flow's draft."""
        return self.may(request, "publish_flow")

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def publish_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what would be published; publish on POST."""
        flow = self.find(request, pk)
        if not self.has_publish_permission(request, flow):
            raise PermissionDenied
        last = flow.published
        form = PublishForm(request.POST if request.method == "POST" else None)
        unchanged = last is not None and last.digest == digest(flow.draft)
        if form.is_valid() and not unchanged and self._publish(request, flow, form):
            return self.go("change", flow)
        return self.page(
            request,
            "flow/publish.html",
            flow,
            _("Publish %(flow)s") % {"flow": flow},
            form=form,
            last=last,
            unchanged=unchanged,
            problems=_problems(flow),
            changes=list(islice(changes(last, flow), _MOST_LINES)),
        )

    def _publish(self, request: HttpRequest, flow: Flow, form: PublishForm) -> bool:
        note = form.cleaned_data["note"]
        try:
            version = engine.publish(flow, by=actor(request).user, note=note)
        except DefinitionError:
            return False  # the page lists the problems
        said = _("Version %(number)d published.") % {"number": version.number}
        self.log_change(request, flow, said)
        messages.success(request, said)
        return True


def changes(last: FlowVersion | None, flow: Flow) -> Iterator[tuple[str, str]]:
    """``(mark, line)`` of what publishing would change, as a unified diff of the documents."""
    if last is None:
        return
    before, after = pretty(last.document).splitlines(), pretty(flow.draft).splitlines()
    lines = difflib.unified_diff(before, after, n=3, lineterm="")
    for line in islice(lines, 2, None):
        yield _MARKS.get(line[:1], "same"), line


def _problems(flow: Flow) -> list[str]:
    try:
        parse(flow.draft, scripts=catalogue)
    except DefinitionError as error:
        return [problem_words(problem) for problem in error.problems]
    return []
