"""Prepare and run one step. Nothing here writes a row; what happened is returned."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from pydantic import BaseModel

from windflow.conf import conf
from windflow.definition import Definition, Step
from windflow.engine.change import LeaseLost
from windflow.engine.scope import Scope
from windflow.exceptions import InvalidInput, NotPlain, StepFailed, UnknownScript, WindflowError
from windflow.executor import executor
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


def find_script(step: Step) -> Script | None:
    """The step's script; None for an identity step. Raises :class:`UnknownScript`."""
    return catalogue.find(step.path) if step.path is not None else None


def run_step(step: Step, inputs: Mapping[str, JSON], context: Context) -> Outcome:
    """Call the step's script. Whatever it raises is an outcome, except that the run was taken
    away (:class:`LeaseLost`) and an interrupt of the process."""
    try:
        script = find_script(step)
        if script is None:
            return Done(inputs.get("value", dict(inputs)))
        returned = _call(script, context, script.arguments(inputs))
        return Done(_result(step, returned))
    except (LeaseLost, KeyboardInterrupt, GeneratorExit):
        raise
    except (UnknownScript, InvalidInput, NotPlain) as error:
        return failed(error, permanent=True)
    except StepFailed as error:
        return failed(error, permanent=error.permanent, retry_after=error.retry_after)
    except BaseException as error:  # a script may raise SystemExit, a Rust panic, a timeout
        if executor().stopped_by_timeout(error):
            return Failed(_timeout(step), spent=True)
        return failed(error)


def _call(script: Script, context: Context, arguments: dict[str, Any]) -> object:
    if inspect.iscoroutinefunction(script.function):
        return async_to_sync(script.function)(context, **arguments)
    return script.function(context, **arguments)


def _result(step: Step, returned: object) -> JSON:
    value = returned.model_dump(mode="json") if isinstance(returned, BaseModel) else returned
    return plain(value, what=f"the result of step {step.id}", max_bytes=conf.MAX_JSON_BYTES)


def failed(
    error: BaseException, *, permanent: bool = False, retry_after: float | None = None
) -> Failed:
    """What is kept of an exception: its type, its message and, for one that the script did not
    raise on purpose, the traceback."""
    facts: dict[str, JSON] = {"name": type(error).__name__, "message": _text(error)}
    if not isinstance(error, WindflowError):
        lines = "".join(traceback.format_exception(error))
        facts["traceback"] = lines[-20_000:].replace("\0", "").encode("utf-8", "replace").decode()
    return Failed(facts, permanent=permanent, retry_after=retry_after)


def _text(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text[:5_000].replace("\0", "").encode("utf-8", "replace").decode()


def _timeout(step: Step) -> dict[str, JSON]:
    return {
        "name": "StepTimedOut",
        "message": (
            f"Step {step.id} ran longer than {conf.DEFAULT_TIMEOUT} seconds and was stopped. Make "
            'it faster, split it, or raise WINDFLOW["DEFAULT_TIMEOUT"].'
        ),
    }
