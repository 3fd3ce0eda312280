"""Resource types: what a credential or connection is to a script.

A type is a pydantic model; its secret fields are ``SecretStr``. A script names the type in its
signature, a step names a resource of that type, and the script gets the typed value::

    @resource_type("crm", title="CRM", summary="Our customers.")
    class Crm(ResourceValue):
        host: str
        api_key: SecretStr

    @script(summary="Look up a customer")
    def find_customer(ctx: Context, crm: Crm, name: str) -> str: ...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from inspect import isclass
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin

from django.utils.translation import gettext as _
from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    PydanticUserError,
    Secret,
    SecretBytes,
    SecretStr,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import to_jsonable_python

from windflow.exceptions import InvalidInput, ResourceTypeRefused, UnknownResourceType
from windflow.values import JSON

_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")


class Source(NamedTuple):
    """Where a value comes from: which resource, and which of the values that it has had."""

    name: str
    resource_id: int
    generation: int


class ResourceValue(BaseModel):
    """Base of the typed values that scripts get. Frozen; ``str()`` and ``repr()`` mask secrets.

    Every field that must not be shown is a ``SecretStr``. A type whose values end has a field
    ``expires_at: datetime | None``, in UTC.
    """

    # A stored value may still have a field that its type has lost since; and what a person typed
    # into a secret field must not come back in an error.
    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True
    )

    _source: Source | None = PrivateAttr(default=None)


Value = TypeVar("Value", bound=ResourceValue)
Refresh = Callable[[Any], ResourceValue]


@dataclass(frozen=True)
class ResourceType:
    """One registered type."""

    name: str
    title: str
    summary: str
    connect: str
    """Name of the URL that starts an OAuth connection, ``?resource=<pk>`` to reconnect that one;
    empty for a type that people fill in."""
    refresh: Refresh | None
    model: type[ResourceValue]

    @cached_property
    def schema(self) -> dict[str, JSON]:
        """JSON Schema of a value; secret fields have ``writeOnly`` and the format ``password``."""
        return self.model.model_json_schema()

    def value(self, fields: Mapping[str, JSON]) -> ResourceValue:
        """``fields`` as a typed value. Raises :class:`InvalidInput` naming what does not fit."""
        try:
            return self.model.model_validate(dict(fields))
        except ValidationError as error:
            raise InvalidInput(problems(error, self.name)) from None


class ResourceTypes(Mapping[str, ResourceType]):
    """Every resource type of every installed app, by name."""

    def __init__(self) -> None:
        self._types: dict[str, ResourceType] = {}

    def __getitem__(self, name: str) -> ResourceType:
        return self._types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._types))

    def __len__(self) -> int:
        return len(self._types)

    def add(self, made: ResourceType) -> None:
        """Raises :class:`ResourceTypeRefused` when another class has the name already."""
        earlier = self._types.get(made.name)
        if earlier is not None and _origin(earlier.model) != _origin(made.model):
            raise ResourceTypeRefused(
                f"Two resource types are called {made.name}: {_origin(earlier.model)} and "
                f"{_origin(made.model)}. Rename one of them."
            )
        self._types[made.name] = made

    def find(self, name: str) -> ResourceType:
        """The type called ``name``. Raises :class:`UnknownResourceType` with what to do."""
        try:
            return self._types[name]
        except KeyError:
            raise UnknownResourceType(
                _(
                    "The resource type %(name)s is not installed here. Install the app that has "
                    "it; then retry."
                )
                % {"name": name}
            ) from None

    def of(self, model: type[ResourceValue]) -> ResourceType:
        """The type that ``model`` is registered as. Raises :class:`ResourceTypeRefused`."""
        for made in self._types.values():
            if made.model is model:
                return made
        raise ResourceTypeRefused(
            f'{_origin(model)} is not registered; put @resource_type("...", title="...") on it.'
        )


resource_types = ResourceTypes()


def resource_type(
    name: str,
    *,
    title: str,
    summary: str = "",
    connect: str = "",
    refresh: Refresh | None = None,
) -> Callable[[type[Value]], type[Value]]:
    """Register a subclass of :class:`ResourceValue` as the resource type ``name``.

    ``connect`` names the URL that starts an OAuth connection. ``refresh`` gets a value whose time
    is over and returns the new one. It may use the network for at most 20 seconds, runs in one
    worker at a time, and raises :class:`windflow.ResourceBroken` when the grant is gone, or
    :class:`windflow.StepFailed` for what may pass. A provider that gives every refresh token once
    is fine: the new value is stored before anybody uses it.

    Raises :class:`ResourceTypeRefused` for a class that cannot be a type.
    """

    def register(model: type[Value]) -> type[Value]:
        if not _NAME.fullmatch(name):
            raise ResourceTypeRefused(
                f"{_origin(model)}: {name!r} is no name for a resource type; use small letters, "
                "digits and _, at most 50, a letter first."
            )
        if not _is_value(model):
            raise ResourceTypeRefused(f"{_origin(model)} must be a subclass of ResourceValue.")
        _check_fields(model)
        resource_types.add(ResourceType(name, title, summary, connect, refresh, model))
        return model

    return register


def _check_fields(model: type[ResourceValue]) -> None:
    try:
        model.model_json_schema()
    except (PydanticUserError, NameError, ValueError) as error:
        raise ResourceTypeRefused(
            f"{_origin(model)}: its fields have no JSON Schema: {error}"
        ) from None
    ends = model.model_fields.get("expires_at")
    if ends is not None and datetime not in _flat(ends.annotation):
        raise ResourceTypeRefused(f"{_origin(model)}: expires_at must be a datetime | None.")


def _origin(model: type) -> str:
    return f"{model.__module__}.{model.__qualname__}"


# Values


def source_of(value: ResourceValue) -> Source:
    """Where ``value`` comes from. Raises ``ValueError`` for one that a script made itself."""
    if value._source is None:
        raise ValueError("This value did not come from a resource.")
    return value._source


def stamped(value: Value, source: Source) -> Value:
    """``value``, knowing where it comes from."""
    value._source = source
    return value


def plain_value(value: ResourceValue) -> dict[str, JSON]:
    """Everything in ``value`` as plain JSON, **the secrets in the open**: only for sealing."""
    found: dict[str, JSON] = _opened(value)
    return found


def public_fields(value: ResourceValue) -> dict[str, JSON]:
    """The fields that hold no secret, as plain JSON: what may be shown and edited."""
    named = {name: getattr(value, name) for name in type(value).model_fields}
    return {name: _opened(field) for name, field in named.items() if not any(_secrets(field))}


def secrets_of(value: ResourceValue) -> frozenset[str]:
    """The text of every secret in ``value``."""
    return frozenset(_secrets(value))


def ends_at(value: ResourceValue) -> datetime | None:
    """When ``value`` ends; None for never, or not known."""
    ends = getattr(value, "expires_at", None)
    if isinstance(ends, datetime) and ends.tzinfo is None:
        return ends.replace(tzinfo=UTC)
    return ends


def problems(error: ValidationError, whole: str) -> dict[str, str]:
    """Place → what is wrong there. ``whole`` names the place where pydantic names none."""
    return {
        ".".join(map(str, problem["loc"])) or whole: problem["msg"]
        for problem in error.errors(include_url=False, include_input=False)
    }


def _opened(value: object) -> JSON:
    if isinstance(value, BaseModel):
        return {name: _opened(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Secret | SecretStr | SecretBytes):
        return _opened(value.get_secret_value())
    if isinstance(value, Mapping):
        return {to_jsonable_python(key): _opened(item) for key, item in value.items()}
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes):
        return [_opened(item) for item in value]
    return to_jsonable_python(value)


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Secret | SecretStr | SecretBytes):
        yield from _texts(_opened(value))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes):
        for item in value:
            yield from _secrets(item)


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)


# In a script's signature


def resource_parameter(annotation: Any) -> tuple[str, Any] | None:
    """``(type name, annotation of the resource's name)`` when a script's parameter takes a
    resource: the class, or that ``| None``, both also ``Annotated``. None for any other parameter.

    Raises :class:`ResourceTypeRefused` for a class that is not registered, or one inside a list,
    a dict or a union of several.
    """
    wanted, *notes = get_args(annotation) if get_origin(annotation) is Annotated else [annotation]
    members = get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)
    classes = [member for member in members if member is not NoneType]
    if len(classes) != 1 or not _is_value(classes[0]):
        if any(map(_is_value, _flat(annotation))):
            raise ResourceTypeRefused(
                "a resource must be an argument by itself: its class, or its class | None"
            )
        return None
    made = resource_types.of(classes[0])
    schema = {"type": "string", "format": "resource", "resource_type": made.name}
    named: Any = Annotated[str, WithJsonSchema(schema)]
    if len(members) > 1:
        named = named | None
    return made.name, Annotated[named, *notes] if notes else named


def _is_value(annotation: Any) -> bool:
    return isclass(annotation) and issubclass(annotation, ResourceValue)


def _flat(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _flat(part)
