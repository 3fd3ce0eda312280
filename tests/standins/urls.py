"""A site of the stand-ins alone, and where an app's people come back to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def callback(request: HttpRequest) -> HttpResponse:
    """The app's redirect URI."""
    return HttpResponse("back")


urlpatterns = [
    path("standins/", include("config.standins.urls")),
    path("app/callback/", callback),
]
