"""Connect Google and Slack, ask by Gmail, tell Slack who approved: every click of it.

A real browser, the real SDKs, a real cluster; the site itself serves the stand-ins of Google and
Slack, which keep what arrived. Bob and Carol are asked, one of them is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from config import providers
from config.standins import control
from config.standins.models import Endpoint
from tests.acceptance.processes import Managed, cluster
from tests.browser.anchor_desk import Desk, Phone, desk, link_in, mail_to, phone
from tests.documents import cel, document, step
from windflow.models import Resource

pytestmark = [
    pytest.mark.browser,
    pytest.mark.qcluster,
    pytest.mark.django_db(transaction=True),
]
BOB, CAROL = "bob@example.com", "carol@example.com"
PAUSE = 3  # seconds that Slack asks for


# ------------------------------------------------------------------ the story
def test_gmail_is_connected_asks_both_and_bobs_link_takes_the_run_to_success(
    admin: Desk, bob: Phone
) -> None:
    gmail = admin.connect("Gmail", shot="google")
    admin.type_flow("Offer to Acme", document(ask(gmail), greet()))
    admin.test_flow()
    admin.run_says("Waiting for approval", shot="waiting")
    expect(admin.page.get_by_text("0 of 1").first).to_be_visible()
    assert_is_a_real_mail(mail_to(BOB).message, to=BOB)
    assert link_in(mail_to(BOB)) != link_in(mail_to(CAROL))
    bob.approve(link_in(mail_to(BOB)), "within budget")
    admin.run_says("Success", shot="success")
    expect(admin.page.get_by_text(f"Hello {BOB}!").first).to_be_visible()
    expect(admin.page.get_by_text("within budget", exact=True)).to_be_visible()


def test_slack_is_connected_and_the_message_in_the_channel_names_who_approved(
    admin: Desk, bob: Phone
) -> None:
    gmail = admin.connect("Gmail")
    admin.type_flow("Offer to Acme", document(ask(gmail), greet()))
    slack = admin.connect("Slack", shot="slack")
    admin.change_flow(document(ask(gmail), greet(), tell(slack)))
    admin.test_flow()
    admin.run_says("Waiting for approval")
    bob.approve(link_in(mail_to(BOB)))
    admin.run_says("Success", shot="told")
    assert told() == [f"The offer to Acme\nApproved by {BOB}"]
    admin.page.goto(f"{admin.url}/standins/messages/")
    expect(admin.page.get_by_text(f"Approved by {BOB}")).to_be_visible()
    admin.look("channel")


# ------------------------------------------------------------------ what goes wrong
def test_an_expired_token_is_refreshed_exactly_once(admin: Desk, bob: Phone) -> None:
    gmail = admin.connect("Gmail")
    admin.type_flow("Offer to Acme", document(ask(gmail), greet()))
    control.expire_tokens("google")
    admin.test_flow()
    admin.run_says("Waiting for approval")
    assert control.count(Endpoint.GOOGLE_REFRESH) == 1
    assert len(control.mails()) == 2
    bob.approve(link_in(mail_to(BOB)))
    admin.run_says("Success")
    admin.open_resource(gmail)
    admin.expect_connected()


def test_a_revoked_account_breaks_says_what_to_click_and_goes_on_once_reconnected(
    admin: Desk, bob: Phone
) -> None:
    gmail = admin.connect("Gmail")
    admin.type_flow("Offer to Acme", document(ask(gmail), greet()))
    control.revoke("google")
    admin.test_flow()
    admin.run_says("Failed", shot="revoked")
    error = admin.page.locator(".wf-error").first
    expect(error).to_contain_text(f"The resource {gmail} is broken: Google says:")
    expect(error).to_contain_text("clicks Reconnect in Admin → Resources")
    admin.open_resource(gmail)
    admin.look("broken")
    admin.reconnect(gmail)
    admin.retry()
    admin.run_says("Waiting for approval")
    bob.approve(link_in(mail_to(BOB)))
    admin.run_says("Success")
    assert Resource.objects.count() == 1


def test_slack_is_waited_for_as_long_as_it_asks_and_then_told_once(
    admin: Desk, bob: Phone, tick: Managed
) -> None:
    gmail, slack = admin.connect("Gmail"), admin.connect("Slack")
    admin.type_flow("Offer to Acme", document(ask(gmail), tell(slack)))
    control.fail(Endpoint.SLACK_POST, "ratelimited", retry_after=PAUSE)
    admin.test_flow()
    admin.run_says("Waiting for approval")
    bob.approve(link_in(mail_to(BOB)))
    admin.run_shows(f"Slack asks to wait {PAUSE} seconds", shot="sleeping")
    admin.run_says("Success")
    first, second = control.calls(Endpoint.SLACK_POST)
    assert (first.outcome, second.outcome) == ("ratelimited", "ok")
    assert second.at - first.at >= timedelta(seconds=PAUSE)
    assert told() == [f"The offer to Acme\nApproved by {BOB}"]


# ------------------------------------------------------------------ the flow
def ask(gmail: str) -> dict[str, Any]:
    """Two approvers, one needed."""
    inputs = {
        "gmail": gmail,
        "approvers": [BOB, CAROL],
        "subject": "Send the offer to Acme?",
        "message": "For **42,000 €**, valid until the end of the month.",
    }
    suspend = {"required_events": 1, "timeout": 3600}
    return step("a", "hub/gmail_approval", inputs, summary="Ask by Gmail", suspend=suspend)


def greet() -> dict[str, Any]:
    return step("b", "hub/say_hello", {"name": cel("approvers")}, summary="Greet")


def tell(slack: str) -> dict[str, Any]:
    """The approvers come from the step context."""
    inputs = {
        "slack": slack,
        "channel": "#approvals",
        "approvers": cel("approvers"),
        "text": "The offer to Acme",
    }
    retry = {"constant": {"attempts": 3, "seconds": 1}}
    return step("c", "hub/slack_notify_approvers", inputs, summary="Tell Slack", retry=retry)


def told() -> list[str]:
    """What stands in the channel."""
    return [message.text for message in control.messages("#approvals")]


def assert_is_a_real_mail(mail: EmailMessage, *, to: str) -> None:
    assert mail["To"] == to
    assert mail["From"] == "admin@example.com"
    assert mail["Message-ID"]
    assert str(mail["Subject"]).startswith("Send the offer to Acme?")
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


# ------------------------------------------------------------------ the stage
@pytest.fixture(scope="module")
def site(live_server: LiveServer) -> Iterator[str]:
    """The address of this site, where Google and Slack stand in for themselves."""
    options = {
        **settings.WINDFLOW,
        "BASE_URL": live_server.url,
        "EXECUTOR": "windflow.executor.QClusterExecutor",
    }
    at_providers = {
        "hub_google": providers.google({}, live_server.url),
        "hub_slack": providers.slack({}, live_server.url),
    }
    with (
        override_settings(WINDFLOW=options, SOCIALACCOUNT_PROVIDERS=at_providers),
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("WINDFLOW_BASE_URL", live_server.url)  # of the cluster's own settings
        yield live_server.url


@pytest.fixture(scope="module")
def workers(site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    """One cluster for all of it; it waits between the tests."""
    with cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def tick(workers: Managed, tmp_path: Path) -> Iterator[Managed]:
    """Wakes what is due."""
    with Managed("windflow_tick", "--every", "0.2", log=tmp_path / "tick.log") as running:
        yield running


@pytest.fixture
def admin(
    chromium: Browser, site: str, workers: Managed, admin_user: User, tmp_path: Path
) -> Iterator[Desk]:
    """The admin, signed in, on a site whose apps are registered at Google and Slack."""
    for name in ("google", "slack"):
        app = settings.SOCIALACCOUNT_PROVIDERS[f"hub_{name}"]["APP"]
        control.register_app(
            name,
            client_id=app["client_id"],
            client_secret=app["secret"],
            redirect_uris=[site + reverse(f"hub:{name}_callback")],
        )
    with desk(chromium, site, tmp_path) as opened:
        opened.sign_in()
        yield opened


@pytest.fixture
def bob(chromium: Browser) -> Iterator[Phone]:
    with phone(chromium) as opened:
        yield opened
