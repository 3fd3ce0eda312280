"""Slack's Web API: one view, a method a name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods

from config.standins.answers import Refusal, answer
from config.standins.directory import WORKSPACE_DOMAIN, WORKSPACE_ID, WORKSPACE_NAME
from config.standins.guard import api
from config.standins.models import Endpoint, Provider, Token
from config.standins.oauth import bearer, find_token, revoke_grant
from config.standins.slack.access import access
from config.standins.slack.chat import post_message
from config.standins.slack.conversations import (
    list_channels,
    lookup_by_email,
    open_conversation,
)
from config.standins.slack.errors import error, from_fault, missing_scope

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Method:
    """One method that needs a token; ``scope`` is what the token must allow."""

    endpoint: Endpoint
    run: Callable[[Token, Arguments], dict[str, Any]]
    scope: str = ""


def auth_test(held: Token, _arguments: Arguments) -> dict[str, Any]:
    """``auth.test``: whose token it is."""
    app = held.grant.app
    return {
        "url": f"https://{WORKSPACE_DOMAIN}.slack.com/",
        "team": WORKSPACE_NAME,
        "user": app.name,
        "team_id": WORKSPACE_ID,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


def auth_revoke(held: Token, arguments: Arguments) -> dict[str, Any]:
    """``auth.revoke``: the app leaves the workspace; ``test=1`` only says what would happen."""
    if str(arguments.get("test", "")).lower() in {"1", "true"}:
        return {"revoked": False}
    revoke_grant(held.grant)
    return {"revoked": True}


METHODS = {
    "auth.test": Method(Endpoint.SLACK_AUTH_TEST, auth_test),
    "auth.revoke": Method(Endpoint.SLACK_AUTH_REVOKE, auth_revoke),
    "chat.postMessage": Method(Endpoint.SLACK_POST, post_message, "chat:write"),
    "conversations.list": Method(Endpoint.SLACK_CHANNELS, list_channels),
    "conversations.open": Method(Endpoint.SLACK_OPEN, open_conversation, "im:write"),
    "users.lookupByEmail": Method(Endpoint.SLACK_LOOKUP, lookup_by_email, "users:read.email"),
}


@api
@require_http_methods(["GET", "POST"])
def call(request: HttpRequest, method: str) -> HttpResponse:
    """Call ``method`` with a form, JSON or query parameters."""
    if method == "oauth.v2.access":
        return _access(request)
    known = METHODS.get(method)
    if known is None:
        return error("unknown_method", req_method=method).response()
    return answer(known.endpoint, lambda: _run(request, known), from_fault)


def _access(request: HttpRequest) -> HttpResponse:
    try:
        given = arguments(request)
    except Refusal as refusal:
        return refusal.response()
    refreshes = given.get("grant_type") == "refresh_token"
    endpoint = Endpoint.SLACK_REFRESH if refreshes else Endpoint.SLACK_CODE
    return answer(endpoint, lambda: JsonResponse(access(request, given)), from_fault)


def _run(request: HttpRequest, method: Method) -> HttpResponse:
    given = arguments(request)
    held = _token(request)
    if method.scope and method.scope not in held.scopes:
        raise missing_scope(method.scope, held.scopes)
    headers = {
        "X-OAuth-Scopes": ",".join(held.scopes),
        "X-Accepted-OAuth-Scopes": method.scope,
    }
    return JsonResponse({"ok": True, **method.run(held, given)}, headers=headers)


def arguments(request: HttpRequest) -> Arguments:
    """What the caller passed. Raises Slack's error for a body that cannot be read."""
    if request.content_type != "application/json":
        return {**request.GET.dict(), **request.POST.dict()}
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        raise error("invalid_json") from None
    if not isinstance(body, dict):
        raise error("json_not_object")
    return {**request.GET.dict(), **body}


def _token(request: HttpRequest) -> Token:
    secret = bearer(request)
    if not secret and request.content_type != "application/json":
        secret = request.POST.get("token", "")
    if not secret:
        raise error("not_authed")
    held = find_token(secret, Token.Kind.ACCESS, Provider.SLACK)
    if held is None:
        raise error("invalid_auth")
    if held.revoked_at:
        raise error("token_revoked")
    if held.is_expired:
        raise error("token_expired")
    return held
