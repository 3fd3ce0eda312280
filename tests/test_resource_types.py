"""Resource types: typed values, their schemas, and scripts that take them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field, SecretStr, ValidationError

from tests.provider import Provider
from tests.resources import Grant, Key
from windflow import Context, ResourceValue, resource_type, script
from windflow.exceptions import (
    InvalidInput,
    ResourceTypeRefused,
    ScriptRefused,
    UnknownResourceType,
)
from windflow.resources import plain_value, public_fields, resource_types
from windflow.scripts import Script, catalogue


@pytest.fixture(autouse=True)
def _keep_the_registries() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    scripts, types = dict(catalogue._registered), dict(resource_types._types)
    yield
    catalogue._registered, catalogue._scripts = scripts, None
    resource_types._types = types


def refusal(model: type, name: str = "thing") -> str:
    with pytest.raises(ResourceTypeRefused) as caught:
        resource_type(name, title="Thing")(model)
    return caught.value.message


def test_a_types_schema_marks_its_secret_fields() -> None:
    fields = resource_types["vault_key"].schema["properties"]
    assert fields["secret"]["writeOnly"] is True
    assert fields["secret"]["format"] == "password"
    assert "writeOnly" not in fields["host"]


@pytest.mark.parametrize("name", ["", "Gmail", "my type", "9lives", "a" * 51, "ä"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    assert "is no name for a resource type" in refusal(Key, name)


def test_a_class_that_is_no_resource_value_is_refused() -> None:
    assert "must be a subclass of ResourceValue" in refusal(Provider)


def test_a_name_that_another_class_has_is_refused_with_both() -> None:
    class Thing(ResourceValue):
        pass

    assert "tests.resources.Key and" in refusal(Thing, "vault_key")


def test_registering_the_same_class_again_replaces_it() -> None:
    resource_type("vault_key", title="Another title")(Key)
    assert resource_types["vault_key"].title == "Another title"


def test_fields_without_a_schema_are_refused() -> None:
    class Thing(ResourceValue):
        model_config = {"arbitrary_types_allowed": True}
        connection: Provider

    assert "have no JSON Schema" in refusal(Thing)


def test_an_end_that_is_no_time_is_refused() -> None:
    class Thing(ResourceValue):
        expires_at: str

    assert "expires_at must be a datetime" in refusal(Thing)


def test_a_type_that_is_not_installed_says_so() -> None:
    with pytest.raises(UnknownResourceType, match="gone is not installed"):
        resource_types.find("gone")


def test_a_value_masks_its_secrets_wherever_it_is_printed() -> None:
    value = Key(host="h.example", secret=SecretStr("canary"), spare=[SecretStr("canary-2")])
    for text in (str(value), repr(value), value.model_dump_json(), str(value.model_dump())):
        assert "h.example" in text
        assert "canary" not in text
    with pytest.raises(ValidationError):
        value.host = "other.example"


def test_a_value_that_does_not_fit_is_refused_without_quoting_it() -> None:
    with pytest.raises(InvalidInput) as caught:
        resource_types["vault_key"].value({"host": 7, "secret": ["canary"]})
    assert set(caught.value.errors) == {"host", "secret"}
    assert "canary" not in str(caught.value)


def test_only_fields_without_a_secret_are_public() -> None:
    value = Key(host="h.example", secret=SecretStr("canary"), spare=[SecretStr("canary")])
    assert public_fields(value) == {"host": "h.example", "expires_at": None}
    assert plain_value(value)["spare"] == ["canary"]


# In a signature


def registered(function: Any) -> Script:
    script(summary="For a test")(function)
    return catalogue[f"tests/{function.__name__}"]


def signature_refusal(function: Any) -> str:
    with pytest.raises(ScriptRefused) as caught:
        registered(function)
    return caught.value.message


def test_an_argument_that_takes_a_resource_is_a_name_in_the_schema() -> None:
    def find(ctx: Context, key: Annotated[Key, Field(title="Key")], grant: Grant | None = None):
        return None

    found = registered(find)
    assert found.resources == {"key": "vault_key", "grant": "grant"}
    wanted = {"type": "string", "format": "resource", "resource_type": "vault_key"}
    assert found.schema["properties"]["key"] == {**wanted, "title": "Key"}
    assert found.schema["required"] == ["key"]
    assert found.schema["properties"]["grant"]["anyOf"][0]["resource_type"] == "grant"
    assert found.arguments({"key": "mine"}) == {"key": "mine", "grant": None}


class Unregistered(ResourceValue):
    """Nobody put @resource_type on it."""


def test_a_class_that_is_not_registered_is_refused_in_a_signature() -> None:
    def find(ctx: Context, key: Unregistered): ...

    assert ".find: key: " in signature_refusal(find)
    assert "Unregistered is not registered; put @resource_type" in signature_refusal(find)


@pytest.mark.parametrize("annotation", [list[Key], dict[str, Key], Key | Grant, Key | str])
def test_a_resource_inside_something_else_is_refused(annotation: Any) -> None:
    def find(ctx: Context, key): ...

    find.__annotations__["key"] = annotation
    assert "must be an argument by itself" in signature_refusal(find)


def test_a_default_other_than_none_is_refused() -> None:
    def find(ctx: Context, key: Key = "mine"): ...

    assert "its default can only be None" in signature_refusal(find)
