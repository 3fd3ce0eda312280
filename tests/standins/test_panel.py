"""The control panel, the pages of what arrived, and the faults that both offer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from config.standins import control
from config.standins.models import Endpoint, Fault, Mail, Message
from config.standins.mrkdwn import blocks_to_html, to_html
from tests.standins.conftest import MARKS, SEND, Client

pytestmark = MARKS

MIME = (
    b"To: carol@example.com\r\nFrom: bob@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<script>alert(1)</script><p>Approve</p>"
)


def page(name: str, *args: object) -> str:
    response = Browser().get(reverse(f"standins:{name}", args=args), follow=True)
    assert response.status_code == 200
    assert "script-src" not in response["Content-Security-Policy"]
    return response.content.decode()


def test_every_page_says_that_it_is_a_stand_in(google: Client) -> None:
    mail = Mail.objects.create(key="1", thread="1", account="bob@example.com", raw=MIME)
    pages = [page("panel"), page("mails"), page("mail", mail.key), page("channels")]
    pages.append(google.person.get(google.address(scope=SEND)).text)
    pages.append(google.person.get(google.address(scope="nonsense")).text)
    assert all("Stand-ins: nothing here leaves this machine." in html for html in pages)
    assert all("style=" not in html and "<script" not in html for html in pages)


def test_a_mail_is_shown_decoded_and_runs_nothing() -> None:
    Mail.objects.create(key="1", thread="1", account="bob@example.com", raw=MIME)
    html = page("mail", "1")
    assert "<h1>Grüße</h1>" in html
    assert 'sandbox="allow-top-navigation-by-user-activation"' in html
    assert "&lt;p&gt;Approve" in html


def test_a_channel_shows_its_messages_newest_last(slack: Client) -> None:
    for text in ("first", "second"):
        Message.objects.post(app=slack.app, channel="C0ACME0002", text=text)
    html = page("channels")
    assert "#approvals" in html
    assert html.index("first") < html.index("second")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*Bob* &amp; _Carol_", "<strong>Bob</strong> &amp; <em>Carol</em>"),
        (
            "<https://a.example/x_y_z?a=1&amp;b=2|Open>",
            '<a href="https://a.example/x_y_z?a=1&amp;b=2" rel="noreferrer">Open</a>',
        ),
        ("see https://a.example/", 'see <a href="https://a.example/" rel="noreferrer">'
         "https://a.example/</a>"),
        ("<@U0ACME0003> in <#C0ACME0002>", "<b>@Bob Brown</b> in <b>#approvals</b>"),
        ("<script>", "&lt;script&gt;"),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        ("2 * 3 * 4 <b>", "2 * 3 * 4 &lt;b&gt;"),
    ],
)  # fmt: skip
def test_slack_text_becomes_html_that_is_safe(text: str, html: str) -> None:
    assert to_html(text) == html


def test_a_button_with_an_address_is_a_link_and_no_other() -> None:
    label = {"type": "plain_text", "text": "Open"}
    elements = [
        {"type": "button", "text": label, "url": "https://a.example/"},
        {"type": "button", "text": label, "url": "javascript:alert(1)"},
    ]
    (html,) = blocks_to_html([{"type": "actions", "elements": elements}])
    assert html.count("<a ") == 1
    assert "javascript" not in html


def test_the_panel_arms_and_disarms_a_fault() -> None:
    browser = Browser()
    form = {"endpoint": Endpoint.SLACK_POST, "how": "ratelimited", "times": 2, "retry_after": 5}
    browser.post(reverse("standins:fail"), form)
    (fault,) = control.pending_faults()
    assert (fault.how, fault.remaining, fault.retry_after) == ("ratelimited", 2, 5)
    assert "the next 2 calls fail by" in page("panel")
    browser.post(reverse("standins:remove-fault", args=[fault.pk]))
    assert control.pending_faults() == []


def test_the_panel_refuses_a_fault_that_the_endpoint_cannot_have() -> None:
    form = {"endpoint": Endpoint.SLACK_POST, "how": "dailyLimitExceeded", "times": 1}
    response = Browser().post(reverse("standins:fail"), form)
    assert response.status_code == 400
    assert "slack.chat.postMessage cannot fail by dailyLimitExceeded" in response.content.decode()
    assert control.pending_faults() == []


def test_the_panel_expires_and_revokes_a_grant(google: Client) -> None:
    grant = control.grant(google.app, "bob@example.com", [SEND]).grant
    browser = Browser()
    browser.post(reverse("standins:expire", args=[grant.pk]))
    assert grant.live_access_tokens == 0
    assert grant.can_refresh
    browser.post(reverse("standins:revoke", args=[grant.pk]))
    assert not grant.tokens.filter(revoked_at=None).exists()
    assert control.live_grants() == []


def test_the_app_is_invited_and_removed_in_the_browser(slack: Client) -> None:
    browser = Browser()
    address = reverse("standins:invite", args=["C0ACME0001"])
    browser.post(address)
    assert "Remove the app" in page("channel", "C0ACME0001")
    browser.post(address, {"remove": "1"})
    assert "Invite the app" in page("channel", "C0ACME0001")


@pytest.mark.parametrize("name", ["fail", "reset"])
def test_the_panels_buttons_need_a_csrf_token(name: str) -> None:
    browser = Browser(enforce_csrf_checks=True)
    assert browser.post(reverse(f"standins:{name}")).status_code == 403


def test_another_machine_sees_nothing(google: Client) -> None:
    browser = Browser(REMOTE_ADDR="192.0.2.7")
    assert browser.get(reverse("standins:panel")).status_code == 404
    assert browser.post(reverse("standins:google-token")).status_code == 404


def test_starting_over_keeps_the_apps(google: Client) -> None:
    control.grant(google.app, "bob@example.com", [SEND])
    control.fail(Endpoint.GMAIL_SEND, "unavailable")
    Browser().post(reverse("standins:reset"))
    assert control.live_grants() == []
    assert control.pending_faults() == []
    assert google.person.get(google.address(scope=SEND)).status_code == 200


def test_a_delayed_call_answers_late_and_rightly(google: Client) -> None:
    control.delay(Endpoint.GOOGLE_USERINFO, 0.2)
    secrets = control.grant(google.app, "bob@example.com", ["email"])
    headers = {"Authorization": f"Bearer {secrets.access}"}
    answer = requests.get(f"{google.root}/v1/userinfo", headers=headers, timeout=10)
    assert answer.elapsed.total_seconds() >= 0.2
    assert answer.json()["email"] == "bob@example.com"


@pytest.mark.parametrize(
    ("how", "more"),
    [("nonsense", {}), ("hang", {}), ("hang", {"seconds": 3600}), ("unavailable", {"times": 0})],
)
def test_a_fault_that_makes_no_sense_is_refused(how: str, more: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"fail by|seconds|times"):
        control.fail(Endpoint.GMAIL_SEND, how, **more)


def test_calls_at_once_use_up_each_fault_once() -> None:
    control.fail(Endpoint.GMAIL_SEND, "unavailable", times=5)

    def take(_number: int) -> Fault | None:
        try:
            return Fault.objects.take(Endpoint.GMAIL_SEND)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, range(20)))
    assert sum(fault is not None for fault in taken) == 5


def test_the_stand_ins_stay_below_their_roots(google: Client) -> None:
    assert urlsplit(google.root).path == "/standins/google"
    assert requests.get(google.root + "/oauth2/v1/certs", timeout=10).status_code == 200
