"""What somebody sent to an approval link, as a comment and an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from windflow.exceptions import InvalidInput
from windflow.forms import SchemaForm, schema_form
from windflow.models import Approval
from windflow.values import JSON

PREFIX = "answer"  # of the form's fields, and of the places in problems with them
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


@dataclass(frozen=True, slots=True)
class Sent:
    """``answer`` is None where nothing was filled in; ``form`` is what a person filled in."""

    comment: str
    answer: dict[str, JSON] | None = None
    form: SchemaForm | None = None


def answer_form(seat: Approval, data: Any = None, *, checked: bool = True) -> SchemaForm | None:
    """The form that the seat's step asks approvers to fill in, if it has one."""
    schema = seat.suspension.rule.form_schema
    if schema is None:
        return None
    return schema_form(schema, prefix=PREFIX, data=data, checked=checked)


def comment(request: HttpRequest) -> str:
    """The comment of a posted form."""
    return request.POST.get("comment", "").replace("\r\n", "\n").strip()


def read_form(request: HttpRequest, form: SchemaForm | None) -> Sent:
    """What the posted ``form`` holds. Raises :class:`InvalidInput` naming the fields."""
    if form is None:
        return Sent(comment(request))
    if not form.is_valid():
        raise InvalidInput(form.problems())
    return Sent(comment(request), form.json(), form)


def read_json(request: HttpRequest) -> Sent:
    """``{"comment": "…", "answer": {…}}``, both optional. Raises :class:`InvalidInput`."""
    body = _parsed(request.body)
    if not isinstance(body, dict):
        raise InvalidInput({"body": _("Send a JSON object with comment and answer, or nothing.")})
    problems = {
        name: _("There is no such field. The fields are comment and answer.")
        for name in body
        if name not in {"comment", "answer"}
    }
    if not isinstance(body.get("comment", ""), str):
        problems["comment"] = _("This must be text.")
    if not isinstance(body.get("answer", {}), dict):
        problems["answer"] = _("This must be an object: a name and a value for each field.")
    if problems:
        raise InvalidInput(problems)
    return Sent(body.get("comment", ""), body.get("answer"))


def is_form(request: HttpRequest) -> bool:
    """Whether a form was posted, as a browser does."""
    return request.content_type in _FORMS


def _parsed(body: bytes) -> JSON:
    if not body.strip():
        return {}
    try:
        return json.loads(body, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        text = _("This is not valid JSON. Line %(line)d, column %(column)d: %(problem)s.")
        where = {"line": error.lineno, "column": error.colno, "problem": error.msg}
        raise InvalidInput({"body": text % where}) from None
    except (ValueError, RecursionError):  # not UTF-8, a number too long, nested too deep, NaN
        raise InvalidInput({"body": _("This JSON cannot be read.")}) from None


def _refuse(constant: str) -> None:
    raise ValueError(constant)
