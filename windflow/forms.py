"""A form from a JSON Schema: a flow's inputs, and what an approver fills in at a step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms.boundfield import BoundField
from django.forms.utils import ErrorDict

from windflow.definition import schema_problems
from windflow.definition.reading import inside
from windflow.fields import Schema, field_for, plain, shown
from windflow.values import JSON

_ID = re.compile(r"[A-Za-z0-9_.\-]+")


def schema_form(
    schema: Schema,
    *,
    prefix: str = "",
    data: Mapping[str, Any] | None = None,
    initial: Mapping[str, JSON] | None = None,
    checked: bool = True,
) -> SchemaForm:
    """The form of a schema of an object, one field a property.

    ``initial`` is a JSON object that goes before the schema's defaults. A bound form that is not
    ``checked`` shows what was typed without judging it.
    """
    return SchemaForm(schema, prefix=prefix, data=data, values=initial or {}, checked=checked)


class _Bound(BoundField):
    """Property names are free text; what ids and labels are tied by is not."""

    @property
    def auto_id(self) -> str:
        given = str(super().auto_id)
        if _ID.fullmatch(given):
            return given
        return f"id_{self.form.prefix or 'field'}_{[*self.form.fields].index(self.name)}"


class SchemaForm(forms.Form):
    """Made by :func:`schema_form`. The schema has the last word, so valid means valid by it."""

    bound_field_class = _Bound

    def __init__(
        self,
        schema: Schema,
        *,
        prefix: str,
        data: Mapping[str, Any] | None,
        values: Mapping[str, JSON],
        checked: bool,
    ) -> None:
        super().__init__(data, prefix=prefix or None)
        self.schema = schema
        self.checked = checked
        required = schema.get("required", [])
        for name, part in ordered(schema):
            field = field_for(name, part, required=name in required, root=schema)
            if name in values:
                field.initial = shown(field, values[name])
            self.fields[name] = field

    def add_prefix(self, field_name: str) -> str:
        """Inputs are called what problems call the place: ``answer.amount``."""
        return f"{self.prefix}.{field_name}" if self.prefix else field_name

    def full_clean(self) -> None:
        if self.checked:
            super().full_clean()
        else:
            self._errors, self.cleaned_data = ErrorDict(), {}

    def clean(self) -> dict[str, Any]:
        """Check against the schema what the fields found nothing wrong with."""
        root = self.prefix or "inputs"
        problems = schema_problems(dict(self.schema), self.json(), root)
        self.add_problems({problem.place: problem.message for problem in problems}, root)
        return self.cleaned_data

    def json(self) -> dict[str, JSON]:
        """The answer as plain JSON, without what was left empty."""
        values = {name: plain(value) for name, value in self.cleaned_data.items()}
        return {name: value for name, value in values.items() if value is not None}

    def add_problems(self, problems: Mapping[str, str], root: str = "") -> None:
        """Put each problem beside the field at its place; those of the answer as a whole above
        the form, once the fields are right. Problems of other places are not this form's."""
        root = root or self.prefix or "inputs"
        had_errors = bool(self.errors)
        for place, text in problems.items():
            name = self._field_at(place, root)
            if name is not None and name not in self.errors:
                self.add_error(name, text)
            elif name is None and not had_errors and _is_at(place, root):
                self.add_error(None, text)

    def problems(self) -> dict[str, str]:
        """What is wrong, by place."""
        root = self.prefix or "inputs"
        return {
            root if name == NON_FIELD_ERRORS else inside(root, name): " ".join(map(str, texts))
            for name, texts in self.errors.items()
        }

    def _field_at(self, place: str, root: str) -> str | None:
        found = [name for name in self.fields if _is_at(place, inside(root, name))]
        return max(found, key=len, default=None)


def _is_at(place: str, whole: str) -> bool:
    """Whether ``place`` is ``whole`` or lies inside it."""
    return place.startswith(whole) and place[len(whole) : len(whole) + 1] in {"", ".", "["}


def ordered(schema: Schema) -> Iterator[tuple[str, JSON]]:
    """The properties in the order that ``order`` (OpenFlow's key) gives; the others after them."""
    properties = schema.get("properties", {})
    order = [name for name in schema.get("order", []) if name in properties]
    for name in dict.fromkeys([*order, *properties]):
        yield name, properties[name]
