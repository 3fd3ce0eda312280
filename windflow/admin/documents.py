"""A flow's document as text: shown for reading, taken back with every problem named."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext as _

from windflow import definition
from windflow.models import Flow
from windflow.models.flow import new_document
from windflow.presentation import pretty
from windflow.scripts import catalogue
from windflow.values import JSON


class DocumentField(forms.CharField):
    """JSON text that is a flow document which can run. Keeps what was typed, whatever is wrong."""

    def __init__(self, **options: Any) -> None:
        attrs = {"class": "wf-document", "rows": 40, "spellcheck": "false", "wrap": "off"}
        super().__init__(widget=forms.Textarea(attrs=attrs), strip=False, **options)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else pretty(value)

    def clean(self, value: Any) -> Any:
        document = parse_json(super().clean(value))
        try:
            definition.parse(document, scripts=catalogue)
        except definition.DefinitionError as error:
            raise ValidationError([problem_words(problem) for problem in error.problems]) from None
        return document

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(parse_json(data) != initial)
        except ValidationError:
            return True


class FlowForm(forms.ModelForm):  # type: ignore[type-arg]
    """What the change page of a flow edits."""

    draft = DocumentField(initial=new_document)

    class Meta:
        model = Flow
        fields = ("name", "slug", "draft")


def parse_json(text: str) -> JSON:
    """``text`` as JSON, stricter than Python: no NaN, no key twice.

    Raises :class:`django.core.exceptions.ValidationError` that says where the text breaks off.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValidationError(
            _("Line %(line)d, column %(column)d: this is not JSON (%(problem)s).")
            % {"line": error.lineno, "column": error.colno, "problem": error.msg}
        ) from None
    except ValueError as error:
        raise ValidationError(_("This is not JSON: %(problem)s") % {"problem": error}) from None
    except RecursionError:
        raise ValidationError(_("This is nested too deeply.")) from None


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(
                _("an object has the key %(name)s twice; remove one of them.")
                % {"name": json.dumps(name)}
            )
        found[name] = value
    return found


def _refuse(constant: str) -> JSON:
    raise ValueError(_("%(constant)s is no JSON number.") % {"constant": constant})


def problem_words(problem: definition.Problem) -> str:
    """A problem with its place first, as HTML."""
    if not problem.place:
        return problem.message
    return format_html("<code>{}</code> {}", problem.place, problem.message)
