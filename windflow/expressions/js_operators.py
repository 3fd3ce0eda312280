"""What JavaScript's operators are in CEL, for operands whose types may be known or not.

Types are JavaScript's. An operand of type ``any`` depends on the data; where its type could make
the two languages differ, the CEL checks it first and fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from windflow.expressions.js_literals import NoEqual

_FAIL = "([] < [])"
_CEL_TYPES = {"number": "double", "string": "string", "boolean": "bool"}


@dataclass(frozen=True, slots=True)
class Cel:
    """CEL text that stands for itself wherever it is put, and the type of its value: ``number``,
    ``string``, ``boolean``, ``null``, ``list``, ``object`` or ``any``."""

    text: str
    type: str = "any"


def negation(operand: Cel) -> Cel:
    """``!operand``"""
    return Cel(f"(!{_condition(operand)})", "boolean")


def minus(operand: Cel) -> Cel:
    """``-operand``: not CEL's own minus, which turns true into false."""
    return Cel(f"(-1.0 * {_number(operand)})", "number")


def choice(condition: Cel, accepted: Cel, otherwise: Cel) -> Cel:
    """``condition ? accepted : otherwise``"""
    same = accepted.type if accepted.type == otherwise.type else "any"
    return Cel(f"({_condition(condition)} ? {accepted.text} : {otherwise.text})", same)


def both(left: Cel, right: Cel) -> Cel:
    """``left && right``: not CEL's, which lets one side make up for an error of the other."""
    return choice(left, right, Cel("false", "boolean"))


def either(left: Cel, right: Cel) -> Cel:
    """``left || right``"""
    return choice(left, Cel("true", "boolean"), right)


def total(addends: Sequence[Cel]) -> Cel:
    """``a + b + …``"""
    types = {addend.type for addend in addends} - {"any"}
    if types - {"number", "string"}:
        raise NoEqual(_("only numbers, or only text, can be added."))
    if len(types) > 1:
        raise NoEqual(_('it turns a number into text; write string(...) in CEL ("type": "cel").'))
    text = f"({' + '.join(addend.text for addend in addends)})"
    if types:
        return Cel(text, types.pop())
    first = addends[0].text
    return Cel(f"(type({first}) == list ? {_FAIL} : {text})")


def arithmetic(operator: str, left: Cel, right: Cel) -> Cel:
    """``left - right``, and so for ``*`` and ``/``."""
    return Cel(f"({_number(left)} {operator} {_number(right)})", "number")


def remainder(left: Cel, right: Cel) -> Cel:
    """``left % right``, of whole numbers."""
    a, b = _number(left), _number(right)
    whole = f"double(int({a})) == {a} && double(int({b})) == {b}"
    return Cel(f"({whole} ? double(int({a}) % int({b})) : {_FAIL})", "number")


def comparison(operator: str, left: Cel, right: Cel) -> Cel:
    """``left < right`` and the like."""
    types = {left.type, right.type} - {"any"}
    if types - {"number", "string"} or len(types) > 1:
        raise NoEqual(_("compare two numbers, or two texts."))
    return Cel(f"({left.text} {operator} {right.text})", "boolean")


def identity(left: Cel, right: Cel) -> Cel:
    """``left === right``"""
    _no_containers(left, right)
    text = f"({left.text} == {right.text})"
    if left.type == right.type == "any":
        text = f"({_is_container(left)} ? {_FAIL} : {text})"
    return Cel(text, "boolean")


def equality(left: Cel, right: Cel) -> Cel:
    """``left == right``, for values that JavaScript would not convert first."""
    _no_containers(left, right)
    if "any" not in (left.type, right.type):
        if left.type != right.type and "null" not in (left.type, right.type):
            raise NoEqual(_("the two are never of one type; JavaScript would convert them."))
        return identity(left, right)
    if "null" in (left.type, right.type):
        return identity(left, right)
    text = f"({left.text} == {right.text})"
    known, open_ = (left, right) if right.type == "any" else (right, left)
    if known.type == "any":
        fits = f"type({left.text}) == type({right.text}) && !{_is_container(left)}"
        fits = f"{fits} || {left.text} == null || {right.text} == null"
    else:
        fits = f"type({open_.text}) == {_CEL_TYPES[known.type]} || {open_.text} == null"
    return Cel(f"({fits} ? {text} : {_FAIL})", "boolean")


def index(computed: Cel) -> str:
    """What stands between the brackets of ``list[computed]`` or ``object[computed]``."""
    if computed.type not in ("any", "number", "string"):
        raise NoEqual(_("an index is a number or text."))
    text = computed.text
    if computed.type == "string":
        return text
    whole = f"(double(int({text})) == {text} ? int({text}) : {text})"
    return whole if computed.type == "number" else f"type({text}) == double ? {whole} : {text}"


def _condition(operand: Cel) -> str:
    if operand.type not in ("any", "boolean"):
        raise NoEqual(_('a condition is true or false; write a comparison, e.g. x !== "".'))
    return operand.text


def _number(operand: Cel) -> str:
    if operand.type not in ("any", "number"):
        raise NoEqual(_("only numbers can be calculated with."))
    return operand.text


def _no_containers(*operands: Cel) -> None:
    if any(operand.type in ("list", "object") for operand in operands):
        raise NoEqual(
            _('no list or object made here equals another; CEL ("type": "cel") compares contents.')
        )


def _is_container(operand: Cel) -> str:
    return f"(type({operand.text}) == list || type({operand.text}) == map)"
