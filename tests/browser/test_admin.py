"""The admin in a real browser: from the flow to a finished run, at desktop and phone width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from tests.documents import document, flow, gate, seat, settle, step
from windflow import engine
from windflow.models import Flow, Run
from windflow.states import RunStatus

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BOB, CAROL = "bob@example.com", "carol@example.com"
AMOUNT = {"type": "integer", "title": "Amount", "minimum": 1}
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(
    request: pytest.FixtureRequest, chromium: Browser, live_server: Any, admin_user: User
) -> Iterator[Page]:
    """Logged in as the admin, at two widths; no page may fail or scroll sideways."""
    context = chromium.new_context(viewport=request.param, base_url=live_server.url)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto("/admin/login/")
    opened.get_by_label("Username").fill("admin")
    opened.get_by_label("Password").fill("password")
    opened.get_by_role("button", name="Log in").click()
    yield opened
    assert not errors
    wide, seen = opened.evaluate("[document.body.scrollWidth, window.innerWidth]")
    assert wide <= seen
    context.close()


def test_a_flow_is_tested_from_its_page_and_lands_on_the_run(page: Page) -> None:
    made = flow(gate(BOB, CAROL, required=2), step("b"), amount=AMOUNT, slug="expenses")
    page.goto(f"/admin/windflow/flow/{made.pk}/change/")
    page.get_by_role("button", name="Test flow").click()
    page.get_by_label("Amount").fill("1240")
    page.get_by_role("button", name="Test flow").click()
    expect(page.get_by_text("Waiting for approval: 0 of 2").first).to_be_visible()
    run = Run.objects.get()
    assert (run.inputs, run.is_test) == ({"amount": 1240}, True)


def test_a_broken_document_keeps_the_typed_text_and_names_the_place(page: Page) -> None:
    made = flow(step("a"), slug="expenses")
    page.goto(f"/admin/windflow/flow/{made.pk}/change/")
    editor = page.get_by_label("Draft")
    editor.fill('{"summary": "x",\n  "value" {}}')
    page.get_by_role("button", name="Publish…").click()
    expect(page.get_by_text("Line 2, column 11")).to_be_visible()
    expect(editor).to_have_value('{"summary": "x",\n  "value" {}}')
    assert made.versions.count() == 1


def test_publishing_shows_the_changes_and_says_the_number(page: Page) -> None:
    made = flow(step("a"), slug="expenses")
    Flow.objects.update(draft=document(step("a"), step("b")))
    page.goto(f"/admin/windflow/flow/{made.pk}/change/")
    page.get_by_role("button", name="Publish…").click()
    page.get_by_label("Note").fill("one more step")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 2 published.")).to_be_visible()


def test_a_waiting_run_shows_new_votes_without_a_hand_and_can_be_cancelled(page: Page) -> None:
    waiting = settle(engine.start(flow(gate(BOB, CAROL, required=2), slug="expenses")))
    page.goto(f"/admin/windflow/run/{waiting.pk}/change/")
    page.get_by_text("Inputs", exact=True).last.click()
    engine.decide(seat(waiting, "bob"), "approve", comment="within budget")
    expect(page.get_by_text("Waiting for approval: 1 of 2").first).to_be_visible(timeout=20_000)
    expect(page.locator("details[open]")).to_have_count(1)  # what was unfolded stays so
    page.get_by_role("link", name="Cancel run").click()
    page.get_by_label("Reason").fill("not needed")
    page.get_by_role("button", name="Cancel this run").click()
    expect(page.get_by_text("Cancelled by admin: not needed").first).to_be_visible()
    waiting.refresh_from_db()
    assert waiting.status == RunStatus.CANCELLED


def test_times_are_said_in_the_readers_zone(chromium: Browser, live_server: Any) -> None:
    User.objects.create_superuser("admin", password="password")
    made = settle(engine.start(flow(step("a"), slug="expenses")))
    context = chromium.new_context(base_url=live_server.url, timezone_id="Asia/Kolkata")
    page = context.new_page()
    page.goto(f"/admin/login/?next=/admin/windflow/run/{made.pk}/change/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("password")
    page.get_by_role("button", name="Log in").click()
    wanted = page.evaluate(
        "when => new Date(when).toLocaleTimeString('en', "
        "{hour: '2-digit', minute: '2-digit', hourCycle: 'h23'})",
        made.created_at.isoformat(),
    )
    expect(page.locator(".wf-facts time").first).to_contain_text(wanted)
    context.close()
