"""JSON Schemas of people's making: refused when they could do harm, explained when they do not fit.

``$ref`` stays inside the document, so nothing is fetched. ``pattern`` is matched by the
linear-time regular expressions of the CEL library, not by Python's, which can be made to run for
ever; so there are no look-arounds and no back-references, a pattern has at most 200 characters, and
what is repeated a counted number of times (``{3}``) is a single character or class.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import cel
from django.core.exceptions import ValidationError as DjangoError
from django.core.validators import validate_email
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import FormatError, SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from windflow.definition.problems import Problem
from windflow.definition.reading import inside
from windflow.definition.sentences import sentences
from windflow.values import JSON

MAX_PATTERN = 200
MAX_REPEATS = 500
MAX_REFERENCES = 10_000
"""How many references one value may follow: schemas can multiply them without end."""
MAX_PROBLEMS = 50

_NAMED = ("properties", "$defs", "definitions", "dependentSchemas")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
)
_REFERENCES = frozenset({"$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"})
_COSTLY = frozenset({"patternProperties", "unevaluatedItems", "unevaluatedProperties"})


def check_object_schema(schema: dict[str, Any], place: str) -> list[Problem]:
    """What keeps ``schema`` from being the safe JSON Schema (Draft 2020-12) of an object."""
    problems = _malformed(schema, place)
    if problems:
        return problems
    parts = dict(_subschemas(schema, "#"))
    for pointer, part in parts.items():
        for key, message in _unsafe(part, parts):
            problems.append(Problem(_place(place, pointer, key), message))
    if schema.get("type", "object") != "object":
        problems.append(Problem(f"{place}.type", _('It must be "object".')))
    for name, part in schema.get("properties", {}).items():
        if not isinstance(part, dict):
            problems.append(
                Problem(
                    inside(f"{place}.properties", name),
                    _('It must be an object, e.g. {"type": "string"}.'),
                )
            )
    return problems


def schema_problems(schema: dict[str, Any], value: JSON, place: str) -> list[Problem]:
    """What of ``value`` does not fit ``schema``, each with its place, e.g. ``inputs.amount``.

    The formats ``date``, ``date-time`` and ``email`` are checked. At most 50 problems are told.
    """
    found: list[Problem] = []
    try:
        validator = _Validator(schema, registry=Registry(), format_checker=_Formats())
        for error in validator.iter_errors(value):
            found.extend(sentences(error, place))
            if len(found) >= MAX_PROBLEMS:
                break
    except (RecursionError, _TooManyReferences):
        found.append(Problem(place, _("Its schema refers to itself without end; make it simpler.")))
    except (ArithmeticError, ValueError):
        found.append(Problem(place, _("A number in it is too large to be checked.")))
    return list(dict.fromkeys(found))


def _malformed(schema: dict[str, Any], place: str) -> list[Problem]:
    try:
        checker = FormatChecker(formats=())
        Draft202012Validator.check_schema(schema, format_checker=checker)
    except SchemaError as error:
        where = place
        for part in error.absolute_path:
            where = f"{where}[{part}]" if isinstance(part, int) else inside(where, str(part))
        message = _("This is no JSON Schema: %(reason)s") % {"reason": error.message[:200]}
        return [Problem(where, message)]
    except RecursionError:
        return [Problem(place, _("This schema nests too deeply; make it flatter."))]
    return []


def _subschemas(schema: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """``schema`` and every schema in it, by JSON pointer. Data such as ``enum`` is no schema."""
    yield pointer, schema
    if not isinstance(schema, dict):
        return
    for key in _NAMED:
        for name, part in schema.get(key, {}).items():
            step = name.replace("~", "~0").replace("/", "~1")
            yield from _subschemas(part, f"{pointer}/{key}/{step}")
    for key in _LISTED:
        for position, part in enumerate(schema.get(key, [])):
            yield from _subschemas(part, f"{pointer}/{key}/{position}")
    for key in _SINGLE:
        if key in schema:
            yield from _subschemas(schema[key], f"{pointer}/{key}")


def _place(place: str, pointer: str, key: str) -> str:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    for step in [*steps, key]:
        place = inside(place, step)
    return place


def _unsafe(part: Any, known: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not isinstance(part, dict):
        return
    for key in _REFERENCES & part.keys():
        yield key, _('Leave it out; refer inside the schema, e.g. "#/$defs/address".')
    for key in _COSTLY & part.keys():
        yield key, _("It is not supported; name the properties, and use additionalProperties.")
    reference = part.get("$ref")
    if reference is not None and reference not in known:
        yield (
            "$ref",
            _(
                "%(reference)s is not in this schema; only its own parts can be referred to, e.g. "
                "#/$defs/address."
            )
            % {"reference": reference[:100]},
        )
    reason = _bad_pattern(part["pattern"]) if "pattern" in part else ""
    if reason:
        yield "pattern", reason


def _bad_pattern(pattern: str) -> str:
    if len(pattern) > MAX_PATTERN:
        return _("A pattern has at most %(count)d characters.") % {"count": MAX_PATTERN}
    bare = re.sub(r"\\.", "_", pattern)
    repeats = re.findall(r"\{(\d+)(?:,(\d*))?\}", bare)
    counts = [int(count[:9] or 0) for repeat in repeats for count in repeat]
    if re.search(r"\)[?*+]?\{", bare) or sum(counts) > MAX_REPEATS:
        return _(
            "A pattern repeats single characters or classes, at most %(count)d times in all; "
            "use maxLength for more."
        ) % {"count": MAX_REPEATS}
    if _matches(pattern, "") is None:
        return _("This pattern cannot be read; look-arounds and back-references are not known.")
    return ""


@lru_cache(maxsize=1)
def _matcher() -> cel.Program:
    return cel.compile("text.matches(pattern)")


def _matches(pattern: str, text: str) -> bool | None:
    """Whether ``pattern`` is found in ``text``, in linear time; None if it cannot be read."""
    try:
        return bool(_matcher().execute({"text": text, "pattern": pattern}))
    except (RuntimeError, ValueError, TypeError):
        return None


class _TooManyReferences(Exception):
    pass


class _Formats(FormatChecker):
    """The formats that are checked. One a validation: it is what all its validators share."""

    def __init__(self) -> None:
        super().__init__(formats=())
        self.references = 0

    def follow(self) -> None:
        self.references += 1
        if self.references > MAX_REFERENCES:
            raise _TooManyReferences

    def check(self, instance: object, format: str) -> None:  # noqa: A002 - the base's name
        """Raise jsonschema's ``FormatError`` where text is not of its format."""
        test = _FORMATS.get(format)
        if test is not None and isinstance(instance, str) and not test(instance):
            raise FormatError(format)


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and parse_date(text) is not None
    except ValueError:
        return False


def _is_instant(text: str) -> bool:
    try:
        found = parse_datetime(text)
    except ValueError:
        return False
    return found is not None and found.tzinfo is not None


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except DjangoError:
        return False
    return True


_FORMATS = {"date": _is_date, "date-time": _is_instant, "email": _is_email}


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and _matches(pattern, instance) is False:
        yield ValidationError("pattern")


def _unique_items(
    validator: Any, wanted: bool, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list):
        texts = {json.dumps(_comparable(item), sort_keys=True) for item in instance}
        if len(texts) < len(instance):
            yield ValidationError("uniqueItems")


def _multiple_of(
    validator: Any, step: float, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    """In decimals: 1240.1 is a multiple of 0.01, whatever the binary digits of both say."""
    if validator.is_type(instance, "number") and Decimal(str(instance)) % Decimal(str(step)):
        yield ValidationError("multipleOf")


def _comparable(value: JSON) -> JSON:
    """``value`` with 1.0 written as 1: they are the same number."""
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _reference(
    validator: Any, reference: str, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    validator.format_checker.follow()
    yield from Draft202012Validator.VALIDATORS["$ref"](validator, reference, instance, schema)


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "uniqueItems": _unique_items,
        "multipleOf": _multiple_of,
        "$ref": _reference,
    },
)
