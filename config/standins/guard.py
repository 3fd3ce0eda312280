"""Who may call: this machine alone, as a browser or as a program."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from ipaddress import ip_address
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """A page for people: CSRF-protected whatever the project's middleware, kept by no cache."""
    return loopback_only(never_cache(csrf_protect(view)))


def api(view: View) -> View:
    """An endpoint for programs: no CSRF token, and no parameter in an error report."""
    exempt: View = csrf_exempt(loopback_only(sensitive_post_parameters()(view)))
    return exempt


def loopback_only(view: View) -> View:
    """Serve this machine alone: what lies here is open to whoever may look."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not _is_loopback(request.META.get("REMOTE_ADDR", "")):
            return HttpResponseNotFound(_("The stand-ins answer to this machine only."))
        return view(request, *args, **kwargs)

    return guarded


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == ""  # a socket file, which no other machine can reach
