"""What the demo starts with: one admin, one flow. What is there already stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from windflow.engine import publish
from windflow.models import Flow

ADMIN_NAME = "admin"
ADMIN_PASSWORD = "admin"  # noqa: S105 - printed on purpose: the demo listens on loopback only
EXPENSE = "expense-approval"
HURRIED = "expense-approval-in-a-hurry"
APPROVERS = ("bob@example.com", "carol@example.com")

_FLOWS = Path(__file__).parent / "flows"


def expense_document() -> dict[str, Any]:
    """The example flow's document."""
    document: dict[str, Any] = json.loads((_FLOWS / "expense_approval.json").read_text())
    return document


def hurried_document() -> dict[str, Any]:
    """The same flow with two seconds to answer, so that a check can wait for its deadline."""
    document = expense_document()
    document["summary"] = "Expense approval in a hurry"
    document["value"]["modules"][0]["suspend"]["timeout"] = 2
    return document


def ensure_admin() -> User:
    """The demo's admin; made, or found with whatever password it has now."""
    found = User.objects.filter(username=ADMIN_NAME).first()
    return found or User.objects.create_superuser(
        ADMIN_NAME, f"{ADMIN_NAME}@example.com", ADMIN_PASSWORD, first_name="Ada", last_name="Admin"
    )


def ensure_flow(slug: str, document: dict[str, Any]) -> Flow:
    """The flow with this slug; made and published, or found with all that was changed in it."""
    flow, made = Flow.objects.get_or_create(
        slug=slug, defaults={"name": document["summary"], "draft": document}
    )
    if made:
        publish(flow, note="The demo's example")
    return flow
