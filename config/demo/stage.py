"""What every chapter of the check uses: the browsers, the postbox, the clock."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from html import unescape
from typing import TypeVar

from django.db import close_old_connections

from config.demo.browser import Browser, Page
from config.demo.postbox import Postbox

T = TypeVar("T")
PATIENCE = 30.0  # seconds for anything that should take less than one


class Failed(Exception):
    """Something is not as the story has it."""


class Stage:
    """One playing of the story."""

    def __init__(self, address: str, postbox: Postbox, say: Callable[[str], None]) -> None:
        self.address = address
        self.postbox = postbox
        self.admin = Browser()
        self.doing = ""
        self._say = say
        self._began = time.monotonic()

    def seconds(self) -> float:
        """Since the curtain rose."""
        return time.monotonic() - self._began

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One line of the report, with how long it took."""
        self.doing = what
        began = time.monotonic()
        yield
        self._say(f"{time.monotonic() - began:7.3f} s  {what}")

    def note(self, what: str) -> None:
        """One line of the report that says something more."""
        self._say(f"           {what}")

    def eventually(self, look: Callable[[], T | None], what: str) -> T:
        """What ``look`` returns once it is true; :class:`Failed` after ``PATIENCE`` seconds."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if found := look():
                return found
            close_old_connections()
            time.sleep(0.02)
        raise Failed(f"{what} did not happen within {PATIENCE:g} s")

    def approval_link(self, address: str) -> str:
        """The link in the next mail to ``address``: the same in its text and its HTML."""
        mail = self.postbox.take(address, within=PATIENCE)
        text = _part(mail, "plain")
        links: list[str] = re.findall(r"https?://\S+", text)
        expect(len(links) == 1, f"the mail to {address} has {len(links)} links in its text, not 1")
        html = unescape(_part(mail, "html"))
        expect(f'href="{links[0]}"' in html, f"the mail to {address} has no such link in its HTML")
        expect(links[0].startswith(self.address), f"{links[0]} does not begin with BASE_URL")
        return links[0]


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def expect(holds: object, otherwise: str) -> None:
    """Raise :class:`Failed` with this sentence unless ``holds``."""
    if not holds:
        raise Failed(otherwise)


def expect_page(page: Page, *texts: str, status: int = 200) -> Page:
    """The page, if it has this status and all these texts."""
    expect(page.status == status, f"{page.url} answered {page.status}, not {status}")
    for text in texts:
        expect(text in page.text, f"{page.url} does not say “{text}”; it says: {page.text[:1500]}")
    return page
