"""Approval links: signed references to a seat, and the absolute URLs that carry them.

A token says *which seat, for what purpose, which generation* under a signature; it holds no
decision and no secret of its own. The row it names can refuse it (revoked, decided, over), so a
token is never stored. Signing is Django's: keys rotate with ``SECRET_KEY_FALLBACKS``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.urls import get_script_prefix, reverse

from windflow.conf import conf
from windflow.exceptions import BadLink, ExpiredLink

_SHAPE = re.compile(r"[A-Za-z0-9_.\-]{20,200}", re.ASCII)
_REFERENCE = re.compile(r"([1-9][0-9]{0,18})-(0|[1-9][0-9]{0,8})", re.ASCII)


class Purpose(Enum):
    """What a token can do; one salt each, so a token of one purpose is noise to the others."""

    PAGE = "page"  # read the approval page and decide on it
    RESUME = "resume"  # approve
    CANCEL = "cancel"  # reject


@dataclass(frozen=True, slots=True)
class Reference:
    """What a valid token says."""

    approval_id: int
    generation: int


def _signer(purpose: Purpose) -> TimestampSigner:
    return TimestampSigner(sep=".", salt=f"windflow.links.v1.{purpose.value}")


def sign(approval_id: int, generation: int, purpose: Purpose) -> str:
    """The token of one seat for one purpose: URL-safe text of about 65 characters."""
    return _signer(purpose).sign(f"{approval_id}-{generation}")


def read(token: str, purpose: Purpose) -> Reference:
    """What ``token`` refers to.

    Raises :class:`ExpiredLink` when it is older than ``LINK_MAX_AGE``, :class:`BadLink` for
    anything that this site did not sign for this purpose.
    """
    if not _SHAPE.fullmatch(token):
        raise BadLink
    try:
        value = _signer(purpose).unsign(token, max_age=conf.LINK_MAX_AGE)
    except SignatureExpired:
        raise ExpiredLink from None
    except (BadSignature, ValueError, OverflowError):
        raise BadLink from None
    reference = _REFERENCE.fullmatch(value)
    if reference is None:
        raise BadLink
    return Reference(int(reference[1]), int(reference[2]))


def link(approval_id: int, generation: int, purpose: Purpose) -> str:
    """The absolute URL of one seat for one purpose, from ``BASE_URL``."""
    name = {"page": "approval"}.get(purpose.value, purpose.value)
    return absolute(reverse(f"windflow:{name}", args=[sign(approval_id, generation, purpose)]))


def absolute(path: str) -> str:
    """``path`` (as ``reverse`` gives it) under ``BASE_URL``, which names the sub-path itself."""
    return conf.BASE_URL.rstrip("/") + "/" + path.removeprefix(get_script_prefix())
