"""Sealing values: only our keys open them, keys rotate, and a change shows."""

from __future__ import annotations

import subprocess
import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from io import StringIO
from shlex import split

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import override_settings
from hypothesis import given
from pydantic import SecretStr

from tests.resources import Key
from tests.test_values import json_values
from windflow import engine, vault
from windflow.exceptions import VaultLocked
from windflow.models import Resource
from windflow.resource_checks import check_connect_urls, check_keys, check_sealed_values
from windflow.resources import plain_value, resource_types

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def keys(*texts: object) -> override_settings:
    return override_settings(WINDFLOW={"ENCRYPTION_KEYS": list(texts)})


def refusal(*texts: object, sealed: str = "") -> str:
    with keys(*texts), pytest.raises(VaultLocked) as caught:
        vault.unseal(sealed)
    return caught.value.message


@given(json_values)
def test_what_was_sealed_comes_out_as_it_was(value: object) -> None:
    assert vault.unseal(vault.seal(value)) == value


def test_a_sealed_text_shows_nothing_and_is_never_the_same_twice() -> None:
    first, second = vault.seal({"password": "canary"}), vault.seal({"password": "canary"})
    assert first != second
    assert b"canary" not in urlsafe_b64decode(first)


def test_the_first_key_seals_and_every_key_opens() -> None:
    with keys(OLD):
        sealed = vault.seal("hello")
    with keys(NEW, OLD):
        assert vault.unseal(sealed) == "hello"
        assert Fernet(NEW).decrypt(vault.seal("new").encode()) == b'"new"'


def test_resealing_moves_a_value_to_the_first_key() -> None:
    with keys(OLD):
        sealed = vault.seal("hello")
    with keys(NEW, OLD):
        sealed = vault.reseal(sealed)
    with keys(NEW):
        assert vault.unseal(sealed) == "hello"


def test_a_wrong_key_opens_nothing_and_says_what_to_do() -> None:
    with keys(OLD):
        sealed = vault.seal("hello")
    assert "Put the key that it was sealed with back" in refusal(OTHER, sealed=sealed)


@pytest.mark.parametrize("place", [0, 5, 9, 30, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    raw = bytearray(urlsafe_b64decode(vault.seal("hello")))
    raw[place] ^= 1
    with pytest.raises(VaultLocked):
        vault.unseal(urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize("text", ["", "hello", "gAAAA", "ä", '{"password": "in the open"}'])
def test_what_was_never_sealed_is_refused_and_not_given_back(text: str) -> None:
    with pytest.raises(VaultLocked):
        vault.unseal(text)
    with pytest.raises(VaultLocked):
        vault.reseal(text)


def test_without_keys_it_says_how_to_make_one_and_that_command_makes_one() -> None:
    message = refusal()
    assert 'WINDFLOW["ENCRYPTION_KEYS"] is empty' in message
    assert vault.MAKE_A_KEY in message
    _python, *arguments = split(vault.MAKE_A_KEY)
    made = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    with keys(made.stdout.strip()):
        assert vault.unseal(vault.seal(1)) == 1


@pytest.mark.parametrize(
    "text", ["short", "ä" * 44, OLD[:-4]], ids=["short", "no base64", "cut off"]
)
def test_a_key_of_no_use_is_named_by_its_number_and_not_quoted(text: str) -> None:
    message = refusal(NEW, text)
    assert message.startswith("Key 2 of")
    assert text not in message


@pytest.mark.parametrize("thing", [7, None, ["key"]])
def test_what_is_not_even_text_is_no_key(thing: object) -> None:
    assert refusal(NEW, thing).startswith("Key 2 of")


def test_one_key_that_is_no_list_is_said_to_be_none() -> None:
    with override_settings(WINDFLOW={"ENCRYPTION_KEYS": OLD}), pytest.raises(VaultLocked) as caught:
        vault.seal(1)
    assert "must be a list" in caught.value.message


# The command and the checks


def rotate() -> str:
    out = StringIO()
    call_command("windflow_rotate_keys", stdout=out)
    return out.getvalue()


def connect(name: str) -> Resource:
    return engine.connect("vault_key", Key(host="h.example", secret=SecretStr("canary")), name=name)


@pytest.mark.django_db
def test_rotation_reseals_every_resource_and_may_be_repeated() -> None:
    with keys(OLD):
        connect("one")
        connect("two")
    with keys(NEW, OLD):
        assert rotate() == rotate() == "2 resources sealed with the first key\n"
    with keys(NEW):
        for resource in Resource.objects.all():
            assert resource.generation == 1
            assert plain_value(engine.open_value(resource))["secret"] == "canary"


@pytest.mark.django_db
def test_rotation_names_what_it_cannot_open_and_does_the_rest() -> None:
    with keys(OTHER):
        connect("lost")
    with keys(OLD):
        connect("kept")
    with keys(NEW, OLD), pytest.raises(CommandError, match="No key opens lost"):
        rotate()
    with keys(NEW):
        assert engine.open_value(Resource.objects.get(name="kept"))


@pytest.mark.django_db
def test_rotation_without_keys_says_so() -> None:
    with keys(), pytest.raises(CommandError, match="is empty"):
        rotate()


def test_a_key_of_no_use_is_an_error_of_the_system_check_and_no_key_is_none() -> None:
    with keys("short"):
        assert [message.id for message in check_keys()] == ["windflow.E007"]
    with keys():
        assert check_keys() == []


@pytest.mark.django_db
def test_a_resource_that_no_key_opens_is_an_error_of_the_system_check() -> None:
    connect("mine")
    assert check_sealed_values(databases=["default"]) == []
    with keys():
        (found,) = check_sealed_values(databases=["default"])
    assert (found.id, found.obj) == ("windflow.E008", Resource.objects.get())
    assert check_sealed_values(databases=[]) == []


def test_a_type_that_nobody_can_connect_is_a_warning_of_the_system_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "grant" not in str(check_connect_urls())
    lost = replace(resource_types["grant"], connect="windflow:nowhere")
    monkeypatch.setitem(resource_types._types, "grant", lost)
    (found,) = [message for message in check_connect_urls() if "type grant" in message.msg]
    assert (found.id, "called windflow:nowhere" in found.msg) == ("windflow.W007", True)
