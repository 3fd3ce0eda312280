"""The outline of a CEL expression: what it reads, calls and repeats.

The Rust library compiles and evaluates; it tells neither paths nor cost, and refuses nothing for
being too much. The outline does. It ignores what changes neither: the precedence of operators.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.translation import gettext as _

from windflow.expressions.errors import ExpressionError
from windflow.expressions.scope import SCOPE_NAMES, Part, Path, near, unknown_name

MAX_NESTED_MACROS = 2
MAX_MACROS = 16
MAX_DEPTH = 64
"""How deep brackets may nest."""

MACROS = frozenset({"map", "filter", "all", "exists", "exists_one", "existsOne"})
FUNCTIONS = frozenset(
    {"size", "string", "int", "uint", "double", "bytes", "timestamp", "duration", "dyn", "type"}
    | {"has"}
)
METHODS = frozenset(
    {"size", "contains", "startsWith", "endsWith", "matches"}
    | {"getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"}
    | {"getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)
TYPE_NAMES = frozenset(
    {"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"}
)
RESERVED = frozenset(
    {"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in"}
    | {"let", "loop", "null", "package", "namespace", "return", "true", "var", "void", "while"}
)
"""Words that cannot be names in CEL."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. ``value`` is its text or whole number where that is plain to see."""

    source: str
    value: Part | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A name and the keys and positions that lead on from it."""

    path: Path


@dataclass(frozen=True, slots=True)
class Select:
    """``target.name``, or ``target[index]`` where ``index`` is computed or a constant."""

    target: Node
    part: Part | None
    index: Node | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """``name(arguments)`` or ``target.name(arguments)``."""

    name: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Macro:
    """``target.name(variable, body)``: the body runs for every item of the target."""

    name: str
    target: Node
    variable: str
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Several parts: operands of ``operators``, branches of a ``choice``, items of a ``list`` or
    keys and values of a ``map``."""

    kind: str
    items: tuple[Node, ...]
    operators: frozenset[str] = frozenset()


Node = Literal | Variable | Select | Call | Macro | Group


def children(node: Node) -> tuple[Node, ...]:
    """The parts of ``node``, the body of a macro last."""
    match node:
        case Select():
            return (node.target,) if node.index is None else (node.target, node.index)
        case Call():
            return node.arguments if node.target is None else (node.target, *node.arguments)
        case Macro():
            return (node.target, *node.body)
        case Group():
            return node.items
    return ()


def paths(node: Node, local: frozenset[str] = frozenset()) -> Iterator[Path]:
    """Every path that begins outside the expression."""
    if isinstance(node, Variable):
        if node.path[0] not in local and node.path[0] not in TYPE_NAMES:
            yield node.path
        return
    inner = local | {node.variable} if isinstance(node, Macro) else local
    for position, child in enumerate(children(node)):
        yield from paths(child, local if position == 0 else inner)


def outline(text: str) -> Node:
    """The outline of ``text``. Raises :class:`ExpressionError` for what is no CEL, for a function
    that CEL does not have, for an unknown name, and for too deep a nesting."""
    node = _Parser(text).whole()
    for path in paths(node):
        if path[0] not in SCOPE_NAMES:
            raise unknown_name(str(path[0]))
    return node


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+|//[^\n]*)
    |(?P<raw>[bB]?[rR](?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\r\n]*"|'[^'\r\n]*'))
    |(?P<string>[bB]?(?:\"{3}(?:[^\\]|\\.)*?\"{3}|'{3}(?:[^\\]|\\.)*?'{3}
        |"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'))
    |(?P<number>0x[0-9a-fA-F]+[uU]?|(?:[0-9]+\.[0-9]+|\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?[uU]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<operator>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_BINARY = frozenset({"&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "in"})
_END = _Token("end", "", -1)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unexpected(text, position)
        if match.lastgroup != "space":
            found.append(_Token(str(match.lastgroup), match.group(), position))
        position = match.end()
    return found


def _unexpected(text: str, position: int) -> ExpressionError:
    if position < 0 or position >= len(text):
        return ExpressionError(_("The expression ends too early; something is missing at its end."))
    return ExpressionError(
        _("CEL cannot read this expression from character %(position)d on: %(snippet)s")
        % {"position": position + 1, "snippet": text[position : position + 30]}
    )


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.tokens.reverse()
        self.depth = 0
        self.nested = 0
        self.macros = 0

    def whole(self) -> Node:
        node = self.expression()
        if self.tokens:
            raise self.unexpected()
        return node

    def peek(self) -> _Token:
        return self.tokens[-1] if self.tokens else _END

    def take(self, *texts: str) -> bool:
        token = self.peek()
        if token.text in texts and token.kind in ("operator", "name"):
            self.tokens.pop()
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise self.unexpected()

    def unexpected(self) -> ExpressionError:
        return _unexpected(self.text, self.peek().start)

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(
                _("The brackets nest deeper than %(count)d levels; split the expression.")
                % {"count": MAX_DEPTH}
            )
        node = self.operation()
        if self.take("?"):
            accepted = self.expression()
            self.expect(":")
            node = Group("choice", (node, accepted, self.expression()))
        self.depth -= 1
        return node

    def operation(self) -> Node:
        items = [self.operand()]
        operators = set()
        while self.peek().text in _BINARY and self.peek().kind in ("operator", "name"):
            operators.add(self.tokens.pop().text)
            items.append(self.operand())
        if len(items) == 1:
            return items[0]
        return Group("operators", tuple(items), frozenset(operators))

    def operand(self) -> Node:
        signs = 0
        while self.take("!", "-"):
            signs += 1
        node = self.primary()
        while True:
            if self.take("."):
                node = self.dotted(node)
            elif self.take("["):
                node = _indexed(node, self.expression())
                self.expect("]")
            else:
                return Group("operators", (node,)) if signs else node

    def primary(self) -> Node:
        if not self.tokens:
            raise self.unexpected()
        token = self.tokens.pop()
        if token.kind in ("string", "raw"):
            return Literal(token.text, _content(token))
        if token.kind == "number":
            return Literal(token.text, int(token.text) if token.text.isdigit() else None)
        if token.text in ("true", "false", "null"):
            return Literal(token.text)
        if token.kind == "name" and token.text not in _BINARY:
            return self.named(token.text)
        if token.text == "(":
            node = self.expression()
            self.expect(")")
            return node
        if token.text == "[":
            return Group("list", self.listed("]"))
        if token.text == "{":
            return Group("map", self.listed("}", ":"))
        raise _unexpected(self.text, token.start)

    def named(self, name: str) -> Node:
        if not self.take("("):
            return Variable((name,))
        if name not in FUNCTIONS:
            raise _unknown_function(name, FUNCTIONS)
        return Call(name, None, self.listed(")"))

    def dotted(self, target: Node) -> Node:
        token = self.peek()
        if token.kind != "name":
            raise self.unexpected()
        self.tokens.pop()
        if not self.take("("):
            return _extended(target, token.text)
        if token.text in MACROS:
            return self.macro(token.text, target)
        if token.text not in METHODS:
            raise _unknown_function(token.text, METHODS | MACROS)
        return Call(token.text, target, self.listed(")"))

    def macro(self, name: str, target: Node) -> Node:
        self.nested += 1
        self.macros += 1
        if self.nested > MAX_NESTED_MACROS or self.macros > MAX_MACROS:
            raise ExpressionError(
                _(
                    "At most %(nested)d of %(names)s may stand inside one another, and at most "
                    "%(all)d in one expression. Do part of the work in a step of its own."
                )
                % {
                    "nested": MAX_NESTED_MACROS,
                    "names": ", ".join(sorted(MACROS)),
                    "all": MAX_MACROS,
                }
            )
        arguments = self.listed(")")
        self.nested -= 1
        variable = arguments[0] if arguments else None
        counts = (2, 3) if name == "map" else (2,)
        if (
            not isinstance(variable, Variable)
            or len(variable.path) > 1
            or len(arguments) not in counts
        ):
            raise ExpressionError(
                _("%(name)s takes a name and an expression, e.g. %(name)s(x, x > 1).")
                % {"name": name}
            )
        return Macro(name, target, str(variable.path[0]), arguments[1:])

    def listed(self, closing: str, between: str = "") -> tuple[Node, ...]:
        items: list[Node] = []
        while not self.take(closing):
            items.append(self.expression())
            if between:
                self.expect(between)
                items.append(self.expression())
            if not self.take(","):
                self.expect(closing)
                break
        return tuple(items)


def _extended(target: Node, part: Part) -> Node:
    if isinstance(target, Variable):
        return Variable((*target.path, part))
    return Select(target, part)


def _indexed(target: Node, index: Node) -> Node:
    if isinstance(index, Literal) and index.value is not None:
        return _extended(target, index.value)
    return Select(target, None, index)


def _content(token: _Token) -> str | None:
    """The text of a string literal; None where escapes or bytes would have to be worked out."""
    if token.text[0] in "bB" or (token.kind == "string" and "\\" in token.text):
        return None
    body = token.text.lstrip("rR")
    quotes = 3 if body[:3] in ('"""', "'''") and len(body) >= 6 else 1
    return body[quotes:-quotes]


def _unknown_function(name: str, known: frozenset[str]) -> ExpressionError:
    return ExpressionError(
        _("CEL has no %(name)s(...) here.%(near)s It has %(known)s.")
        % {"name": name, "near": near(name, known), "known": ", ".join(sorted(known))}
    )
