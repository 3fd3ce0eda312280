"""The bot scopes that the Slack stand-in knows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MEANINGS: dict[str, str | Promise] = {
    "chat:write": _("Send messages in the channels that it is in"),
    "chat:write.public": _("Send messages in public channels that it is not in"),
    "chat:write.customize": _("Send messages under another name"),
    "channels:read": _("See the public channels, read no message"),
    "channels:join": _("Join public channels"),
    "groups:read": _("See the private channels that it is in"),
    "im:read": _("See the direct conversations that it is in"),
    "im:write": _("Start direct conversations with people"),
    "mpim:write": _("Start group conversations with people"),
    "users:read": _("See the people of the workspace"),
    "users:read.email": _("See the e-mail addresses of the people of the workspace"),
    "team:read": _("See the name of the workspace"),
    "commands": _("Add slash commands"),
}


@dataclass(frozen=True)
class Asked:
    """One scope on the install page. Slack offers all or nothing, so it has no box."""

    scope: str
    meaning: str | Promise
    field: str = ""


def parse(requested: str) -> list[str]:
    """The scopes, in order, each once; commas and spaces divide them."""
    return list(dict.fromkeys(scope for scope in re.split(r"[,\s]+", requested) if scope))


def unknown(scopes: list[str]) -> list[str]:
    """Those that do not exist."""
    return [scope for scope in scopes if scope not in MEANINGS]


def asked(scopes: list[str]) -> list[Asked]:
    """The scopes as the install page shows them."""
    return [Asked(scope, MEANINGS[scope]) for scope in scopes]
