"""Reading one object of a document, key by key, noting every problem and going on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from windflow.definition.problems import Problem
from windflow.expressions.scope import kind, near

MAX_LINE = 200
"""Characters of a summary, an id or a path."""


def inside(place: str, key: str) -> str:
    """The place of ``key`` in the object at ``place``."""
    if not key.isidentifier():
        key = f'["{key[:60]}"]'
        return f"{place}{key}"
    return f"{place}.{key}" if place else key


class Section:
    """An object at a place. What is null counts as absent, as in OpenFlow."""

    def __init__(self, raw: Mapping[str, Any], place: str, problems: list[Problem]) -> None:
        self.raw = {key: value for key, value in raw.items() if value is not None}
        self.place = place
        self.problems = problems

    def __contains__(self, key: str) -> bool:
        return key in self.raw

    def problem(self, key: str, message: str) -> None:
        """Note what is wrong at ``key``; at the object itself where ``key`` is empty."""
        self.problems.append(Problem(inside(self.place, key) if key else self.place, message))

    def only(self, known: Iterable[str], unsupported: Mapping[str, Any] | None = None) -> None:
        """Note every key that is not ``known``, with its own reason if it is ``unsupported``."""
        names = list(known)
        for key in self.raw:
            if key in names:
                continue
            if unsupported and key in unsupported:
                self.problem(key, str(unsupported[key]))
                continue
            self.problem(
                key,
                _("There is no such key here.%(near)s Known are %(names)s.")
                % {"near": near(key, names), "names": ", ".join(names)},
            )

    def _typed(self, key: str, types: type | tuple[type, ...], wanted: str) -> Any:
        value = self.raw.get(key)
        if value is None:
            return None
        if isinstance(value, types) and (types is bool or not isinstance(value, bool)):
            return value
        self.problem(
            key,
            _("It is %(kind)s, and must be %(wanted)s.") % {"kind": kind(value), "wanted": wanted},
        )
        return None

    def text(self, key: str, *, longest: int = MAX_LINE, required: bool = False) -> str:
        """A text; empty where it is missing or wrong. ``longest`` in characters."""
        if required and key not in self:
            self.problem(key, _("It is missing; write some text."))
            return ""
        text: str = self._typed(key, str, _("text")) or ""
        if required and self.raw[key] == "":
            self.problem(key, _("It is empty; write some text."))
        if len(text) > longest:
            self.problem(
                key,
                _("It is %(size)d characters long; at most %(most)d are allowed.")
                % {"size": len(text), "most": longest},
            )
        return text

    def flag(self, key: str) -> bool:
        """True or false; false where it is missing or wrong."""
        return bool(self._typed(key, bool, _("true or false")))

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        return int(self._number(key, int, _("a whole number"), default, low, high))

    def number(self, key: str, default: float, low: int, high: int) -> float:
        """A number from ``low`` to ``high``."""
        return float(self._number(key, (int, float), _("a number"), default, low, high))

    def _number(
        self, key: str, types: Any, wanted: str, default: float, low: int, high: int
    ) -> float:
        value: float | None = self._typed(key, types, wanted)
        if value is None:
            return default
        if low <= value <= high:
            return value
        self.problem(
            key,
            _("It is %(value)s, and must be from %(low)s to %(high)s.")
            % {"value": str(value)[:40], "low": f"{low:,}", "high": f"{high:,}"},
        )
        return default

    def section(self, key: str) -> Section | None:
        """An object; None where it is missing or wrong."""
        value = self._typed(key, dict, _("an object"))
        if value is None:
            return None
        return Section(value, inside(self.place, key), self.problems)

    def items(self, key: str) -> list[tuple[str, Any]]:
        """The items of a list, each with its place; none where it is missing or wrong."""
        values = self._typed(key, list, _("a list")) or []
        place = inside(self.place, key)
        return [(f"{place}[{position}]", value) for position, value in enumerate(values)]
