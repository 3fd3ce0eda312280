"""Where people connect their accounts: ``path("connect/", include("hub.urls"))``."""

from __future__ import annotations

from django.urls import URLResolver, include, path

from hub.services import installed

app_name = "hub"
urlpatterns: list[URLResolver] = [path("", include(f"{name}.urls")) for name in installed()]
