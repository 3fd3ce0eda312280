"""Input transforms and predicates, as they stand in a flow document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.translation import gettext as _

from windflow.exceptions import NotPlain
from windflow.expressions.cel import Program, check_length, compile_cel
from windflow.expressions.errors import ExpressionError
from windflow.expressions.javascript import to_cel
from windflow.expressions.js_literals import MAX_WHOLE
from windflow.expressions.scope import kind, near
from windflow.expressions.templates import TextTemplate, compile_template
from windflow.values import JSON, plain

MAX_RESULT = 256 * 1024
"""Bytes of JSON that an expression may give."""

_FIELDS = {"static": "value", "cel": "expr", "javascript": "expr", "template": "text"}


class Transform(Protocol):
    """Something that gives a value for a scope."""

    @property
    def place(self) -> str:
        """Where in the flow document it stands."""

    @property
    def references(self) -> frozenset[tuple[str, ...]]:
        """The paths that it reads, as far as they can be told, e.g. ``("results", "a")``."""

    def evaluate(self, scope: Mapping[str, JSON]) -> JSON:
        """The value, as a plain JSON copy. ``scope`` maps the scope's names to plain JSON.

        Raises :class:`ExpressionError`.
        """


@dataclass(frozen=True, slots=True)
class Static:
    """The same value always."""

    place: str
    value: JSON
    references: frozenset[tuple[str, ...]] = frozenset()

    def evaluate(self, scope: Mapping[str, JSON]) -> JSON:
        """The value; lists and objects fresh, so that nobody can change it for others."""
        return _fresh(self.value)


@dataclass(frozen=True, slots=True)
class Expression:
    """A CEL expression. ``doubles`` says that it came from JavaScript, whose numbers are."""

    place: str
    references: frozenset[tuple[str, ...]]
    program: Program
    doubles: bool = False

    def evaluate(self, scope: Mapping[str, JSON]) -> JSON:
        """The value; an error when it is missing, too large or not plain JSON."""
        try:
            if self.doubles and not self.program.path:
                data = _as_doubles(self.program.data(scope))
                return _plain(_as_json_numbers(self.program.evaluate(data)))
            return _plain(self.program.read(scope))
        except ExpressionError as error:
            raise error.at(self.place) from None


@dataclass(frozen=True, slots=True)
class Text:
    """A template."""

    place: str
    references: frozenset[tuple[str, ...]]
    template: TextTemplate

    def evaluate(self, scope: Mapping[str, JSON]) -> JSON:
        """The text; an error when something in it is missing."""
        try:
            return _plain(self.template.text(scope))
        except ExpressionError as error:
            raise error.at(self.place) from None


@dataclass(frozen=True, slots=True)
class Predicate:
    """A transform whose value is true or false."""

    transform: Transform

    @property
    def place(self) -> str:
        """Where in the flow document it stands."""
        return self.transform.place

    @property
    def references(self) -> frozenset[tuple[str, ...]]:
        """The paths that it reads."""
        return self.transform.references

    def evaluate(self, scope: Mapping[str, JSON]) -> bool:
        """The answer. Raises :class:`ExpressionError`, also for anything but true and false."""
        value = self.transform.evaluate(scope)
        if not isinstance(value, bool):
            raise ExpressionError(
                _("This must be true or false, and is %(kind)s; write a comparison.")
                % {"kind": kind(value)},
                self.place,
            )
        return value


def compile_transform(raw: object, place: str) -> Transform:
    """The transform that ``raw`` describes: ``{type: static, value}``, ``{type: cel, expr}``,
    ``{type: javascript, expr}`` or ``{type: template, text}``.

    Raises :class:`ExpressionError` with the place inside ``raw``, what is wrong and what is right.
    """
    if not isinstance(raw, dict):
        raise ExpressionError(
            _('This is %(kind)s; write an object such as {"type": "static", "value": 1}.')
            % {"kind": kind(raw)},
            place,
        )
    type_ = raw.get("type")
    if not isinstance(type_, str) or type_ not in _FIELDS:
        raise ExpressionError(
            _("Such a type does not exist.%(near)s It must be one of %(types)s.")
            % {"near": near(str(type_), _FIELDS), "types": ", ".join(_FIELDS)},
            f"{place}.type",
        )
    field = _FIELDS[type_]
    _check_keys(raw, field, place)
    if type_ == "static":
        return Static(place, raw["value"])
    return _compiled(type_, raw[field], f"{place}.{field}")


def compile_predicate(raw: object, place: str) -> Predicate:
    """The predicate that ``raw`` describes: an expression as text, in OpenFlow's JavaScript, or
    ``{expr}`` with ``type`` ``javascript`` (the default) or ``cel``.

    Raises :class:`ExpressionError`. ``place`` is that of ``raw``.
    """
    if isinstance(raw, str):
        return Predicate(_compiled("javascript", raw, place))
    if not isinstance(raw, dict):
        raise ExpressionError(
            _('This is %(kind)s; write an object such as {"expr": "results.a.total > 100"}.')
            % {"kind": kind(raw)},
            place,
        )
    type_ = raw.get("type", "javascript")
    if type_ not in ("javascript", "cel"):
        raise ExpressionError(_("It must be javascript or cel."), f"{place}.type")
    _check_keys(raw, "expr", place)
    return Predicate(_compiled(type_, raw["expr"], f"{place}.expr"))


def _check_keys(raw: dict[str, Any], field: str, place: str) -> None:
    for key in raw:
        if key not in ("type", field):
            raise ExpressionError(
                _("There is no %(key)s here; only type and %(field)s are known.")
                % {"key": str(key)[:80], "field": field},
                place,
            )
    if field not in raw:
        raise ExpressionError(_("%(field)s is missing; add it.") % {"field": field}, place)


def _compiled(type_: str, text: object, place: str) -> Transform:
    if not isinstance(text, str):
        raise ExpressionError(_("This is %(kind)s; write text.") % {"kind": kind(text)}, place)
    try:
        if type_ == "template":
            template = compile_template(text)
            return Text(place, template.references, template)
        check_length(text)
        program = compile_cel(to_cel(text) if type_ == "javascript" else text)
    except ExpressionError as error:
        raise error.at(place) from None
    return Expression(place, _names(program), program, doubles=type_ == "javascript")


def _names(program: Program) -> frozenset[tuple[str, ...]]:
    """The program's paths up to the first position in a list."""
    found = set()
    for path in program.paths:
        names = [part for part in path if isinstance(part, str)]
        whole = next((i for i, part in enumerate(path) if not isinstance(part, str)), len(path))
        found.add(tuple(names[:whole]))
    return frozenset(found)


def _fresh(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _fresh(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_fresh(item) for item in value]
    return value


def _as_doubles(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _as_doubles(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_doubles(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    if abs(value) > MAX_WHOLE:
        raise ExpressionError(
            _('JavaScript cannot hold a number as large as %(number)s exactly; use CEL ("cel").')
            % {"number": f"{value:.3e}" if abs(value) < 10**300 else "10^300"}
        )
    return float(value)


def _as_json_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json_numbers(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_WHOLE:
        return int(value)
    return value


def _plain(value: object) -> JSON:
    """``value`` as plain JSON. A copy: what the expression read may be shared."""
    if value is None or isinstance(value, bool | int):
        return value
    try:
        return plain(value, what=_("the result"), max_bytes=MAX_RESULT)
    except NotPlain as error:
        raise ExpressionError(_not_plain(value) or error.message) from None


def _not_plain(value: object) -> str:
    """What in ``value`` is no JSON, in the words of CEL; empty if it is something else."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return next(filter(None, map(_not_plain, parts)), "")
    if isinstance(value, float) and not math.isfinite(value):
        return _("The result is not a finite number; something is divided by zero or too large.")
    if value is None or isinstance(value, str | int | float | bool):
        return ""
    name = type(value).__name__
    return _("The result is a %(type)s, which JSON does not know; write string(...) around it.") % {
        "type": {"datetime": "timestamp", "timedelta": "duration"}.get(name, name)
    }
