"""A flow document is parsed, or everything that is wrong with it is told, each with its place."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.documents import cel, document, gate, step
from windflow.definition import DefinitionError, parse


@dataclass(frozen=True)
class Script:
    """As much of a script as a document is checked against."""

    schema: dict[str, Any]


SCRIPTS = {
    "hub/say_hello": Script(
        {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "times": {"type": "integer", "minimum": 1},
                "to": {"$ref": "#/$defs/Person"},
            },
            "required": ["name"],
            "additionalProperties": False,
            "$defs": {"Person": {"type": "object", "properties": {"email": {"type": "string"}}}},
        }
    ),
    "tests/ask": Script({"type": "object", "properties": {"approvers": {"type": "array"}}}),
    "tests/echo": Script({"type": "object", "properties": {"value": {}}}),
}


def hello(**inputs: Any) -> dict[str, Any]:
    return step("a", "hub/say_hello", inputs)


def problems(wrong: object, **options: Any) -> dict[str, str]:
    with pytest.raises(DefinitionError) as caught:
        parse(wrong, **options)
    return {problem.place: problem.message for problem in caught.value.problems}


def problem_of(*modules: Any, **schema: Any) -> tuple[str, str]:
    found = problems(document(*modules, **schema))
    assert len(found) == 1, found
    return next(iter(found.items()))


def with_schema(schema: Any) -> dict[str, Any]:
    return {**document(step("a")), "schema": schema}


# What a good document becomes


def test_a_document_becomes_a_definition() -> None:
    good = document(
        step("a", "tests/echo", {"value": cel("flow_input.amount * 2")}, summary="Double"),
        gate("bob@example.com", "carol@example.com", required=2),
        step("b", "tests/echo", {"value": cel("approvers")}, continue_on_error=True),
        amount={"type": "integer"},
    )
    made = parse(good)
    assert [each.id for each in made.steps] == ["a", "ask", "b"]
    assert made.index("b") == 2
    assert made.step("a").summary == "Double"
    assert made.step("a").inputs["value"].evaluate({"flow_input": {"amount": 21}}) == 42
    assert made.step("ask").suspend is not None
    assert made.step("ask").place == "value.modules[1]"
    assert made.step("b").continue_on_error
    assert made.document == good


def test_an_unknown_step_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        parse(document(step("a"))).step("b")


def test_the_definition_keeps_its_own_copy() -> None:
    good = document(step("a"))
    made = parse(good)
    good["value"]["modules"].clear()
    assert made.document["value"]["modules"]


def test_what_is_null_counts_as_absent() -> None:
    module = step("a", suspend=None, retry=None, timeout=None, skip_if=None, sleep=None)
    made = parse({**document(module), "description": None, "schema": None})
    assert made.schema == {"type": "object", "properties": {}}
    assert made.steps[0].suspend is None


def test_an_identity_step_has_no_script() -> None:
    made = parse(document({"id": "a", "value": {"type": "identity"}}))
    assert (made.steps[0].type, made.steps[0].path) == ("identity", None)


def test_every_key_of_suspend_is_read() -> None:
    suspend = {
        "required_events": 2,
        "timeout": 60,
        "resume_form": {"schema": {"properties": {"cost_centre": {"type": "string"}}}},
        "user_auth_required": True,
        "user_groups_required": {"type": "static", "value": ["finance"]},
        "self_approval_disabled": True,
        "hide_cancel": True,
        "continue_on_disapprove_timeout": True,
    }
    found = parse(document(step("a", suspend=suspend))).steps[0].suspend
    assert found is not None
    assert (found.required_events, found.timeout) == (2, 60)
    assert found.form_schema == {"properties": {"cost_centre": {"type": "string"}}}
    assert found.user_groups_required == ("finance",)
    assert found.user_auth_required
    assert found.self_approval_disabled
    assert found.hide_cancel
    assert found.continue_on_disapprove_timeout


def test_groups_may_be_a_plain_list() -> None:
    found = parse(document(step("a", suspend={"user_groups_required": ["it"]}))).steps[0].suspend
    assert found is not None
    assert found.user_groups_required == ("it",)


def test_conditions_and_sleep_are_compiled() -> None:
    stop = {"expr": "results.a > 1", "error_message": "Too much"}
    module = step("a", skip_if={"expr": "flow_input.no"}, stop_after_if=stop, sleep=5)
    made = parse(document(module, no={"type": "boolean"})).steps[0]
    assert made.skip_if is not None
    assert made.skip_if.evaluate({"flow_input": {"no": True}}) is True
    assert made.stop_after_if is not None
    assert made.stop_after_if.evaluate({"results": {"a": 1}}) is False
    assert made.stop_after_if.error_message == "Too much"
    assert made.sleep is not None
    assert made.sleep.evaluate({}) == 5


# Shape


@pytest.mark.parametrize("wrong", [None, 1, "text", [], [{}]])
def test_a_document_is_an_object(wrong: object) -> None:
    assert "is an object" in problems(wrong)[""]


def test_all_problems_are_told_together() -> None:
    wrong = document(step("a", "nope/nope", {"x": {"type": "cel", "expr": "1 +"}}), step("a"))
    wrong["sumary"] = wrong.pop("summary")
    found = problems(wrong, scripts=SCRIPTS)
    assert found.keys() == {
        "sumary",
        "summary",
        "value.modules[0].path",
        "value.modules[0].input_transforms.x.expr",
        "value.modules[1].id",
    }
    assert "Did you mean summary?" in found["sumary"]


def test_the_error_has_a_line_for_each_problem() -> None:
    with pytest.raises(DefinitionError) as caught:
        parse({"summary": "", "value": {"modules": []}})
    assert str(caught.value).splitlines() == [
        "summary: It is empty; write some text.",
        "value.modules: A flow needs at least one step; add one.",
    ]


@pytest.mark.parametrize(
    ("wrong", "place", "words"),
    [
        ({"summary": "x"}, "value", "is missing"),
        ({"summary": 1, "value": {"modules": [step("a")]}}, "summary", "is a number"),
        ({"summary": "x", "value": []}, "value", "must be an object"),
        ({"summary": "x", "value": {"modules": {}}}, "value.modules", "must be a list"),
        ({"summary": "x", "value": {"modules": [1]}}, "value.modules[0]", "is a number"),
        (document(*[step(f"s{i}") for i in range(201)]), "value.modules", "at most 200"),
        (with_schema({"type": "array"}), "schema.type", '"object"'),
        (
            with_schema({"properties": {"a": {"type": "x"}}}),
            "schema.properties.a.type",
            "no JSON",
        ),
        (with_schema({"properties": {"a": True}}), "schema.properties.a", "must be an object"),
        (with_schema([]), "schema", "must be an object"),
        ({**document(step("a")), "extra": 1}, "extra", "no such key"),
    ],
)
def test_a_wrong_shape_is_told(wrong: Any, place: str, words: str) -> None:
    found = problems(wrong)
    assert list(found) == [place]
    assert words in found[place]


@pytest.mark.parametrize(
    ("step_id", "words"),
    [
        ("1a", "letters, digits and _"),
        ("a-b", "letters, digits and _"),
        ("é", "letters, digits and _"),
        ("a" * 64, "letters, digits and _"),
        ("failure", "reserved"),
        ("preprocessor", "reserved"),
        ("Input", "reserved"),
        ("in", "reserved"),
        ("", "empty"),
    ],
)
def test_a_wrong_id_is_told(step_id: str, words: str) -> None:
    place, message = problem_of(step(step_id))
    assert place == "value.modules[0].id"
    assert words in message


@pytest.mark.parametrize(
    "type_", ["forloopflow", "whileloopflow", "branchone", "branchall", "flow", "rawscript"]
)
def test_a_step_that_cannot_run_yet_says_what_to_do_instead(type_: str) -> None:
    place, message = problem_of({"id": "a", "value": {"type": type_, "modules": []}})
    assert place == "value.modules[0].type"
    assert ";" in message


def test_an_unknown_type_has_its_nearest() -> None:
    place, message = problem_of({"id": "a", "value": {"type": "scrpit"}})
    assert (place, "Did you mean script?" in message) == ("value.modules[0].type", True)


@pytest.mark.parametrize("key", ["timeout", "cache_ttl", "concurrent_limit", "mock", "retyr"])
def test_a_key_of_a_step_that_is_not_read_is_refused(key: str) -> None:
    place, _message = problem_of({**step("a"), key: 1})
    assert place == f"value.modules[0].{key}"


def test_a_failure_module_is_refused() -> None:
    wrong = document(step("a"))
    wrong["value"]["failure_module"] = step("failure")
    assert "retry" in problems(wrong)["value.failure_module"]


@pytest.mark.parametrize(
    ("suspend", "key", "words"),
    [
        ({"required_events": 0}, "required_events", "from 1"),
        ({"required_events": 1.5}, "required_events", "a whole number"),
        ({"required_events": True}, "required_events", "a whole number"),
        ({"timeout": 0}, "timeout", "from 1"),
        ({"timeout": 6 * 365 * 24 * 3600}, "timeout", "157,680,000"),
        ({"timeout": "1d"}, "timeout", "a whole number"),
        ({"timeout": {"type": "cel", "expr": "1"}}, "timeout", "fixed value"),
        ({"hide_cancel": "yes"}, "hide_cancel", "true or false"),
        ({"user_groups_required": "it"}, "user_groups_required", "list of names"),
        ({"user_groups_required": {"type": "cel", "expr": "1"}}, "user_groups_required", "fixed"),
        ({"resume_form": {"schema": {"type": "string"}}}, "resume_form.schema.type", '"object"'),
        ({"resume_form": {"shema": {}}}, "resume_form.shema", "Did you mean schema?"),
        ({"required_event": 1}, "required_event", "Did you mean required_events?"),
    ],
)
def test_a_wrong_suspend_is_told(suspend: Any, key: str, words: str) -> None:
    place, message = problem_of(step("a", suspend=suspend))
    assert place == f"value.modules[0].suspend.{key}"
    assert words in message


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"retry": {"constant": {"attempts": -1}}}, "retry.constant.attempts"),
        ({"retry": {"exponential": {"random_factor": 101}}}, "retry.exponential.random_factor"),
        ({"retry": {"linear": {}}}, "retry.linear"),
        ({"retry": {"constant": {"second": 1}}}, "retry.constant.second"),
        ({"sleep": -1}, "sleep"),
        ({"sleep": {"type": "static", "value": "soon"}}, "sleep"),
        ({"sleep": {"type": "cel", "expr": "("}}, "sleep.expr"),
        ({"skip_if": "true"}, "skip_if"),
        ({"skip_if": {"expr": "size(approvers)"}}, "skip_if.expr"),
        (
            {"stop_after_if": {"expr": "true", "skip_if_stopped": True}},
            "stop_after_if.skip_if_stopped",
        ),
        ({"stop_after_if": {"expr": "true", "error_message": 1}}, "stop_after_if.error_message"),
        ({"continue_on_error": 1}, "continue_on_error"),
    ],
)
def test_a_wrong_block_is_told(keys: dict[str, Any], place: str) -> None:
    assert problem_of(step("a", **keys))[0] == f"value.modules[0].{place}"


# Bounds


def test_a_document_has_a_bound_in_bytes() -> None:
    wrong = {**document(step("a")), "description": "x" * 300_000}
    assert "262,144" in problems(wrong)[""]


def test_a_document_has_a_bound_in_depth() -> None:
    deep: Any = 1
    for _level in range(5_000):
        deep = [deep]
    assert "deeper" in problems(document(step("a", inputs={"value": [deep]})))[""]


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_a_database_cannot_store_is_refused(text: str) -> None:
    assert problems({**document(step("a")), "summary": text})
    assert problems(document(step("a", inputs={text: 1})))


# Anything at all

_KEYS = st.sampled_from(
    [
        "id",
        "summary",
        "value",
        "modules",
        "schema",
        "type",
        "path",
        "input_transforms",
        "suspend",
        "retry",
        "sleep",
        "skip_if",
        "stop_after_if",
        "expr",
        "text",
        "script",
        "static",
        "cel",
        "a",
        "properties",
        "resume_form",
        "timeout",
        "required_events",
        "constant",
        "$ref",
        "pattern",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | _KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS | st.text(max_size=3), inner),
    max_leaves=12,
)


def _parsed_or_explained(raw: object) -> None:
    with suppress(DefinitionError):
        assert parse(raw, scripts=SCRIPTS).steps


@settings(max_examples=300, deadline=None)
@given(_JSON)
def test_random_documents_never_crash_the_parser(raw: object) -> None:
    _parsed_or_explained(raw)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_KEYS, _JSON), st.dictionaries(_KEYS, _JSON), _JSON)
def test_random_steps_never_crash_the_parser(keys: Any, value: Any, schema: object) -> None:
    module = {**step("a"), **keys}
    module["value"] = {"type": "script", "path": "tests/echo", **value}
    _parsed_or_explained({"summary": "x", "schema": schema, "value": {"modules": [module]}})


@settings(max_examples=100, deadline=None)
@given(_JSON)
def test_random_static_values_survive(value: Any) -> None:
    good = document(step("a", inputs={"value": {"type": "static", "value": value}}))
    try:
        made = parse(good)
    except DefinitionError:
        return
    assert made.steps[0].inputs["value"].evaluate({}) == json.loads(json.dumps(value))
