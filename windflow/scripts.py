"""Scripts: a function with ``@script`` on it, its typed signature as its schema, the catalogue.

Any installed app contributes by a ``scripts.py``; the hub's scripts come through the same door.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NoReturn,
    Protocol,
    TypeVar,
    get_args,
    get_type_hints,
    overload,
)

from django.apps import apps
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model

from windflow.exceptions import (
    InvalidInput,
    ResourceTypeRefused,
    ScriptRefused,
    UnknownScript,
)
from windflow.resources import ResourceValue, Value, problems, resource_parameter
from windflow.values import JSON

if TYPE_CHECKING:  # apps import this package before models can be made
    from django.contrib.auth.base_user import AbstractBaseUser

Kind = Literal["action", "approval", "trigger", "error_handler"]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a script hears about. Both texts may be empty; ``str()`` is the best name."""

    name: str
    email: str

    def __str__(self) -> str:
        return self.name or self.email


def person(user: AbstractBaseUser | None) -> Person:
    """A user of this site as a :class:`Person`; both texts empty for nobody."""
    if user is None:
        return Person("", "")
    full_name = getattr(user, "get_full_name", str)() or user.get_username()
    return Person(full_name, str(getattr(user, user.get_email_field_name(), "") or ""))


@dataclass(frozen=True, slots=True)
class ApprovalLinks:
    """One approver's absolute URLs in one suspension. Secret: whoever has them, is that person.

    ``invited`` says that an earlier attempt already delivered them; ``deadline`` is an ISO 8601
    instant, or None where the suspension waits for ever.
    """

    approver: str
    approval_page: str = field(repr=False)
    resume: str = field(repr=False)
    cancel: str = field(repr=False)
    approval_id: int = 0
    generation: int = 0
    invited: bool = False
    deadline: str | None = None


class Context(Protocol):
    """What a script may ask of the run it is a step of; its first argument, ``ctx``."""

    run_id: int
    step_id: str
    attempt: int
    """1 for the first attempt."""
    idempotency_key: str
    """The same for every attempt of this step in this run: hand it to services that take one."""
    started_by: Person
    """Who started the run. Both texts are empty when code started it for nobody."""
    flow_name: str
    approvers: list[str]
    """Who approved at the last gate, in order of their decisions."""

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled meanwhile. Long scripts ask now and then, and return."""

    def log(self, text: str) -> None:
        """Add a line to the step's log on the run page."""

    def progress(self, done: float, total: float) -> None:
        """Show how far the step is, on the run page."""

    def ask(self, subject: str, message: str = "", about: str = "") -> None:
        """Say what is asked: shown on the approval page. ``message`` is Markdown; ``about`` says
        who or what it is about. Without this call the page shows the step's summary."""

    def approval_links(self, approver: str) -> ApprovalLinks:
        """This approver's links: made on the first call, found again on every later one.

        ``approver`` is an e-mail address, or the username of a user of this site.
        Raises :class:`windflow.StepFailed` when it is neither.
        """

    def invited(self, links: ApprovalLinks) -> None:
        """Record that these links were delivered, so that no later attempt delivers them again."""

    @overload
    def resource(self, name: str) -> ResourceValue: ...
    @overload
    def resource(self, name: str, of: type[Value]) -> Value: ...
    def resource(self, name: str, of: type[Value] | None = None) -> Any:
        """The typed value of a resource, for scripts that take names instead of a type in their
        signature; ``of`` is the class that it must have.

        Its secrets are taken out of what is stored of this step. Raises
        :class:`windflow.StepFailed` when it cannot be used, or may not be.
        """

    def refresh(self, value: Value) -> Value:
        """What follows on ``value``, which the provider refused as no longer valid (HTTP 401).

        Asks the provider unless somebody did since. Raises :class:`windflow.StepFailed` when that
        does not help either.
        """

    def broken(self, value: ResourceValue, reason: str) -> NoReturn:
        """The provider refuses ``value`` for good, for this ``reason``: a second 401, a revoked
        grant. Marks the resource broken and raises :class:`windflow.StepFailed`, saying who has to
        click what."""


@dataclass(frozen=True)
class Script:
    """One entry of the catalogue."""

    path: str
    function: Callable[..., Any]
    kind: Kind
    title: str
    summary: str
    description: str
    """Markdown: the function's docstring."""
    atomic: bool
    model: type[BaseModel]
    resources: Mapping[str, str] = field(default_factory=dict)
    """Argument → resource type, of those arguments that name a resource and get its value."""

    @cached_property
    def schema(self) -> dict[str, JSON]:
        """JSON Schema (2020-12) of the inputs: an object, one property per argument."""
        return self.model.model_json_schema()

    def arguments(self, inputs: Mapping[str, JSON]) -> dict[str, Any]:
        """``inputs`` checked and converted to the types that the function asks for; of a resource
        it is still the name.

        Raises :class:`InvalidInput` naming each argument that does not fit.
        """
        try:
            checked = self.model.model_validate(dict(inputs))
        except ValidationError as error:
            raise InvalidInput(problems(error, "inputs")) from None
        return {name: getattr(checked, name) for name in self.model.model_fields}


@dataclass(frozen=True)
class _Registration:
    function: Callable[..., Any]
    kind: Kind
    title: str
    summary: str
    atomic: bool
    model: type[BaseModel]
    resources: Mapping[str, str]


class Catalogue(Mapping[str, Script]):
    """Every script of every installed app, by path."""

    def __init__(self) -> None:
        self._registered: dict[tuple[str, str], _Registration] = {}
        self._scripts: dict[str, Script] | None = None

    def add(self, registration: _Registration) -> None:
        function = registration.function
        self._registered[function.__module__, function.__qualname__] = registration
        self._scripts = None

    def __getitem__(self, path: str) -> Script:
        return self._by_path()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_path())

    def __len__(self) -> int:
        return len(self._by_path())

    def find(self, path: str) -> Script:
        """The script at ``path``. Raises :class:`UnknownScript` with what to do about it."""
        try:
            return self[path]
        except KeyError:
            raise UnknownScript(
                _(
                    "The script %(path)s is not installed here. Install the app that has it, or "
                    "choose another script; then retry."
                )
                % {"path": path}
            ) from None

    def _by_path(self) -> dict[str, Script]:
        """Paths need the app registry, so they are worked out on first use, not on import."""
        if self._scripts is None:
            scripts: dict[str, Script] = {}
            for entry in self._registered.values():
                made = _script(entry)
                if made.path in scripts:
                    raise ScriptRefused(
                        f"Two scripts are called {made.path}: "
                        f"{scripts[made.path].function.__module__} and "
                        f"{made.function.__module__}. Rename one of the functions."
                    )
                scripts[made.path] = made
            self._scripts = dict(sorted(scripts.items()))
        return self._scripts


catalogue = Catalogue()


def script(
    *, kind: Kind = "action", summary: str, title: str = "", atomic: bool = False
) -> Callable[[Function], Function]:
    """Register a function as a script; its path is ``<app_label>/<function name>``.

    The signature is the schema: the first argument is ``ctx`` (a :class:`Context`), every other one
    has a type that pydantic knows; defaults, ``Literal`` choices and ``Annotated[..., Field(...)]``
    titles drive the form, the validation and the API. The docstring is the description (Markdown).
    ``atomic=True`` runs the function and commits its result in one database transaction.

    Raises :class:`ScriptRefused` for a signature that cannot be a schema.
    """

    def register(function: Function) -> Function:
        if kind not in get_args(Kind):
            raise ScriptRefused(
                f"{function.__qualname__}: kind is {kind!r}; it must be one of "
                f"{', '.join(get_args(Kind))}."
            )
        if atomic and inspect.iscoroutinefunction(function):
            raise ScriptRefused(
                f"{function.__qualname__} is async and atomic; a transaction belongs to one "
                "thread, so make it a plain function."
            )
        name = function.__name__
        model, resources = _model(function)
        catalogue.add(
            _Registration(
                function=function,
                kind=kind,
                title=title or name.replace("_", " ").capitalize(),
                summary=summary,
                atomic=atomic,
                model=model,
                resources=resources,
            )
        )
        return function

    return register


def _script(entry: _Registration) -> Script:
    function = entry.function
    app = apps.get_containing_app_config(function.__module__)
    if app is None:
        raise ScriptRefused(
            f"{function.__module__}.{function.__qualname__} belongs to no installed app; add its "
            "app to INSTALLED_APPS."
        )
    return Script(
        path=f"{app.label}/{function.__name__}",
        function=function,
        kind=entry.kind,
        title=entry.title,
        summary=entry.summary,
        description=inspect.getdoc(function) or "",
        atomic=entry.atomic,
        model=entry.model,
        resources=entry.resources,
    )


def _model(function: Callable[..., Any]) -> tuple[type[BaseModel], dict[str, str]]:
    """The model of the arguments, and the resource type of those that take one."""
    name = function.__qualname__
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].name != "ctx":
        raise ScriptRefused(f"{name}: the first argument must be ctx, e.g. {name}(ctx: Context).")
    try:
        hints = get_type_hints(function, include_extras=True)
        resources = _take_resources(name, parameters[1:], hints)
        model: type[BaseModel] = create_model(
            function.__name__,
            __config__=ConfigDict(extra="forbid", validate_default=True),
            **_fields(name, parameters[1:], hints),
        )
        model.model_json_schema()
    except (PydanticUserError, NameError, ValueError) as error:
        raise ScriptRefused(f"{name}: its arguments have no JSON Schema: {error}") from None
    _check_fields(name, model, [parameter.name for parameter in parameters[1:]])
    return model, resources


def _take_resources(
    name: str, parameters: list[inspect.Parameter], hints: dict[str, Any]
) -> dict[str, str]:
    """Argument → resource type; ``hints`` then have the type of the resource's name instead."""
    found: dict[str, str] = {}
    for parameter in parameters:
        try:
            taken = resource_parameter(hints.get(parameter.name))
        except ResourceTypeRefused as error:
            raise ScriptRefused(f"{name}: {parameter.name}: {error.message}") from None
        if taken is None:
            continue
        found[parameter.name], hints[parameter.name] = taken
        if parameter.default not in (parameter.empty, None):
            raise ScriptRefused(
                f"{name}: {parameter.name} takes a resource, so its default can only be None."
            )
    return found


def _fields(
    name: str, parameters: list[inspect.Parameter], hints: Mapping[str, Any]
) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ScriptRefused(
                f"{name}: {parameter} cannot be filled by name; give every argument a name."
            )
        if parameter.name not in hints:
            raise ScriptRefused(f"{name}: {parameter.name} has no type, e.g. {parameter.name}: str")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    return fields


def _check_fields(name: str, model: type[BaseModel], wanted: list[str]) -> None:
    for argument in wanted:
        if argument not in model.model_fields:  # pydantic keeps _x and model_config to itself
            raise ScriptRefused(f"{name}: no argument can be called {argument}; rename it.")
    try:
        model.model_validate({})
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            if problem["type"] != "missing":
                raise ScriptRefused(
                    f"{name}: the default of {problem['loc'][0]} does not fit its type: "
                    f"{problem['msg']}"
                ) from None
