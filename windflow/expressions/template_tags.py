"""The tags that a template may use. None of them writes, loads, includes or calls anything."""

from __future__ import annotations

import re
from typing import Any, cast

from django.template import Library
from django.template.base import FilterExpression, Node, Token
from django.template.defaulttags import ForNode, comment, do_for, do_if, do_with

from windflow.expressions.template_nodes import LoopSequence, PlainParser

register = Library()
register.tag("comment", comment)
register.tag("if", do_if)


@register.tag("for")
def loop(parser: PlainParser, token: Token) -> ForNode:
    """``{% for x in list %}``, also ``{% for key, value in object.items %}``."""
    names = re.split(r"[\s,]+", token.contents.partition(" in ")[0])[1:]
    with parser.names([*names, "forloop"], loop=True):
        node = do_for(parser, token)
    expression = cast(FilterExpression, node.sequence)
    node.sequence = cast(Any, LoopSequence(expression))
    return node


@register.tag("with")
def block_names(parser: PlainParser, token: Token) -> Node:
    """``{% with total=results.a.total %}``"""
    bits = token.split_contents()[1:]
    names = [bit.partition("=")[0] for bit in bits if re.match(r"\w+=", bit)]
    with parser.names(names or bits[-1:]):
        return do_with(parser, token)
