"""Django's template language on plain data only, with every bit of work and output counted.

Django looks names up on objects and calls what it finds, renders what is missing as nothing, and
sets no limit to a loop. Here a variable is a key of an object or a position of a list; nothing is
called, what is missing is an error, and the context counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.template import Context, VariableDoesNotExist
from django.template.base import (
    FilterExpression,
    Node,
    NodeList,
    Parser,
    TextNode,
    Token,
    Variable,
    VariableNode,
)
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from windflow.expressions.errors import ExpressionError
from windflow.expressions.scope import SCOPE_NAMES, kind, near, unknown_name
from windflow.values import JSON

MAX_OUTPUT = 256 * 1024
"""Characters that a template may render, and any text on the way."""
MAX_WORK = 1_000_000
"""Items looped over, values looked up, and 64 characters of text each count as one."""
MAX_BLOCKS = 20
MAX_LOOPS = 2
_OPENED = re.compile(r"{[{%#]")
_VIEWS = frozenset({"items", "keys", "values"})
_DEFAULTS = frozenset({"default", "default_if_none"})
_CONSTANTS = frozenset({"True", "False", "None"})


class CountingContext(Context):
    """What a template reads, and how much it did so far."""

    def __init__(self, scope: dict[str, JSON]) -> None:
        super().__init__(scope, autoescape=False, use_l10n=False)
        self.work = 0
        self.written = 0

    def count(self, work: int) -> None:
        """Raise :class:`ExpressionError` once there was too much to do."""
        self.work += work
        if self.work > MAX_WORK:
            raise ExpressionError(_("The template has too much to do; loop over shorter lists."))

    def write(self, text: str) -> SafeString:
        """``text``, as part of the output."""
        self.count(1)
        self.written += len(text)
        if self.written > MAX_OUTPUT:
            raise _too_long()
        return SafeString(text)


def _too_long() -> ExpressionError:
    return ExpressionError(
        _("The template makes more than %(size)d KB of text.") % {"size": MAX_OUTPUT // 1024}
    )


class PlainVariable(Variable):
    """A path through plain data."""

    def _resolve_lookup(self, context: Any) -> Any:
        first, *rest = self.lookups or ()
        try:
            value = context[first]
        except KeyError:
            raise VariableDoesNotExist(_missing(str(self), first)) from None
        for bit in rest:
            value = self._inside(value, bit)
        return value

    def _inside(self, value: Any, bit: str) -> Any:
        if isinstance(value, dict):
            if bit in value:
                return value[bit]
            if bit in _VIEWS:
                return list(getattr(value, bit)())
        elif isinstance(value, list | tuple) and bit.isdecimal() and int(bit) < len(value):
            return value[int(bit)]
        raise VariableDoesNotExist(_missing(str(self), bit, value))


def _missing(path: str, bit: str, value: Any = None) -> str:
    offered = near(bit, value) if isinstance(value, dict) else ""
    return _(
        "There is no %(path)s: %(bit)s is missing.%(near)s Where that may be so, write "
        '%(path)s|default:"-".'
    ) % {"path": path, "bit": bit, "near": offered}


class PlainExpression(FilterExpression):
    """A value and its filters."""

    def __init__(self, token: str, parser: Parser) -> None:
        super().__init__(token, parser)
        plain = cast(PlainParser, parser)
        if self.is_var:
            self.var = plain.variable(str(self.var))
        self.filters = [
            (
                function,
                [(is_var, plain.variable(str(arg)) if is_var else arg) for is_var, arg in args],
            )
            for function, args in self.filters
        ]

    def resolve(self, context: Context, ignore_failures: bool = False) -> Any:
        """The value. What is missing is None with ``ignore_failures``, as for ``{% if %}``, and
        for the filters that give it a default; else an :class:`ExpressionError`."""
        counting = cast(CountingContext, context)
        defaulted = bool(self.filters) and self.filters[0][0].__name__ in _DEFAULTS
        value = self._value(counting, forgiving=ignore_failures or defaulted)
        for function, args in self.filters:
            given = [_argument(counting, is_var, arg) for is_var, arg in args]
            value = _filtered(function, value, given)
            counting.count(_weight(value))
        return value

    def _value(self, context: CountingContext, *, forgiving: bool) -> Any:
        if not self.is_var:
            return str(self.var) if isinstance(self.var, str | Promise) else self.var
        try:
            value = self.var.resolve(context)
        except VariableDoesNotExist as error:
            if forgiving:
                return None
            raise ExpressionError(str(error.msg)) from None
        context.count(_weight(value))
        return value


def _argument(context: CountingContext, is_variable: bool, argument: Any) -> Any:
    if not is_variable:
        return argument
    try:
        return argument.resolve(context)
    except VariableDoesNotExist as error:
        raise ExpressionError(str(error.msg)) from None


def _filtered(function: Any, value: Any, arguments: list[Any]) -> Any:
    try:
        made = function(value, *arguments)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ExpressionError(
            _("The filter %(name)s cannot work on this value: %(reason)s")
            % {"name": function.__name__, "reason": error}
        ) from None
    if isinstance(made, str) and len(made) > MAX_OUTPUT:
        raise _too_long()
    return made


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return 1 + len(value) // 64
    return 1 + len(value) if isinstance(value, list | tuple | dict) else 1


class _CountedText(TextNode):
    def render_annotated(self, context: Context) -> SafeString:
        return cast(CountingContext, context).write(self.s)


class _CountedVariable(VariableNode):
    def render(self, context: Context) -> SafeString:
        value = self.filter_expression.resolve(context)
        return cast(CountingContext, context).write(_shown(value, str(self.filter_expression)))


def _shown(value: Any, source: str) -> str:
    if value is None:
        raise ExpressionError(
            _('%(source)s is null; write %(source)s|default_if_none:"-" to show something.')
            % {"source": source}
        )
    if isinstance(value, list | tuple | dict):
        raise ExpressionError(
            _(
                "%(source)s is %(kind)s; show one of its fields, join a list with "
                '|join:", ", or loop over it.'
            )
            % {"source": source, "kind": kind(list(value) if isinstance(value, tuple) else value)}
        )
    return str(value)


class LoopSequence:
    """What a ``{% for %}`` goes over: a list, an object's keys, or the text "" for none."""

    def __init__(self, expression: FilterExpression) -> None:
        self.expression = expression

    def __str__(self) -> str:
        return str(self.expression)

    def resolve(self, context: CountingContext, ignore_failures: bool = False) -> list[Any]:
        """The items. A missing list is an error: an empty loop would hide it."""
        value = self.expression.resolve(context)
        if value == "":
            return []
        if not isinstance(value, list | tuple | dict):
            raise ExpressionError(
                _("%(source)s is %(kind)s, not a list to loop over.")
                % {"source": self, "kind": kind(value)}
            )
        context.count(4 * len(value))
        return list(value)


class PlainParser(Parser):
    """Makes the nodes above, collects what they read, and bounds what nests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.references: set[tuple[str, ...]] = set()
        self.loops = 0
        self._local: list[str] = []
        self._blocks = 0

    def compile_filter(self, token: str) -> PlainExpression:
        return PlainExpression(token, self)

    def variable(self, text: str) -> PlainVariable:
        """The variable that ``text`` names; a number is its own value."""
        made = PlainVariable(text)
        if made.lookups is None or made.lookups[0] in _CONSTANTS:
            return made
        if made.lookups[0] in SCOPE_NAMES:
            self.references.add(made.lookups)
        elif made.lookups[0] not in self._local:
            raise unknown_name(made.lookups[0], [*SCOPE_NAMES, *self._local])
        return made

    @contextmanager
    def names(self, names: Iterable[str], *, loop: bool = False) -> Iterator[None]:
        """Inside a block that brings ``names`` of its own."""
        added = list(names)
        for name in added:
            if name in SCOPE_NAMES:
                raise ExpressionError(
                    _("The name %(name)s is taken; choose another.") % {"name": name}
                )
        self.loops += loop
        if self.loops > MAX_LOOPS:
            raise ExpressionError(
                _("At most %(count)d loops may stand inside one another.") % {"count": MAX_LOOPS}
            )
        self._local.extend(added)
        yield
        del self._local[len(self._local) - len(added) :]
        self.loops -= loop

    def parse(self, parse_until: Iterable[str] | None = None) -> NodeList:
        self._blocks += 1
        if self._blocks > MAX_BLOCKS:
            raise ExpressionError(
                _("The template's blocks nest deeper than %(count)d.") % {"count": MAX_BLOCKS}
            )
        nodes = super().parse(parse_until)
        self._blocks -= 1
        return nodes

    def extend_nodelist(self, nodelist: NodeList, node: Node, token: Token) -> None:
        if type(node) is TextNode:
            _check_closed(node.s)
            node = _CountedText(node.s)
        elif type(node) is VariableNode:
            node = _CountedVariable(node.filter_expression)
        super().extend_nodelist(nodelist, node, token)

    def find_filter(self, filter_name: str) -> Any:
        if filter_name not in self.filters:
            raise ExpressionError(
                _("There is no filter %(name)s here.%(near)s There are %(known)s.")
                % _offer(filter_name, self.filters)
            )
        return self.filters[filter_name]

    def invalid_block_tag(
        self, token: Token, command: str, parse_until: Iterable[str] | None = None
    ) -> Any:
        raise ExpressionError(
            _("There is no tag %(name)s here.%(near)s There are %(known)s.")
            % _offer(command, [*self.tags, *(parse_until or ())])
        )


def _check_closed(text: str) -> None:
    """Django shows a tag that is not closed on its line as it stands; nobody wants that mailed."""
    found = _OPENED.search(text)
    if found is not None:
        raise ExpressionError(
            _("%(snippet)s is not closed; write all of it on one line.")
            % {"snippet": text[found.start() : found.start() + 30].splitlines()[0]}
        )


def _offer(name: str, known: Iterable[str]) -> dict[str, str]:
    names = sorted(set(known))
    return {"name": name[:40], "near": near(name, names), "known": ", ".join(names)}
