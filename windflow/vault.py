"""Sealed values: text that only this site's own keys can open, and that shows when it was changed.

Fernet (AES-128-CBC with HMAC-SHA-256) under a list of keys: the first one seals, every one opens.
A sealed text tells its length and the second in which it was made, and nothing else.
"""

from __future__ import annotations

import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.utils.translation import gettext as _

from windflow.conf import conf
from windflow.exceptions import VaultLocked
from windflow.values import JSON, dumps

#: A command that prints a new key.
MAKE_A_KEY = (
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)


def seal(value: JSON) -> str:
    """``value`` as text that :func:`unseal` opens. Sealing twice gives two different texts.

    Raises :class:`VaultLocked` with what to do when there is no key, or one of no use.
    """
    return _keys().encrypt(dumps(value).encode()).decode()


def unseal(text: str) -> JSON:
    """The value that was sealed as ``text``.

    Raises :class:`VaultLocked` when none of the keys opens it: it was sealed with a key that is
    gone, or changed since. Never gives back what could not be opened.
    """
    keys = _keys()
    try:
        return json.loads(keys.decrypt(text.encode()))
    except InvalidToken:
        raise _not_ours() from None


def reseal(text: str) -> str:
    """The same value sealed with the first key. Raises :class:`VaultLocked` as :func:`unseal`."""
    keys = _keys()
    try:
        return keys.rotate(text.encode()).decode()
    except InvalidToken:
        raise _not_ours() from None


def keys_problem() -> str | None:
    """What is wrong with the configured keys, and what to do about it; None when all is well."""
    try:
        _keys()
    except VaultLocked as locked:
        return locked.message
    return None


def _keys() -> MultiFernet:
    texts = conf.ENCRYPTION_KEYS
    if not isinstance(texts, list | tuple):
        raise VaultLocked(_('WINDFLOW["ENCRYPTION_KEYS"] must be a list of keys.'))
    if not texts:
        raise VaultLocked(
            _(
                'WINDFLOW["ENCRYPTION_KEYS"] is empty, so resources can be neither saved nor used. '
                "Make a key with  %(command)s  and put it into that list, from the environment or "
                "a secret store; keep a copy, since nothing opens without it."
            )
            % {"command": MAKE_A_KEY}
        )
    return MultiFernet([_key(number, text) for number, text in enumerate(texts, start=1)])


def _key(number: int, text: str | bytes) -> Fernet:
    try:
        return Fernet(text)
    except (ValueError, TypeError):
        # Without the reason: it may quote the key.
        raise VaultLocked(
            _(
                'Key %(number)d of WINDFLOW["ENCRYPTION_KEYS"] is no key: it must be 32 random '
                "bytes in URL-safe base64. Make one with  %(command)s"
            )
            % {"number": number, "command": MAKE_A_KEY}
        ) from None


def _not_ours() -> VaultLocked:
    return VaultLocked(
        _(
            'No key in WINDFLOW["ENCRYPTION_KEYS"] opens this value: it was sealed with another '
            "key, or changed since. Put the key that it was sealed with back at the end of the "
            "list; where that is lost, connect the resource again."
        )
    )
