"""Form fields for JSON Schema: what people type or tick, as plain JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import to_current_timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst
from django.utils.timezone import is_naive, make_aware
from django.utils.translation import gettext as _

from windflow.values import JSON

Schema = Mapping[str, JSON]

LONG_TEXT = 200  # characters: texts that may be longer get a box of several lines
_DEPTH = 8  # references followed before a schema counts as going round in circles


class TextField(forms.CharField):
    """Text; line ends as ``\\n``, which is how the schema's author counts its length."""

    def to_python(self, value: object) -> str | None:
        text = super().to_python(value)
        return text.replace("\r\n", "\n").replace("\r", "\n") if text else None


class NumberField(forms.FloatField):
    """A number, whole where it was typed as whole: 1240 and not 1240.0."""

    def to_python(self, value: object) -> float | int | None:  # type: ignore[override]
        number = super().to_python(cast(Any, value))
        if number is not None and number.is_integer() and abs(number) < 2**53:
            return int(number)
        return number


class MomentField(forms.DateTimeField):
    """A day and a time, in the reader's zone where none is given."""

    def to_python(self, value: object) -> datetime | None:
        moment = super().to_python(cast(Any, value))
        return make_aware(moment) if moment is not None and is_naive(moment) else moment


class LinesField(forms.CharField):
    """A list, one item a line. ``convert`` makes an item of a line, or raises ``ValueError``."""

    def __init__(self, *, convert: Callable[[str], JSON], commas: bool, **options: Any) -> None:
        super().__init__(**options)
        self.convert = convert
        self.separator = re.compile(r"[\n,;]" if commas else r"\n")

    def to_python(self, value: object) -> list[JSON] | None:  # type: ignore[override]
        text = (super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")
        lines = [line.strip() for line in self.separator.split(text)]
        return [self._item(line) for line in lines if line] or None

    def _item(self, line: str) -> JSON:
        try:
            return self.convert(line)
        except ValueError:
            raise ValidationError(_("“%(line)s” is not a number.") % {"line": line}) from None


class JSONField(forms.CharField):
    """Any JSON, as text."""

    def to_python(self, value: object) -> JSON:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return json.loads(text, parse_constant=_refuse)
        except json.JSONDecodeError as error:
            message = _("This is not valid JSON. Line %(line)d, column %(column)d: %(problem)s.")
            where = {"line": error.lineno, "column": error.colno, "problem": error.msg}
            raise ValidationError(message % where) from None
        except (ValueError, RecursionError):
            raise ValidationError(_("This JSON cannot be stored.")) from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


# From a schema to a field


def simplified(schema: JSON, root: Schema, depth: int = 0) -> dict[str, JSON]:
    """``schema`` with local references followed and "or null" dropped; of several possible types
    the text, which takes whatever one types. Only for choosing a field: it is no validation."""
    if not isinstance(schema, Mapping) or depth > _DEPTH:
        return {}
    own = {key: schema[key] for key in schema if key not in {"$ref", "anyOf", "allOf"}}
    options = [_target(schema["$ref"], root)] if "$ref" in schema else None
    options = options or schema.get("anyOf") or schema.get("allOf")
    if isinstance(options, list):
        found = [simplified(option, root, depth + 1) for option in options]
        real = [option for option in found if option.get("type") != "null"]
        texts = [option for option in real if option.get("type") == "string"]
        if len(real) == 1 or texts:
            own = {**(real if len(real) == 1 else texts)[0], **own}
    if isinstance(own.get("type"), list):
        types = [kind for kind in own["type"] if kind != "null"]
        own["type"] = types[0] if len(types) == 1 else None
    return own


def _target(reference: object, root: Schema) -> JSON:
    place: JSON = root
    for key in str(reference).removeprefix("#/").split("/"):
        place = place.get(key) if isinstance(place, Mapping) else None
    return place


def field_for(name: str, schema: Schema, *, required: bool, root: Schema) -> forms.Field:
    """The form field of the property ``name``; its initial value is the schema's default."""
    schema = simplified(schema, root)
    field = _field(schema, root, required)
    field.label = str(schema.get("title") or capfirst(name.replace("_", " ")))
    notes = [str(schema.get("description") or ""), _hint(field)]
    field.help_text = " ".join(note for note in notes if note)
    field.required = required and not isinstance(field, forms.BooleanField)
    field.widget.is_required = field.required
    if "default" in schema:
        field.initial = shown(field, schema["default"])
    return field


def shown(field: forms.Field, value: JSON) -> Any:
    """A JSON value as what ``field`` shows."""
    if isinstance(field, JSONField):
        return json.dumps(value, indent=2, ensure_ascii=False)
    if isinstance(field, LinesField):
        return "\n".join(map(str, value)) if isinstance(value, list) else value
    if isinstance(field, forms.TypedMultipleChoiceField):
        return [_key(item) for item in value] if isinstance(value, list) else value
    if isinstance(field, forms.TypedChoiceField):
        return _key(value)
    if isinstance(field, MomentField) and isinstance(value, str):
        moment = parse_datetime(value)
        return to_current_timezone(moment) if moment is not None else value
    return value


def plain(value: Any) -> JSON:
    """A cleaned value as JSON: times as ISO 8601 text."""
    return value.isoformat() if isinstance(value, date | time) else value


def _field(schema: Schema, root: Schema, required: bool) -> forms.Field:
    kind = schema.get("type")
    if kind == "boolean":
        return forms.BooleanField()
    if options := choices(schema):
        return _choice(options, blank=not required or "default" not in schema)
    if kind in {"integer", "number"}:
        return _number(schema, whole=kind == "integer")
    if kind == "string":
        return _text(schema)
    items = simplified(schema.get("items"), root) if kind == "array" else {}
    if options := choices(items):
        return _choices(options)
    if items.get("type") in {"string", "integer", "number"}:
        return _lines(items)
    return JSONField(widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}))


def choices(schema: Schema) -> dict[str, tuple[JSON, str]]:
    """``key: (value, title)`` of an ``enum``, a ``const``, or a ``oneOf`` of consts."""
    options = schema.get("oneOf")
    if isinstance(options, list) and all(isinstance(o, dict) and "const" in o for o in options):
        named = [(option["const"], option.get("title")) for option in options]
    elif isinstance(schema.get("enum"), list):
        labels = schema.get("enumLabels")
        known = labels if isinstance(labels, dict) else {}
        named = [(value, known.get(_key(value))) for value in schema["enum"]]
    elif "const" in schema:
        named = [(schema["const"], None)]
    else:
        return {}
    return {_key(value): (value, str(title or _key(value))) for value, title in named}


def _key(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _titles(options: dict[str, tuple[JSON, str]]) -> list[tuple[str, str]]:
    return [(key, title) for key, (_value, title) in options.items()]


def _choice(options: dict[str, tuple[JSON, str]], *, blank: bool) -> forms.Field:
    first = [("", _("Choose…"))] if blank else []
    return forms.TypedChoiceField(
        choices=[*first, *_titles(options)],
        coerce=lambda key: options[key][0],
        empty_value=None,
    )


def _choices(options: dict[str, tuple[JSON, str]]) -> forms.Field:
    return forms.TypedMultipleChoiceField(
        choices=_titles(options),
        coerce=lambda key: options[key][0],
        empty_value=None,
        widget=forms.CheckboxSelectMultiple,
    )


def _number(schema: Schema, *, whole: bool) -> forms.Field:
    least, most = _bound(schema, "minimum"), _bound(schema, "maximum")
    kind = forms.IntegerField if whole else NumberField
    field = kind(min_value=cast(Any, least), max_value=cast(Any, most))
    step = _bound(schema, "multipleOf")
    if step and least is None:  # with a minimum, browsers would count the steps from there
        field.widget.attrs["step"] = step
    floor = least if least is not None else _bound(schema, "exclusiveMinimum")
    if floor is not None and floor >= 0:
        # Phones then show digits alone, without a minus sign.
        field.widget.attrs["inputmode"] = "numeric" if whole else "decimal"
    return field


def _bound(schema: Schema, key: str) -> float | int | None:
    value = schema.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(schema: Schema) -> forms.Field:
    least, most = _bound(schema, "minLength"), _bound(schema, "maxLength")
    bounds: dict[str, Any] = {"min_length": least, "max_length": most, "empty_value": None}
    written = schema.get("format")
    if written == "textarea" or (most or 0) > LONG_TEXT:
        return TextField(widget=forms.Textarea(attrs={"rows": 4}), **bounds)
    if schema.get("writeOnly") or schema.get("password") or written == "password":
        return TextField(widget=forms.PasswordInput(attrs={"autocomplete": "off"}), **bounds)
    special = _FORMATS.get(str(written))
    return special(bounds) if special else TextField(**bounds)


def _email(bounds: dict[str, Any]) -> forms.Field:
    field = forms.EmailField(**{**bounds, "max_length": bounds["max_length"] or 320})
    field.widget.attrs |= {"autocomplete": "email", "autocapitalize": "none"}
    return field


def _address(bounds: dict[str, Any]) -> forms.Field:
    return forms.URLField(assume_scheme="https", **bounds)


def _day(_bounds: dict[str, Any]) -> forms.Field:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(widget=widget, input_formats=["%Y-%m-%d"])


def _moment(_bounds: dict[str, Any]) -> forms.Field:
    widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
    return MomentField(widget=widget)


def _time(_bounds: dict[str, Any]) -> forms.Field:
    widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
    return forms.TimeField(widget=widget, input_formats=["%H:%M", "%H:%M:%S"])


_FORMATS: dict[str, Callable[[dict[str, Any]], forms.Field]] = {
    "email": _email,
    "uri": _address,
    "date": _day,
    "date-time": _moment,
    "time": _time,
}


def _lines(items: Schema) -> forms.Field:
    converters: dict[str, Callable[[str], JSON]] = {"integer": int, "number": _parsed}
    return LinesField(
        convert=converters.get(items["type"], str),
        commas=items.get("format") == "email",  # as address books give them
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def _parsed(line: str) -> JSON:
    number = float(line)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(line)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _hint(field: forms.Field) -> str:
    if isinstance(field, LinesField):
        return _("One per line.")
    if isinstance(field, JSONField):
        return _("As JSON.")
    return ""
