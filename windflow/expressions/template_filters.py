"""The filters that a template may use: those of Django that cannot grow, strict about types.

Django's filters answer a value that they cannot handle with nothing; these raise, so that no mail
goes out with a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date as Date
from datetime import datetime as DateTime
from datetime import time as Time
from functools import wraps
from typing import Any, cast

from django.template import Library, defaultfilters
from django.utils import formats, timezone
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from django.utils.translation import gettext as _

from windflow.expressions.scope import kind
from windflow.expressions.template_nodes import MAX_OUTPUT

MAX_FORMAT = 50
MAX_DECIMALS = 10

register = Library()


def _refuse(value: object, wanted: str) -> TypeError:
    return TypeError(
        _("it is %(kind)s, and %(wanted)s is needed.") % {"kind": kind(value), "wanted": wanted}
    )


def _on_text(name: str, function: Callable[..., Any]) -> None:
    @wraps(function)
    def strict(value: Any, *arguments: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise _refuse(value, _("text"))
        return function(str(value), *arguments)

    register.filter(name, strict)


for _name in ("lower", "upper", "title", "capfirst", "truncatechars", "truncatewords"):
    _on_text(_name, getattr(defaultfilters, _name))
register.filter("yesno", defaultfilters.yesno)


@register.filter
def default(value: Any, instead: Any) -> Any:
    """``instead`` where the value is missing, null, empty, zero or false."""
    return value or instead


@register.filter
def default_if_none(value: Any, instead: Any) -> Any:
    """``instead`` where the value is missing or null."""
    return instead if value is None else value


@register.filter
def join(value: Any, between: Any) -> str:
    """The items of a list as one text."""
    if not isinstance(value, list | tuple):
        raise _refuse(value, _("a list"))
    if any(isinstance(item, list | tuple | dict) for item in value):
        raise TypeError(_("an item is itself a list or an object; loop over them instead."))
    texts = [str(item) for item in value]
    if sum(map(len, texts)) + len(texts) * len(str(between)) > MAX_OUTPUT:
        raise ValueError(_("the joined text would be too long."))
    return str(between).join(texts)


@register.filter
def length(value: Any) -> int:
    """The number of items, keys or characters."""
    if not isinstance(value, list | tuple | dict | str):
        raise _refuse(value, _("a list, an object or text"))
    return len(value)


@register.filter
def first(value: Any) -> Any:
    """The first item of a list; null where there is none."""
    return _end(value, 0)


@register.filter
def last(value: Any) -> Any:
    """The last item of a list; null where there is none."""
    return _end(value, -1)


def _end(value: Any, position: int) -> Any:
    if not isinstance(value, list | tuple):
        raise _refuse(value, _("a list"))
    return value[position] if value else None


@register.filter
def add(value: Any, other: Any) -> Any:
    """The sum of two numbers."""
    for number in (value, other):
        _check_number(number)
    return value + other


@register.filter
def floatformat(value: Any, decimals: Any = -1) -> str:
    """A number with so many decimals, as Django writes them."""
    if isinstance(value, str) and len(value) <= 40:
        value = float(value)
    _check_number(value)
    digits = str(decimals)
    if abs(int(digits.rstrip("gu") or -1)) > MAX_DECIMALS:
        raise ValueError(_("at most %(count)d decimals are possible.") % {"count": MAX_DECIMALS})
    return defaultfilters.floatformat(value, digits)


@register.filter
def pluralize(value: Any, endings: str = "s") -> str:
    """The ending for one or for several, by a number or by a list's length."""
    count = len(value) if isinstance(value, list | tuple) else value
    _check_number(count)
    return defaultfilters.pluralize(count, endings)


def _check_number(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(value, _("a number"))


@register.filter
def date(value: Any, style: str = "DATE_FORMAT") -> str:
    """A day, or an instant in the site's time zone, e.g. ``|date:"j F Y"``."""
    found = _parsed(value, parse_datetime, parse_date)
    return formats.date_format(cast(Date, found), _checked(style))


@register.filter
def time(value: Any, style: str = "TIME_FORMAT") -> str:
    """A time of day, e.g. ``|time:"H:i"``."""
    found = _parsed(value, parse_datetime, parse_time)
    return formats.time_format(cast(Time, found), _checked(style))


def _parsed(value: Any, *parsers: Callable[[str], Any]) -> Date | DateTime | Time:
    if not isinstance(value, str):
        raise _refuse(value, _("text such as 2025-01-31 or 2025-01-31T14:05:00Z"))
    for parse in parsers:
        found = parse(value)
        if isinstance(found, DateTime) and timezone.is_aware(found):
            return timezone.localtime(found)
        if isinstance(found, Date | Time):
            return found
    raise ValueError(_("it is not of the form 2025-01-31 or 2025-01-31T14:05:00Z."))


def _checked(style: Any) -> str:
    if not isinstance(style, str) or len(style) > MAX_FORMAT:
        raise ValueError(
            _("a format is text of at most %(count)d characters.") % {"count": MAX_FORMAT}
        )
    return style
