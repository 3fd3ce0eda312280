"""``hub/say_hello``."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests import documents
from windflow import engine

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Bob", "Hello Bob!"),
        (["Bob"], "Hello Bob!"),
        (["Bob", "Carol"], "Hello Bob and Carol!"),
        (["Bob", "Carol", "Dora"], "Hello Bob, Carol and Dora!"),
        ([], "Hello nobody!"),
    ],
)
def test_it_greets_one_or_more_people(name: str | list[str], greeting: str) -> None:
    run = documents.run(documents.step("a", "hub/say_hello", {"name": name}))
    assert (run.status, run.result) == ("succeeded", greeting)


def test_it_greets_the_world_when_nobody_is_named() -> None:
    assert documents.run(documents.step("a", "hub/say_hello")).result == "Hello world!"


def test_it_writes_the_greeting_into_the_steps_log() -> None:
    run = documents.run(documents.step("a", "hub/say_hello", {"name": "Bob"}))
    assert run.step_runs.get().log.endswith(" Hello Bob!\n")


def test_it_greets_whoever_approved(bob: User, carol: User) -> None:
    run = documents.run(
        documents.gate("bob@example.com", "carol@example.com", required=2),
        documents.step("hello", "hub/say_hello", {"name": documents.cel("approvers")}),
    )
    engine.decide(documents.seat(run, "carol"), "approve")
    engine.decide(documents.seat(run, "bob"), "approve")
    assert documents.settle(run).result == "Hello carol@example.com and bob@example.com!"


def test_a_number_is_no_name() -> None:
    run = documents.run(documents.step("a", "hub/say_hello", {"name": documents.cel("7")}))
    assert run.status == "failed"
    assert documents.error(run)["step_id"] == "a"
    assert "name" in documents.error(run)["message"]
