"""People at their desks: an admin who builds and watches a flow, and approvers who read mail."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from config.standins import control
from config.standins.models import Mail

DESKTOP, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
PATIENCE = 20.0  # seconds for what a worker does


class Desk:
    """The admin's browser, signed in by hand. ``shots`` is a folder for screenshots."""

    def __init__(self, page: Page, url: str, shots: Path) -> None:
        self.page = page
        self.url = url
        self._shots = shots
        self._flow = self._run = ""

    def sign_in(self) -> None:
        self.page.goto(f"{self.url}/admin/")
        self.page.get_by_label("Username").fill("admin")
        self.page.get_by_label("Password").fill("password")
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", name="Site administration")).to_be_visible()

    def connect(self, title: str, shot: str = "") -> str:
        """Connect an API from the admin's front page; the new resource's name."""
        self.page.goto(f"{self.url}/admin/")
        self.page.get_by_role("link", name="Resources").first.click()
        self.page.get_by_role("link", name="Connect an API").first.click()
        self.look(shot and f"{shot}-types")
        self.page.get_by_role("link", name=f"Connect {title}").click()
        self.look(shot and f"{shot}-consent")
        self.page.get_by_role("button", name="Allow").click()
        self.expect_connected()
        self.look(shot and f"{shot}-resource")
        return self.page.get_by_label("Name:", exact=True).input_value()

    def expect_connected(self) -> None:
        """The page of a resource that works."""
        expect(self.page.locator(".wf-banner .wf-state--connected")).to_have_text("Connected")

    def open_resource(self, name: str) -> None:
        self.page.goto(f"{self.url}/admin/windflow/resource/")
        self.page.get_by_role("link", name=name, exact=True).click()

    def reconnect(self, name: str) -> None:
        """Find the broken resource in its list, and allow it once more."""
        self.page.goto(f"{self.url}/admin/windflow/resource/")
        card = self.page.locator(".wf-card").filter(has_text=name)
        expect(card.locator(".wf-card-state")).to_contain_text("Broken")
        card.get_by_role("link", name="Reconnect").click()
        self.page.get_by_role("button", name="Allow").click()
        self.expect_connected()

    def type_flow(self, name: str, document: Mapping[str, Any]) -> None:
        """A new flow, its document typed into the text box."""
        self.page.goto(f"{self.url}/admin/windflow/flow/add/")
        self.page.get_by_label("Name:", exact=True).fill(name)
        self._save_draft(document)
        self._flow = self.page.url

    def change_flow(self, document: Mapping[str, Any]) -> None:
        """The same flow with another document."""
        self.page.goto(self._flow)
        self._save_draft(document)

    def _save_draft(self, document: Mapping[str, Any]) -> None:
        self.page.get_by_label("Draft").fill(json.dumps(document, indent=2))
        self.page.get_by_role("button", name="Save and continue editing").click()
        expect(self.page.locator(".messagelist .success")).to_be_visible()

    def test_flow(self) -> None:
        """Press Test flow, and again below the form; the run's page opens."""
        self.page.goto(self._flow)
        self.page.get_by_role("button", name="Test flow").click()
        self.page.get_by_role("button", name="Test flow").click()
        expect(self.page).to_have_url(re.compile(r"/run/\d+/"))
        self._run = self.page.url

    def run_says(self, headline: str, shot: str = "") -> None:
        """Look at the run's page, again and again, until its headline says so."""
        self._run_shows(self.page.locator(".wf-headline").filter(has_text=headline), shot)

    def run_shows(self, text: str, shot: str = "") -> None:
        """The same for a text anywhere on the page."""
        self._run_shows(self.page.get_by_text(text).first, shot)

    def _run_shows(self, found: Locator, shot: str) -> None:
        until = time.monotonic() + PATIENCE
        self.page.goto(self._run)
        while not found.is_visible() and time.monotonic() < until:
            self.page.wait_for_timeout(100)
            self.page.goto(self._run)
        expect(found).to_be_visible()
        self.look(shot)

    def retry(self) -> None:
        self.page.goto(self._run)
        self.page.get_by_role("button", name="Retry").click()

    def look(self, shot: str) -> None:
        """Keep what the page looks like on a desk and on a phone; it must not scroll sideways."""
        if not shot:
            return
        for size in (PHONE, DESKTOP):
            self.page.set_viewport_size(size)
            path = self._shots / f"anchor-{shot}-{size['width']}.png"
            self.page.screenshot(path=path, full_page=True)
            wide = self.page.evaluate("document.body.scrollWidth")
            assert wide <= size["width"], f"{shot} is {wide} px wide on {size['width']}"


class Phone:
    """An approver's own browser, where nobody is signed in."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def approve(self, link: str, comment: str = "") -> None:
        self._page.goto(link)
        if comment:
            self._page.get_by_label("Comment").fill(comment)
        self._page.get_by_role("button", name="Approve").click()
        expect(self._page.get_by_role("heading", name="You approved this request.")).to_be_visible()


@contextmanager
def desk(browser: Browser, url: str, shots: Path) -> Iterator[Desk]:
    """The admin's desk; no script on any page may fail."""
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield Desk(page, url, shots)
    context.close()
    assert not errors


@contextmanager
def phone(browser: Browser) -> Iterator[Phone]:
    """Somebody's phone, with no JavaScript: approvers need none."""
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    yield Phone(context.new_page())
    context.close()


def mail_to(address: str) -> Mail:
    """The one mail that the Gmail endpoint accepted for this address."""
    (mail,) = control.mails(to=address)
    return mail


def link_in(mail: Mail) -> str:
    """The one link of a mail's plain text; its HTML has the same."""
    (link,) = set(re.findall(r"https?://\S+", mail.text))
    assert f'href="{link}"' in mail.html
    return str(link)
