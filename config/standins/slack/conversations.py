"""Channels and direct conversations: list, open, and find a person by e-mail."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from config.standins.directory import (
    CHANNELS,
    PEOPLE,
    WORKSPACE_ID,
    Channel,
    Person,
    person_by_email,
    person_by_slack_id,
)
from config.standins.models import App, Membership, Token
from config.standins.slack.errors import error, invalid_arguments, missing_scope

_TYPES = {"public_channel", "private_channel", "mpim", "im"}
_READ = {"public_channel": "channels:read", "private_channel": "groups:read", "im": "im:read"}
_DEFAULT_LIMIT = 100
_MAX_LIMIT = 1000
_CREATED = 1_700_000_000  # of every channel, seconds since 1970


def is_member(app: App, channel: str) -> bool:
    """Whether the app's bot is in this channel."""
    return Membership.objects.filter(app=app, channel=channel).exists()


def list_channels(held: Token, arguments: dict[str, Any]) -> dict[str, Any]:
    """``conversations.list``, a page at a time."""
    types = set(str(arguments.get("types") or "public_channel").replace(" ", "").split(","))
    if not types <= _TYPES:
        raise error("invalid_types")
    _check_types(held, types)
    limit = _limit(arguments.get("limit"))
    after = _read_cursor(str(arguments.get("cursor") or ""))
    wanted = [one for one in _visible(held.grant.app, types) if one.id > after]
    if _is_true(arguments.get("exclude_archived")):
        wanted = [one for one in wanted if not one.is_archived]
    shown, rest = wanted[:limit], wanted[limit:]
    return {
        "channels": [_channel(held.grant.app, one) for one in shown],
        "response_metadata": {"next_cursor": _cursor(shown[-1]) if rest else ""},
    }


def _check_types(held: Token, types: set[str]) -> None:
    for kind in sorted(types):
        needed = _READ.get(kind, "mpim:read")
        if needed not in held.scopes:
            raise missing_scope(needed, held.scopes)


def _visible(app: App, types: set[str]) -> list[Channel]:
    return [
        one
        for one in CHANNELS
        if ("private_channel" if one.is_private else "public_channel") in types
        and (not one.is_private or is_member(app, one.id))
    ]


def _limit(value: Any) -> int:
    try:
        limit = int(value or _DEFAULT_LIMIT)
    except (TypeError, ValueError):
        raise error("invalid_limit") from None
    if not 1 <= limit <= _MAX_LIMIT:
        raise error("invalid_limit")
    return limit


def _cursor(last: Channel) -> str:
    return base64.b64encode(f"channel:{last.id}".encode()).decode()


def _read_cursor(cursor: str) -> str:
    if not cursor:
        return ""
    try:
        kind, _colon, last = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise error("invalid_cursor") from None
    if kind != "channel" or not last:
        raise error("invalid_cursor")
    return last


def _is_true(value: Any) -> bool:
    return str(value).lower() in {"1", "true"}


def _channel(app: App, channel: Channel) -> dict[str, Any]:
    note = {"value": channel.topic, "creator": "", "last_set": 0}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_general": channel.is_general,
        "is_shared": False,
        "is_org_shared": False,
        "is_ext_shared": False,
        "is_member": is_member(app, channel.id),
        "created": _CREATED,
        "creator": PEOPLE[0].slack_id,
        "context_team_id": WORKSPACE_ID,
        "unlinked": 0,
        "topic": note,
        "purpose": {**note, "value": ""},
        "num_members": len(PEOPLE),
    }


def open_conversation(held: Token, arguments: dict[str, Any]) -> dict[str, Any]:
    """``conversations.open`` with one person: the id of the direct conversation."""
    users = [one for one in str(arguments.get("users") or "").split(",") if one.strip()]
    if not users:
        raise error("users_list_not_supplied")
    if len(users) > 1:
        raise invalid_arguments("this stand-in opens conversations with one person")
    person = person_by_slack_id(users[0].strip())
    if person is None:
        raise error("user_not_found")
    _row, opened = Membership.objects.get_or_create(app=held.grant.app, channel=person.conversation)
    reply: dict[str, Any] = {"channel": {"id": person.conversation}}
    return reply if opened else {"no_op": True, "already_open": True, **reply}


def lookup_by_email(_held: Token, arguments: dict[str, Any]) -> dict[str, Any]:
    """``users.lookupByEmail``."""
    if not arguments.get("email"):
        raise invalid_arguments("missing required field: email")
    person = person_by_email(str(arguments["email"]))
    if person is None:
        raise error("users_not_found")
    return {"user": _user(person)}


def _user(person: Person) -> dict[str, Any]:
    return {
        "id": person.slack_id,
        "team_id": WORKSPACE_ID,
        "name": person.handle,
        "deleted": False,
        "real_name": person.name,
        "tz": "Europe/Berlin",
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "profile": {
            "real_name": person.name,
            "real_name_normalized": person.name,
            "display_name": person.handle,
            "email": person.email,
            "team": WORKSPACE_ID,
        },
        "is_admin": False,
        "is_owner": False,
        "is_bot": False,
        "is_app_user": False,
        "updated": _CREATED,
    }
