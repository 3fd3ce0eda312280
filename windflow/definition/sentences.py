"""What does not fit a JSON Schema, in words that do not repeat the value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from jsonschema.exceptions import ValidationError

from windflow.definition.problems import Problem
from windflow.definition.reading import inside
from windflow.expressions.scope import kind, near

_TYPES = {
    "string": gettext_lazy("text"),
    "number": gettext_lazy("a number"),
    "integer": gettext_lazy("a whole number"),
    "boolean": gettext_lazy("true or false"),
    "array": gettext_lazy("a list"),
    "object": gettext_lazy("an object"),
    "null": gettext_lazy("null"),
}
_FORMATS = {
    "date": gettext_lazy("It must be a day such as 2025-01-31."),
    "date-time": gettext_lazy("It must be an instant such as 2025-01-31T14:05:00Z."),
    "email": gettext_lazy("It must be an e-mail address such as bob@example.com."),
}
_LIMITS = {
    "minimum": gettext_lazy("It must be at least %(limit)s."),
    "maximum": gettext_lazy("It must be at most %(limit)s."),
    "exclusiveMinimum": gettext_lazy("It must be more than %(limit)s."),
    "exclusiveMaximum": gettext_lazy("It must be less than %(limit)s."),
    "multipleOf": gettext_lazy("It must be a multiple of %(limit)s."),
    "minLength": gettext_lazy("It is too short; the least is %(limit)s characters."),
    "maxLength": gettext_lazy("It is too long; the most is %(limit)s characters."),
    "minItems": gettext_lazy("It has too few items; the least is %(limit)s."),
    "maxItems": gettext_lazy("It has too many items; the most is %(limit)s."),
    "minProperties": gettext_lazy("It has too few fields; the least is %(limit)s."),
    "maxProperties": gettext_lazy("It has too many fields; the most is %(limit)s."),
    "pattern": gettext_lazy("It must have the form %(limit)s."),
    "const": gettext_lazy("It must be %(limit)s."),
}


def sentences(error: ValidationError, place: str) -> list[Problem]:
    """The problems that ``error`` stands for; ``place`` is that of the whole value."""
    where = place
    for part in error.absolute_path:
        where = f"{where}[{part}]" if isinstance(part, int) else inside(where, str(part))
    match error.validator:
        case "required":
            return [Problem(inside(where, name), _("It is missing.")) for name in _missing(error)]
        case "additionalProperties":
            return [_unknown(where, name, error) for name in _extra(error)]
        case "anyOf" | "oneOf":
            return _alternatives(error, where, place)
    return [Problem(where, _sentence(error))]


def _sentence(error: ValidationError) -> str:
    keyword = str(error.validator)
    limit: Any = error.validator_value
    match keyword:
        case "type":
            wanted = [limit] if isinstance(limit, str) else limit
            return _wrong_type(error.instance, wanted)
        case "enum":
            return _("It must be one of %(choices)s.") % {"choices": _listed(limit)}
        case "format":
            return str(_FORMATS.get(limit, _("It must be of the format %(name)s."))) % {
                "name": limit
            }
        case "uniqueItems":
            return _("It holds the same item twice.")
        case "None":
            return _("It must be left out.")
    if keyword in _LIMITS:
        return str(_LIMITS[keyword]) % {"limit": _short(limit)}
    return _("It does not fit what its schema says of %(keyword)s.") % {"keyword": keyword}


def _wrong_type(value: object, wanted: Iterable[str]) -> str:
    names = " / ".join(str(_TYPES.get(name, name)) for name in wanted)
    return _("It is %(kind)s, and must be %(wanted)s.") % {"kind": kind(value), "wanted": names}


def _missing(error: ValidationError) -> list[str]:
    value: Any = error.instance
    names: Any = error.validator_value
    return [str(name) for name in names if name not in value]


def _extra(error: ValidationError) -> list[str]:
    value: Any = error.instance
    return [name for name in value if name not in _declared(error)]


def _declared(error: ValidationError) -> dict[str, Any]:
    schema: Any = error.schema
    declared: dict[str, Any] = schema.get("properties", {})
    return declared


def _unknown(where: str, name: str, error: ValidationError) -> Problem:
    known = list(_declared(error))
    return Problem(
        inside(where, name),
        _("There is no such field.%(near)s Known are %(names)s.")
        % {"near": near(name, known), "names": ", ".join(known) or _("none")},
    )


def _alternatives(error: ValidationError, where: str, place: str) -> list[Problem]:
    """Of several forms, tell what is wrong with the one that was probably meant."""
    branches: dict[Any, list[ValidationError]] = {}
    for part in error.context or ():
        branches.setdefault(part.schema_path[0], []).append(part)
    if not branches:
        return [Problem(where, _("It fits more than one of the forms that exclude one another."))]
    meant = [parts for parts in branches.values() if not any(map(_is_other_type, parts))]
    if len(meant) == 1:
        return [problem for part in meant[0] for problem in sentences(part, place)]
    if not meant:
        types = [
            name
            for parts in branches.values()
            for part in parts
            if _is_other_type(part)
            for name in _as_list(part.validator_value)
        ]
        return [Problem(where, _wrong_type(error.instance, dict.fromkeys(types)))]
    return [Problem(where, _("It fits none of the forms that are allowed here."))]


def _is_other_type(error: ValidationError) -> bool:
    return error.validator == "type" and not error.relative_path


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(_short, list(values)[:20]))


def _short(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 60 else text[:60] + "…"
