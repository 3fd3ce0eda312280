"""Resources: the list as cards, and the page of one. No page ever shows what a resource holds."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from windflow.admin.resource_cards import Card, Visitor, cards
from windflow.admin.resource_connect import ConnectPages
from windflow.admin.resource_forms import ResourceForm
from windflow.admin.resource_uses import published, uses_by_name
from windflow.models import Resource
from windflow.models.resource import ResourceQuerySet
from windflow.resources import resource_types
from windflow.states import ResourceState

#: What needs somebody comes first.
_WORST_FIRST = Case(
    When(state=ResourceState.BROKEN, then=Value(0)),
    When(state=ResourceState.EXPIRED, then=Value(1)),
    default=Value(2),
    output_field=IntegerField(),
)


@admin.register(Resource)
class ResourceAdmin(ConnectPages):
    """See the resources that one may use; connect, share and mend one's own."""

    form = ResourceForm
    search_fields = ("name", "account", "type")
    search_help_text = gettext_lazy("Name, account or type")
    actions = None
    list_per_page = 60

    def get_urls(self) -> list[Any]:
        return [*self.connect_urls(), *super().get_urls()]

    # Who may: the model's permissions, and for each row the rules of its model

    def get_queryset(self, request: HttpRequest) -> QuerySet[Resource]:
        rows = super().get_queryset(request)
        assert isinstance(rows, ResourceQuerySet)
        usable = rows.usable_by(request.user)
        return usable.select_related("owner").prefetch_related("groups").defer("sealed")

    def has_view_permission(self, request: HttpRequest, obj: Resource | None = None) -> bool:
        return super().has_view_permission(request, obj) and _is_among(
            obj, Resource.objects.usable_by(request.user)
        )

    def has_change_permission(self, request: HttpRequest, obj: Resource | None = None) -> bool:
        return super().has_change_permission(request, obj) and _is_among(
            obj, Resource.objects.managed_by(request.user)
        )

    def has_delete_permission(self, request: HttpRequest, obj: Resource | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_among(
            obj, Resource.objects.managed_by(request.user)
        )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nobody learns anything of a value by asking which rows have it."""
        return not lookup.startswith("sealed") and super().lookup_allowed(lookup, value, request)

    # The list

    def get_ordering(self, request: HttpRequest) -> Any:
        return (_WORST_FIRST.asc(), "name")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        facts = {"title": _("Resources"), "may_add": self.has_add_permission(request)}
        answer = super().changelist_view(request, {**facts, **(extra_context or {})})
        if isinstance(answer, TemplateResponse) and answer.context_data is not None:
            shown = list(answer.context_data["cl"].result_list)
            answer.context_data["cards"] = self._cards(request, shown)
        return answer

    def _cards(self, request: HttpRequest, resources: list[Resource]) -> list[Card]:
        managed: QuerySet[Resource] = Resource.objects.none()
        if self.has_change_permission(request):
            managed = Resource.objects.managed_by(request.user)
        visitor = Visitor(
            managed=frozenset(managed.values_list("pk", flat=True)),
            details=lambda resource: self.url("details", resource),
            flow_page=lambda flow: self.link(request, flow),
        )
        return cards(resources, visitor)

    # The page of one resource

    def get_fieldsets(self, request: HttpRequest, obj: Resource | None = None) -> Any:
        fields = ["name", "shared_with", "groups"]
        if getattr(request.user, "is_superuser", False):
            fields.append("owner")
        return [(_("Name and sharing"), {"fields": fields})]

    def get_form(
        self,
        request: HttpRequest,
        obj: Resource | None = None,
        change: bool = False,
        **options: Any,
    ) -> Any:
        made = super().get_form(request, obj, change, **options)
        made.visitor = request.user  # type: ignore[attr-defined]
        return made

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        resource = self.get_object(request, object_id) if object_id else None
        hidden = ("show_save_and_add_another", "show_save_and_continue")
        facts: dict[str, Any] = dict.fromkeys(hidden, False)
        if resource is not None:
            [card] = self._cards(request, [resource])
            facts |= {"card": card, "title": resource.name, "subtitle": None}
        return super().changeform_view(
            request, object_id, form_url, {**facts, **(extra_context or {})}
        )

    def save_model(self, request: HttpRequest, obj: Resource, form: Any, change: bool) -> None:
        """Save what was edited and nothing else: a worker may have refreshed the value since."""
        columns = [name for name in form.changed_data if name != "groups"]
        obj.save(update_fields=[*columns, "updated_at"])

    def response_post_save_change(
        self, request: HttpRequest, obj: Resource
    ) -> HttpResponseRedirect:
        return HttpResponseRedirect(self.url("change", obj))

    # Deleting

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A resource that published flows name stays, and the page says which."""
        uses = uses_by_name()
        kept = [use for resource in objs for use in published(uses.get(resource.name, ()))]
        if kept:
            return [], {}, set(), [str(use) for use in kept]
        return super().get_deleted_objects(objs, request)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        resource = self.get_object(request, object_id)
        facts: dict[str, Any] = {}
        if resource is not None:
            found = resource_types.get(resource.type)
            facts["drafts"] = uses_by_name().get(resource.name, [])
            facts["granted"] = found is not None and found.connect
        return super().delete_view(request, object_id, {**facts, **(extra_context or {})})


def _is_among(obj: Resource | None, rows: QuerySet[Resource]) -> bool:
    return obj is None or rows.filter(pk=obj.pk).exists()
