"""Forms made from JSON Schema: what people type, as plain JSON that fits the schema."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from windflow.definition import schema_problems
from windflow.forms import SchemaForm, schema_form
from windflow.values import plain


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def filled(part: Any, typed: str | list[str] | None, *required: str) -> SchemaForm:
    """A form with the one field ``x``, posted as a browser would."""
    data = QueryDict(mutable=True)
    if typed is not None:
        data.setlist("answer.x", typed if isinstance(typed, list) else [typed])
    return schema_form(schema(*required, x=part), prefix="answer", data=data)


def problem(part: Any, typed: str | list[str] | None, *required: str) -> str:
    form = filled(part, typed, *required)
    assert not form.is_valid()
    (text,) = form.problems().values()
    return text


def field(part: Any, *required: str) -> forms.BoundField:
    return schema_form(schema(*required, x=part))["x"]


READ = [
    ({"type": "string"}, "  Berlin ", "Berlin"),
    ({"type": "string", "format": "textarea"}, "a\r\nb", "a\nb"),
    ({"type": "string", "format": "email"}, "bob@example.com", "bob@example.com"),
    ({"type": "string", "format": "uri"}, "example.com/a", "https://example.com/a"),
    ({"type": "string", "format": "date"}, "2026-11-06", "2026-11-06"),
    ({"type": "string", "format": "time"}, "09:30", "09:30:00"),
    ({"type": "number"}, "1240", 1240),
    ({"type": "number"}, "1240.5", 1240.5),
    ({"type": "number", "multipleOf": 0.01}, "1240.1", 1240.1),
    ({"type": "integer"}, "3", 3),
    ({"type": "boolean"}, "on", True),
    ({"type": "boolean"}, None, False),
    ({"type": "string", "enum": ["s", "m"]}, "m", "m"),
    ({"type": "integer", "enum": [1, 2]}, "2", 2),
    ({"oneOf": [{"const": 1, "title": "One"}, {"const": True, "title": "Yes"}]}, "true", True),
    ({"type": "array", "items": {"type": "string"}}, "a\r\n\r\n b ", ["a", "b"]),
    ({"type": "array", "items": {"type": "integer"}}, "1\n2", [1, 2]),
    ({"type": "array", "items": {"type": "number"}}, "1\n2.5", [1, 2.5]),
    (
        {"type": "array", "items": {"type": "string", "format": "email"}},
        "a@example.com, b@example.com;c@example.com",
        ["a@example.com", "b@example.com", "c@example.com"],
    ),
    ({"type": "array", "items": {"enum": ["s", "m"]}}, ["m", "s"], ["m", "s"]),
    ({"type": "object"}, '{"a": [1, null]}', {"a": [1, None]}),
    ({}, "[1.5]", [1.5]),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "7", 7),
    ({"type": ["string", "null"]}, "x", "x"),
    ({"anyOf": [{"type": "number"}, {"type": "string"}]}, "x", "x"),
    ({"const": "agreed"}, "agreed", "agreed"),
]


@pytest.mark.parametrize(("part", "typed", "answer"), READ)
def test_what_is_typed_becomes_plain_json(part: Any, typed: Any, answer: Any) -> None:
    form = filled(part, typed)
    assert form.is_valid(), form.errors
    assert form.json() == {"x": answer}
    assert type(form.json()["x"]) is type(answer)


def test_a_time_of_day_is_in_the_readers_zone_and_says_so() -> None:
    part = {"type": "string", "format": "date-time"}
    with timezone.override("Europe/Berlin"):
        form = filled(part, "2026-11-06T17:00")
        assert form.is_valid()
        assert form.json() == {"x": "2026-11-06T17:00:00+01:00"}
        shown = schema_form(schema(x=part), initial={"x": "2026-11-06T16:00:00Z"})
        assert 'value="2026-11-06T17:00"' in str(shown["x"])


@pytest.mark.parametrize("part", [part for part, _typed, _answer in READ])
def test_what_is_left_empty_is_left_out(part: Any) -> None:
    form = filled(part, None if part.get("items") == {"enum": ["s", "m"]} else "")
    assert form.is_valid(), form.errors
    assert form.json() == ({"x": False} if part == {"type": "boolean"} else {})


@pytest.mark.parametrize("part", [part for part, _typed, _answer in READ])
def test_what_is_required_cannot_be_left_empty(part: Any) -> None:
    form = filled(part, "", "x")
    assert form.is_valid() is (part == {"type": "boolean"})


WRONG = [
    ({"type": "number"}, "much", "Enter a number."),
    ({"type": "number"}, "nan", "Enter a number."),
    ({"type": "number"}, "1e999", "Enter a number."),
    ({"type": "integer"}, "1.5", "Enter a whole number."),
    ({"type": "integer", "minimum": 3}, "2", "greater than or equal to 3"),
    ({"type": "number", "exclusiveMinimum": 0}, "0", "It must be more than 0."),
    ({"type": "number", "multipleOf": 0.01}, "1.005", "It must be a multiple of 0.01."),
    ({"type": "string", "minLength": 4}, "47", "at least 4 characters"),
    ({"type": "string", "pattern": "^[0-9]+$"}, "x", "It must have the form"),
    ({"type": "string", "format": "email"}, "bob", "valid email"),
    ({"type": "string", "format": "uri"}, "javascript:alert(1)", "valid URL"),
    ({"type": "string", "format": "date"}, "6.11.2026", "valid date"),
    ({"type": "string", "format": "date"}, "2026-02-30", "valid date"),
    ({"type": "string", "format": "date-time"}, "soon", "valid date/time"),
    ({"type": "string", "enum": ["s", "m"]}, "xl", "not one of the available choices"),
    ({"type": "boolean", "const": True}, None, "It must be"),
    ({"type": "array", "items": {"type": "integer"}}, "1\ntwo", "“two” is not a number."),
    ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, "a\nb", "too many items"),
    ({"type": "array", "items": {"type": "string", "maxLength": 1}}, "a\nbb", "too long"),
    ({"type": "array", "items": {"enum": ["s"]}}, ["xl"], "not one of the available choices"),
    ({"type": "object"}, "{", "not valid JSON. Line 1, column 2"),
    ({"type": "object"}, "NaN", "cannot be stored"),
    ({"type": "object"}, "[" * 10_000, "cannot be stored"),
    ({"type": "object"}, "[1]", "It is a list, and must be an object."),
]


@pytest.mark.parametrize(("part", "typed", "text"), WRONG)
def test_what_does_not_fit_is_said_beside_the_field_and_kept(
    part: Any, typed: Any, text: str
) -> None:
    assert text in problem(part, typed)
    form = filled(part, typed)
    assert list(form.problems()) == ["answer.x"]
    if isinstance(typed, str):
        assert form["x"].value() == typed


WIDGETS = [
    ({"type": "string", "format": "date"}, 'type="date"'),
    ({"type": "string", "format": "date-time"}, 'type="datetime-local"'),
    ({"type": "string", "format": "email"}, 'type="email"'),
    ({"type": "string", "format": "uri"}, 'type="url"'),
    ({"type": "string", "maxLength": 5}, 'maxlength="5"'),
    ({"type": "string", "maxLength": 500}, "<textarea"),
    ({"type": "integer", "minimum": 0}, 'inputmode="numeric"'),
    ({"type": "number", "minimum": 0}, 'inputmode="decimal"'),
    ({"type": "number", "multipleOf": 0.01}, 'step="0.01"'),
    ({"type": "number"}, 'step="any"'),
    ({"type": "boolean"}, 'type="checkbox"'),
    ({"enum": ["s"]}, "<select"),
    ({"type": "array", "items": {"enum": ["s"]}}, 'type="checkbox"'),
    ({"type": "string", "writeOnly": True}, 'type="password"'),
]


@pytest.mark.parametrize(("part", "html"), WIDGETS)
def test_every_kind_gets_the_input_that_phones_know(part: Any, html: str) -> None:
    assert html in str(field(part))


def test_a_number_that_may_be_negative_keeps_the_minus_key() -> None:
    assert "inputmode" not in str(field({"type": "integer", "minimum": -5}))


def test_titles_descriptions_and_defaults_are_shown() -> None:
    shown = field({"type": "number", "title": "Amount", "description": "In EUR.", "default": 12})
    assert (shown.label, shown.help_text, shown.value()) == ("Amount", "In EUR.", 12)
    assert field({"type": "string"}).label == "X"


def test_what_was_given_goes_before_the_default() -> None:
    part = {"type": "array", "items": {"type": "string"}, "default": ["a"]}
    form = schema_form(schema(x=part), initial={"x": ["b", "c"]})
    assert form["x"].value() == "b\nc"


@pytest.mark.parametrize(
    ("part", "value", "shown"),
    [
        ({"type": "integer", "enum": [1, 2]}, 2, "2"),
        ({"type": "array", "items": {"enum": [1, 2]}}, [1], ["1"]),
        ({"type": "object"}, {"a": "ü"}, '{\n  "a": "ü"\n}'),
        ({"type": "string", "format": "date"}, "2026-11-06", "2026-11-06"),
        ({"type": "string", "format": "date-time"}, "never", "never"),
    ],
)
def test_a_default_looks_like_what_one_would_type(part: Any, value: Any, shown: Any) -> None:
    assert field({**part, "default": value}).value() == shown


def test_fields_come_in_the_order_of_the_flow() -> None:
    made = {**schema(a={}, b={}, c={}), "order": ["c", "gone", "a"]}
    assert [*schema_form(made).fields] == ["c", "a", "b"]


def test_choices_have_titles_and_a_way_to_choose_none() -> None:
    part = {"oneOf": [{"const": "s", "title": "Small"}, {"const": "m"}]}
    assert str(field(part)).count("<option") == 3
    assert ">Small</option>" in str(field(part))
    chosen = field({**part, "default": "m"}, "x")
    assert str(chosen).count("<option") == 2
    assert '<option value="m" selected>' in str(chosen)


def test_references_are_followed_and_circles_end() -> None:
    made = schema(size={"$ref": "#/$defs/Size"}, loop={"$ref": "#/$defs/Loop"})
    made["$defs"] = {
        "Size": {"enum": ["s", "m"], "title": "Size"},
        "Loop": {"type": "array", "items": {"$ref": "#/$defs/Loop"}},
    }
    form = schema_form(made, data={"size": "m", "loop": "[[], []]"})
    assert form.is_valid(), form.errors
    assert form.json() == {"size": "m", "loop": [[], []]}


def test_problems_go_to_their_fields_and_the_rest_above_the_form() -> None:
    form = schema_form({**schema(a={}, ab={}), "minProperties": 1}, prefix="answer", data={})
    assert form.non_field_errors() == ["It has too few fields; the least is 1."]
    form = schema_form(schema(a={}, ab={}), prefix="answer", data={})
    form.add_problems({"answer.ab[3].x": "wrong", "comment": "not here", "answer": "odd"})
    assert form.problems() == {"answer.ab": "wrong", "answer": "odd"}


def test_any_name_of_a_property_makes_a_usable_field() -> None:
    names = ["a b", 'x" onclick="y', "<b>", "ünï", "clean", "self", "data"]
    form = schema_form(
        schema(**{name: {"type": "integer"} for name in names}),
        prefix="answer",
        data={f"answer.{name}": "x" for name in names},
    )
    assert [*form.errors] == names
    ids = [form[name].id_for_label for name in names]
    assert len(set(ids)) == len(names)
    assert not [one for one in ids if " " in one or '"' in one]
    assert "onclick=" not in str(form['x" onclick="y']).replace("&quot; onclick=", "")


def test_a_form_shown_again_unchecked_judges_nothing() -> None:
    data = {"answer.x": "much"}
    form = schema_form(schema(x={"type": "number"}), prefix="answer", data=data, checked=False)
    assert not form.errors
    assert 'value="much"' in str(form["x"])


_STORABLE = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


def _parts() -> st.SearchStrategy[Any]:
    text = st.text(_STORABLE, max_size=5)
    bound = st.integers(-5, 5)
    leaves = st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "number", "integer", "boolean", "array", "object"]),
            "format": st.sampled_from(["email", "date", "date-time", "time", "uri", "textarea"]),
            "enum": st.lists(st.none() | st.booleans() | bound | text, min_size=1, max_size=3),
            "default": st.none() | st.booleans() | bound | text | st.lists(bound, max_size=2),
            "minimum": bound,
            "maxLength": st.integers(0, 300),
            "minLength": st.integers(0, 3),
            "multipleOf": st.integers(1, 3),
            "title": text,
            "description": text,
        },
    )
    return st.recursive(
        leaves,
        lambda part: st.one_of(
            st.fixed_dictionaries({"type": st.just("array"), "items": part}),
            st.fixed_dictionaries({"anyOf": st.lists(part, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"properties": st.dictionaries(text, part, max_size=2)}),
        ),
        max_leaves=4,
    )


@settings(max_examples=300, deadline=None)
@given(
    parts=st.dictionaries(st.text(_STORABLE, max_size=4), _parts(), max_size=3),
    typed=st.lists(st.text(max_size=12) | st.sampled_from(["1", "on", "[]", "2026-01-01"])),
)
def test_no_schema_and_no_input_breaks_it_and_what_is_valid_fits(
    parts: dict[str, Any], typed: list[str]
) -> None:
    made = {**schema(**parts), "required": list(parts)[:1]}
    data = QueryDict(mutable=True)
    for position, name in enumerate(parts):
        data.setlist(f"answer.{name}", typed[position:])
    str(schema_form(made, prefix="answer"))
    form = schema_form(made, prefix="answer", data=data)
    if form.is_valid():
        assert schema_problems(made, form.json(), "answer") == []
        assert plain(form.json(), what="it", max_bytes=100_000) == form.json()
    for bound in form:
        str(bound)
        str(bound.errors)
