"""The consent page that both providers share, and the page for a request that cannot be served."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.standins.csp import protect
from config.standins.models import App, Provider
from config.standins.oauth import origin


class Stop(Exception):
    """The provider shows an error to the person, and sends nobody back."""

    def __init__(self, code: str, sentence: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = sentence
        self.status = status


def refuse(request: HttpRequest, provider: Provider, stop: Stop) -> HttpResponse:
    """The error page."""
    context = {"provider": provider, "stop": stop}
    response = render(request, "standins/stop.html", context, status=stop.status)
    return protect(response)


def show(
    request: HttpRequest,
    provider: Provider,
    *,
    app: App,
    redirect_uri: str,
    accounts: Sequence[tuple[str, str]],
    chosen: str,
    asked: Iterable[object],
    facts: Sequence[str],
) -> HttpResponse:
    """Who asks for what. ``accounts`` are (id, name); ``facts`` are said below the scopes."""
    context = {
        "provider": provider,
        "app": app,
        "origin": origin(redirect_uri),
        "accounts": accounts,
        "chosen": chosen,
        "asked": asked,
        "facts": facts,
    }
    response = render(request, "standins/consent.html", context)
    # A browser applies form-action to where the answer to a form redirects, too.
    return protect(response, form_action=f"'self' {origin(redirect_uri)}")
