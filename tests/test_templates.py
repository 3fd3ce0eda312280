"""Templates are text with plain data: nothing loads, calls, changes, grows or goes missing."""

from __future__ import annotations

import copy
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_expressions import SCOPE, evaluate, refusal, template
from windflow.expressions import ExpressionError


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{ flow_input.who|title }} wants {{ flow_input.amount }} EUR", "Bob wants 1240 EUR"),
        ("{{ '<b>' }} & {{ flow_input.rate|floatformat:2 }}", "<b> & 0.50"),
        ("{{ approvers|join:' and ' }}", "bob@example.com and carol@example.com"),
        ("{{ approvers.0 }}, {{ approvers|last|upper }}", "bob@example.com, CAROL@EXAMPLE.COM"),
        (
            "{% for x in results.a.lines %}{{ forloop.counter }}:{{ x.qty }} {% endfor %}",
            "1:1 2:2 ",
        ),
        ("{% for k, v in resume.items %}{{ k }}={{ v }}{% endfor %}", "cost_centre=4711"),
        ("{{ results.a.items }}", "mine"),
        ("{% with who=flow_input.who %}{{ who|capfirst }}{% endwith %}", "Bob"),
        ("{% if flow_input.missing %}a{% elif approvers|length == 2 %}b{% endif %}", "b"),
        ("{{ flow_input.day|date:'j.n.Y' }} {{ flow_input.yes|yesno:'yes,no' }}", "31.1.2025 yes"),
        ("{{ '2025-01-31T14:05:09'|time:'H:i' }}", "14:05"),
        ("{{ approvers|length }} approver{{ approvers|pluralize }}", "2 approvers"),
        ('{{ flow_input.missing|default:"-" }}{{ flow_input.none|default_if_none:"+" }}', "-+"),
        ("{{ flow_input.who|truncatechars:2 }}{{ 1|add:2 }}", "b…3"),
        ("{% for x in flow_input.missing|default:'' %}x{% empty %}none{% endfor %}", "none"),
        ("{# a note #}{% comment %}{% load x %}{% endcomment %}ok", "ok"),
    ],
)
def test_a_template_is_filled(text: str, rendered: str) -> None:
    assert template(text) == rendered


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Approve {{ flow_input.amuont }} EUR", "no flow_input.amuont: amuont is missing. Did you"),
        ("{{ previous_result.x }}", "There is no previous_result.x"),
        ("{{ approvers.7 }}", "There is no approvers.7"),
        ("{{ flow_input.none }}", "is null"),
        ("{{ approvers }}", "is a list"),
        ("{{ flow_input }}", "is an object"),
        ("{% for x in flow_input.missing %}{% endfor %}", "There is no flow_input.missing"),
        ("{% for x in flow_input.who %}{% endfor %}", "is text, not a list"),
        ("{{ flow_input.who|default:flow_input.missing }}", "There is no flow_input.missing"),
        ("{{ flow_input.who|date:'Y' }}", "2025-01-31"),
        ("{{ flow_input.who|floatformat }}", "floatformat"),
        ("{{ flow_input.none|upper }}", "null, and text is needed"),
        ("{{ flow_input.amount", "not closed"),
        ("{% if\n1 %}", "not closed"),
    ],
)
def test_nothing_goes_missing_in_silence(text: str, words: str) -> None:
    assert words in refusal({"type": "template", "text": text}).message


@pytest.mark.parametrize(
    "text",
    [
        "{% load static %}",
        "{% include 'admin/base.html' %}",
        "{% extends 'admin/base.html' %}",
        "{% debug %}",
        "{% url 'admin:index' %}",
        "{% csrf_token %}",
        "{% now 'Y' %}",
        "{% lorem 100000 %}",
        "{% autoescape on %}{% endautoescape %}",
        "{% cycle 1 2 %}",
        "{{ block.super }}",
        "{{ forloop.counter }}",
        '{{ "x"|ljust:"999999999" }}',
        '{{ "x"|center:"999999999" }}',
        "{{ flow_input.who|stringformat:'999999999s' }}",
        "{{ flow_input.who|safe }}",
        "{{ flow_input.who|pprint }}",
        "{{ flow_input.rate|floatformat:999999999 }}",
        "{{ flow_input.text|add:flow_input.text }}",
        "{{ flow_input.day|date:flow_input.text }}",
        "{{ flow_input.__class__ }}",
        "{{ flow_input.who.__class__.__mro__ }}",
        "{{ flow_input.who.upper }}",
        "{{ flow_input.amount.real }}",
        "{{ flow_input.who.format }}",
        "{% with results=1 %}{% endwith %}",
        "{% if " + "not " * 4_000 + "1 %}{% endif %}",
        "{% if 1 %}" * 500 + "{% endif %}" * 500,
        "{% for a in approvers %}" * 3 + "{% endfor %}" * 3,
    ],
)
def test_a_template_cannot_escape(text: str) -> None:
    refusal({"type": "template", "text": text})


@pytest.mark.parametrize("method", ["clear", "pop", "popitem", "copy", "reverse", "sort"])
def test_no_method_is_called(method: str) -> None:
    scope = copy.deepcopy(SCOPE)
    for path in ("flow_input", "approvers", "results.a"):
        with pytest.raises(ExpressionError):
            evaluate({"type": "template", "text": f"{{{{ {path}.{method} }}}}"}, scope)
    assert scope == SCOPE


@pytest.mark.parametrize(
    "text",
    [
        "{% for x in flow_input.long %}{{ flow_input.text }}{% endfor %}",
        "{% for x in flow_input.long %}{% for y in flow_input.long %}{% endfor %}{% endfor %}",
        "{% for x in flow_input.long %}{% if x in flow_input.long %}{% endif %}{% endfor %}.",
        "{% with a=flow_input.long|join:flow_input.text %}{{ a }}{% endwith %}",
        "{{ flow_input.text }}" * 2,
    ],
)
def test_a_template_that_would_grow_is_stopped_early(text: str) -> None:
    began = time.process_time()
    refusal({"type": "template", "text": text})
    assert time.process_time() - began < 2


def test_output_is_counted_while_it_is_made() -> None:
    text = "{% for x in flow_input.long %}{{ flow_input.text }}{% endfor %}"
    assert "more than 256 KB" in refusal({"type": "template", "text": text}).message


_PIECES = st.sampled_from(
    [
        "{{ ",
        " }}",
        "{% ",
        " %}",
        "if ",
        "for x in ",
        "endif",
        "endfor",
        "with a=",
        "endwith",
        "x",
        "flow_input",
        "results.a",
        ".who",
        "|join:', '",
        "|default:'-'",
        "|date",
        "|first",
        "'",
        " ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=14).map("".join))
def test_random_templates_are_filled_or_refused(text: str) -> None:
    with suppress(ExpressionError):
        assert isinstance(template(text), str)
