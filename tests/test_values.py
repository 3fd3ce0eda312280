"""What may lie in a database column, a queue payload or an expression."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windflow.exceptions import NotPlain
from windflow.values import MAX_DEPTH, dumps, plain

text = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text
finite = leaves.filter(lambda leaf: leaf not in (float("inf"), float("-inf")))
json_values = st.recursive(
    finite, lambda inner: st.lists(inner) | st.dictionaries(text, inner), max_leaves=20
)


def copy(value: object, max_bytes: int = 1_000_000) -> Any:
    return plain(value, what="the result of step a", max_bytes=max_bytes)


def nested(levels: int) -> Any:
    value: Any = "deep"
    for _ in range(levels):
        value = [value]
    return value


def refusal(value: object, max_bytes: int = 1_000_000) -> str:
    with pytest.raises(NotPlain) as caught:
        copy(value, max_bytes)
    return caught.value.message


@given(json_values)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    assert copy(value) == value


@given(json_values)
def test_a_copy_of_a_copy_has_the_same_text(value: Any) -> None:
    once = copy(value)
    assert dumps(copy(once)) == dumps(once)


@given(st.dictionaries(text, finite))
def test_the_order_of_keys_does_not_change_the_canonical_text(value: dict[str, Any]) -> None:
    assert dumps(dict(reversed(value.items()))) == dumps(value)


def test_it_is_a_copy_down_to_the_bottom() -> None:
    inner: list[int] = [1]
    copied = copy({"list": inner})
    inner.append(2)
    assert copied == {"list": [1]}


def test_a_tuple_becomes_a_list() -> None:
    assert copy((1, (2, 3))) == [1, [2, 3]]


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        b"bytes",
        object(),
        Decimal("1.5"),
        datetime(2026, 1, 1, tzinfo=UTC),
        float("nan"),
        float("inf"),
        [float("-inf")],
        "half a pair \ud800",
        {"\udfff": 1},
        pytest.param(10**5000, id="5001 digits"),
    ],
)
def test_what_is_not_json_is_refused_by_name(value: object) -> None:
    message = refusal(value)
    assert message.startswith("The result of step a is not plain JSON (")
    assert "Use text, numbers, true, false, null" in message


@pytest.mark.parametrize("value", ["a\0b", ["\0"], {"\0": 1}, {"a": ({"b": "\0"},)}])
def test_a_nul_character_is_refused_wherever_it_lies(value: object) -> None:
    assert "contains a NUL character" in refusal(value)


def test_the_text_of_an_escape_is_no_nul_character() -> None:
    assert copy("\\u0000") == "\\u0000"


@pytest.mark.parametrize("key", [1, 1.5, True, None])
def test_a_key_that_is_not_text_is_refused_since_two_could_become_one(key: object) -> None:
    assert f"has the key {key!r}" in refusal({str(key): "one", key: "other"})


def test_a_value_of_just_the_allowed_size_passes() -> None:
    value = "ä" * 10
    assert copy(value, len(json.dumps(value, ensure_ascii=False).encode())) == value


def test_one_byte_more_is_refused_with_both_sizes() -> None:
    assert "is 1,002 bytes of JSON; at most 1,001 are allowed" in refusal("x" * 1000, 1001)


def test_the_size_is_counted_in_bytes_not_in_characters() -> None:
    assert "is 22 bytes" in refusal("ä" * 10, 12)


def test_the_allowed_depth_passes_and_one_level_more_does_not() -> None:
    assert copy(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    assert f"nested more than {MAX_DEPTH} levels" in refusal(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("levels", [5_000, 100_000])
def test_depth_beyond_the_interpreters_own_is_refused_not_fatal(levels: int) -> None:
    assert refusal(nested(levels))


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert "is not plain JSON" in refusal(loop)


@given(st.recursive(st.binary() | st.text() | st.floats(), st.lists))
def test_whatever_comes_is_copied_or_refused(value: object) -> None:
    try:
        copied = copy(value)
    except NotPlain:
        return
    assert json.loads(dumps(copied)) == copied
