"""Literals of JavaScript's syntax tree as plain Python values."""

from __future__ import annotations

import json
import math
import re

from django.utils.translation import gettext as _
from tree_sitter import Node

MAX_WHOLE = 2**53
"""From here on JavaScript's numbers skip whole numbers."""


class NoEqual(Exception):
    """A part of JavaScript that CEL has no equal for. Its text is the reason."""


def text_of(node: Node) -> str:
    """The source of ``node``."""
    return (node.text or b"").decode()


def parts(node: Node) -> list[Node]:
    """The named children that are no comments."""
    return [child for child in node.named_children if child.type != "comment"]


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


def string_value(node: Node) -> str:
    """The text that a string literal stands for."""
    pieces = [
        _unescaped(text_of(part)) if part.type == "escape_sequence" else text_of(part)
        for part in node.named_children
    ]
    try:  # two escapes can be the halves of one character
        return "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise NoEqual(_("it holds half a character (a lone surrogate).")) from None


def _unescaped(sequence: str) -> str:
    code = sequence[1:]
    if code[0] in "xu":
        number = int(code[1:].strip("{}"), 16)
        if number > 0x10FFFF:
            raise NoEqual(_("there is no such character."))
        return chr(number)
    if code[0] in "\r\n\u2028\u2029":  # a line continued
        return ""
    if code[0].isdigit() and code != "0":
        raise NoEqual(_("write the character itself instead of an octal escape."))
    return _ESCAPES.get(code, code)


def number_value(node: Node) -> float:
    """The double that a number literal stands for."""
    source = text_of(node).replace("_", "").lower()
    if source.endswith("n") and not source.startswith("0x"):
        raise NoEqual(_("there are no BigInts; leave the n out."))
    if re.match(r"0\d", source):
        raise NoEqual(_("a number that begins with 0 may mean an octal one; leave the 0 out."))
    prefixed = re.fullmatch(r"0([xob])([0-9a-f]+)", source)
    if prefixed is not None:
        return _exact(int(prefixed.group(2), {"x": 16, "o": 8, "b": 2}[prefixed.group(1)]))
    if source.isdigit():
        return _exact(int(source))
    try:
        value = float(source)
    except ValueError:
        raise NoEqual(_("it is no number.")) from None
    if math.isinf(value):
        raise NoEqual(_("it is too large for a number."))
    return value


def _exact(whole: int) -> float:
    if whole > MAX_WHOLE:
        raise NoEqual(_("JavaScript cannot hold this whole number exactly."))
    return float(whole)


def quoted(text: str) -> str:
    """``text`` as a string literal of CEL."""
    return json.dumps(text, ensure_ascii=False)
