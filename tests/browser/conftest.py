"""One Chromium for each file of browser tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import services


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Headless, from Debian's package, and never looking for anything outside."""
    with sync_playwright() as playwright:
        arguments = [
            *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
            *("--disable-component-update", "--disable-sync", "--no-first-run"),
        ]
        opened = playwright.chromium.launch(executable_path=services.chromium(), args=arguments)
        yield opened
        opened.close()
