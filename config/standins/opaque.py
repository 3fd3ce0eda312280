"""Strings that only their holder knows, and what is kept of them."""

from __future__ import annotations

import hashlib
import secrets
import string

_ALPHANUMERIC = string.ascii_letters + string.digits
_TAIL = 4


def digest(secret: str) -> str:
    """What is kept of a secret: enough to know it again, too little to use it (SHA-256, hex)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def tail(secret: str) -> str:
    """The last characters, for a person to tell two tokens apart."""
    return secret[-_TAIL:]


def letters(length: int) -> str:
    """Random letters and digits."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))


def digits(length: int) -> str:
    """Random digits; the first is not 0."""
    return str(secrets.choice(range(10 ** (length - 1), 10**length)))


def hexadecimal(length: int) -> str:
    """Random lower-case hexadecimal digits."""
    return secrets.token_hex((length + 1) // 2)[:length]
