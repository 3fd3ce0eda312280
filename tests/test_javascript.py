"""OpenFlow's JavaScript expressions mean in CEL what they mean in JavaScript, or are refused."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.test_expressions import SCOPE, evaluate, javascript, refusal
from windflow.expressions import ExpressionError


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("results.a.lines[0].qty", 1),
        ("results['a']['lines'][1]['qty']", 2),
        ("flow_input.in + flow_input['a-b']", 3),
        ("flow_input.amount * 1.5", 1860),
        ("flow_input.amount / 1000", 1.24),
        ("7 % 4 - -1", 4),
        ("-flow_input.amount", -1240),
        ("0x10 + 1_000 + .5 + 1e3", 2016.5),
        ("flow_input.who === 'bob' && !(flow_input.amount < 5)", True),
        ("flow_input.who == 'bob'", True),
        ("flow_input.none != null", False),
        ("flow_input.yes ? 'a' : 'b'", "a"),
        ("flow_input.yes && flow_input.who", "bob"),
        ('"a\\n\\x41\\u{1F600}" + \'"\'', 'a\nA😀"'),
        ("({who: flow_input.who, 'b c': [1, 2.5, null,]})", {"who": "bob", "b c": [1, 2.5, None]}),
        ("{who: flow_input.who}", {"who": "bob"}),
        ("[flow_input.numbers[results.a.lines[0].qty]]", [2]),
        ("resume['cost' + '_centre']", "4711"),
        ("results.a // the first step", {**SCOPE["results"]["a"]}),
        ("results /* all */ .a.total\n> 100", True),
        ("flow_input.id", 2**60),
    ],
)
def test_the_subset_is_evaluated(expr: str, value: Any) -> None:
    found = javascript(expr)
    assert found == value
    assert isinstance(found, type(value))


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("results.a.lines.map(x => x.qty)", "functions are not called"),
        ("size(approvers)", "functions are not called"),
        ("fetch('http://example.com')", "functions are not called"),
        ("`Hi ${flow_input.who}`", "template"),
        ("() => 1", "results.a.map"),
        ("results.a?.total", "has(results.a.b)"),
        ("flow_input.x ?? 1", "x === null"),
        ("approvers.length", "size(...)"),
        ("approvers['length']", "size(...)"),
        ("flow_input.who = 'eve'", "compare with ==="),
        ("flow_input.x === undefined", "has(...)"),
        ("/a+/", "matches"),
        ("typeof flow_input", "only paths"),
        ("'a' in flow_input", '"type": "cel"'),
        ("flow_input instanceof Object", "only paths"),
        ("flow_input.amount & 1", "only paths"),
        ("flow_input.amount++", "only paths"),
        ("2 ** 3", "power"),
        ("+flow_input.who", "only paths"),
        ("new Date()", "only paths"),
        ("[...approvers]", "only paths"),
        ("{...flow_input}", "plain names"),
        ("{[flow_input.who]: 1}", "plain names"),
        ("{__proto__: 1}", "means something else"),
        ("flow_input.#x", "private"),
        ("this", "only paths"),
        ("1, 2", "only paths"),
        ("1; 2", "not one JavaScript expression"),
        ("1) + (2", "not one JavaScript expression"),
        ("return 1", "not one JavaScript expression"),
        ("[1,,2]", "holes"),
        ("017", "octal"),
        ("'\\101'", "octal"),
        ("10n", "BigInt"),
        ("9007199254740993", "exactly"),
        ("1e400", "too large"),
        ("'\\ud800'", "half a character"),
        ("flow_input.numbers[0.5]", "whole numbers"),
        ("1 + 'a'", "string(...)"),
        ("null + 1", "only numbers, or only text"),
        ("true * 2", "only numbers"),
        ("1 < 'a'", "two numbers, or two texts"),
        ("1 == '1'", "never of one type"),
        ("[1] === [1]", "compares contents"),
        ("'a' ? 1 : 2", "a condition is true or false"),
        ("'a' || 'b'", "a condition is true or false"),
        ("(" * 60 + "1" + ")" * 60, "nests too deeply"),
    ],
)
def test_what_has_no_equal_is_refused_with_the_reason(expr: str, words: str) -> None:
    assert words in refusal({"type": "javascript", "expr": expr}).message


def test_a_refusal_quotes_the_part() -> None:
    error = refusal({"type": "javascript", "expr": "flow_input.amount > approvers.length"})
    assert "approvers.length cannot be used" in error.message


@pytest.mark.parametrize(
    "expr",
    [
        "flow_input.amount + flow_input.who",
        "flow_input.amount * flow_input.who",
        "flow_input.amount == flow_input.who",
        "flow_input.amount == '1240'",
        "flow_input.yes == 1",
        "-flow_input.yes",
        "flow_input.who || 'nobody'",
        "!flow_input.none",
        "flow_input.tags + flow_input.tags",
        "flow_input.tags === flow_input.tags",
        "flow_input.tags == flow_input.tags",
        "flow_input.rate % 1",
        "flow_input.numbers[flow_input.rate]",
        "flow_input.missing === 1",
        "flow_input.id + 1",
        "1 / (flow_input.amount - 1240)",
    ],
)
def test_what_javascript_would_convert_fails_loudly(expr: str) -> None:
    with pytest.raises(ExpressionError):
        javascript(expr)


class Case(NamedTuple):
    """JavaScript text, what it gives, and whether all numbers on the way are finite."""

    text: str
    value: Any
    finite: bool = True


def _divided(a: float, b: float) -> float:
    if b:
        return a / b
    return math.copysign(math.inf, a) * math.copysign(1, b) if a and not math.isnan(a) else math.nan


_ARITHMETIC = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divided,
}
_COMPARISON = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "===": lambda a, b: a == b,
    "!==": lambda a, b: a != b,
    "==": lambda a, b: a == b,
}


def _operation(sign: str, left: Case, right: Case) -> Case:
    value = (_ARITHMETIC | _COMPARISON)[sign](left.value, right.value)
    finite = left.finite and right.finite and math.isfinite(value)
    return Case(f"({left.text} {sign} {right.text})", value, finite)


def _logic(sign: str, left: Case, right: Case) -> Case:
    settled = left.value is (sign == "||")  # then the right side is not asked
    value = left.value if settled else right.value
    finite = left.finite and (settled or right.finite)
    return Case(f"({left.text} {sign} {right.text})", value, finite)


LITERALS = (st.integers(-50, 50).map(float) | st.floats(-1e3, 1e3)).map(
    lambda number: Case(f"({number!r})", number)
)
PATHS = st.sampled_from(
    [
        Case("flow_input.amount", 1240.0),
        Case("results.a.total", 120.5),
        Case("flow_input.rate", 0.5),
    ]
)
NUMBERS = st.recursive(
    LITERALS | PATHS,
    lambda inner: st.builds(_operation, st.sampled_from(sorted(_ARITHMETIC)), inner, inner),
    max_leaves=6,
)
TRUTHS = st.recursive(
    st.builds(_operation, st.sampled_from(sorted(_COMPARISON)), NUMBERS, NUMBERS)
    | st.sampled_from([Case("true", True), Case("false", False), Case("flow_input.yes", True)]),
    lambda inner: (
        st.builds(_logic, st.sampled_from(["&&", "||"]), inner, inner)
        | inner.map(lambda case: Case(f"!{case.text}", not case.value, case.finite))
    ),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(NUMBERS | TRUTHS)
def test_arithmetic_comparison_and_logic_agree_with_an_oracle(case: Case) -> None:
    assume(len(case.text) <= 1024)
    try:
        found = evaluate({"type": "javascript", "expr": case.text})
    except ExpressionError:
        assert not case.finite
    else:
        assert found == case.value


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
def test_any_text_survives_as_a_literal(text: str) -> None:
    escaped = "".join(f"\\u{{{ord(char):x}}}" for char in text)
    assert javascript(f"'{escaped}'") == text
