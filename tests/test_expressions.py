"""Expressions read plain JSON, say what is wrong, and can do nothing else."""

from __future__ import annotations

import copy
import math
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windflow.expressions import (
    SCOPE_NAMES,
    ExpressionError,
    compile_predicate,
    compile_transform,
)
from windflow.expressions.cel import without_panic

SCOPE: dict[str, Any] = {
    "flow_input": {
        "amount": 1240,
        "rate": 0.5,
        "who": "bob",
        "yes": True,
        "none": None,
        "a-b": 1,
        "in": 2,
        "tags": ["x", "y"],
        "numbers": [1, 2, 3],
        "long": list(range(50_000)),
        "text": "x" * 200_000,
        "id": 2**60,
        "day": "2025-01-31",
    },
    "results": {"a": {"total": 120.5, "lines": [{"qty": 1}, {"qty": 2}], "items": "mine"}},
    "previous_result": None,
    "resume": {"cost_centre": "4711"},
    "resumes": [{"cost_centre": "4711"}],
    "approvers": ["bob@example.com", "carol@example.com"],
    "approvals": {},
    "run": {"id": 1},
}


def evaluate(raw: dict[str, Any], scope: dict[str, Any] = SCOPE) -> Any:
    return compile_transform(raw, "x").evaluate(scope)


def cel(expr: str) -> Any:
    return evaluate({"type": "cel", "expr": expr})


def javascript(expr: str) -> Any:
    return evaluate({"type": "javascript", "expr": expr})


def template(text: str) -> Any:
    return evaluate({"type": "template", "text": text})


def refusal(raw: dict[str, Any]) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        evaluate(raw)
    return caught.value


# Transforms


def test_a_static_value_is_given_as_it_is() -> None:
    assert evaluate({"type": "static", "value": {"a": [1, None]}}) == {"a": [1, None]}


def test_a_static_list_is_fresh_every_time() -> None:
    transform = compile_transform({"type": "static", "value": [[1]]}, "x")
    transform.evaluate({})[0].append(2)
    assert transform.evaluate({}) == [[1]]


@pytest.mark.parametrize(
    ("raw", "place", "words"),
    [
        ("bob", "x", "is text; write an object"),
        ({}, "x.type", "static, cel, javascript, template"),
        ({"type": "statik", "value": 1}, "x.type", "Did you mean static?"),
        ({"type": ["cel"], "expr": "1"}, "x.type", "does not exist"),
        ({"type": "cel"}, "x", "expr is missing"),
        ({"type": "cel", "expr": "1", "value": 1}, "x", "There is no value here"),
        ({"type": "cel", "expr": 1}, "x.expr", "is a number; write text"),
        ({"type": "cel", "expr": "  "}, "x.expr", "is empty"),
        ({"type": "cel", "expr": "1 +"}, "x.expr", "ends too early"),
        ({"type": "javascript", "expr": "1 +"}, "x.expr", "not one JavaScript expression"),
        ({"type": "template", "text": "{% if 1 %}"}, "x.text", "Unclosed tag"),
        ({"type": "cel", "expr": "'" + "a" * 5_000 + "'"}, "x.expr", "at most 1024"),
        ({"type": "cel", "expr": "'" + "é" * 600 + "'"}, "x.expr", "1202 bytes"),
        ({"type": "javascript", "expr": "'" + "a" * 5_000 + "'"}, "x.expr", "at most 1024"),
        ({"type": "template", "text": "a" * 20_001}, "x.text", "at most 20000"),
        ({"type": "cel", "expr": "'\ud800'"}, "x.expr", "half a character"),
    ],
)
def test_a_wrong_transform_says_where_and_what(raw: Any, place: str, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_transform(raw, "x")
    assert caught.value.place == place
    assert words in caught.value.message
    assert str(caught.value) == f"{place}: {caught.value.message}"


def test_references_are_the_paths_that_are_read() -> None:
    raw = {"type": "cel", "expr": "results.a.lines[0].qty + flow_input['a-b'] + size(approvers)"}
    expected = {("results", "a", "lines"), ("flow_input", "a-b"), ("approvers",)}
    assert compile_transform(raw, "x").references == expected


def test_names_of_macros_and_loops_are_no_references() -> None:
    macro = {"type": "cel", "expr": "results.map(results, results)"}
    loop = {"type": "template", "text": "{% for x in results.a %}{{ x.b }}{% endfor %}"}
    assert compile_transform(macro, "x").references == {("results",)}
    assert compile_transform(loop, "x").references == {("results", "a")}


@pytest.mark.parametrize("name", SCOPE_NAMES)
def test_every_name_of_the_scope_can_be_read(name: str) -> None:
    scope = {name: {"a": 1}}
    assert evaluate({"type": "cel", "expr": f"{name}.a + 1"}, scope) == 2
    assert evaluate({"type": "javascript", "expr": f"{name}.a"}, scope) == 1
    assert evaluate({"type": "template", "text": f"{{{{ {name}.a }}}}"}, scope) == "1"


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "cel", "expr": "settings.SECRET_KEY"},
        {"type": "javascript", "expr": "window.location"},
        {"type": "template", "text": "{{ settings.SECRET_KEY }}"},
        {"type": "template", "text": "{{ run.id|default:secret }}"},
    ],
)
def test_any_other_name_is_refused_with_those_that_exist(raw: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError, match="previous_result"):
        compile_transform(raw, "x")


# CEL


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        ("flow_input.amount > 1000 && flow_input.yes", True),
        ("results.a.lines.map(line, line.qty * 2)", [2, 4]),
        ("approvers.filter(a, a.endsWith('@example.com')).size()", 2),
        ("has(flow_input.missing) ? 'yes' : 'no'", "no"),
        ("{'who': flow_input.who, 'n': [1, 2.5, null]}", {"who": "bob", "n": [1, 2.5, None]}),
        ("string(timestamp('2025-01-31T00:00:00Z').getFullYear())", "2025"),
        ("flow_input['in'] + flow_input['a-b']", 3),
        ("flow_input.id", 2**60),
        ("r'\\d' // a comment", "\\d"),
    ],
)
def test_cel_is_evaluated(expr: str, value: Any) -> None:
    assert cel(expr) == value


def test_a_path_gives_a_copy() -> None:
    scope = copy.deepcopy(SCOPE)
    evaluate({"type": "cel", "expr": "results.a.lines"}, scope).clear()
    assert scope == SCOPE


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("flow_input.amuont", "flow_input has no amuont. Did you mean amount?"),
        ("flow_input.none.x", "flow_input.none is null"),
        ("results.a.lines[7]", "has 2 items"),
        ("flow_input.amuont + 1", "no key amuont"),
        ("flow_input.numbers[7] + 1", "shorter"),
        ("iter.index", "iter has no value here"),
        ("iter.index + 1", "iter has no value here"),
        ("1 / 0", "divides by zero"),
        ("1.0 / 0.0", "not a finite number"),
        ("9223372036854775807 + 1", "too large"),
        ("flow_input.amount + 0.5", "double(...)"),
        ("flow_input.who + 1", "string(...)"),
        ("double(flow_input.yes)", "double(...) cannot take"),
        ("int('x')", "cannot evaluate"),
        ("timestamp('2025-01-31T00:00:00Z')", "is a timestamp"),
        ("[{'a': duration('1h')}]", "is a duration"),
        ("b'abc'", "is a bytes"),
        ("{1: 2}", "key 1"),
        ("'\\u0000'", "NUL"),
        ("flow_input.text + flow_input.text", "at most 262,144"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_a_sentence(expr: str, words: str) -> None:
    error = refusal({"type": "cel", "expr": expr})
    assert words in error.message
    assert error.place == "x.expr"


@pytest.mark.parametrize(
    "expr",
    [
        "[1].map(a, [1].map(b, [1].map(c, 1)))",
        "[1].all(a, [1].exists(b, [1].exists_one(c, [1].filter(d, true) == [])))",
        "[1].existsOne(a, [1].existsOne(b, [1].existsOne(c, true)))",
        "[1]" + ".map(x, x)" * 17,
        "(" * 200 + "1" + ")" * 200,
        "[" * 200 + "]" * 200,
        "__import__('os').system('id')",
        "''.__class__.__mro__",
        "flow_input.__class__.__init__",
        "[].append(1)",
        "eval('1')",
        "optional.of(1)",
        "cel.bind(x, 1, x)",
        "flow_input.tags.join(',')",
        "Flow{id: 1}",
        "flow_input.amount = 1",
        "x -> x",
        "`a`",
    ],
)
def test_cel_cannot_escape(expr: str) -> None:
    refusal({"type": "cel", "expr": expr})


@pytest.mark.parametrize(
    "expr",
    [
        "flow_input.long.map(x, 1)",
        "flow_input.long.filter(x, true)",
        "flow_input.long.all(x, flow_input.long.all(y, x == y))",
        "[['a']]" + ".map(x, x + x)" * 14 + ".map(x, x.map(y, x))",
        "[flow_input.text]" + ".map(x, x + x)" * 16,
        "[" + "flow_input.long, " * 55 + "1]",
        "flow_input.numbers.map(x, flow_input.who.matches('(\\\\w{50}){99}'))",
        "'a'.matches('((x{99}){99}){99}')",
        "(flow_input.yes ? flow_input.long : [1]).map(x, x)",
        "(flow_input.long + flow_input.long).map(x, x)",
        "dyn(flow_input.long).map(x, x)",
    ],
)
def test_what_would_take_too_much_is_refused_at_once(expr: str) -> None:
    began = time.process_time()
    error = refusal({"type": "cel", "expr": expr})
    assert "could" in error.message
    assert time.process_time() - began < 2


def test_long_lists_can_still_be_searched() -> None:
    assert cel("flow_input.long.exists(x, x == 49999)") is True
    assert cel("flow_input.long.all(x, x >= 0) && 7 in flow_input.long") is True


def test_no_callable_reaches_the_evaluator() -> None:
    with pytest.raises(ExpressionError, match="reads plain JSON only"):
        evaluate({"type": "cel", "expr": "[run, 1]"}, {"run": print})
    with pytest.raises(ExpressionError):
        evaluate({"type": "cel", "expr": "[run, 1]"}, {"run": {"f": print}})


def test_a_panic_of_the_library_is_an_error_of_the_expression() -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    assert isinstance(without_panic(panic()), ExpressionError)


def test_an_interrupt_stays_an_interrupt() -> None:
    interrupt = KeyboardInterrupt()
    assert without_panic(interrupt) is interrupt


# Predicates


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        ("flow_input.amount > 1000", True),
        ({"expr": "results.a.total === 120"}, False),
        ({"type": "cel", "expr": "size(approvers) > 1"}, True),
    ],
)
def test_a_predicate_answers(raw: Any, answer: bool) -> None:
    assert compile_predicate(raw, "skip_if").evaluate(SCOPE) is answer


@pytest.mark.parametrize(
    ("raw", "place", "words"),
    [
        ({"expr": "flow_input.amount"}, "skip_if.expr", "must be true or false, and is a number"),
        ({"expr": "size(approvers) > 1"}, "skip_if.expr", '"type": "cel"'),
        ({"type": "template", "expr": "a"}, "skip_if.type", "javascript or cel"),
        ({}, "skip_if", "expr is missing"),
        (7, "skip_if", "is a number"),
    ],
)
def test_a_predicate_that_is_none_says_so(raw: Any, place: str, words: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_predicate(raw, "skip_if").evaluate(SCOPE)
    assert caught.value.place == place
    assert words in caught.value.message


# Anything at all


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["cel", "javascript", "template"]), st.text(max_size=60))
def test_random_text_is_evaluated_or_refused(type_: str, text: str) -> None:
    raw = {"type": type_, ("text" if type_ == "template" else "expr"): text}
    _evaluated_or_refused(raw)


_PIECES = st.sampled_from(
    [
        "results",
        "flow_input",
        ".a",
        ".lines",
        "[0]",
        "['k']",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "===",
        "<",
        "&&",
        "||",
        "!",
        " in ",
        "1",
        "2.5",
        "'s'",
        "true",
        "null",
        ".map(x, ",
        "x",
        ".filter(y, y",
        ".size()",
        "has(results.a)",
        "=>",
        "timestamp('2025-01-31T00:00:00Z')",
        "duration('1h')",
        "9223372036854775807",
        "-",
        "`",
        ";",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(["cel", "javascript"]), st.lists(_PIECES, max_size=12).map("".join))
def test_random_expressions_are_evaluated_or_refused(type_: str, text: str) -> None:
    _evaluated_or_refused({"type": type_, "expr": text})


def _evaluated_or_refused(raw: dict[str, Any]) -> None:
    with suppress(ExpressionError):
        value = evaluate(raw)
        assert value is None or isinstance(value, bool | int | float | str | list | dict)
        assert not isinstance(value, float) or math.isfinite(value)
