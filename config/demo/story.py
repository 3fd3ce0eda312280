"""What the demo starts with: one admin, two flows, an app at Google and at Slack. What is there
already stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse

from config.standins import control
from windflow.engine import publish
from windflow.models import Flow

ADMIN_NAME = "admin"
ADMIN_PASSWORD = "admin"  # noqa: S105 - printed on purpose: the demo listens on loopback only
EXPENSE = "expense-approval"
BY_GMAIL = "expense-gmail-slack"
HURRIED = "expense-approval-in-a-hurry"
APPROVERS = ("bob@example.com", "carol@example.com")

_FLOWS = Path(__file__).parent / "flows"


def expense_document() -> dict[str, Any]:
    """The example flow's document."""
    return _document("expense_approval.json")


def gmail_slack_document() -> dict[str, Any]:
    """The same by Gmail and Slack; it uses ``gmail-admin`` and ``slack-acme``, which are the names
    that these resources get when Ada connects them."""
    return _document("expense_gmail_slack.json")


def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_FLOWS / name).read_text())
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


def ensure_flow(slug: str, document: dict[str, Any], *, by: User | None = None) -> Flow:
    """The flow with this slug; made and published, or found with all that was changed in it."""
    flow, made = Flow.objects.get_or_create(
        slug=slug, defaults={"name": document["summary"], "draft": document}
    )
    if made:
        publish(flow, by=by, note="The demo's example")
    return flow


def ensure_flows(admin: User) -> tuple[Flow, Flow]:
    """The two examples, published by ``admin``: whose resources they use is said by that."""
    return (
        ensure_flow(EXPENSE, expense_document(), by=admin),
        ensure_flow(BY_GMAIL, gmail_slack_document(), by=admin),
    )


def standins() -> list[str]:
    """The providers that the stand-ins answer for: those without a client id of one's own."""
    return [
        name
        for name in ("google", "slack")
        if "AUTHORIZE_URL" in settings.SOCIALACCOUNT_PROVIDERS[f"hub_{name}"]
    ]


def ensure_apps(address: str) -> None:
    """Register the apps of the site at ``address`` with the stand-ins."""
    for name in standins():
        app = settings.SOCIALACCOUNT_PROVIDERS[f"hub_{name}"]["APP"]
        control.register_app(
            name,
            client_id=app["client_id"],
            client_secret=app["secret"],
            redirect_uris=[address.rstrip("/") + reverse(f"hub:{name}_callback")],
            name="windflow demo",
        )
