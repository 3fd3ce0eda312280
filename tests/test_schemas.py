"""Values are checked against JSON Schemas in words, and no schema can fetch, hang or crash."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windflow.definition import schema_problems
from windflow.definition.schemas import check_object_schema


def told(schema: Any, value: Any) -> dict[str, str]:
    return dict(schema_problems(schema, value, "inputs"))


def refused(**field: Any) -> dict[str, str]:
    return dict(check_object_schema({"properties": {"a": field}}, "schema"))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ({"type": "number"}, "12", "is text, and must be a number"),
        ({"type": ["string", "null"]}, 1, "must be text / null"),
        ({"type": "integer"}, True, "true or false, and must be a whole number"),
        ({"enum": ["EUR", "USD"]}, "GBP", "one of EUR, USD"),
        ({"const": 1}, 2, "must be 1"),
        ({"minimum": 5}, 4, "at least 5"),
        ({"exclusiveMaximum": 5}, 5, "less than 5"),
        ({"maxLength": 2}, "abc", "the most is 2 characters"),
        ({"minItems": 1}, [], "the least is 1"),
        ({"multipleOf": 5}, 7, "multiple of 5"),
        ({"pattern": "^[a-z]+$"}, "ABC", "the form ^[a-z]+$"),
        ({"uniqueItems": True}, [1, 1.0], "twice"),
        ({"format": "date"}, "31.1.2025", "2025-01-31"),
        ({"format": "date"}, "2025-02-30", "2025-01-31"),
        ({"format": "date-time"}, "2025-01-31 14:00", "2025-01-31T14:05:00Z"),
        ({"format": "email"}, "bob", "bob@example.com"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "must be text / null"),
        ({"anyOf": [{"type": "string", "minLength": 2}, {"type": "null"}]}, "a", "too short"),
        ({"oneOf": [{"minimum": 1}, {"maximum": 5}]}, 3, "more than one"),
        ({"not": {"type": "string"}}, "a", "not"),
    ],
)
def test_what_does_not_fit_is_told_in_words(field: Any, value: Any, words: str) -> None:
    found = told({"properties": {"amount": field}}, {"amount": value})
    assert list(found) == ["inputs.amount"]
    assert words in found["inputs.amount"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"format": "date"}, "2025-01-31"),
        ({"format": "date-time"}, "2025-01-31T14:05:00+01:00"),
        ({"format": "email"}, "bob@example.com"),
        ({"format": "resource-gmail"}, "anything"),
        ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}]),
        ({"pattern": "b"}, "abc"),
        ({"$ref": "#/$defs/Tree"}, {"left": {"left": {}}}),
    ],
)
def test_what_fits_is_not_told(field: Any, value: Any) -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}}
    assert told({"properties": {"a": field}, "$defs": {"Tree": tree}}, {"a": value}) == {}


def test_missing_and_unknown_fields_are_named() -> None:
    schema = {"properties": {"amount": {}}, "required": ["amount"], "additionalProperties": False}
    found = told(schema, {"amuont": 1})
    assert found["inputs.amount"] == "It is missing."
    assert "Did you mean amount?" in found["inputs.amuont"]


def test_places_lead_into_lists_and_odd_keys() -> None:
    schema = {"additionalProperties": {"items": {"type": "string"}}}
    assert list(told(schema, {"cost centre": ["a", 1]})) == ['inputs["cost centre"][1]']


def test_the_value_is_not_repeated() -> None:
    found = told({"properties": {"a": {"type": "number"}}}, {"a": "hunter2"})
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ({"$ref": "https://example.com/schema.json"}, "$ref"),
        ({"$ref": "file:///etc/passwd"}, "$ref"),
        ({"$ref": "#/$defs/missing"}, "$ref"),
        ({"$ref": "#/properties/a/default", "default": 1}, "$ref"),
        ({"$id": "https://example.com/"}, "$id"),
        ({"$dynamicRef": "#x"}, "$dynamicRef"),
        ({"patternProperties": {"(a+)+$": {}}}, "patternProperties"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties"),
        ({"pattern": "a" * 201}, "pattern"),
        ({"pattern": "(a{9}){9}"}, "pattern"),
        ({"pattern": "a{501}"}, "pattern"),
        ({"pattern": "a{99999999999999999999}"}, "pattern"),
        ({"pattern": "(?=a)"}, "pattern"),
        ({"pattern": "(a)\\1"}, "pattern"),
        ({"pattern": "("}, "pattern"),
        ({"items": {"pattern": "("}}, "items.pattern"),
        ({"type": "text"}, "type"),
        ({"minimum": "1"}, "minimum"),
    ],
)
def test_a_harmful_or_broken_schema_is_refused(field: Any, key: str) -> None:
    found = refused(**field)
    assert [place.replace('["', ".").replace('"]', "") for place in found] == [
        f"schema.properties.a.{key}"
    ]


def test_data_in_a_schema_is_no_schema() -> None:
    assert refused(enum=[{"$ref": "https://example.com"}], default={"pattern": "("}) == {}


def test_a_property_may_have_the_name_of_a_keyword() -> None:
    schema = {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}}}
    assert check_object_schema(schema, "schema") == []


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(.*a){9}", "^(([a-z])+.)+[A-Z]+$"])
def test_no_pattern_can_hang(pattern: str) -> None:
    began = time.process_time()
    told({"properties": {"a": {"pattern": pattern}}}, {"a": "a" * 50_000 + "!"})
    assert time.process_time() - began < 2


def test_references_cannot_multiply_without_end() -> None:
    twice = {
        f"x{i}": {"allOf": [{"$ref": f"#/$defs/x{i + 1}"}, {"$ref": f"#/$defs/x{i + 1}"}]}
        for i in range(40)
    }
    schema = {"$ref": "#/$defs/x0", "$defs": {**twice, "x40": {}}}
    assert "without end" in told(schema, {})["inputs"]


def test_a_schema_that_is_itself_does_not_hang() -> None:
    schema = {"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}}
    assert "without end" in told(schema, {})["inputs"]


def test_unique_items_take_no_square_of_time() -> None:
    began = time.process_time()
    told({"properties": {"a": {"uniqueItems": True}}}, {"a": [{"i": i} for i in range(20_000)]})
    assert time.process_time() - began < 2


def test_at_most_so_many_problems_are_told() -> None:
    assert len(told({"items": {"type": "string"}}, list(range(10_000)))) <= 60


_KEYWORDS = st.sampled_from(
    [
        "type",
        "properties",
        "items",
        "$ref",
        "$defs",
        "anyOf",
        "oneOf",
        "not",
        "enum",
        "const",
        "required",
        "additionalProperties",
        "pattern",
        "format",
        "minimum",
        "multipleOf",
        "if",
        "a",
    ]
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["string", "object", "#", "#/$defs/a", "date", "a+"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYWORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(_KEYWORDS, _VALUES, max_size=4), _VALUES)
def test_random_schemas_are_refused_or_can_be_used(schema: dict[str, Any], value: Any) -> None:
    if not check_object_schema(schema, "schema"):
        assert all(message for message in told(schema, value).values())
