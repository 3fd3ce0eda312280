"""Takes secret values out of whatever is stored or shown."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import quote, quote_plus

from windflow.values import JSON

#: What stands where a secret stood.
MARK = "[secret]"
#: Characters: what is shorter is no secret, and replacing it would garble ordinary words.
LEAST = 6


class Redactor:
    """Knows some secrets and replaces them by :data:`MARK`, as they are and as they get written in
    Python literals, JSON, URLs, HTML and HTTP Basic headers."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Replace these too from now on."""
        new = {part for secret in secrets for part in _parts(secret)} - self._secrets
        if not new:
            return
        self._secrets |= new
        forms = {form for secret in self._secrets for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)  # one may begin like another
        self._pattern = re.compile("|".join(map(re.escape, [MARK, *longest_first])))

    def text(self, text: str) -> str:
        """``text`` without the secrets."""
        return self._pattern.sub(MARK, text) if self._pattern else text

    def value(self, value: JSON) -> JSON:
        """Plain JSON without the secrets, keys and numbers included."""
        if not self._pattern:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, int | float) and str(value) in self._secrets:
            return MARK
        return value


def _parts(secret: str) -> Iterator[str]:
    """A secret of several lines is also each of them: tracebacks indent lines one by one."""
    for part in {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}:
        if len(part) >= LEAST:
            yield part


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield from (text(secret)[1:-1] for text in (repr, ascii, json.dumps))
    yield from (quote(secret, errors="replace"), quote(secret, safe="", errors="replace"))
    yield quote_plus(secret, errors="replace")
    yield escape(secret)
    yield from _base64_cores(secret.encode("utf-8", "replace"))


def _base64_cores(raw: bytes) -> Iterator[str]:
    """The letters by which base64 of anything that contains ``raw`` can be told."""
    for lead in range(3):  # where raw begins within a group of three bytes
        first, last = -(-8 * lead // 6), 8 * (lead + len(raw)) // 6
        core = b64encode(b"\0" * lead + raw + b"\0\0").decode()[first:last]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def storable(text: str) -> str:
    """``text`` without what databases refuse: NUL characters and halves of surrogate pairs. Before
    secrets are looked for, since what remains might be one."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
