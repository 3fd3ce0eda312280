"""Connect an API: the types as tiles, and the form of a type that people fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from windflow import engine, vault
from windflow.admin.base import PageAdmin, actor
from windflow.admin.resource_cards import connect_url
from windflow.admin.resource_forms import NameForm, ValueForm, titles
from windflow.exceptions import InvalidInput, WindflowError
from windflow.models import Resource
from windflow.resources import ResourceType, ResourceValue, resource_types

_FORM = [
    require_http_methods(["GET", "HEAD", "POST"]),
    # What people type here must not stand in the mail that tells of a crash either.
    sensitive_post_parameters(),
    sensitive_variables(),
]


@dataclass(frozen=True, slots=True)
class Tile:
    """One type that can be connected."""

    type: ResourceType
    page: str
    """Where connecting begins; empty where this site cannot."""
    asks_for: list[str]
    """Titles of the fields to fill in; none where one signs in at the provider."""
    problem: str


class ConnectPages(PageAdmin[Resource]):
    """The pages on which a resource gets its value."""

    def connect_urls(self) -> list[Any]:
        """The routes of these pages."""
        return [
            self.route("connect/<slug:type_name>/", self.connect_page, "connect"),
            self.route("<int:pk>/details/", self.details_page, "details"),
        ]

    @method_decorator(require_safe)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Choose what to connect."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self.page(
            request,
            "resource/types.html",
            None,
            _("Connect an API"),
            tiles=[self._tile(made) for made in resource_types.values()],
            locked=vault.keys_problem(),
        )

    def _tile(self, made: ResourceType) -> Tile:
        if not made.connect:
            return Tile(made, self.url("connect", made.name), list(titles(made)), "")
        page = connect_url(made)
        if page:
            return Tile(made, page, [], "")
        problem = _(
            "It cannot be connected yet: this site has no URL called %(name)s. Include the URLs of "
            "the app that %(title)s comes with in urls.py."
        )
        return Tile(made, "", [], problem % {"name": made.connect, "title": made.title})

    @method_decorator(_FORM)
    def connect_page(self, request: HttpRequest, type_name: str) -> HttpResponse:
        """A new resource of a type that people fill in."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        made = resource_types.get(type_name)
        if made is None or made.connect:
            raise Http404(_("There is nothing to fill in for a resource of this type."))
        data = request.POST if request.method == "POST" else None
        form = ValueForm(made, data=data)
        name = NameForm(data, initial={"name": engine.free_name(made.name)})
        resource = self._connect(request, form, name=name)
        if resource is None:
            title = _("Connect: %(type)s") % {"type": made.title}
            return self._form_page(request, None, title, form, name=name)
        self.log_addition(request, resource, [{"added": {}}])
        messages.success(request, _("%(name)s is connected.") % {"name": resource})
        return self.go("change", resource)

    @method_decorator(_FORM)
    def details_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new value for a resource that people fill in. What they leave alone stays."""
        resource = self.find(request, pk)
        if not self.has_change_permission(request, resource):
            raise PermissionDenied
        made = resource_types.get(resource.type)
        if made is None or made.connect:
            raise Http404(_("There is nothing to fill in for a resource of this type."))
        stored, locked = _stored(resource)
        data = request.POST if request.method == "POST" else None
        form = ValueForm(made, stored=stored, data=data)
        if self._connect(request, form, resource=resource) is None:
            title = _("Details of %(name)s") % {"name": resource}
            return self._form_page(request, resource, title, form, locked=locked)
        self.log_change(request, resource, _("Connected again."))
        messages.success(request, _("%(name)s is connected again.") % {"name": resource})
        return self.go("change", resource)

    def _connect(
        self,
        request: HttpRequest,
        form: ValueForm,
        *,
        name: NameForm | None = None,
        resource: Resource | None = None,
    ) -> Resource | None:
        """The resource with its new value; None when the forms are empty or say what is wrong."""
        if not form.is_bound:
            return None
        fits = [form.is_valid(), name is None or name.is_valid()]
        if all(fits):
            try:
                return engine.connect(
                    form.made.name,
                    form.json(),
                    name=name.cleaned_data["name"] if name is not None else "",
                    owner=actor(request).user,
                    resource=resource,
                )
            except InvalidInput as refused:
                form.refuse(_without_name(refused.errors, name, form))
            except WindflowError as refused:  # the vault is locked
                form.add_error(None, refused.message)
        form.close()
        return None

    def _form_page(
        self,
        request: HttpRequest,
        resource: Resource | None,
        title: str,
        form: ValueForm,
        *,
        name: NameForm | None = None,
        locked: str | None = None,
    ) -> HttpResponse:
        forms = [form] if name is None else [name, form]
        return self.page(
            request,
            "resource/details.html",
            resource,
            title,
            made=form.made,
            forms=forms,
            errors=any(one.errors for one in forms),
            locked=locked or vault.keys_problem(),
            back=self.url("add") if resource is None else self.url("change", resource),
        )


def _without_name(
    errors: Mapping[str, str], name: NameForm | None, form: ValueForm
) -> dict[str, str]:
    """What is wrong with the value; what is wrong with the resource's name goes to its form."""
    left = dict(errors)
    if name is not None and "name" in left and "name" not in form.fields:
        name.add_error("name", left.pop("name"))
    return left


def _stored(resource: Resource) -> tuple[ResourceValue | None, str | None]:
    """What a resource holds; or nothing, and why it cannot be opened."""
    try:
        return engine.open_value(resource), None
    except WindflowError as locked:
        return None, locked.message
