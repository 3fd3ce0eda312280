"""Gmail: ``users.messages.send``, which keeps the mail for people to read here."""

from __future__ import annotations

import base64
import binascii
import json
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.utils import getaddresses
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from config.standins.answers import answer
from config.standins.google.errors import API_FAULTS, api_error, bad_request, insufficient_scope
from config.standins.google.identity import live_token
from config.standins.google.scopes import MAY_SEND
from config.standins.guard import api
from config.standins.models import Endpoint, Mail, Token
from config.standins.opaque import hexadecimal

_METHOD = "caribou.api.proto.MailboxService.SendMessage"
_NO_RAW = "'raw' RFC822 payload message string or uploading message via /upload/* URL required"


@api
@require_POST
def send(request: HttpRequest, user: str) -> HttpResponse:
    """Accept one mail: ``{"raw": base64url of its MIME, "threadId": optional}``."""
    return answer(
        Endpoint.GMAIL_SEND,
        lambda: JsonResponse(_send(request, user)),
        lambda fault: API_FAULTS[fault.how](fault),
    )


def _send(request: HttpRequest, user: str) -> dict[str, Any]:
    held = live_token(request)
    _check_rights(held, user)
    body = _body(request)
    raw = _mime(body)
    _check_recipients(raw)
    key = hexadecimal(16)
    thread = str(body.get("threadId") or key)
    Mail.objects.create(key=key, thread=thread, account=held.grant.account, raw=raw)
    return {"id": key, "threadId": thread, "labelIds": ["SENT"]}


def _check_rights(held: Token, user: str) -> None:
    if not set(held.scopes) & set(MAY_SEND):
        raise insufficient_scope("gmail.googleapis.com", _METHOD, MAY_SEND)
    if user not in {"me", held.grant.account}:
        raise api_error(
            403, "PERMISSION_DENIED", f"Delegation denied for {held.grant.account}", "forbidden"
        )


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except RequestDataTooBig:
        raise api_error(
            413, "INVALID_ARGUMENT", "Request payload size exceeds the limit.", "uploadTooLarge"
        ) from None
    except ValueError:
        raise bad_request("Invalid JSON payload received.", "parseError") from None
    if not isinstance(body, dict):
        raise bad_request("Invalid JSON payload received.", "parseError")
    return body


def _mime(body: dict[str, Any]) -> bytes:
    raw = body.get("raw")
    if not raw or not isinstance(raw, str):
        raise bad_request(_NO_RAW)
    try:
        padded = raw + "=" * (-len(raw) % 4)
        return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(
            "Invalid value at 'message.raw' (TYPE_BYTES), Base64 decoding failed"
        ) from None


def _check_recipients(raw: bytes) -> None:
    message = message_from_bytes(raw, policy=policy.default)
    try:
        headers = {name: str(message[name] or "") for name in ("To", "Cc", "Bcc")}
    except (HeaderParseError, ValueError, IndexError):
        raise bad_request("Invalid To header") from None
    if not any(headers.values()):
        raise bad_request("Recipient address required")
    for name, value in headers.items():
        if value and not all("@" in address for _shown, address in getaddresses([value])):
            raise bad_request(f"Invalid {name} header")
