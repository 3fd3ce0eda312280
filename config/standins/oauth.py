"""What both providers' OAuth 2 has in common: codes, tokens, PKCE, client authentication."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote_plus, urlencode, urlsplit, urlunsplit

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from config.standins.models import App, Code, Grant, Token
from config.standins.opaque import digest, tail

CODE_LIFETIME = timedelta(minutes=10)
_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True)
class Secrets:
    """The tokens of one answer, in the only form that can be used; kept nowhere else.

    ``refresh`` is empty when none was issued; ``lifetime`` is None for an access token that never
    expires.
    """

    access: str
    refresh: str
    lifetime: timedelta | None
    scopes: list[str]
    grant: Grant

    @property
    def expires_in(self) -> int | None:
        """Seconds that the access token lasts."""
        return None if self.lifetime is None else int(self.lifetime.total_seconds())


def is_challenge(text: str) -> bool:
    """Whether this is a PKCE code challenge or verifier by RFC 7636."""
    return _CHALLENGE.fullmatch(text) is not None


def verifies(code: Code, verifier: str) -> bool:
    """Whether the PKCE verifier belongs to the code's S256 challenge."""
    hashed = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
    return constant_time_compare(expected, code.challenge)


def client_credentials(request: HttpRequest, body: Mapping[str, str]) -> tuple[str, str]:
    """The client id and secret: from the Basic header when there is one, else from the body."""
    scheme, _space, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return body.get("client_id", ""), body.get("client_secret", "")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _colon, secret = decoded.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def bearer(request: HttpRequest) -> str:
    """The token of the Authorization header, or an empty string."""
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def save_code(secret: str, **fields: object) -> None:
    """Keep a new authorization code."""
    Code.objects.create(digest=digest(secret), expires_at=timezone.now() + CODE_LIFETIME, **fields)


def take_code(app: App, secret: str) -> Code | None:
    """The app's code, used up now; None when it is wrong, expired or was used before."""
    now = timezone.now()
    unused = Code.objects.filter(app=app, digest=digest(secret), used_at=None, expires_at__gt=now)
    if not unused.update(used_at=now):
        return None
    return Code.objects.get(digest=digest(secret))


def find_token(secret: str, kind: Token.Kind, provider: str) -> Token | None:
    """The token of this provider, working or not."""
    tokens = Token.objects.select_related("grant__app")
    return tokens.filter(digest=digest(secret), kind=kind, grant__app__provider=provider).first()


@transaction.atomic
def ensure_grant(app: App, account: str, scopes: list[str]) -> Grant:
    """The live grant of this account, made or widened."""
    grant, _made = Grant.objects.get_or_create(app=app, account=account, revoked_at=None)
    grant.scopes = sorted({*grant.scopes, *scopes})
    grant.save(update_fields=["scopes"])
    return grant


def save_token(
    grant: Grant,
    secret: str,
    kind: Token.Kind,
    scopes: list[str],
    lifetime: timedelta | None = None,
) -> Token:
    """Keep what is needed to know a new token again."""
    return Token.objects.create(
        grant=grant,
        kind=kind,
        digest=digest(secret),
        tail=tail(secret),
        scopes=scopes,
        expires_at=None if lifetime is None else timezone.now() + lifetime,
    )


@transaction.atomic
def revoke_grant(grant: Grant) -> None:
    """Every token of the grant stops working."""
    now = timezone.now()
    grant.tokens.filter(revoked_at=None).update(revoked_at=now)
    Grant.objects.filter(pk=grant.pk, revoked_at=None).update(revoked_at=now)


def with_parameters(address: str, parameters: Mapping[str, str]) -> str:
    """The address with more query parameters; empty ones are left out."""
    parts = urlsplit(address)
    added = urlencode({name: value for name, value in parameters.items() if value})
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, added)))))


def origin(address: str) -> str:
    """Scheme and host of an address, as a content security policy names them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
