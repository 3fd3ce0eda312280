"""The names that an expression can read, and how a path is followed through plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from django.utils.translation import gettext as _

from windflow.expressions.errors import ExpressionError
from windflow.values import JSON

SCOPE_NAMES = (
    "flow_input",
    "results",
    "previous_result",
    "resume",
    "resumes",
    "approvers",
    "approvals",
    "iter",
    "error",
    "run",
)
"""Every name an expression can begin with."""

Part = str | int
Path = tuple[Part, ...]
"""A name of the scope, then the keys and list positions that lead on from it."""


def written(path: Path) -> str:
    """``path`` as a person writes it: ``results.a.lines[0]``."""
    text = str(path[0])
    for part in path[1:]:
        if isinstance(part, str) and part.isidentifier():
            text += f".{part}"
        else:
            text += f"[{part!r}]" if isinstance(part, int) else f'["{part}"]'
    return text


def near(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the nearest of ``known``; empty when nothing is near."""
    matches = get_close_matches(name, list(known), n=1)
    return " " + _("Did you mean %(name)s?") % {"name": matches[0]} if matches else ""


def unknown_name(name: str, known: Iterable[str] = SCOPE_NAMES) -> ExpressionError:
    """The error for a name that no expression can see."""
    names = tuple(known)
    return ExpressionError(
        _("There is no name %(name)s here.%(near)s An expression can read %(names)s.")
        % {"name": name, "near": near(name, names), "names": ", ".join(names)}
    )


def follow(scope: Mapping[str, JSON], path: Path) -> JSON:
    """The value at ``path``. Raises :class:`ExpressionError` that names the step that fails."""
    if path[0] not in scope:
        raise ExpressionError(_("%(name)s has no value here.") % {"name": path[0]})
    value = scope[str(path[0])]
    for depth, part in enumerate(path[1:], start=1):
        fits = isinstance(value, dict) if isinstance(part, str) else isinstance(value, list)
        if not fits:
            raise ExpressionError(_not_inside(path[:depth], value, part))
        try:
            value = value[part]
        except (KeyError, IndexError):
            raise ExpressionError(_missing(path[:depth], value, part)) from None
    return value


def select(scope: Mapping[str, JSON], paths: Iterable[Path]) -> dict[str, JSON]:
    """The part of ``scope`` that ``paths`` can reach, so that nothing else is converted or read.

    Lists are taken whole. What a path misses is missing here too.
    """
    wanted: dict[str, JSON] = {}
    taken: list[Path] = []
    for path in sorted({_keys(path) for path in paths}):
        if not any(path[: len(earlier)] == earlier for earlier in taken):
            taken.append(path)
            _take(scope, path, wanted)
    return wanted


def _keys(path: Path) -> tuple[str, ...]:
    keys: list[str] = []
    for part in path:
        if not isinstance(part, str):
            break
        keys.append(part)
    return tuple(keys)


def _take(source: Mapping[str, JSON], path: Path, into: dict[str, JSON]) -> None:
    for part in path[:-1]:
        key = str(part)
        if key not in source:
            return
        value = source[key]
        if not isinstance(value, dict):
            into[key] = value
            return
        source, into = value, into.setdefault(key, {})
    last = str(path[-1])
    if last in source:
        into[last] = source[last]


def kind(value: object) -> str:
    """What JSON calls the type of ``value``, as a noun with its article."""
    if value is None:
        return _("null")
    for types, noun in (
        (bool, _("true or false")),
        (int | float, _("a number")),
        (str, _("text")),
        (list, _("a list")),
        (dict, _("an object")),
    ):
        if isinstance(value, types):
            return noun
    return type(value).__name__


def _not_inside(path: Path, value: object, part: Part) -> str:
    wanted = _("an object") if isinstance(part, str) else _("a list")
    return _("%(path)s is %(kind)s, so there is no %(part)s in it; it must be %(wanted)s.") % {
        "path": written(path),
        "kind": kind(value),
        "part": repr(part) if isinstance(part, int) else part,
        "wanted": wanted,
    }


def _missing(path: Path, value: JSON, part: Part) -> str:
    if isinstance(part, int):
        return _("%(path)s has %(count)d items, so there is none at [%(index)d].") % {
            "path": written(path),
            "count": len(value),
            "index": part,
        }
    names = ", ".join(list(value)[:20])[:300] or _("nothing")
    return _("%(path)s has no %(key)s.%(near)s It has %(names)s.") % {
        "path": written(path),
        "key": part,
        "near": near(part, value),
        "names": names,
    }
