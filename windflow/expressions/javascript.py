"""OpenFlow's JavaScript expressions, where they mean the same in CEL.

The text is parsed, never run: each node of the syntax tree that is on the list becomes CEL, any
other is refused with the reason. Numbers are doubles on both sides. Where JavaScript would convert
a value and CEL would not, the CEL fails loudly instead of giving another answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise

import tree_sitter_javascript
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from tree_sitter import Language, Node, Parser

from windflow.expressions import js_operators as operators
from windflow.expressions.cel_syntax import RESERVED
from windflow.expressions.errors import ExpressionError
from windflow.expressions.js_literals import (
    NoEqual,
    number_value,
    parts,
    quoted,
    string_value,
    text_of,
)
from windflow.expressions.js_operators import Cel
from windflow.expressions.scope import SCOPE_NAMES, unknown_name

MAX_CEL = 8_192
"""Characters that the CEL may have; its checks of types make it longer than the JavaScript."""
MAX_DEPTH = 40

_LANGUAGE = Language(tree_sitter_javascript.language())
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(maxsize=2048)
def to_cel(text: str) -> str:
    """The CEL that means the same as the JavaScript expression ``text``.

    Raises :class:`ExpressionError` that quotes the part that has no equal in CEL and says what to
    write instead.
    """
    found = _Translator().expression(_sole_expression(text)).text
    if len(found) > MAX_CEL:
        raise ExpressionError(
            _('The expression is too involved. Write it in CEL ("type": "cel"), or split it.')
        )
    return found


def _sole_expression(text: str) -> Node:
    source = f"({text}\n)".encode()  # an object literal would be a block without the brackets
    program = Parser(_LANGUAGE).parse(source).root_node
    if not program.has_error and program.named_child_count == 1:
        statement = program.named_children[0]
        whole = statement.named_children[0] if statement.named_child_count == 1 else statement
        bracketed = whole.type == "parenthesized_expression" and whole.end_byte == len(source)
        if bracketed and len(parts(whole)) == 1:
            return parts(whole)[0]
    raise ExpressionError(
        _("This is not one JavaScript expression. Write a single one, e.g. results.a.total > 100.")
    )


def _refused(node: Node, reason: str) -> ExpressionError:
    snippet = " ".join(text_of(node).split())
    return ExpressionError(
        _("JavaScript's %(snippet)s cannot be used: %(reason)s")
        % {"snippet": snippet if len(snippet) <= 40 else snippet[:40] + "…", "reason": reason}
    )


class _Translator:
    def __init__(self) -> None:
        self.depth = 0

    def expression(self, node: Node) -> Cel:
        """``node`` in CEL. Raises :class:`ExpressionError`."""
        translate = _TRANSLATIONS.get(node.type)
        if translate is None:
            raise _refused(node, _reason(node.type))
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(_("The expression nests too deeply; split it."))
        try:
            made = translate(self, node)
        except NoEqual as error:
            raise _refused(node, str(error)) from None
        self.depth -= 1
        return made

    def field(self, node: Node, name: str) -> Cel:
        return self.expression(_field(node, name))

    def bracketed(self, node: Node) -> Cel:
        return self.expression(parts(node)[0])

    def name(self, node: Node) -> Cel:
        name = text_of(node)
        if name not in SCOPE_NAMES:
            raise unknown_name(name)
        return Cel(name)

    def array(self, node: Node) -> Cel:
        marks = [child.type for child in node.children if child.type != "comment"]
        if any(pair in (("[", ","), (",", ",")) for pair in pairwise(marks)):
            raise NoEqual(_("a list cannot have holes."))
        items = [self.expression(item).text for item in parts(node)]
        return Cel(f"[{', '.join(items)}]", "list")

    def object(self, node: Node) -> Cel:
        entries = [self.entry(entry) for entry in parts(node)]
        return Cel("{" + ", ".join(entries) + "}", "object")

    def entry(self, node: Node) -> str:
        if node.type == "shorthand_property_identifier":
            return f"{quoted(text_of(node))}: {self.name(node).text}"
        key = _field(node, "key") if node.type == "pair" else node
        if key.type not in ("property_identifier", "string"):
            raise _refused(node, _("an object's keys are plain names or text."))
        return f"{quoted(_key(key))}: {self.field(node, 'value').text}"

    def member(self, node: Node) -> Cel:
        _no_optional_chain(node)
        key = _field(node, "property")
        if key.type != "property_identifier":
            raise NoEqual(_("there are no private names."))
        return Cel(self.container(node) + _step(_key(key)))

    def subscript(self, node: Node) -> Cel:
        _no_optional_chain(node)
        container, inside = self.container(node), _field(node, "index")
        if inside.type == "string":
            return Cel(container + _step(_key(inside)))
        if inside.type == "number":
            position = number_value(inside)
            if not position.is_integer():
                raise NoEqual(_("a list's positions are whole numbers."))
            return Cel(f"{container}[{int(position)}]")
        return Cel(f"{container}[{operators.index(self.expression(inside))}]")

    def container(self, node: Node) -> str:
        container = self.field(node, "object")
        if container.type not in ("any", "list", "object"):
            raise NoEqual(_("only lists and objects have something inside."))
        return container.text

    def unary(self, node: Node) -> Cel:
        operator = text_of(_field(node, "operator"))
        if operator not in _UNARY:
            raise NoEqual(_reason(operator))
        return _UNARY[operator](self.field(node, "argument"))

    def ternary(self, node: Node) -> Cel:
        return operators.choice(
            self.field(node, "condition"),
            self.field(node, "consequence"),
            self.field(node, "alternative"),
        )

    def binary(self, node: Node) -> Cel:
        operator = text_of(_field(node, "operator"))
        if operator == "+":
            return operators.total([self.expression(addend) for addend in _addends(node)])
        if operator not in _BINARY:
            raise NoEqual(_reason(operator))
        return _BINARY[operator](self.field(node, "left"), self.field(node, "right"))


_TRANSLATIONS: dict[str, Callable[[_Translator, Node], Cel]] = {
    "parenthesized_expression": _Translator.bracketed,
    "identifier": _Translator.name,
    "true": lambda _self, _node: Cel("true", "boolean"),
    "false": lambda _self, _node: Cel("false", "boolean"),
    "null": lambda _self, _node: Cel("null", "null"),
    "number": lambda _self, node: Cel(repr(number_value(node)), "number"),
    "string": lambda _self, node: Cel(quoted(string_value(node)), "string"),
    "array": _Translator.array,
    "object": _Translator.object,
    "member_expression": _Translator.member,
    "subscript_expression": _Translator.subscript,
    "unary_expression": _Translator.unary,
    "binary_expression": _Translator.binary,
    "ternary_expression": _Translator.ternary,
}
_UNARY: dict[str, Callable[[Cel], Cel]] = {"!": operators.negation, "-": operators.minus}
_BINARY: dict[str, Callable[[Cel, Cel], Cel]] = {
    "&&": operators.both,
    "||": operators.either,
    "===": operators.identity,
    "!==": lambda left, right: operators.negation(operators.identity(left, right)),
    "==": operators.equality,
    "!=": lambda left, right: operators.negation(operators.equality(left, right)),
    "%": operators.remainder,
    **{sign: partial(operators.arithmetic, sign) for sign in ("-", "*", "/")},
    **{sign: partial(operators.comparison, sign) for sign in ("<", "<=", ">", ">=")},
}
_REASONS = {
    "call_expression": gettext_lazy(
        'functions are not called here; write CEL ("type": "cel"), which has size(...), '
        "has(...), string(...), map(...) and more, or use a script."
    ),
    "template_string": gettext_lazy(
        'add texts with +, or use {"type": "template"} with Django\'s template syntax.'
    ),
    "arrow_function": gettext_lazy('write CEL ("type": "cel"), e.g. results.a.map(x, x.name).'),
    "undefined": gettext_lazy('JSON has no undefined; in CEL ("type": "cel") ask has(...).'),
    "optional_chain": gettext_lazy(
        'write CEL ("type": "cel"), e.g. has(results.a.b) ? results.a.b : null.'
    ),
    "in": gettext_lazy('write it in CEL ("type": "cel"), where in also looks into lists.'),
    "??": gettext_lazy("write the choice, e.g. x === null ? 0 : x."),
    "**": gettext_lazy("there is no power in CEL; use a script."),
    "assignment_expression": gettext_lazy("an expression only reads; compare with ===."),
    "await_expression": gettext_lazy("there is nothing to wait for; leave await out."),
    "regex": gettext_lazy('write CEL ("type": "cel"), e.g. x.matches("^a+$").'),
}


def _reason(part: str) -> str:
    fallback = _(
        "only paths, indexes, literals, arithmetic, comparisons, && || ! and ?: mean the same in "
        'CEL. Write it in CEL ("type": "cel"), or use a script.'
    )
    return str(_REASONS.get(part, fallback))


def _field(node: Node, name: str) -> Node:
    found = node.child_by_field_name(name)
    if found is None:
        raise NoEqual(_("it is not complete."))
    return found


def _addends(node: Node) -> list[Node]:
    """The operands of a chain of ``+``, from left to right."""
    addends: list[Node] = []
    while node.type == "binary_expression" and text_of(_field(node, "operator")) == "+":
        addends.append(_field(node, "right"))
        node = _field(node, "left")
    return [node, *reversed(addends)]


def _no_optional_chain(node: Node) -> None:
    if any(child.type == "optional_chain" for child in node.children):
        raise NoEqual(_reason("optional_chain"))


def _key(node: Node) -> str:
    name = string_value(node) if node.type == "string" else text_of(node)
    if name == "__proto__" or (node.type != "string" and "\\" in name):
        raise NoEqual(_("this name means something else in JavaScript."))
    return name


def _step(key: str) -> str:
    if key == "length":
        raise NoEqual(_('write size(...) in CEL ("type": "cel").'))
    if _PLAIN_NAME.fullmatch(key) and key not in RESERVED:
        return f".{key}"
    return f"[{quoted(key)}]"
