"""A flow that reads what is not there, or feeds a script what it does not take, is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.documents import cel, document, gate, step
from tests.test_definition import SCRIPTS, hello, problem_of, problems
from windflow.definition import Definition, parse

# References


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("results.b", "no result yet"),
        ("results.a", "no result yet"),
        ("results.firts", "Did you mean first?"),
        ("approvals.first", "asks nobody"),
        ("approvals.ask", "No earlier step ask"),
        ("resume.x", "after a step with suspend"),
        ("resumes", "after a step with suspend"),
        ("approvers", "after a step with suspend"),
        ("flow_input.amuont", "Did you mean amount?"),
        ("iter.index", "inside a loop"),
        ("error.message", "failure module"),
    ],
)
def test_a_reference_to_what_is_not_there_is_told(expr: str, words: str) -> None:
    reader = step("a", inputs={"value": cel(expr)})
    modules = [step("first"), reader, gate("bob@example.com"), step("b")]
    place, message = problem_of(*modules, amount={})
    assert place == "value.modules[1].input_transforms.value.expr"
    assert words in message


def test_templates_and_conditions_are_checked_too() -> None:
    text = {"type": "template", "text": "{{ results.z.x }}"}
    skip_if = {"expr": "results.y === 1"}
    module = step("a", inputs={"value": text}, skip_if=skip_if, sleep=cel("iter"))
    assert problems(document(module)).keys() == {
        "value.modules[0].input_transforms.value.text",
        "value.modules[0].skip_if.expr",
        "value.modules[0].sleep.expr",
    }


def test_the_first_step_has_no_previous_result() -> None:
    assert "flow_input" in problem_of(step("a", inputs={"value": cel("previous_result")}))[1]


def test_what_came_before_can_be_read() -> None:
    exprs = ["results.first", "results[flow_input.any]", "previous_result", "approvers"]
    exprs += ["approvals.ask.votes", "resume.x", "flow_input.amount", "results['ask']"]
    inputs = {f"x{position}": cel(expr) for position, expr in enumerate(exprs)}
    modules = [step("first"), gate("bob@example.com"), step("b", inputs=inputs)]
    assert len(parse(document(*modules, amount={}, any={})).steps) == 3


def test_a_gate_can_read_its_own_outcome_once_it_is_passed() -> None:
    module = gate("bob@example.com", id="a")
    module["stop_after_if"] = {"expr": "approvals.a.outcome === 'rejected' || results.a === 1"}
    assert parse(document(module)).steps


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {}}, "additionalProperties": True},
        {"properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        {"properties": {}},
        {"properties": {"a": {}}, "anyOf": [{"properties": {"b": {}}}]},
    ],
)
def test_an_open_schema_allows_any_input(schema: dict[str, Any]) -> None:
    wrong = document(step("a", inputs={"value": cel("flow_input.b")}))
    assert parse({**wrong, "schema": schema}).steps


# Scripts


@pytest.mark.parametrize(
    ("module", "place", "words"),
    [
        (step("a", "hub/say_helo"), "path", "Did you mean hub/say_hello?"),
        (hello(), "input_transforms.name", "needs this input"),
        (hello(name="Bob", nmae="Bob"), "input_transforms.nmae", "Did you mean name?"),
        (hello(name=1), "input_transforms.name.value", "is a number, and must be text"),
        (hello(name="Bob", times=0), "input_transforms.times.value", "at least 1"),
        (hello(name="Bob", to={"email": 1}), "input_transforms.to.value.email", "must be text"),
    ],
)
def test_inputs_are_checked_against_their_script(module: Any, place: str, words: str) -> None:
    found = problems(document(module), scripts=SCRIPTS)
    assert list(found) == [f"value.modules[0].{place}"]
    assert words in next(iter(found.values()))


def test_a_running_version_is_parsed_without_its_scripts() -> None:
    assert isinstance(parse(document(step("a", "gone/gone", {"x": 1}))), Definition)
