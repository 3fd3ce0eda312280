"""Slack's errors: HTTP 200 with ``ok: false``, except for rate limits and broken servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.standins.answers import Refusal
from config.standins.models import Endpoint, Fault

AUTHENTICATION = (
    "invalid_auth",
    "not_authed",
    "token_revoked",
    "token_expired",
    "account_inactive",
)
SERVER = ("fatal_error", "internal_error", "service_unavailable", "request_timeout")
_METHOD_ERRORS: dict[str, tuple[str, ...]] = {
    Endpoint.SLACK_CODE: ("invalid_code", "bad_client_secret", "invalid_client_id"),
    Endpoint.SLACK_REFRESH: ("invalid_refresh_token", "bad_client_secret", "invalid_client_id"),
    Endpoint.SLACK_AUTH_TEST: AUTHENTICATION,
    Endpoint.SLACK_AUTH_REVOKE: AUTHENTICATION,
    Endpoint.SLACK_POST: (
        *AUTHENTICATION,
        "missing_scope",
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "msg_too_long",
        "no_text",
    ),
    Endpoint.SLACK_CHANNELS: (*AUTHENTICATION, "missing_scope"),
    Endpoint.SLACK_OPEN: (*AUTHENTICATION, "missing_scope", "user_not_found", "user_disabled"),
    Endpoint.SLACK_LOOKUP: (*AUTHENTICATION, "missing_scope", "users_not_found"),
}
_BROKEN = {"server_error": 500, "bad_gateway": 502, "unavailable": 503}


def error(name: str, **more: Any) -> Refusal:
    """What almost every error looks like."""
    return Refusal(name, 200, {"ok": False, "error": name, **more})


def missing_scope(needed: str, provided: list[str]) -> Refusal:
    """The token works, but not for this method."""
    return error("missing_scope", needed=needed, provided=",".join(provided))


def invalid_arguments(message: str) -> Refusal:
    """The method was called with something missing or senseless."""
    return error("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


def from_fault(fault: Fault) -> Refusal:
    """The error that a fault names."""
    if fault.how == "ratelimited":
        return _rate_limited(fault)
    if fault.how in _BROKEN:
        return Refusal(fault.how, _BROKEN[fault.how], {"ok": False, "error": "internal_error"})
    if fault.how == "missing_scope":
        return missing_scope("chat:write", [])
    return error(fault.how)


def _rate_limited(fault: Fault) -> Refusal:
    seconds = 1 if fault.retry_after is None else fault.retry_after
    headers: Mapping[str, str] = {"Retry-After": str(seconds)}
    return Refusal("ratelimited", 429, {"ok": False, "error": "ratelimited"}, headers)


def names(endpoint: str) -> tuple[str, ...]:
    """How a call of this endpoint can fail."""
    return ("ratelimited", *_BROKEN, *_METHOD_ERRORS[endpoint], *SERVER)
