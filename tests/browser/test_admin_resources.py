"""Resources in a real browser: connect at a provider and by a form, mend, share, delete."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from tests.connected import CANARY, smtp
from tests.documents import flow, step
from tests.hub.conftest import Site, site
from windflow import engine
from windflow.models import Resource

__all__ = ["site"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LIST = "/admin/windflow/resource/"
MAIL = {"to": ["bob@example.com"], "subject": "s", "message": "m"}


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(
    request: pytest.FixtureRequest, chromium: Browser, site: Site, admin_user: User
) -> Iterator[Page]:
    """Logged in as the admin, at two widths; no page may fail or scroll sideways."""
    context = chromium.new_context(viewport=request.param, base_url=site.url)
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


def connect_gmail(page: Page) -> None:
    """From the list to the provider's question."""
    page.goto(LIST)
    page.get_by_role("link", name="Connect an API").first.click()
    page.get_by_role("link", name="Connect Gmail").click()


def test_an_account_is_connected_at_its_provider_and_lands_on_its_page(page: Page) -> None:
    connect_gmail(page)
    page.get_by_role("button", name="Allow").click()
    made = Resource.objects.get()
    assert page.url.endswith(f"{LIST}{made.pk}/change/")
    expect(page.get_by_text(f"Connected {made.account}")).to_be_visible()
    expect(page.locator(".wf-banner .wf-state--connected")).to_have_text("Connected")


def test_who_says_no_at_the_provider_reads_so_and_has_no_resource(page: Page) -> None:
    connect_gmail(page)
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("You did not allow it at Google")).to_be_visible()
    expect(page.get_by_text("There is no resource that you may use yet.")).to_be_visible()
    assert not Resource.objects.exists()


def test_a_broken_account_says_why_and_one_button_mends_it(
    page: Page, site: Site, admin_user: User
) -> None:
    made = site.gmail(admin_user)
    engine.mark_broken(engine.open_value(made), "Google says: Token has been revoked.")
    page.goto(LIST)
    expect(page.get_by_text("Broken: Google says: Token has been revoked.")).to_be_visible()
    page.get_by_role("link", name="Reconnect").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.locator(".wf-banner .wf-state--connected")).to_have_text("Connected")
    assert Resource.objects.get().pk == made.pk


def test_a_mail_server_is_filled_in_and_what_does_not_fit_is_kept_but_the_password(
    page: Page,
) -> None:
    page.goto(f"{LIST}add/")
    page.get_by_role("link", name="Connect Mail server").click()
    page.get_by_label("Name:", exact=True).fill("office-mail")
    page.get_by_label("Host").fill("smtp.example.com")
    page.get_by_label("Port").fill("99999")
    page.get_by_label("Password").fill(CANARY)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_label("Port")).to_have_value("99999")
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_text("Type it again")).to_be_visible()
    assert CANARY not in page.content()
    page.get_by_label("Port").fill("465")
    page.get_by_label("Password").fill(CANARY)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("office-mail is connected.")).to_be_visible()
    page.get_by_role("link", name="Change details").click()
    expect(page.get_by_label("Host")).to_have_value("smtp.example.com")
    expect(page.get_by_label("Password:", exact=True)).to_have_value("")
    assert CANARY not in page.content()


def test_it_is_shared_with_everyone_and_not_renamed_while_a_flow_uses_it(
    page: Page, admin_user: User
) -> None:
    made = smtp(admin_user)
    flow(step("a", "hub/send_email", {**MAIL, "smtp": made.name}), slug="expenses")
    page.goto(f"{LIST}{made.pk}/change/")
    expect(page.get_by_role("link", name="Expenses")).to_be_visible()
    page.get_by_label("Name:", exact=True).fill("other")
    page.get_by_label("Every user").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("cannot be renamed while flows use it")).to_be_visible()
    page.get_by_label("Name:", exact=True).fill(made.name)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".wf-facts")).to_contain_text("Every user")
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_text("Expenses (version 1 and draft)")).to_be_visible()
    assert Resource.objects.get().shared_with == "everyone"
