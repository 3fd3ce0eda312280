"""Published versions, for reading. They are reached from their flow, so the index has no list."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from windflow.admin.base import ReadOnlyAdmin
from windflow.models import FlowVersion
from windflow.presentation import pretty


@admin.register(FlowVersion)
class FlowVersionAdmin(ReadOnlyAdmin[FlowVersion]):
    """One frozen document."""

    fields = ("flow", "number", "note", "created_by", "created_at", "text")
    list_display = ("__str__", "note", "created_by", "created_at")
    list_select_related = ("flow", "created_by")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description=gettext_lazy("document"))
    def text(self, version: FlowVersion) -> str:
        return format_html('<pre class="wf-code">{}</pre>', pretty(version.document))
