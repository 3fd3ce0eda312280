"""The expense that Alice asks Bob and Carol about, and the links that they get."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from tests.documents import Module, run, seat, step
from windflow import engine
from windflow.models import Run

BOB, CAROL = "bob@example.com", "carol@example.com"
QUESTION = "Approve expense of 1,240.50 EUR?"
INPUTS = {"amount": 1240.5, "reason": "Laptop, Berlin", "urgent": True}
SCHEMA = {
    "amount": {"type": "number", "title": "Amount", "multipleOf": 0.01},
    "reason": {"type": "string", "title": "Reason"},
    "urgent": {"type": "boolean", "title": "Urgent"},
}
KINDS = ["approval_page", "resume", "cancel"]  # of links
COST_CENTRE = {
    "schema": {
        "type": "object",
        "properties": {
            "cost_centre": {"type": "string", "title": "Cost centre", "minLength": 4},
            "limit": {"type": "integer", "title": "Limit", "minimum": 0},
        },
        "required": ["cost_centre"],
    }
}


def expense(*approvers: str, **suspend: Any) -> Module:
    """The step that asks; two have to approve unless ``suspend`` says otherwise."""
    inputs = {
        "approvers": list(approvers or (BOB, CAROL)),
        "subject": QUESTION,
        "message": "It needs **two** approvals.",
        "about": "Dora Dearing",
    }
    block = {"required_events": 2, "timeout": 3 * 24 * 3600, **suspend}
    return step("ask", "tests/ask", inputs, suspend=block)


def ask_for_expense(*approvers: str, by: User | None = None, **suspend: Any) -> Run:
    """A run that waits for its approvers."""
    return run(expense(*approvers, **suspend), step("b"), by=by, inputs=INPUTS, **SCHEMA)


@pytest.fixture
def run_waiting_for_bob(alice: User, bob: User, carol: User) -> Run:
    """Alice asked Bob and Carol; nobody has answered."""
    return ask_for_expense(by=alice)


@pytest.fixture
def browser() -> Client:
    """Asks as browsers do: for HTML."""
    return Client(headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})


def link(run: Run, who: str = "bob", kind: str = "approval_page") -> str:
    """The path of somebody's link; ``kind`` is approval_page, resume or cancel."""
    return str(urlsplit(getattr(engine.links(seat(run, who)), kind)).path)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row that windflow has."""
    models = apps.get_app_config("windflow").get_models()
    return {model.__name__: list(model._base_manager.order_by("pk").values()) for model in models}


def words(response: Any) -> str:
    """What a page says, without its tags."""
    text = re.sub(r"<[^>]*>", " ", response.content.decode())
    return " ".join(html.unescape(text).split())


def tell(client: Client, path: str, body: object = None, **options: Any) -> Any:
    """A program's POST."""
    text = body if isinstance(body, str | bytes) else json.dumps(body) if body is not None else ""
    return client.post(path, text, content_type="application/json", **options)
