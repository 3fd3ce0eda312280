"""Google's errors: the token endpoint's by RFC 6749, the APIs' in Google's own shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from config.standins.answers import Refusal
from config.standins.models import Fault

REALM = 'Bearer realm="https://accounts.google.com/"'
UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
    "or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


def oauth_error(error: str, description: str, status: int = 400) -> Refusal:
    """An error of the token or the revoke endpoint."""
    return Refusal(error, status, {"error": error, "error_description": description})


def api_error(
    status: int,
    code: str,
    message: str,
    reason: str,
    *,
    extra: Mapping[str, Any] | None = None,
    details: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Refusal:
    """An error of an API.

    ``code`` is the canonical name (``UNAUTHENTICATED``), ``reason`` the older one that clients
    branch on (``authError``).
    """
    first = {"message": message, "domain": "global", "reason": reason, **(extra or {})}
    error: dict[str, Any] = {
        "code": status,
        "message": message,
        "errors": [first],
        "status": code,
    }
    if details:
        error["details"] = details
    return Refusal(reason, status, {"error": error}, headers)


def unauthenticated() -> Refusal:
    """The access token is missing, unknown, expired or revoked."""
    return api_error(
        401,
        "UNAUTHENTICATED",
        UNAUTHENTICATED,
        "authError",
        extra={
            "message": "Invalid Credentials",
            "location": "Authorization",
            "locationType": "header",
        },
        headers={"WWW-Authenticate": f'{REALM}, error="invalid_token"'},
    )


def insufficient_scope(service: str, method: str, accepted: tuple[str, ...]) -> Refusal:
    """The token works, but not for this."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "domain": "googleapis.com",
        "metadata": {"service": service, "method": method},
    }
    challenge = f'{REALM}, error="insufficient_scope", scope="{" ".join(accepted)}"'
    return api_error(
        403,
        "PERMISSION_DENIED",
        "Request had insufficient authentication scopes.",
        "insufficientPermissions",
        extra={"message": "Insufficient Permission"},
        details=[info],
        headers={"WWW-Authenticate": challenge},
    )


def bad_request(message: str, reason: str = "invalidArgument") -> Refusal:
    """The request makes no sense."""
    return api_error(400, "INVALID_ARGUMENT", message, reason)


def _rate_limited(fault: Fault) -> Refusal:
    return api_error(
        429,
        "RESOURCE_EXHAUSTED",
        "User-rate limit exceeded. (Mail sending)",
        "userRateLimitExceeded",
        headers=_retry_after(fault),
    )


def _retry_after(fault: Fault) -> dict[str, str]:
    return {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}


def _quota(reason: str, message: str) -> Callable[[Fault], Refusal]:
    def build(fault: Fault) -> Refusal:
        headers = _retry_after(fault)
        return api_error(
            403, "PERMISSION_DENIED", message, reason, extra={"domain": "usageLimits"},
            headers=headers,
        )  # fmt: skip

    return build


def _trouble(status: int, code: str, message: str) -> Callable[[Fault], Refusal]:
    def build(fault: Fault) -> Refusal:
        return api_error(status, code, message, "backendError", headers=_retry_after(fault))

    return build


API_FAULTS: dict[str, Callable[[Fault], Refusal]] = {
    "rate_limited": _rate_limited,
    "rateLimitExceeded": _quota("rateLimitExceeded", "Rate Limit Exceeded"),
    "userRateLimitExceeded": _quota("userRateLimitExceeded", "User Rate Limit Exceeded"),
    "dailyLimitExceeded": _quota("dailyLimitExceeded", "Daily Limit Exceeded"),
    "authError": lambda _fault: unauthenticated(),
    "server_error": _trouble(500, "INTERNAL", "Backend Error"),
    "bad_gateway": _trouble(502, "UNAVAILABLE", "Bad Gateway"),
    "unavailable": _trouble(503, "UNAVAILABLE", "The service is currently unavailable."),
}


def _oauth(error: str, description: str, status: int = 400) -> Callable[[Fault], Refusal]:
    return lambda _fault: oauth_error(error, description, status)


EXPIRED_OR_REVOKED = "Token has been expired or revoked."

OAUTH_FAULTS: dict[str, Callable[[Fault], Refusal]] = {
    "invalid_grant": _oauth("invalid_grant", EXPIRED_OR_REVOKED),
    "invalid_client": _oauth("invalid_client", "Unauthorized", 401),
    "rate_limit_exceeded": _oauth("rate_limit_exceeded", "Rate Limit Exceeded", 429),
    "server_error": _oauth("internal_failure", "Backend Error", 500),
    "unavailable": _oauth("temporarily_unavailable", "Service unavailable", 503),
}
