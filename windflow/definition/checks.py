"""What a document says that its own parts, or the installed scripts, do not bear out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from django.utils.translation import gettext as _

from windflow.definition.document import Step
from windflow.definition.problems import Problem
from windflow.definition.reading import inside
from windflow.definition.schemas import schema_problems
from windflow.expressions import Predicate, Static, Transform
from windflow.expressions.scope import near

_OF_THE_LAST_GATE = ("resume", "resumes", "approvers")
_ELSEWHERE_DECLARED = ("allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas")


class HasSchema(Protocol):
    """A script, as far as a document is checked against it."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of the inputs: an object, one property per argument."""


def check_references(
    steps: Sequence[Step], schema: Mapping[str, Any], problems: list[Problem]
) -> None:
    """Note every reference to what is not there yet, or never."""
    ids = [step.id for step in steps]
    gates = [step.id for step in steps if step.suspend is not None]
    for position, step in enumerate(steps):
        for reader, after in _readers(step):
            done = ids[: position + after]
            seen = _Seen(done, [gate for gate in gates if gate in done], ids, gates, schema)
            for reference in sorted(reader.references):
                message = seen.message(reference)
                if message:
                    problems.append(Problem(reader.place, message))


def _readers(step: Step) -> Iterator[tuple[Transform | Predicate, bool]]:
    """What of the step reads the scope, and whether it does so once the step is done."""
    for transform in step.inputs.values():
        yield transform, False
    if step.skip_if is not None:
        yield step.skip_if, False
    if step.stop_after_if is not None:
        yield step.stop_after_if.predicate, True
    if step.sleep is not None:
        yield step.sleep, True


class _Seen:
    """What can be read at one place of the flow."""

    def __init__(
        self,
        done: list[str],
        passed: list[str],
        ids: list[str],
        gates: list[str],
        schema: Mapping[str, Any],
    ) -> None:
        self.done = done
        self.passed = passed
        self.ids = ids
        self.gates = gates
        self.schema = schema

    def message(self, reference: tuple[str, ...]) -> str:
        """What is wrong with ``reference``; empty if nothing is."""
        name, *rest = reference
        if name == "results" and rest:
            return self._result(rest[0])
        if name == "approvals" and rest:
            return self._approval(rest[0])
        if name == "flow_input" and rest:
            return self._input(rest[0])
        if name in _OF_THE_LAST_GATE and not self.passed:
            return _(
                "%(name)s is known after a step with suspend, and there is none before this one."
            ) % {"name": name}
        if name == "previous_result" and not self.done:
            return _("The first step has no previous_result; use flow_input.")
        if name in ("iter", "error"):
            return _(
                "%(name)s is known inside a loop or a failure module only, which this version "
                "cannot run yet."
            ) % {"name": name}
        return ""

    def _result(self, step_id: str) -> str:
        if step_id in self.done:
            return ""
        if step_id in self.ids:
            return _(
                "Step %(id)s has no result yet here; use earlier steps, which are %(ids)s."
            ) % {"id": step_id, "ids": _names(self.done)}
        return _("There is no step %(id)s.%(near)s Earlier steps are %(ids)s.") % {
            "id": step_id,
            "near": near(step_id, self.done),
            "ids": _names(self.done),
        }

    def _approval(self, step_id: str) -> str:
        if step_id in self.passed:
            return ""
        if step_id in self.ids and step_id not in self.gates:
            return _("Step %(id)s asks nobody; only steps with suspend have approvals.") % {
                "id": step_id
            }
        return _(
            "No earlier step %(id)s has approvals.%(near)s Earlier steps with suspend are %(ids)s."
        ) % {"id": step_id, "near": near(step_id, self.passed), "ids": _names(self.passed)}

    def _input(self, name: str) -> str:
        declared = self.schema.get("properties", {})
        is_open = self.schema.get("additionalProperties") not in (None, False)
        elsewhere = any(key in self.schema for key in _ELSEWHERE_DECLARED)
        if not declared or name in declared or is_open or elsewhere:
            return ""
        return _("The flow has no input %(name)s.%(near)s Its schema declares %(names)s.") % {
            "name": name,
            "near": near(name, declared),
            "names": _names(declared),
        }


def check_scripts(
    steps: Sequence[Step], scripts: Mapping[str, HasSchema], problems: list[Problem]
) -> None:
    """Note every path without a script, and every input that does not fit its script."""
    for step in steps:
        if not step.path:
            continue
        if step.path in scripts:
            problems.extend(_input_problems(step, scripts[step.path].schema))
        else:
            problems.append(
                Problem(
                    f"{step.place}.path",
                    _("There is no script %(path)s.%(near)s Install the app that has it.")
                    % {"path": step.path, "near": near(step.path, scripts)},
                )
            )


def _input_problems(step: Step, schema: Mapping[str, Any]) -> Iterator[Problem]:
    place = f"{step.place}.input_transforms"
    arguments = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in step.inputs:
            yield Problem(
                inside(place, name),
                _("%(path)s needs this input; add a transform for it.") % {"path": step.path},
            )
    for name, transform in step.inputs.items():
        where = inside(place, name)
        if name in arguments:
            if isinstance(transform, Static):
                part = {"$defs": schema.get("$defs", {}), **arguments[name]}
                yield from schema_problems(part, transform.value, f"{where}.value")
        elif not schema.get("additionalProperties"):
            yield Problem(
                where,
                _("%(path)s has no such input.%(near)s It has %(names)s.")
                % {"path": step.path, "near": near(name, arguments), "names": _names(arguments)},
            )


def _names(names: Any) -> str:
    return ", ".join(names) or _("none")
