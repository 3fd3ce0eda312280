"""The scopes that the Google stand-in knows, and their many names."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_ROOT = "https://www.googleapis.com/auth/"

OPENID = "openid"
EMAIL = _ROOT + "userinfo.email"
PROFILE = _ROOT + "userinfo.profile"
SEND = _ROOT + "gmail.send"
ALL_MAIL = "https://mail.google.com/"

IDENTITY = (OPENID, EMAIL, PROFILE)
MAY_SEND = (ALL_MAIL, _ROOT + "gmail.modify", _ROOT + "gmail.compose", SEND)

MEANINGS: dict[str, str | Promise] = {
    OPENID: _("Know who you are"),
    EMAIL: _("See your e-mail address"),
    PROFILE: _("See your name and picture"),
    SEND: _("Send e-mail as you, read nothing"),
    _ROOT + "gmail.compose": _("Manage drafts and send e-mail as you"),
    _ROOT + "gmail.readonly": _("Read all your e-mail"),
    _ROOT + "gmail.modify": _("Read, write and send e-mail as you"),
    ALL_MAIL: _("Read, write, send and delete for ever all your e-mail"),
}
_SHORT = {"email": EMAIL, "profile": PROFILE}


@dataclass(frozen=True)
class Asked:
    """One scope on the consent page. ``field`` names its box; identity has none."""

    scope: str
    meaning: str | Promise
    field: str


def canonical(requested: str) -> list[str]:
    """The scopes by their full names, in order, each once; asking who somebody is adds openid."""
    full = [_SHORT.get(scope, scope) for scope in requested.split()]
    if set(full) & set(IDENTITY):
        full.append(OPENID)
    return list(dict.fromkeys(full))


def unknown(scopes: list[str]) -> list[str]:
    """Those that do not exist."""
    return [scope for scope in scopes if scope not in MEANINGS]


def asked(scopes: list[str]) -> list[Asked]:
    """The scopes as the consent page shows them: one can be refused unless it is identity."""
    return [
        Asked(scope, MEANINGS[scope], "" if scope in IDENTITY else f"scope-{number}")
        for number, scope in enumerate(scopes)
    ]
