"""Who somebody is: ID tokens, their certificates, and userinfo in its three shapes."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

import jwt
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from config.standins.answers import answer
from config.standins.directory import Person, person_by_email
from config.standins.google.errors import API_FAULTS, unauthenticated
from config.standins.google.scopes import EMAIL, IDENTITY, PROFILE
from config.standins.guard import api
from config.standins.models import Endpoint, Provider, SigningKey, Token
from config.standins.oauth import Secrets, bearer, find_token

LIFETIME = 3600  # seconds that an ID token is valid


def issuer(request: HttpRequest) -> str:
    """What ``iss`` says: the stand-in's root, so that no token here passes for Google's own."""
    return request.build_absolute_uri(reverse("standins:google")).rstrip("/")


def id_token(request: HttpRequest, secrets: Secrets, nonce: str = "") -> str:
    """A signed OpenID Connect ID token (RS256) for the holder of these tokens."""
    person = person_by_email(secrets.grant.account)
    assert person is not None, "grants are made for people of the directory"
    key = SigningKey.current()
    client_id = secrets.grant.app.client_id
    now = int(time.time())
    claims = {
        "iss": issuer(request),
        "azp": client_id,
        "aud": client_id,
        "iat": now,
        "exp": now + LIFETIME,
        "at_hash": _half_hash(secrets.access),
        **_claims(request, person, secrets.scopes),
    }
    if nonce:
        claims["nonce"] = nonce
    return jwt.encode(claims, key.private_pem, algorithm="RS256", headers={"kid": key.kid})


def _half_hash(access: str) -> str:
    half = hashlib.sha256(access.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def _claims(request: HttpRequest, person: Person, scopes: list[str]) -> dict[str, Any]:
    claims: dict[str, Any] = {"sub": person.google_id}
    if EMAIL in scopes:
        claims |= {"email": person.email, "email_verified": True}
    if PROFILE in scopes:
        claims |= {
            "name": person.name,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "picture": request.build_absolute_uri(static("standins/person.svg")),
        }
    return claims


@api
@require_GET
def certificates(request: HttpRequest) -> HttpResponse:
    """The signing keys' certificates: ``{kid: PEM}``."""
    SigningKey.current()
    return JsonResponse({key.kid: key.certificate_pem for key in SigningKey.objects.all()})


@api
@require_http_methods(["GET", "POST"])
def userinfo(request: HttpRequest, version: str) -> HttpResponse:
    """Who the token belongs to; ``v1`` and ``v2`` say ``id``, ``v3`` says ``sub``."""
    return answer(
        Endpoint.GOOGLE_USERINFO,
        lambda: JsonResponse(_userinfo(request, version)),
        lambda fault: API_FAULTS[fault.how](fault),
    )


def _userinfo(request: HttpRequest, version: str) -> dict[str, Any]:
    held = live_token(request)
    person = person_by_email(held.grant.account)
    if person is None or not set(held.scopes) & set(IDENTITY):
        raise unauthenticated()
    claims = _claims(request, person, held.scopes)
    if version == "v3":
        return claims
    older = {"sub": "id", "email_verified": "verified_email"}
    return {older.get(name, name): value for name, value in claims.items()}


def live_token(request: HttpRequest) -> Token:
    """The access token that the request carries. Raises Google's 401 unless it works now."""
    held = find_token(bearer(request), Token.Kind.ACCESS, Provider.GOOGLE)
    if held is None or held.revoked_at or held.is_expired:
        raise unauthenticated()
    return held
