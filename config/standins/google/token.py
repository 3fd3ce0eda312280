"""Google's token endpoint and its revoke endpoint."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from config.standins.answers import answer
from config.standins.google.errors import EXPIRED_OR_REVOKED, OAUTH_FAULTS, oauth_error
from config.standins.google.identity import id_token
from config.standins.google.scopes import IDENTITY, canonical
from config.standins.guard import api
from config.standins.models import App, Code, Endpoint, Grant, Provider, Token
from config.standins.oauth import (
    Secrets,
    client_credentials,
    ensure_grant,
    find_token,
    revoke_grant,
    save_token,
    take_code,
    verifies,
)
from config.standins.opaque import letters

LIFETIME = timedelta(seconds=3599)  # of an access token: what Google says for an hour


@api
@require_POST
def token(request: HttpRequest) -> HttpResponse:
    """Exchange a code, or refresh."""
    refreshes = request.POST.get("grant_type") == "refresh_token"
    endpoint = Endpoint.GOOGLE_REFRESH if refreshes else Endpoint.GOOGLE_CODE
    work = _refresh if refreshes else _exchange
    return answer(
        endpoint,
        lambda: work(request, _authenticate(request)),
        lambda fault: OAUTH_FAULTS[fault.how](fault),
    )


@api
@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    """Revoke the grant of an access or refresh token (``token`` in the body or the address)."""
    secret = request.POST.get("token") or request.GET.get("token", "")
    return answer(
        Endpoint.GOOGLE_REVOKE,
        lambda: _revoke(secret),
        lambda fault: OAUTH_FAULTS[fault.how](fault),
    )


def issue(grant: Grant, scopes: list[str], *, refreshable: bool) -> Secrets:
    """New tokens of this grant."""
    access = f"ya29.a0{letters(150)}"
    save_token(grant, access, Token.Kind.ACCESS, scopes, LIFETIME)
    refresh = ""
    if refreshable:
        refresh = f"1//0{letters(90)}"
        save_token(grant, refresh, Token.Kind.REFRESH, scopes)
    return Secrets(access, refresh, LIFETIME, scopes, grant)


def _authenticate(request: HttpRequest) -> App:
    client_id, secret = client_credentials(request, request.POST.dict())
    if not client_id:
        raise oauth_error("invalid_request", "Could not determine client ID from request.")
    app = App.objects.filter(provider=Provider.GOOGLE, client_id=client_id).first()
    if app is None:
        raise oauth_error("invalid_client", "The OAuth client was not found.", 401)
    if not secret:
        raise oauth_error("invalid_request", "client_secret is missing.")
    if not app.has_secret(secret):
        raise oauth_error("invalid_client", "Unauthorized", 401)
    return app


def _exchange(request: HttpRequest, app: App) -> HttpResponse:
    form = request.POST
    if form.get("grant_type") != "authorization_code":
        named = form.get("grant_type", "")
        raise oauth_error("unsupported_grant_type", f"Invalid grant_type: {named}")
    if not form.get("code"):
        raise oauth_error("invalid_request", "Missing required parameter: code")
    code = take_code(app, form["code"])
    if code is None:
        raise oauth_error("invalid_grant", "Bad Request")
    if form.get("redirect_uri", "") != code.redirect_uri:
        raise oauth_error("redirect_uri_mismatch", "Bad Request")
    _check_verifier(code, form.get("code_verifier", ""))
    grant = ensure_grant(app, code.account, code.scopes)
    secrets = issue(grant, code.scopes, refreshable=code.refreshable)
    return _reply(request, secrets, nonce=code.nonce)


def _check_verifier(code: Code, verifier: str) -> None:
    if not code.challenge:
        if verifier:
            raise oauth_error("invalid_grant", "code_verifier or verifier is not needed.")
        return
    if not verifier:
        raise oauth_error("invalid_grant", "Missing code verifier.")
    if not verifies(code, verifier):
        raise oauth_error("invalid_grant", "Invalid code verifier.")


def _refresh(request: HttpRequest, app: App) -> HttpResponse:
    secret = request.POST.get("refresh_token", "")
    if not secret:
        raise oauth_error("invalid_request", "Missing required parameter: refresh_token")
    held = find_token(secret, Token.Kind.REFRESH, Provider.GOOGLE)
    if held is None or held.grant.app_id != app.pk:
        raise oauth_error("invalid_grant", "Bad Request")
    if held.revoked_at or held.is_expired:
        raise oauth_error("invalid_grant", EXPIRED_OR_REVOKED)
    scopes = canonical(request.POST.get("scope", "")) or held.scopes
    if not set(scopes) <= set(held.scopes):
        raise oauth_error("invalid_scope", "Bad Request")
    return _reply(request, issue(held.grant, scopes, refreshable=False))


def _reply(request: HttpRequest, secrets: Secrets, nonce: str = "") -> HttpResponse:
    body = {
        "access_token": secrets.access,
        "expires_in": secrets.expires_in,
        "scope": " ".join(secrets.scopes),
        "token_type": "Bearer",
    }
    if secrets.refresh:
        body["refresh_token"] = secrets.refresh
    if set(secrets.scopes) & set(IDENTITY):
        body["id_token"] = id_token(request, secrets, nonce)
    return JsonResponse(body, headers={"Cache-Control": "no-store"})


def _revoke(secret: str) -> HttpResponse:
    held = find_token(secret, Token.Kind.ACCESS, Provider.GOOGLE) or find_token(
        secret, Token.Kind.REFRESH, Provider.GOOGLE
    )
    if held is None or held.revoked_at or held.is_expired:
        raise oauth_error("invalid_token", "Token expired or revoked")
    revoke_grant(held.grant)
    return JsonResponse({})
