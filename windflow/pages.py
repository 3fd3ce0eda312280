"""What every answer to an approval link has in common: methods, headers, errors, no token in a log.

Nothing of it is left to the project's middleware, which may be missing or set otherwise.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db.transaction import non_atomic_requests
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    UnreadablePostError,
)
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import decorator_from_middleware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt

from windflow.exceptions import BadLink, ExpiredLink, InvalidInput, NotAllowed, RevokedLink

View = Callable[[HttpRequest, str], HttpResponse]

METHODS = ("GET", "HEAD", "OPTIONS", "POST")
MAX_BODY = 64 * 1024  # bytes that an answer may have
STYLES = "windflow/approval.css"

logger = logging.getLogger("django.request")

_LINKS: dict[type[BadLink], tuple[int, Any, Any]] = {
    BadLink: (404, gettext_lazy("This link is not valid."), ""),
    ExpiredLink: (
        410,
        gettext_lazy("This link has expired."),
        gettext_lazy("Ask the sender for a new one."),
    ),
    RevokedLink: (
        410,
        gettext_lazy("This link was withdrawn."),
        gettext_lazy("If you still expect to be asked, ask the sender for a new one."),
    ),
}


def approval_link(*, csrf: bool) -> Callable[[View], View]:
    """Decorates a view of an approval link. ``csrf``: its POSTs may come from its own page only."""

    def decorate(view: View) -> View:
        checked = _only_from_its_page(view) if csrf else view

        # Exempt from the project's check, so that a refusal is our page, with our headers.
        @csrf_exempt
        @non_atomic_requests
        @wraps(view)
        def answer(request: HttpRequest, token: str) -> HttpResponse:
            return _sealed(_answer(checked, request, token))

        return answer

    return decorate


def _answer(view: View, request: HttpRequest, token: str) -> HttpResponse:
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers={"Allow": ", ".join(METHODS)})
    if request.method not in METHODS:
        response = problem(request, 405, _("This address takes GET and POST only."))
        response.headers["Allow"] = ", ".join(METHODS)
        return response
    try:
        return view(request, token)
    except BadLink as error:
        status, text, hint = _LINKS[type(error)]
        return problem(request, status, text, hint=hint)
    except NotAllowed as error:
        return problem(request, 403, error.message)
    except InvalidInput as error:
        return invalid(request, error)
    except (SuspiciousOperation, BadRequest, MultiPartParserError, UnreadablePostError):
        return problem(request, 400, _("What was sent could not be read; nothing was recorded."))
    except Exception as error:
        if settings.DEBUG:
            raise
        _log(request, error, token)
        return problem(
            request,
            500,
            _("Something went wrong here. Open the link again to see whether you have answered."),
        )


def _log(request: HttpRequest, error: Exception, token: str) -> None:
    """Log as text: with the exception or the request, handlers would show the address."""
    text = "".join(traceback.format_exception(error)).replace(token, "…")
    path = request.path.replace(token, "…")
    logger.error("Internal Server Error: %s\n%s", path, text, extra={"status_code": 500})


class SeeOther(HttpResponseRedirect):
    """Go and look there, by GET."""

    status_code = 303


def problem(
    request: HttpRequest,
    status: int,
    text: Any,
    *,
    hint: Any = "",
    flow: str = "",
    login: str = "",
) -> HttpResponse:
    """What is wrong, in a sentence, and what to do: as a page or as JSON. ``login`` is a link."""
    if wants_json(request):
        return JsonResponse({"error": f"{text} {hint}".strip()}, status=status)
    context = {"title": flow or text, "text": text if flow else hint, "login": login}
    return render(request, "windflow/problem.html", context, status=status)


def invalid(request: HttpRequest, error: InvalidInput) -> HttpResponse:
    """What does not fit, by field."""
    if wants_json(request):
        return JsonResponse({"errors": error.errors}, status=400)
    return problem(request, 400, " ".join(error.errors.values()))


def wants_json(request: HttpRequest) -> bool:
    """Whether whoever asks is a program: it sends JSON, or posts without asking for HTML."""
    if request.content_type == "application/json":
        return True
    known = ["text/html", "application/json"]
    if request.method == "POST":
        known.reverse()  # where anything is fine, as for curl
    return request.get_preferred_type(known) == "application/json"


# Requests


class _OwnCsrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        text = _(
            "This answer did not come from the approval page, so nothing was recorded. Open your "
            "link again, with cookies allowed, and answer there."
        )
        return problem(request, 403, text)


def _only_from_its_page(view: View) -> View:
    protected = cast(View, decorator_from_middleware(_OwnCsrf)(view))

    def checked(request: HttpRequest, token: str) -> HttpResponse:
        check_size(request)
        _say_origin(request)
        return protected(request, token)

    return checked


def _say_origin(request: HttpRequest) -> None:
    """Under ``Referrer-Policy: no-referrer`` browsers post ``Origin: null`` and no Referer, which
    Django's check takes for another site. ``Sec-Fetch-Site`` tells own from foreign regardless;
    where an old browser or plain HTTP lacks it, the token has to do, as Django has it for HTTP."""
    meta = request.META
    origin = meta.get("HTTP_ORIGIN")
    if origin not in {None, "null"} or (origin is None and "HTTP_REFERER" in meta):
        return  # Django judges by these
    own = meta.get("HTTP_SEC_FETCH_SITE", "same-origin") in {"same-origin", "none"}
    meta["HTTP_ORIGIN"] = f"{request.scheme}://{request.get_host()}" if own else "null"


def check_size(request: HttpRequest) -> None:
    """Raises :class:`InvalidInput` for a body of more than ``MAX_BODY`` bytes."""
    announced = str(request.META.get("CONTENT_LENGTH") or 0)
    if not announced.isdecimal() or int(announced) > MAX_BODY or len(request.body) > MAX_BODY:
        most = MAX_BODY // 1024
        raise InvalidInput({"body": _("At most %(most)d KB can be sent.") % {"most": most}})


# Answers


def _sealed(response: HttpResponse) -> HttpResponse:
    """The headers of every page that has a token in its address."""
    add_never_cache_headers(response)
    for name, value in _headers().items():
        response.headers[name] = value
    # Django logs the address of every 4xx that is not marked as logged; ours are usable links.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _headers() -> dict[str, str]:
    own = " ".join(["'self'", *_static_origin()])
    policy = (
        f"default-src 'none'; style-src {own}; img-src {own} data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
    }


def _static_origin() -> list[str]:
    """The origin of the static files where it is not ours."""
    parts = urlsplit(static(STYLES))
    if not parts.netloc:
        return []
    return [f"{parts.scheme}://{parts.netloc}" if parts.scheme else parts.netloc]
