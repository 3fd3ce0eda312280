"""JSON as people read it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone, translation

from windflow.display import facts, show

MONEY = {"type": "number", "multipleOf": 0.01}


@pytest.mark.parametrize(
    ("value", "schema", "html"),
    [
        (True, {}, "Yes"),
        (False, {"type": "boolean"}, "No"),
        (None, {}, "–"),
        ("", {}, "–"),
        ([], {}, "–"),
        ({}, {}, "–"),
        (0, {}, "0"),
        (2026, {"type": "integer"}, "2026"),
        (1240.5, MONEY, "1,240.50"),
        (1240, MONEY, "1,240.00"),
        (1240.5, {"type": "number"}, "1,240.5"),
        (1240.5, {}, "1240.5"),
        ("x<y", {}, "<bdi>x&lt;y</bdi>"),
        ("s", {"enum": ["s"], "enumLabels": {"s": "Small"}}, "Small"),
        (1, {"oneOf": [{"const": True, "title": "Yes!"}, {"const": 1, "title": "One"}]}, "One"),
        ("2026-11-06", {"format": "date"}, '<time datetime="2026-11-06">Nov. 6, 2026</time>'),
        ("2026-02-30", {"format": "date"}, "<bdi>2026-02-30</bdi>"),
        ("2026-02-30T00:00:00Z", {"format": "date-time"}, "<bdi>2026-02-30T00:00:00Z</bdi>"),
        ("javascript:alert(1)", {"format": "uri"}, "<bdi>javascript:alert(1)</bdi>"),
        (["a", 2, True], {}, "<bdi>a</bdi>, 2, Yes"),
        ([[1], {}], {}, "<ul><li>1</li><li>–</li></ul>"),
        ({"a_b": 1}, {}, "<dl><div><dt>A b</dt><dd>1</dd></div></dl>"),
    ],
)
def test_a_value_is_said_in_words(value: Any, schema: Any, html: str) -> None:
    assert show(value, schema) == html


def test_numbers_and_dates_speak_the_readers_language() -> None:
    with translation.override("de"):
        assert show(1240.5, MONEY) == "1.240,50"
        assert "6. November 2026" in show("2026-11-06", {"format": "date"})


def test_an_instant_is_shown_in_the_readers_zone() -> None:
    with timezone.override("Europe/Berlin"):
        shown = show("2026-11-06T16:00:00Z", {"format": "date-time"})
    assert 'datetime="2026-11-06T17:00:00+01:00"' in shown
    assert "17:00</time>" in shown


def test_an_address_is_a_link_that_leaks_nothing() -> None:
    shown = show("https://example.com/?a=1&b=2", {"format": "uri"})
    assert '<a href="https://example.com/?a=1&amp;b=2" rel="noopener noreferrer nofollow">' in shown


def test_titles_and_order_come_from_the_schema_and_secrets_stay_away() -> None:
    schema = {
        "type": "object",
        "properties": {
            "pin": {"type": "string", "writeOnly": True},
            "b": {"type": "integer", "title": "Second"},
            "a": {"$ref": "#/$defs/A"},
            "none": {},
        },
        "order": ["a", "b"],
        "$defs": {"A": {"type": "string", "title": "First"}},
    }
    shown = facts({"extra": 1, "b": 2, "a": "x", "pin": "1234"}, schema)
    assert [title for title, _html in shown] == ["First", "Second", "Extra"]
    nested = show({"in": {"pin": "1234", "b": 2}}, {"properties": {"in": schema}})
    assert "1234" not in nested
    assert "Second" in nested


def test_what_is_long_or_deep_is_cut_and_says_so() -> None:
    assert show(list(range(1000))).endswith("<p>and 950 more</p>")
    assert show("word " * 10_000).endswith("…</span>")
    assert "<code>" in show([[[[[[1]]]]]])
    assert len(show([[[[1] * 50] * 50] * 50])) < 6_000
    assert facts({str(key): 1 for key in range(60)}, {})[-1] == ("…", "<p>and 10 more</p>")
    assert len(show({str(key): "x" * 100 for key in range(1000)})) < 20_000
