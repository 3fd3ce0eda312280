"""How much work and memory an expression can take on given data, at most.

The Rust evaluator has no limit of its own, holds the GIL while it works, and its ``map`` and
``filter`` copy the list they have so far for every item, so they cost the square of the length.
Sizes are in bytes of memory, work in bytes copied; both are bounds, measured on cel 0.10.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from math import prod

from django.utils.translation import gettext as _

from windflow.expressions.cel_syntax import Call, Group, Literal, Macro, Node, Select, Variable
from windflow.expressions.errors import ExpressionError
from windflow.expressions.scope import Part
from windflow.values import JSON

MAX_WORK = 1_500_000_000
"""About one second."""
MAX_SIZE = 32_000_000
"""Of any value on the way to the result."""

_VALUE = 64
_VISIT = 128
_COPYING = frozenset({"map", "filter"})
_PATTERN = 150_000
"""Each class such as ``\\w`` in a pattern; patterns are compiled anew for every match."""
_UNKNOWN_PATTERN = 40_000_000


class Extent:
    """The most that a value can be: its size, its number of items, and the extent of an item."""

    def __init__(self, size: int, length: int = 0, item: Extent | None = None) -> None:
        self.size = size
        self.length = length
        self.known_item = item

    @property
    def item(self) -> Extent:
        """Any one item, key or value inside."""
        return self.known_item or Extent(self.size, self.size // _VALUE)

    def at(self, part: Part | None) -> Extent:
        """The item at ``part``; None where that is computed."""
        return self.item


class Data(Extent):
    """One of several values that are at hand."""

    def __init__(self, values: list[JSON]) -> None:
        self.values = values

    @cached_property
    def size(self) -> int:  # type: ignore[override]
        return max(map(weight, self.values), default=_VALUE)

    @cached_property
    def length(self) -> int:  # type: ignore[override]
        containers = (value for value in self.values if isinstance(value, list | dict))
        return max(map(len, containers), default=0)

    @cached_property
    def item(self) -> Extent:
        lists = (value for value in self.values if isinstance(value, list))
        objects = [value for value in self.values if isinstance(value, dict)]
        return Data(
            [item for value in lists for item in value]
            + [item for value in objects for item in value.values()]
            + [key for value in objects for key in value]
        )

    @property
    def known_item(self) -> Extent:  # type: ignore[override]
        return self.item

    def at(self, part: Part | None) -> Extent:
        if isinstance(part, str):
            return Data([v[part] for v in self.values if isinstance(v, dict) and part in v])
        if isinstance(part, int):
            return Data([v[part] for v in self.values if isinstance(v, list) and part < len(v)])
        return self.item


def weight(value: JSON) -> int:
    """About how many bytes ``value`` takes."""
    if isinstance(value, str):
        return _VALUE + len(value)
    if not isinstance(value, list | dict):
        return _VALUE
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return len(text) + _VALUE * (1 + sum(map(text.count, ",:[{")))


def check_cost(node: Node, data: Mapping[str, JSON]) -> None:
    """Raise :class:`ExpressionError` when evaluating ``node`` on ``data`` could take too much."""
    _Estimate().extent(node, {name: Data([value]) for name, value in data.items()}, 1)


class _Estimate:
    def __init__(self) -> None:
        self.work = 0

    def extent(self, node: Node, names: Mapping[str, Extent], times: int) -> Extent:
        """The extent of ``node``, with the work of evaluating it ``times`` times added up."""
        self.add(_VISIT, times)
        match node:
            case Literal():
                return Extent(_VALUE + len(node.source))
            case Variable():
                return self.variable(node, names, times)
            case Select():
                return self.selected(node, names, times)
            case Macro():
                return self.macro(node, names, times)
            case Call():
                return self.call(node, names, times)
        return self.group(node, names, times)

    def add(self, work: int, times: int) -> None:
        self.work += work * times
        if self.work > MAX_WORK:
            raise ExpressionError(
                _(
                    "This expression could take too long on this much data. Use a shorter list, "
                    "fewer of map and filter, or a script."
                )
            )

    def bounded(self, extent: Extent, times: int) -> Extent:
        """``extent`` as something newly made, which has to be copied and to fit."""
        if extent.size > MAX_SIZE:
            raise ExpressionError(
                _("This expression could make more than %(size)d MB of data from its input.")
                % {"size": MAX_SIZE // 1_000_000}
            )
        self.add(extent.size, times)
        return extent

    def variable(self, node: Variable, names: Mapping[str, Extent], times: int) -> Extent:
        extent = names.get(str(node.path[0]), Extent(_VALUE))
        for part in node.path[1:]:
            extent = extent.at(part)
            self.add(extent.size, times)
        return extent

    def selected(self, node: Select, names: Mapping[str, Extent], times: int) -> Extent:
        target = self.extent(node.target, names, times)
        if node.index is not None:
            self.extent(node.index, names, times)
        extent = target.at(node.part)
        self.add(extent.size, times)
        return extent

    def group(self, node: Group, names: Mapping[str, Extent], times: int) -> Extent:
        items = [self.extent(item, names, times) for item in node.items]
        total = _VALUE + sum(item.size for item in items)
        if node.kind == "choice":
            return _any(items)
        if node.kind == "list":
            return self.bounded(Extent(total, len(items), _any(items)), times)
        if node.kind == "map":
            return self.bounded(Extent(total, len(items) // 2, _any(items)), times)
        if "+" not in node.operators:
            self.add(total, times)
            return Extent(_VALUE)
        length = sum(item.length for item in items)
        joined = Extent(total, length, _any([item.item for item in items]))
        self.add(total * len(items), times)
        return self.bounded(joined, times)

    def call(self, node: Call, names: Mapping[str, Extent], times: int) -> Extent:
        given = [self.extent(argument, names, times) for argument in node.arguments]
        if node.target is not None:
            given.append(self.extent(node.target, names, times))
        if node.name == "matches" and node.arguments:
            self.add(_pattern_work(node.arguments[0]), times)
        if node.name == "dyn":
            return _any(given)
        return self.bounded(Extent(8 * _VALUE + 4 * sum(item.size for item in given)), times)

    def macro(self, node: Macro, names: Mapping[str, Extent], times: int) -> Extent:
        target = self.extent(node.target, names, times)
        count = target.length
        copied = count * count // 2 if node.name in _COPYING else 0
        self.add(copied * _VALUE, times)
        inner = {**names, node.variable: target.item}
        made = [self.extent(part, inner, times * max(count, 1)) for part in node.body][-1]
        if node.name not in _COPYING:
            return Extent(_VALUE)
        item = made if node.name == "map" else target.item
        self.add(copied * (item.size - _VALUE), times)
        return self.bounded(Extent(_VALUE + count * item.size, count, item), times)


def _any(extents: Iterable[Extent]) -> Extent:
    """The extent of whichever it may be."""
    known = list(extents)
    if len(known) == 1:
        return known[0]
    data = [extent for extent in known if isinstance(extent, Data)]
    if data and len(data) == len(known):
        return Data([value for extent in data for value in extent.values])
    if not known:
        return Extent(_VALUE)
    deeper = [extent.known_item for extent in known if extent.known_item is not None]
    return Extent(
        max(extent.size for extent in known),
        max(extent.length for extent in known),
        _any(deeper) if len(deeper) == len(known) else None,
    )


def _pattern_work(pattern: Node) -> int:
    if not isinstance(pattern, Literal):
        return _UNKNOWN_PATTERN
    classes = 1 + pattern.source.count("\\") + pattern.source.count("(?")
    repeats = [int(count[:6]) for count in re.findall(r"(\d+),?}", pattern.source)]
    return _PATTERN * classes * max(1, prod(repeats))
