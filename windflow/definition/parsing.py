"""From a flow document to a :class:`Definition`, or to everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from django.utils.translation import gettext as _

from windflow.definition import options, unsupported
from windflow.definition.checks import HasSchema, check_references, check_scripts
from windflow.definition.document import Definition, Step
from windflow.definition.problems import DefinitionError, Problem
from windflow.definition.reading import Section
from windflow.definition.schemas import check_object_schema
from windflow.exceptions import NotPlain
from windflow.expressions import Transform
from windflow.expressions.cel_syntax import RESERVED
from windflow.expressions.scope import kind, near
from windflow.values import plain

MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_STEPS = 200

_STEP_ID = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,62}")
_RESERVED_IDS = RESERVED | {"failure", "preprocessor", "Input"}
_TYPES = ("script", "identity")


def parse(document: object, *, scripts: Mapping[str, HasSchema] | None = None) -> Definition:
    """The definition that ``document`` (plain JSON, OpenFlow's shape) describes.

    With ``scripts`` (by path; each has the JSON Schema of its inputs as ``schema``) paths,
    arguments and static values are checked too; leave it out for a version that is running.

    Raises :class:`DefinitionError` with every problem found.
    """
    problems: list[Problem] = []
    raw = _plain_document(document)
    top = Section(raw, "", problems)
    top.only(("summary", "description", "schema", "value"))
    summary = top.text("summary", required=True)
    description = top.text("description", longest=20_000)
    schema = _schema(top)
    steps = tuple(_steps(top))
    check_references(steps, schema, problems)
    if scripts is not None:
        check_scripts(steps, scripts, problems)
    if problems:
        raise DefinitionError(problems)
    return Definition(summary, description, schema, steps, raw)


def _plain_document(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        message = _("A flow document is an object, and this is %(kind)s.")
        raise DefinitionError([Problem("", message % {"kind": kind(document)})])
    try:
        _check_depth(document)
        copy: dict[str, Any] = plain(document, what=_("the flow document"), max_bytes=MAX_BYTES)
    except NotPlain as error:
        raise DefinitionError([Problem("", error.message)]) from None
    return copy


def _check_depth(document: dict[Any, Any]) -> None:
    """Bound the depth before anything walks the document recursively."""
    level: list[Any] = [document]
    seen = 0
    for _depth in range(MAX_DEPTH):
        seen += len(level)
        if seen > MAX_VALUES:
            raise NotPlain(
                _("The flow document has more than %(count)d values; make it smaller.")
                % {"count": MAX_VALUES}
            )
        level = [
            part
            for value in level
            if isinstance(value, dict | list)
            for part in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise NotPlain(
        _("The flow document nests deeper than %(count)d levels; make it flatter.")
        % {"count": MAX_DEPTH}
    )


def _schema(top: Section) -> dict[str, Any]:
    section = top.section("schema")
    if section is None:
        return {"type": "object", "properties": {}}
    schema: dict[str, Any] = top.raw["schema"]
    top.problems.extend(check_object_schema(schema, "schema"))
    return schema


def _steps(top: Section) -> Iterator[Step]:
    value = top.section("value")
    if value is None:
        if "value" not in top:
            top.problem("value", _('It is missing; write {"modules": [...]}, the list of steps.'))
        return
    value.only(("modules", "same_worker", "notes", "groups"), unsupported.FLOW_KEYS)
    modules = value.items("modules")
    if not modules and isinstance(value.raw.get("modules", []), list):
        value.problem("modules", _("A flow needs at least one step; add one."))
    if len(modules) > MAX_STEPS:
        value.problem(
            "modules",
            _("There are %(count)d steps; at most %(most)d are allowed.")
            % {"count": len(modules), "most": MAX_STEPS},
        )
        return
    taken: set[str] = set()
    for place, raw in modules:
        if not isinstance(raw, dict):
            message = _("A step is an object, and this is %(kind)s.") % {"kind": kind(raw)}
            top.problems.append(Problem(place, message))
            continue
        yield _step(Section(raw, place, top.problems), taken)


_STEP_KEYS = (
    "id",
    "summary",
    "value",
    "suspend",
    "retry",
    "sleep",
    "skip_if",
    "stop_after_if",
    "continue_on_error",
)


def _step(module: Section, taken: set[str]) -> Step:
    module.only(_STEP_KEYS, unsupported.STEP_KEYS)
    type_, path, inputs = _value(module)
    return Step(
        id=_id(module, taken),
        summary=module.text("summary"),
        type=type_,
        path=path,
        inputs=inputs,
        suspend=options.suspend(module),
        retry=options.retry(module),
        sleep=options.sleep(module),
        skip_if=options.skip_if(module),
        stop_after_if=options.stop_after_if(module),
        continue_on_error=module.flag("continue_on_error"),
        place=module.place,
    )


def _id(module: Section, taken: set[str]) -> str:
    step_id = module.text("id", required=True)
    if not step_id:
        return ""
    if not _STEP_ID.fullmatch(step_id):
        module.problem(
            "id",
            _(
                "%(id)s cannot be an id; use at most 63 letters, digits and _, the first of them "
                "no digit."
            )
            % {"id": step_id[:80]},
        )
    elif step_id in _RESERVED_IDS:
        module.problem("id", _("The id %(id)s is reserved; choose another.") % {"id": step_id})
    elif step_id in taken:
        module.problem(
            "id", _("The id %(id)s is taken by an earlier step; choose another.") % {"id": step_id}
        )
    taken.add(step_id)
    return step_id


_Value = tuple[Literal["script", "identity"], str | None, dict[str, Transform]]


def _value(module: Section) -> _Value:
    value = module.section("value")
    if value is None:
        if "value" not in module:
            module.problem(
                "value", _('It is missing; write e.g. {"type": "script", "path": "hub/say_hello"}.')
            )
        return "identity", None, {}
    value.place = module.place  # places name what the step has, not OpenFlow's level in between
    type_ = value.text("type", required=True)
    if type_ in unsupported.STEP_TYPES:
        value.problem("type", str(unsupported.STEP_TYPES[type_]))
        return "identity", None, {}
    if type_ not in _TYPES:
        if type_:
            value.problem(
                "type",
                _("Such a type does not exist.%(near)s Use script or identity.")
                % {"near": near(type_, _TYPES)},
            )
        return "identity", None, {}
    if type_ == "identity":
        value.only(("type", "input_transforms", "flow"))
        return "identity", None, _inputs(value)
    value.only(("type", "path", "input_transforms"), unsupported.VALUE_KEYS)
    return "script", value.text("path", required=True), _inputs(value)


def _inputs(value: Section) -> dict[str, Transform]:
    transforms = value.section("input_transforms")
    if transforms is None:
        return {}
    inputs = {}
    for name, raw in transforms.raw.items():
        made = options.transform(transforms, name, raw)
        if made is not None:
            inputs[name] = made
    return inputs
