"""Plain JSON for people: titles from its schema, yes and no, dates, numbers, nested lists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal

from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timezone import is_aware
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from windflow.fields import Schema, choices, simplified
from windflow.forms import ordered
from windflow.presentation import moment, redacted
from windflow.values import JSON

MAX_TEXT = 5_000  # characters of one text
MAX_ITEMS = 50  # of one list or object
MAX_DEPTH = 4
MAX_JSON = 20_000  # characters of a value with parts; a longer one is cut as text
_LONG = 60  # characters: longer texts take the whole width
_NOTHING = "–"


def facts(values: Mapping[str, JSON], schema: Schema) -> list[tuple[str, SafeString]]:
    """``(title, value as HTML)`` of what people entered, in the schema's order; never a field that
    the schema marks as secret. What has no schema comes last, under its own name."""
    declared = dict(ordered(schema))
    shown = []
    for name in [*declared, *(name for name in values if name not in declared)]:
        part = simplified(declared.get(name, {}), schema)
        if name in values and not is_secret(part):
            shown.append((_title(name, part), show(values[name], part, root=schema)))
    if len(shown) > MAX_ITEMS:
        shown[MAX_ITEMS:] = [("…", format_html("{}", _more(len(shown))))]
    return shown


def is_secret(schema: Schema) -> bool:
    """Whether the schema marks its value as one that nobody is shown again."""
    return bool(
        schema.get("writeOnly") or schema.get("password") or schema.get("format") == "password"
    )


def show(
    value: JSON, schema: JSON = None, *, root: Schema | None = None, depth: int = 0
) -> SafeString:
    """``value`` as HTML. Bounded: long texts, long lists and deep nesting are cut, and say so."""
    root = root if root is not None else schema if isinstance(schema, Mapping) else {}
    part = simplified(schema, root)
    named = choices(part)
    for known, title in named.values():
        if known == value and type(known) is type(value):
            return format_html("{}", title)
    if isinstance(value, dict | list) and value and (depth == 0 or depth >= MAX_DEPTH):
        text = redacted(json.dumps(value, ensure_ascii=False))
        if depth or len(text) > MAX_JSON:
            return format_html("<code>{}</code>", _cut(text))
    if isinstance(value, dict) and value:
        return _object(value, part, root, depth)
    if isinstance(value, list) and value:
        return _list(value, part, root, depth)
    return _one(value, part)


def _object(value: dict[str, JSON], schema: Schema, root: Schema, depth: int) -> SafeString:
    declared = dict(ordered(schema))
    parts = {name: simplified(declared.get(name, {}), root) for name in value}
    names = [name for name in [*declared, *value] if name in value and not is_secret(parts[name])]
    rows = format_html_join(
        "",
        "<div><dt>{}</dt><dd>{}</dd></div>",
        (
            (_title(name, parts[name]), show(value[name], parts[name], root=root, depth=depth + 1))
            for name in [*dict.fromkeys(names)][:MAX_ITEMS]
        ),
    )
    return format_html("<dl>{}</dl>{}", rows, _more(len(value)))


def _list(value: list[JSON], schema: Schema, root: Schema, depth: int) -> SafeString:
    items = [
        (show(item, schema.get("items"), root=root, depth=depth + 1),) for item in value[:MAX_ITEMS]
    ]
    short = all(not isinstance(item, dict | list) for item in value)
    if short and sum(len(str(item)) for item in value) <= _LONG:
        return format_html("{}{}", _joined(item for (item,) in items), _more(len(value)))
    listed = format_html_join("", "<li>{}</li>", items)
    return format_html("<ul>{}</ul>{}", listed, _more(len(value)))


def _joined(items: Iterable[SafeString]) -> SafeString:
    return format_html_join(", ", "{}", ((item,) for item in items))


def _more(count: int) -> str | SafeString:
    left = count - MAX_ITEMS
    if left <= 0:
        return ""
    return format_html("<p>{}</p>", ngettext("and %d more", "and %d more", left) % left)


def _one(value: JSON, schema: Schema) -> SafeString:
    if value is None or value in ("", [], {}):
        return format_html("{}", _NOTHING)
    if isinstance(value, bool):
        return format_html("{}", _("Yes") if value else _("No"))
    if isinstance(value, int | float):
        return format_html("{}", number(value, schema))
    return _written(str(value), schema)


def number(value: float | int, schema: Schema) -> str:
    """``value`` in the reader's language; with as many decimals as ``multipleOf`` has.

    Whole numbers by type get no separators: they may as well be years or order numbers.
    """
    if schema.get("type") != "number":
        return str(value) if isinstance(value, int) else number_format(value)
    step = schema.get("multipleOf")
    exponent = Decimal(str(step)).as_tuple().exponent if isinstance(step, float) else 0
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else None
    return number_format(value, decimal_pos=decimals, force_grouping=True)


def _written(text: str, schema: Schema) -> SafeString:
    kind, text = schema.get("format"), redacted(text)
    if kind == "date-time" and (instant := _instant(text)):
        return moment(instant)
    if kind == "date" and (day := _day(text)):
        return format_html('<time datetime="{}">{}</time>', text, date_format(day))
    if kind == "uri" and text.startswith(("http://", "https://")):
        link = '<a href="{}" rel="noopener noreferrer nofollow">{}</a>'
        return format_html(link, text, _cut(text))
    text = _cut(text)
    if len(text) > _LONG or "\n" in text:
        return format_html('<span class="long">{}</span>', text)
    return format_html("<bdi>{}</bdi>", text)


def _instant(text: str) -> datetime | None:
    try:
        instant = parse_datetime(text)
    except ValueError:  # well formed, but no such moment
        return None
    return instant if instant is not None and is_aware(instant) else None


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"


def _title(name: str, schema: Schema) -> str:
    return str(schema.get("title") or capfirst(name.replace("_", " ")))
