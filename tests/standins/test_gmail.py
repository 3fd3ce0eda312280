"""Sending by the stand-in of Gmail, with google-api-python-client."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import google_auth_httplib2
import httplib2
import pytest
import requests
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from config.standins import control
from config.standins.models import Endpoint
from config.standins.oauth import Secrets
from tests.standins.conftest import CLIENT_SECRET, MARKS, SEND, Client

pytestmark = MARKS


def mail(to: str = "carol@example.com", subject: str = "Approve?") -> dict[str, str]:
    message = EmailMessage()
    message["To"], message["From"], message["Subject"] = to, "bob@example.com", subject
    message.set_content("Grüße, https://flows.example.com/approve/1")
    message.add_alternative("<p>Grüße</p>", subtype="html")
    return {"raw": base64.urlsafe_b64encode(message.as_bytes()).decode()}


@pytest.fixture
def secrets(google: Client) -> Secrets:
    return control.grant(google.app, "bob@example.com", ["email", SEND])


def service(google: Client, secrets: Secrets, *, timeout: float = 10) -> Any:
    held = Credentials(
        token=secrets.access,
        refresh_token=secrets.refresh or None,
        token_uri=f"{google.root}/token",
        client_id=google.app.client_id,
        client_secret=CLIENT_SECRET,
    )
    http = google_auth_httplib2.AuthorizedHttp(held, http=httplib2.Http(timeout=timeout))
    return build("gmail", "v1", http=http, client_options={"api_endpoint": google.root})


@pytest.fixture
def gmail(google: Client, secrets: Secrets) -> Iterator[Any]:
    with service(google, secrets) as built:
        yield built


def send(gmail: Any, body: dict[str, str] | None = None, user: str = "me") -> Any:
    return gmail.users().messages().send(userId=user, body=body or mail()).execute()


def refused(gmail: Any, body: dict[str, str] | None = None, user: str = "me") -> HttpError:
    with pytest.raises(HttpError) as caught:
        send(gmail, body, user)
    return caught.value


def test_a_mail_arrives_as_it_was_sent(gmail: Any) -> None:
    reply = send(gmail)
    (arrived,) = control.mails(to="carol@example.com")
    assert reply == {"id": arrived.key, "threadId": arrived.thread, "labelIds": ["SENT"]}
    assert arrived.subject == "Approve?"
    assert arrived.account == "bob@example.com"
    assert arrived.text == "Grüße, https://flows.example.com/approve/1\n"
    assert arrived.html == "<p>Grüße</p>\n"


def test_the_sdk_refreshes_an_expired_token_once_and_sends_once(gmail: Any) -> None:
    assert control.expire_tokens("google") == 1
    send(gmail)
    assert control.count(Endpoint.GMAIL_SEND, "authError") == 1
    assert control.count(Endpoint.GOOGLE_REFRESH, "ok") == 1
    assert len(control.mails()) == 1


def test_an_expired_token_without_refresh_token_is_a_401(google: Client) -> None:
    secrets = control.grant(google.app, "bob@example.com", [SEND], refreshable=False)
    control.expire_tokens("google")
    headers = {"Authorization": f"Bearer {secrets.access}"}
    address = f"{google.root}/gmail/v1/users/me/messages/send"
    answer = requests.post(address, json=mail(), headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_token_for_identity_may_not_send(google: Client) -> None:
    secrets = control.grant(google.app, "bob@example.com", ["email"])
    with service(google, secrets) as gmail:
        error = refused(gmail)
    assert error.status_code == 403
    assert error.error_details[0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_nobody_sends_from_the_mailbox_of_another(gmail: Any) -> None:
    error = refused(gmail, user="carol@example.com")
    assert (error.status_code, error.reason) == (403, "Delegation denied for bob@example.com")


def test_a_mail_needs_a_recipient(gmail: Any) -> None:
    error = refused(gmail, mail(to=""))
    assert (error.status_code, error.reason) == (400, "Recipient address required")


@pytest.mark.parametrize("raw", ["", "not base64!"])
def test_a_mail_needs_its_mime(gmail: Any, raw: str) -> None:
    assert refused(gmail, {"raw": raw}).status_code == 400
    assert control.mails() == []


def test_a_rate_limit_says_when_to_come_back(gmail: Any) -> None:
    control.fail(Endpoint.GMAIL_SEND, "rate_limited", retry_after=7)
    error = refused(gmail)
    assert (error.status_code, error.resp["retry-after"]) == (429, "7")
    send(gmail)
    assert len(control.mails()) == 1


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("rateLimitExceeded", 403),
        ("dailyLimitExceeded", 403),
        ("server_error", 500),
        ("unavailable", 503),
    ],
)
def test_quota_and_trouble_have_googles_shape(gmail: Any, how: str, status: int) -> None:
    control.fail(Endpoint.GMAIL_SEND, how)
    error = refused(gmail)
    assert error.status_code == status
    assert error.error_details[0]["reason"] == (how if status == 403 else "backendError")


def test_a_call_that_hangs_sends_nothing(google: Client, secrets: Secrets) -> None:
    control.fail(Endpoint.GMAIL_SEND, "hang", seconds=1)
    with service(google, secrets, timeout=0.3) as gmail, pytest.raises(socket.timeout):
        send(gmail)
    assert control.mails() == []


def test_a_lost_answer_leaves_the_mail_sent(google: Client, secrets: Secrets) -> None:
    control.fail(Endpoint.GMAIL_SEND, "lose_answer", seconds=1)
    with service(google, secrets, timeout=0.3) as gmail, pytest.raises(socket.timeout):
        send(gmail)
    assert len(control.mails()) == 1
