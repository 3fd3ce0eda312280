"""Plain JSON values: what may lie in a database column, a queue payload or an expression."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain
from typing import Any

from windflow.exceptions import NotPlain

JSON = Any  # None, bool, int, float, str, list or dict of these: typing cannot say it usefully
#: Levels of lists and objects. Databases and the expression evaluator, which is native code, take
#: some thousands at most; what people mean has a dozen.
MAX_DEPTH = 100


def dumps(value: JSON) -> str:
    """Canonical JSON text: sorted keys, no spaces. The same value gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain(value: object, *, what: str, max_bytes: int) -> JSON:
    """A deep copy of ``value`` as plain JSON, at most ``max_bytes`` long.

    ``what`` names the value in the error, e.g. ``"the result of step a"``.

    Raises :class:`NotPlain` for anything that JSON or a database cannot hold: other types, NaN and
    infinity, NUL characters, lone surrogates, keys that are not text, too many levels or bytes.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise NotPlain(
            f"{_begin(what)} is not plain JSON ({error}). Use text, numbers, true, false, null, "
            "lists and objects with text keys."
        ) from None
    if size > max_bytes:
        raise NotPlain(
            f"{_begin(what)} is {size:,} bytes of JSON; at most {max_bytes:,} are allowed. Store "
            "large data elsewhere and pass a reference to it."
        )
    fault = _fault(value, MAX_DEPTH)
    if fault is not None:
        raise NotPlain(f"{_begin(what)} {fault}")
    return json.loads(text)


def _begin(what: str) -> str:
    return what[:1].upper() + what[1:]


def _fault(value: object, levels: int) -> str | None:
    """What the JSON encoder lets pass, or silently makes into something else."""
    if isinstance(value, str):
        return "contains a NUL character, which databases cannot store." if "\0" in value else None
    if not isinstance(value, dict | list | tuple):
        return None
    if not levels:
        return f"is nested more than {MAX_DEPTH} levels deep. Make it flatter."
    items: Iterable[object] = value
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                return f"has the key {key!r} in an object; only text can be a key."
        items = chain(value, value.values())
    return next(filter(None, (_fault(item, levels - 1) for item in items)), None)
