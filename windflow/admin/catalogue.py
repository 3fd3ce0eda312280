"""The installed scripts, as help beside the editor."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from windflow.models import Resource
from windflow.scripts import Script, catalogue
from windflow.values import JSON

_TYPES = {
    "string": gettext_noop("text"),
    "integer": gettext_noop("whole number"),
    "number": gettext_noop("number"),
    "boolean": gettext_noop("true or false"),
    "object": gettext_noop("object"),
    "array": gettext_noop("list"),
    "null": gettext_noop("null"),
}
_FORMATS = {
    "email": gettext_noop("e-mail address"),
    "date": gettext_noop("date"),
    "date-time": gettext_noop("date and time"),
    "uri": gettext_noop("URL"),
}


@dataclass(frozen=True, slots=True)
class Input:
    """One argument of a script, in words."""

    name: str
    type: str
    required: bool
    default: str
    """JSON text; empty where there is none."""
    description: str
    resource_type: str = ""
    """The type of the resource that it names; empty for any other input."""
    resources: Sequence[str] = ()
    """The names of those that the reader may use."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One script, in words."""

    script: Script
    inputs: list[Input]


def entries(reader: AbstractBaseUser | AnonymousUser | None = None) -> list[Entry]:
    """Every installed script, by path, with the resources that ``reader`` may use for it."""
    usable = _usable(reader)
    return [Entry(script, inputs(script, usable)) for script in catalogue.values()]


def _usable(reader: AbstractBaseUser | AnonymousUser | None) -> dict[str, list[str]]:
    """Resource type → names."""
    found: dict[str, list[str]] = defaultdict(list)
    rows = Resource.objects.usable_by(reader).order_by("name")
    for type_name, name in rows.values_list("type", "name"):
        found[type_name].append(name)
    return found


def inputs(script: Script, usable: Mapping[str, Sequence[str]]) -> list[Input]:
    """The script's arguments, in its own order."""
    schema = script.schema
    required = schema.get("required", [])
    return [
        Input(
            name=name,
            type=type_words(field, schema),
            required=name in required,
            default=json.dumps(field["default"], ensure_ascii=False) if "default" in field else "",
            description=field.get("description", ""),
            resource_type=script.resources.get(name, ""),
            resources=usable.get(script.resources.get(name, ""), ()),
        )
        for name, field in schema.get("properties", {}).items()
    ]


def type_words(schema: JSON, root: Mapping[str, JSON]) -> str:
    """What a schema takes: "text", "list of e-mail address", "text or null"."""
    if not isinstance(schema, dict):
        return _("anything")
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        target = root.get("$defs", {}).get(name, {})
        return type_words(target, root) if "enum" in target else name
    if "enum" in schema:
        return _one_of([json.dumps(choice, ensure_ascii=False) for choice in schema["enum"]])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _one_of([type_words(choice, root) for choice in schema[key]])
    if schema.get("format") == "resource":
        return _("a resource of type %(type)s: its name") % {"type": schema.get("resource_type")}
    if schema.get("type") == "array" and "items" in schema:
        return _("list of %(what)s") % {"what": type_words(schema["items"], root)}
    words = _FORMATS.get(str(schema.get("format"))) or _TYPES.get(str(schema.get("type")))
    return _(words) if words is not None else _("anything")


def _one_of(words: list[str]) -> str:
    return _(" or ").join(dict.fromkeys(words))
