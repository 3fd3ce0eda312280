"""``oauth.v2.access``: exchange a code, or rotate a token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from config.standins.directory import WORKSPACE_ID, WORKSPACE_NAME
from config.standins.models import App, Code, Grant, Provider, Token
from config.standins.oauth import (
    Secrets,
    client_credentials,
    ensure_grant,
    find_token,
    save_token,
    take_code,
    verifies,
)
from config.standins.opaque import digits, letters
from config.standins.slack.errors import error

LIFETIME = timedelta(hours=12)  # of an access token that rotates; others never expire


def access(request: HttpRequest, arguments: dict[str, Any]) -> dict[str, Any]:
    """The body of the answer."""
    named = {name: str(value) for name, value in arguments.items()}
    app = _authenticate(request, named)
    if named.get("grant_type") == "refresh_token":
        return _reply(_rotate(app, named.get("refresh_token", "")))
    if named.get("grant_type", "authorization_code") != "authorization_code":
        raise error("invalid_grant_type")
    return _reply(_exchange(app, named))


def issue(grant: Grant, scopes: list[str]) -> Secrets:
    """New tokens of this grant: expiring ones with a refresh token when the app rotates them."""
    bot = f"xoxb-{digits(12)}-{digits(13)}-{letters(24)}"
    if not grant.app.rotates_tokens:
        save_token(grant, bot, Token.Kind.ACCESS, scopes)
        return Secrets(bot, "", None, scopes, grant)
    bot, refresh = f"xoxe.xoxb-1-{letters(150)}", f"xoxe-1-{letters(140)}"
    save_token(grant, bot, Token.Kind.ACCESS, scopes, LIFETIME)
    save_token(grant, refresh, Token.Kind.REFRESH, scopes)
    return Secrets(bot, refresh, LIFETIME, scopes, grant)


def _authenticate(request: HttpRequest, arguments: dict[str, str]) -> App:
    client_id, secret = client_credentials(request, arguments)
    app = App.objects.filter(provider=Provider.SLACK, client_id=client_id).first()
    if app is None:
        raise error("invalid_client_id")
    if not app.has_secret(secret):
        raise error("bad_client_secret")
    return app


def _exchange(app: App, arguments: dict[str, str]) -> Secrets:
    code = take_code(app, arguments.get("code", ""))
    if code is None:
        raise error("invalid_code")
    if arguments.get("redirect_uri", "") != code.redirect_uri:
        raise error("bad_redirect_uri")
    _check_verifier(code, arguments.get("code_verifier", ""))
    return issue(ensure_grant(app, code.account, code.scopes), code.scopes)


def _check_verifier(code: Code, verifier: str) -> None:
    if code.challenge and not verifies(code, verifier):
        raise error("invalid_code_verifier")


def _rotate(app: App, secret: str) -> Secrets:
    """New tokens for a refresh token, which works once: of two who try, one is refused."""
    held = find_token(secret, Token.Kind.REFRESH, Provider.SLACK)
    if held is None or held.grant.app_id != app.pk:
        raise error("invalid_refresh_token")
    unused = Token.objects.filter(pk=held.pk, revoked_at=None)
    if not unused.update(revoked_at=timezone.now()):
        raise error("invalid_refresh_token")
    return issue(held.grant, held.scopes)


def _reply(secrets: Secrets) -> dict[str, Any]:
    app = secrets.grant.app
    body: dict[str, Any] = {
        "ok": True,
        "app_id": app.public_id,
        "authed_user": {"id": secrets.grant.account},
        "scope": ",".join(secrets.scopes),
        "token_type": "bot",
        "access_token": secrets.access,
        "bot_user_id": app.bot_user_id,
        "team": {"id": WORKSPACE_ID, "name": WORKSPACE_NAME},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    if secrets.refresh:
        body |= {"refresh_token": secrets.refresh, "expires_in": secrets.expires_in}
    return body
