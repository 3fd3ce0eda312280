"""The approval page in a real browser, at desktop and phone width, with hand and keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    expect,
)

from tests.documents import expire_now, seat, settle
from tests.flows import COST_CENTRE, QUESTION, ask_for_expense, everything, link
from windflow.models import Suspension
from windflow.states import ApprovalStatus, RunStatus

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DESKTOP = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
FORM = {
    "schema": {
        "type": "object",
        "properties": {
            "cost_centre": {"type": "string", "title": "Cost centre", "pattern": "^[0-9]+$"},
            "limit": {"type": "integer", "title": "Limit", "minimum": 0},
            "when": {"type": "string", "format": "date", "title": "Pay on"},
            "kind": {"enum": ["laptop", "desk"], "title": "Kind"},
            "tags": {"type": "array", "items": {"enum": ["new", "used"]}, "title": "Tags"},
            "insured": {"type": "boolean", "title": "Insured"},
        },
        "required": ["cost_centre"],
    }
}

#: Relative luminance contrast of every text against what lies behind it: WCAG 2 wants 4.5.
CONTRAST = """() => {
  const parse = c => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92
    : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
    return [255, 255, 255]; };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push(`${e.tagName} ${e.textContent.trim().slice(0, 30)} ${ratio}`);
  }
  return bad;
}"""


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def reader(
    request: pytest.FixtureRequest, chromium: Browser, live_server: Any, tmp_path: Path
) -> Iterator[Page]:
    """Somebody with a browser in which nothing runs: the pages need no JavaScript."""
    context = chromium.new_context(
        viewport=request.param, base_url=live_server.url, java_script_enabled=False
    )
    yield from _watched(context, tmp_path)


def _watched(context: BrowserContext, folder: Path) -> Iterator[Page]:
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    yield page
    page.screenshot(path=folder / "last.png", full_page=True)
    refused = [text for text in complaints if "Content Security Policy" in text or "http" in text]
    assert not [text for text in refused if "status of" not in text]
    context.close()


def test_bob_opens_his_link_reads_and_approves(reader: Page) -> None:
    waiting = ask_for_expense(required_events=1)
    reader.goto(link(waiting))
    expect(reader.get_by_role("heading", level=1)).to_have_text(QUESTION)
    expect(reader.get_by_text("0 of 1 approval")).to_be_visible()
    expect(reader.get_by_text("Laptop, Berlin")).to_be_visible()
    reader.get_by_label("Comment").fill("within budget")
    reader.get_by_role("button", name="Approve").click()
    expect(reader.get_by_role("heading", name="You approved this request.")).to_be_visible()
    expect(reader.get_by_role("button")).to_have_count(0)
    reader.reload()
    expect(reader.get_by_role("heading", name="You approved this request.")).to_be_visible()
    assert seat(waiting, "bob").comment == "within budget"
    assert settle(waiting).status == RunStatus.SUCCEEDED


def test_carol_rejects_and_is_asked_once_more(reader: Page) -> None:
    waiting = ask_for_expense(resume_form=FORM)
    reader.goto(link(waiting, "carol"))
    reader.get_by_label("Comment").fill("too dear")
    reader.get_by_role("button", name="Reject").click()
    expect(reader.get_by_role("heading", name="Reject this request?")).to_be_visible()
    expect(reader.get_by_label("Comment")).to_have_value("too dear")
    assert seat(waiting, "carol").status == ApprovalStatus.INVITED
    reader.get_by_role("button", name="Reject").click()
    expect(reader.get_by_role("heading", name="You rejected this request.")).to_be_visible()
    assert settle(waiting).status == RunStatus.CANCELLED


def test_going_back_keeps_what_was_typed(reader: Page) -> None:
    waiting = ask_for_expense(resume_form=FORM)
    reader.goto(link(waiting))
    reader.get_by_label("Cost centre").fill("4711")
    reader.get_by_label("used").check()
    reader.get_by_label("Comment").fill("hm")
    reader.get_by_role("button", name="Reject").click()
    reader.get_by_role("button", name="Go back").click()
    expect(reader.get_by_label("Cost centre")).to_have_value("4711")
    expect(reader.get_by_label("used")).to_be_checked()
    expect(reader.get_by_label("Comment")).to_have_value("hm")


def test_a_mistake_in_the_form_is_shown_beside_the_field(reader: Page) -> None:
    waiting = ask_for_expense(resume_form=FORM)
    reader.goto(link(waiting))
    reader.get_by_label("Cost centre").fill("R2D2")
    reader.get_by_label("Pay on").fill("2026-11-06")
    reader.get_by_label("Kind").select_option("desk")
    reader.get_by_role("button", name="Approve").click()
    alert = reader.get_by_role("alert")
    expect(alert).to_contain_text("Nothing was recorded yet.")
    alert.get_by_role("link", name="Cost centre").click()
    expect(reader.get_by_label("Cost centre")).to_be_focused()
    expect(reader.get_by_label("Cost centre")).to_have_accessible_description(
        "It must have the form ^[0-9]+$."
    )
    expect(reader.get_by_label("Pay on")).to_have_value("2026-11-06")
    expect(reader.get_by_label("Kind")).to_have_value("desk")


def test_the_keyboard_is_enough(reader: Page) -> None:
    waiting = ask_for_expense(resume_form=COST_CENTRE)
    reader.goto(link(waiting))
    reader.keyboard.press("Tab")
    expect(reader.get_by_label("Cost centre")).to_be_focused()
    reader.keyboard.type("4711")
    reader.keyboard.press("Enter")  # decides nothing: nobody approves by accident
    expect(reader.get_by_label("Cost centre")).to_be_focused()
    assert seat(waiting, "bob").status == ApprovalStatus.INVITED
    for _field in ("Limit", "Comment", "Approve"):
        reader.keyboard.press("Tab")
    expect(reader.get_by_role("button", name="Approve")).to_be_focused()
    reader.keyboard.press("Enter")
    expect(reader.get_by_role("heading", name="You approved this request.")).to_be_visible()
    assert seat(waiting, "bob").answer == {"cost_centre": "4711"}


def test_a_browser_that_loads_everything_and_clicks_nothing_changes_nothing(
    chromium: Browser, live_server: Any
) -> None:
    waiting = ask_for_expense()
    before = everything()
    context = chromium.new_context(base_url=live_server.url)
    for kind in ("approval_page", "resume", "cancel"):
        page = context.new_page()
        page.goto(link(waiting, kind=kind), wait_until="networkidle")
    context.close()
    assert everything() == before


def test_a_page_of_another_site_cannot_press_the_button(
    chromium: Browser, live_server: Any, client: Client, bob: User
) -> None:
    waiting = ask_for_expense(user_auth_required=True)
    client.force_login(bob)
    session = client.cookies["sessionid"].value
    context = chromium.new_context(base_url=live_server.url)
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(link(waiting))
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    forged = _forged(live_server.url + link(waiting))
    page.route("**/evil", lambda route: route.fulfill(body=forged, content_type="text/html"))
    page.goto(live_server.url.replace("localhost", "127.0.0.1") + "/evil")
    page.get_by_role("button").click()
    expect(page.get_by_text("did not come from the approval page")).to_be_visible()
    context.close()
    assert seat(waiting, "bob").status == ApprovalStatus.INVITED


def _forged(target: str) -> str:
    field = '<input name="decision" value="approve">'
    return f'<form method="post" action="{target}">{field}<button>Win a prize</button></form>'


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_can_be_read_everywhere(
    chromium: Browser, live_server: Any, scheme: Any, width: int
) -> None:
    waiting, late = ask_for_expense(resume_form=FORM), ask_for_expense()
    expire_now(late)
    Suspension.objects.filter(run=waiting).update(about="x" * 200)
    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page = context.new_page()
    for path in (
        link(waiting),
        link(waiting, kind="cancel"),
        link(late),
        "/flows/approval/no-such-token-anywhere-here/",
    ):
        page.goto(path)
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.styleSheets.length") == 1
    context.close()


def test_what_one_presses_is_big_enough_for_a_finger(chromium: Browser, live_server: Any) -> None:
    context = chromium.new_context(base_url=live_server.url, viewport=PHONE)
    page = context.new_page()
    page.goto(link(ask_for_expense(resume_form=FORM)))
    for control in page.locator("button:visible, select, textarea, .option").all():
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    context.close()
