"""Prepare and run one step. Nothing here writes a row; what happened is returned."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asgiref.sync import async_to_sync
from pydantic import BaseModel

from windflow.conf import conf
from windflow.definition import Definition, Step
from windflow.engine.change import LeaseLost
from windflow.engine.context import StepContext
from windflow.engine.scope import Scope
from windflow.exceptions import InvalidInput, NotPlain, StepFailed, UnknownScript, WindflowError
from windflow.executor import executor
from windflow.redaction import Redactor, storable
from windflow.scripts import Context, Script, catalogue
from windflow.values import JSON, plain


@dataclass(frozen=True, slots=True)
class Done:
    """The step's work is done."""

    result: JSON


@dataclass(frozen=True, slots=True)
class Failed:
    """The step's work is not done. ``error`` has name, message and, of a raise, traceback."""

    error: dict[str, JSON]
    permanent: bool = False
    retry_after: float | None = None
    """Seconds that the script itself asked to wait before the next attempt."""
    spent: bool = False
    """The worker's time for this task is used up, so it must not go on to other steps."""


Outcome = Done | Failed
Did = TypeVar("Did")


@dataclass(frozen=True, slots=True)
class Plan:
    """The next thing to do from some position on."""

    skipped: tuple[Step, ...]
    step: Step | None
    inputs: dict[str, JSON] | None = None
    error: Failed | None = None


def plan(definition: Definition, position: int, scope: Scope) -> Plan:
    """Pass over the steps whose ``skip_if`` is true and resolve the inputs of the next one."""
    skipped: list[Step] = []
    for step in definition.steps[position:]:
        try:
            if step.skip_if is not None and step.skip_if.evaluate(scope.values):
                skipped.append(step)
                scope.skip(step.id)
                continue
            return Plan(tuple(skipped), step, inputs=_inputs(step, scope))
        except WindflowError as error:
            return Plan(tuple(skipped), step, error=failed(error, permanent=True))
    return Plan(tuple(skipped), None)


def _inputs(step: Step, scope: Scope) -> dict[str, JSON]:
    values = {name: transform.evaluate(scope.values) for name, transform in step.inputs.items()}
    inputs: dict[str, JSON] = plain(
        values, what=f"the input of step {step.id}", max_bytes=conf.MAX_JSON_BYTES
    )
    return inputs


@dataclass(frozen=True, slots=True)
class Call:
    """A script and what it is called with; no script for an identity step."""

    script: Script | None
    arguments: dict[str, Any] = field(repr=False)

    @property
    def atomic(self) -> bool:
        return self.script is not None and self.script.atomic


def prepare(step: Step, inputs: Mapping[str, JSON], context: StepContext) -> Call | Failed:
    """Find the step's script, check its inputs, and put the values of resources in the place of
    their names. Belongs before the transaction of an atomic step: it may use the network."""
    return _attempt(step, context, lambda: _prepare(step, inputs, context))


def _prepare(step: Step, inputs: Mapping[str, JSON], context: StepContext) -> Call:
    if step.path is None:
        return Call(None, dict(inputs))
    script = catalogue.find(step.path)
    arguments = script.arguments(inputs)
    for parameter, type_name in script.resources.items():
        name = arguments[parameter]
        if name is not None:
            arguments[parameter] = context.argument(parameter, name, type_name)
    return Call(script, arguments)


def run_step(step: Step, call: Call, context: StepContext) -> Outcome:
    """Call the script. Whatever it raises is an outcome, except that the run was taken away
    (:class:`LeaseLost`) and an interrupt of the process. No outcome has a secret in it."""
    return _attempt(step, context, lambda: _run(step, call, context))


def _run(step: Step, call: Call, context: StepContext) -> Done:
    if call.script is None:
        return Done(call.arguments.get("value", call.arguments))
    returned = _call(call.script, context, call.arguments)
    return Done(context.redactor.value(_result(step, returned)))


def _attempt(step: Step, context: StepContext, work: Callable[[], Did]) -> Did | Failed:
    clean = context.redactor
    try:
        return work()
    except (LeaseLost, KeyboardInterrupt, GeneratorExit):
        raise
    except (UnknownScript, InvalidInput, NotPlain) as error:
        return failed(error, permanent=True, clean=clean)
    except StepFailed as error:
        return failed(error, permanent=error.permanent, retry_after=error.retry_after, clean=clean)
    except BaseException as error:  # a script may raise SystemExit, a Rust panic, a timeout
        if executor().stopped_by_timeout(error):
            return Failed(_timeout(step), spent=True)
        return failed(error, clean=clean)


def _call(script: Script, context: Context, arguments: dict[str, Any]) -> object:
    if inspect.iscoroutinefunction(script.function):
        return async_to_sync(script.function)(context, **arguments)
    return script.function(context, **arguments)


def _result(step: Step, returned: object) -> JSON:
    value = returned.model_dump(mode="json") if isinstance(returned, BaseModel) else returned
    return plain(value, what=f"the result of step {step.id}", max_bytes=conf.MAX_JSON_BYTES)


def failed(
    error: BaseException,
    *,
    permanent: bool = False,
    retry_after: float | None = None,
    clean: Redactor | None = None,
) -> Failed:
    """What is kept of an exception: its type, its message and, for one that the script did not
    raise on purpose, the traceback; without the secrets that ``clean`` knows."""
    # Cleaned before it is cut: half a secret would not be found.
    known = clean or Redactor()
    name = known.text(type(error).__name__)
    message = known.text(storable(str(error)))[:5_000]
    facts: dict[str, JSON] = {"name": name, "message": message or name}
    if not isinstance(error, WindflowError):
        lines = storable("".join(traceback.format_exception(error)))
        facts["traceback"] = known.text(lines)[-20_000:]
    return Failed(facts, permanent=permanent, retry_after=retry_after)


def _timeout(step: Step) -> dict[str, JSON]:
    return {
        "name": "StepTimedOut",
        "message": (
            f"Step {step.id} ran longer than {conf.DEFAULT_TIMEOUT} seconds and was stopped. Make "
            'it faster, split it, or raise WINDFLOW["DEFAULT_TIMEOUT"].'
        ),
    }
