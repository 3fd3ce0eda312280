"""What windflow's admin pages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django import urls
from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _

from windflow.engine import Actor

Row = TypeVar("Row", bound=Model)

if TYPE_CHECKING:

    class _ModelAdmin(admin.ModelAdmin[Row]):
        pass
else:

    class _ModelAdmin(admin.ModelAdmin):
        def __class_getitem__(cls, _row):
            return cls


class PageAdmin(_ModelAdmin[Row]):
    """A model admin with pages of its own beside the usual ones."""

    class Media:
        css = {"all": ["windflow/admin.css"]}
        js = ["windflow/admin.js"]

    def may(self, request: HttpRequest, permission: str) -> bool:
        """Whether the visitor has windflow's permission of this name, e.g. ``cancel_run``."""
        user = request.user
        return user.is_active and user.has_perm(f"windflow.{permission}")

    def find(self, request: HttpRequest, pk: int | str) -> Row:
        """The row, or 404 for whoever may not see it."""
        row = self.get_object(request, str(pk))
        if row is None or not self.has_view_permission(request, row):
            raise Http404(_("There is no such %(name)s.") % {"name": self.opts.verbose_name})
        return row

    def page(
        self, request: HttpRequest, template: str, row: Row | None, title: str, **facts: Any
    ) -> TemplateResponse:
        """A page in the admin's frame; ``template`` lies below ``admin/windflow/``."""
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": title,
            "media": self.media,
            **facts,
        }
        return TemplateResponse(request, f"admin/windflow/{template}", context)

    def go(self, page: str, row: Row) -> HttpResponse:
        """Redirect to one of the row's pages, e.g. ``change``."""
        return redirect(self.url(page, row))

    def url(self, page: str, *args: Model | int | str) -> str:
        """The path of one of this model's pages, e.g. ``url("change", row)``."""
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}",
            args=[arg.pk if isinstance(arg, Model) else arg for arg in args],
            current_app=self.admin_site.name,
        )

    def link(self, request: HttpRequest, row: Model) -> str:
        """The path of another row's page; empty where this site has none for the visitor."""
        model = type(row)
        if not self.admin_site.is_registered(model):
            return ""
        if not self.admin_site.get_model_admin(model).has_view_permission(request, row):
            return ""
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        return reverse(name, args=[row.pk], current_app=self.admin_site.name)

    def route(self, path: str, view: Callable[..., HttpResponse], page: str) -> URLPattern:
        """A page of our own, for the eyes of staff only, named as Django names its own."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_{page}"
        return urls.path(path, self.admin_site.admin_view(view), name=name)


class ReadOnlyAdmin(PageAdmin[Row]):
    """Rows that the engine alone makes and changes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


def actor(request: HttpRequest) -> Actor:
    """Whoever is logged in, acting in the admin."""
    user = request.user
    assert isinstance(user, AbstractBaseUser), "the admin lets nobody in without a login"
    return Actor(channel="admin", name=user.get_username(), user=user)
