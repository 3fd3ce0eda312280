"""Resource types that only the tests have, and scripts that use them."""

from __future__ import annotations

import json
import traceback
import urllib.error
import urllib.request
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from pydantic import SecretStr

from tests.models import Ledger
from windflow import (
    Context,
    ResourceBroken,
    ResourceValue,
    StepFailed,
    resource_type,
    script,
)


def refresh(value: Grant) -> Grant:
    """What an OAuth library would do: a real POST, the provider's errors told apart."""
    body = json.dumps({"refresh_token": value.refresh_token.get_secret_value()}).encode()
    try:
        with urllib.request.urlopen(value.endpoint, body, timeout=5) as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 400:
            raise ResourceBroken(error.read().decode()) from error
        raise StepFailed(f"The provider answered {error.code}.", retry_after=1) from error
    return value.model_copy(
        update={
            "access_token": said["access_token"],
            "refresh_token": said["refresh_token"],
            "expires_at": timezone.now() + timedelta(seconds=said["expires_in"]),
        }
    )


@resource_type("grant", title="Grant", connect="admin:index", refresh=refresh)
class Grant(ResourceValue):
    """An OAuth grant of a provider with refresh tokens that work once."""

    endpoint: str
    access_token: SecretStr
    refresh_token: SecretStr
    expires_at: datetime | None = None


@resource_type("vault_key", title="Key", summary="An API key that may end.")
class Key(ResourceValue):
    """A key that people fill in; nothing refreshes it."""

    host: str
    secret: SecretStr
    spare: list[SecretStr] = []
    expires_at: datetime | None = None


@script(summary="Say which token it got")
def show_grant(ctx: Context, grant: Grant) -> str:
    return grant.access_token.get_secret_value()[-1]


@script(summary="Say which host it got")
def show_host(ctx: Context, key: Key | None = None, name: str = "") -> str | None:
    found = ctx.resource(name, Key) if name else key
    return found.host if found is not None else None


@script(summary="A provider that refuses every token but those of one generation")
def call_provider(ctx: Context, grant: Grant, takes: str) -> str:
    if not grant.access_token.get_secret_value().endswith(takes):
        grant = ctx.refresh(grant)
    if not grant.access_token.get_secret_value().endswith(takes):
        token = grant.access_token.get_secret_value()
        ctx.broken(grant, f"401 invalid_token: {token}")
    return grant.access_token.get_secret_value()[-1]


@script(summary="Say which token it got, in a transaction", atomic=True)
def show_grant_atomically(ctx: Context, grant: Grant) -> str:
    return grant.access_token.get_secret_value()[-1]


@script(summary="Break its resource in its own transaction", atomic=True)
def break_atomically(ctx: Context, grant: Grant) -> None:
    Ledger.objects.create(key=ctx.idempotency_key)
    ctx.broken(grant, "revoked")


@script(summary="Refresh inside a transaction")
def refresh_in_transaction(ctx: Context, grant: Grant) -> None:
    with transaction.atomic():
        ctx.refresh(grant)


@script(kind="approval", summary="Let secrets slip everywhere a script can put a text")
def spill(ctx: Context, key: Key, way: str) -> object:
    secret = key.secret.get_secret_value()
    ctx.log(f"marker {way}")
    return _SPILLS[way](ctx, secret)


@script(summary="The same in one transaction", atomic=True)
def spill_atomically(ctx: Context, key: Key, way: str) -> object:
    return _SPILLS[way](ctx, key.secret.get_secret_value())


@script(summary="The same, async")
async def spill_async(ctx: Context, key: Key, way: str) -> object:
    return _SPILLS[way](ctx, key.secret.get_secret_value())


def _result(ctx: Context, secret: str) -> object:
    return {"deep": [{secret: f"a {secret} b"}], "url": f"https://x.example/?key={secret}"}


def _log(ctx: Context, secret: str) -> object:
    ctx.log(f"using {secret} and {secret!r}")
    ctx.log("x" * 99_990 + secret)
    ctx.progress(1, 2)
    return None


def _raise(ctx: Context, secret: str) -> object:
    raise ValueError(f"bad key {secret}", {"key": secret})


def _chain(ctx: Context, secret: str) -> object:
    try:
        raise KeyError(secret)
    except KeyError as cause:
        error = RuntimeError("the provider said no")
        error.add_note(f"the key was {secret}")
        raise error from cause


def _group(ctx: Context, secret: str) -> object:
    raise ExceptionGroup("two", [ValueError(secret), KeyError(secret)])


def _refuse(ctx: Context, secret: str) -> object:
    raise StepFailed(f"no: {secret}", permanent=True)


def _cut(ctx: Context, secret: str) -> object:
    raise ValueError("x" * 4_990 + secret)


def _named(ctx: Context, secret: str) -> object:
    raise type(secret, (Exception,), {})("named after a secret")


def _exit(ctx: Context, secret: str) -> object:
    raise SystemExit(secret)


def _not_plain(ctx: Context, secret: str) -> object:
    return {(secret,): 1, "value": object()}


def _ask(ctx: Context, secret: str) -> object:
    ctx.ask(f"Use {secret}?", f"It is **{secret}**.", secret)
    return ctx.approval_links("bob@example.com").approver


def _approver(ctx: Context, secret: str) -> object:
    return ctx.approval_links(f"{secret}@example.com").approver


def _formatted(ctx: Context, secret: str) -> object:
    try:
        raise LookupError(secret)
    except LookupError:
        return traceback.format_exc()


_SPILLS = {
    "result": _result,
    "log": _log,
    "raise": _raise,
    "chain": _chain,
    "group": _group,
    "refuse": _refuse,
    "cut": _cut,
    "named": _named,
    "exit": _exit,
    "not plain": _not_plain,
    "ask": _ask,
    "approver": _approver,
    "formatted": _formatted,
}
WAYS = sorted(_SPILLS)
