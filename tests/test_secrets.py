"""Secrets stay secret: a planted one is found nowhere but inside its sealed resource."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import LazySettings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django_q.models import OrmQ
from hypothesis import given
from hypothesis import strategies as st

from tests import documents
from tests.documents import settle, step
from tests.resources import WAYS
from windflow import engine
from windflow.models import Approval, Resource, Run
from windflow.redaction import MARK, Redactor
from windflow.states import RunStatus

CANARY = 'kanarie/"vogel"+<7\'7>&\\ü'
FORMS = [CANARY, repr(CANARY)[1:-1], json.dumps(CANARY)[1:-1], quote(CANARY)]
PIECES = ["kanarie", "vogel"]
"""Not even a piece of it may be seen; in none of its forms are these two escaped."""

SPILLS = [
    (path, way)
    for path in ("spill", "spill_atomically", "spill_async")
    for way in WAYS
    if path != "spill_async" or way not in ("ask", "approver")  # these need a thread with the ORM
]


# The whole way


@pytest.fixture
def queue(settings: LazySettings) -> None:
    """The real queue, whose messages are rows too."""
    settings.WINDFLOW = {
        **settings.WINDFLOW,
        "EXECUTOR": "windflow.executor.QClusterExecutor",
    }


def spill(way: str, path: str, **keys: Any) -> Run:
    """A run of a script that lets the canary slip, and of a step that reads what it returned."""
    engine.connect(
        "vault_key",
        {"host": "h.example", "secret": CANARY, "spare": ["-----BEGIN-----\nkanarie-line\n"]},
        name="mine",
    )
    first = step("a", path, {"key": "mine", "way": way}, **keys)
    after = step("b", inputs={"value": documents.cel("results")})
    return settle(engine.start(documents.flow(first, after)))


def database() -> str:
    """Every row of every table, and every queued message unpacked."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            rows.append(f"{table}: {cursor.fetchall()}")
    return "\n".join([*rows, *(str(message.task) for message in OrmQ.objects.all())])


def pages(client: Client) -> str:
    """The approval page of every seat, and every admin page of windflow."""
    shown = []
    for seat in Approval.objects.all():
        shown.append(client.get(engine.links(seat).approval_page).content.decode())
    for model in admin.site._registry:
        if model._meta.app_label != "windflow":
            continue
        shown.append(_page(client, model, "changelist"))
        shown += [_page(client, model, "change", row.pk) for row in model._base_manager.all()]
    return "\n".join(shown)


def _page(client: Client, model: type, name: str, *arguments: object) -> str:
    try:
        address = reverse(f"admin:windflow_{model._meta.model_name}_{name}", args=arguments)
    except NoReverseMatch:
        return ""
    return client.get(address).content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("queue")
@pytest.mark.parametrize(("path", "way"), SPILLS)
def test_a_secret_that_a_script_lets_slip_is_found_nowhere(
    path: str, way: str, caplog: pytest.LogCaptureFixture, client: Client, admin_user: User
) -> None:
    caplog.set_level(logging.DEBUG)
    client.force_login(admin_user)
    keys = {"suspend": {"required_events": 1}} if way == "ask" else {}
    run = spill(way, f"tests/{path}", **keys)
    assert run.status != RunStatus.RUNNING
    everything = database() + caplog.text + pages(client)
    assert f"{way}" in everything
    assert [piece for piece in PIECES if piece in everything] == []
    assert engine.verify(run) is None


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["raise", "chain", "group", "refuse", "formatted", "result"])
def test_where_a_secret_stood_it_says_so(way: str) -> None:
    run = spill(way, "tests/spill", continue_on_error=True)
    first = run.step_runs.get(step_id="a")
    assert MARK in json.dumps([first.result, first.error])
    assert run.status == RunStatus.SUCCEEDED


@pytest.mark.django_db
def test_the_traceback_of_a_chain_is_kept_but_for_the_secret() -> None:
    traceback = spill("chain", "tests/spill").step_runs.get(step_id="a").error["traceback"]
    for words in ("KeyError: '[secret]'", "the direct cause", "the key was [secret]", "in _chain"):
        assert words in traceback


@pytest.mark.django_db
def test_the_search_finds_what_is_not_secret() -> None:
    spill("result", "tests/spill")
    everything = database()
    assert "marker result" in everything
    assert Resource.objects.get().sealed in everything


@pytest.mark.django_db
def test_what_is_asked_and_of_whom_has_no_secret_in_it() -> None:
    run = spill("ask", "tests/spill", suspend={"required_events": 1})
    asked = documents.suspension(run)
    assert (asked.subject, asked.message, asked.about) == (
        f"Use {MARK}?",
        f"It is **{MARK}**.",
        MARK,
    )


# The redactor


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_however_it_is_written(form: str) -> None:
    assert Redactor([CANARY]).text(f"a {form} b") == f"a {MARK} b"


@given(st.text(st.characters(codec="utf-8"), min_size=6, max_size=40), st.binary(max_size=5))
def test_a_secret_is_found_in_base64_of_what_contains_it(secret: str, before: bytes) -> None:
    header = b64encode(before + b":" + secret.encode() + b"\n").decode()
    assert MARK in Redactor([secret]).text(f"Basic {header}")


@given(st.text(min_size=6), st.text(), st.text())
def test_no_text_keeps_a_secret(secret: str, before: str, after: str) -> None:
    cleaned = Redactor([secret]).text(before + secret + after)
    assert secret not in cleaned or secret.strip("[]") in MARK


def test_a_short_word_is_no_secret() -> None:
    assert Redactor(["abc12", ""]).text("abc12") == "abc12"


def test_of_two_secrets_that_begin_alike_the_longer_one_goes_whole() -> None:
    assert Redactor(["secret", "secret-and-more"]).text("secret-and-more") == MARK


def test_each_line_of_a_secret_is_secret() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----\n"
    assert "MIIEvQ" not in Redactor([key]).text("  | -----BEGIN KEY-----\n  | MIIEvQIBADAN\n")


def test_cleaning_twice_changes_nothing_more() -> None:
    clean = Redactor(["secret"])
    assert clean.text(clean.text("my secret")) == f"my {MARK}"


def test_keys_and_numbers_are_cleaned_too() -> None:
    value = {"123456": [123456, 123457, True, None, {"x": "pin 123456"}]}
    assert Redactor(["123456"]).value(value) == {
        MARK: [MARK, 123457, True, None, {"x": f"pin {MARK}"}]
    }


def test_without_secrets_nothing_is_touched() -> None:
    value = {"a": ["b"]}
    assert Redactor().value(value) is value
