"""Gmail, by Google's own client against the stand-in: mails, tokens, and what goes wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httplib2
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from googleapiclient.errors import HttpError
from pytest_django import Settings

from config.standins import control
from config.standins.models import Endpoint, Mail
from hub.failures import Unauthorized, Undeliverable, asked_pause
from hub.google.errors import failure
from hub.google.resources import refresh
from tests import services
from tests.documents import cel, flow, kinds, run, seat, settle, step
from tests.hub.conftest import Site, seat_behind, server
from tests.test_races import at_once
from windflow import ResourceBroken, StepFailed, engine
from windflow.models import Approval, Resource, Run
from windflow.states import RunStatus

pytestmark = pytest.mark.django_db(transaction=True)

BOB, CAROL = "bob@example.com", "carol@example.com"
RETRY = {"constant": {"attempts": 3, "seconds": 1}}


def ask(gmail: Resource, *approvers: str, **inputs: Any) -> dict[str, Any]:
    """The approval step."""
    given = {
        "gmail": gmail.name,
        "approvers": [*approvers],
        "subject": "Send the offer to Acme?",
        **inputs,
    }
    return step("ask", "hub/gmail_approval", given, suspend={"required_events": 1}, retry=RETRY)


def send(gmail: Resource, **keys: Any) -> dict[str, Any]:
    """The step that sends one mail."""
    inputs = {"gmail": gmail.name, "to": [BOB], "subject": "Hi", "message": "How are you?"}
    return step("send", "hub/gmail_send", inputs, **keys)


def again(held: Run) -> Run:
    """The next attempt, without the wait."""
    Run.objects.filter(pk=held.pk).update(wake_at=timezone.now())
    return settle(held)


def error_of(held: Run, step_id: str = "send") -> str:
    return str(held.step_runs.get(step_id=step_id).error["message"])


def link_in(mail: Mail) -> str:
    (link,) = set(re.findall(r"https?://\S{60,}", mail.text))
    return str(link)


def expire(resource: Resource) -> None:
    """Let its access token have ended, here and at Google."""
    control.expire_tokens("google")
    Resource.objects.filter(pk=resource.pk).update(expires_at=timezone.now())


# ------------------------------------------------------------------ mails
def test_every_approver_gets_their_own_link_from_the_connected_account(site: Site) -> None:
    held = run(ask(site.gmail(account="alice@example.com"), BOB, CAROL))
    assert held.status == RunStatus.SUSPENDED
    for address in (BOB, CAROL):
        (mail,) = control.mails(to=address)
        assert (mail.sender, mail.to) == ("alice@example.com", address)
        assert mail.account == "alice@example.com"
        assert seat_behind(link_in(mail)) == seat(held, address)


def test_the_mail_says_what_is_asked_as_text_and_as_html(site: Site, alice: User) -> None:
    gmail = site.gmail(alice)
    run(
        ask(gmail, BOB, message="Only **42** €, für Günther", about="Offer 7\nBcc: eve@x.example"),
        by=alice,
    )
    (mail,) = control.mails()
    assert mail.subject.startswith("Send the offer to Acme?")
    for words in ("42", "für Günther", "Offer 7", "Alice"):
        assert words in mail.text
        assert words in mail.html
    assert "<strong>42</strong>" in mail.html
    assert not mail.message["Bcc"]


def test_the_link_in_the_mail_opens_the_page_and_decides(site: Site, client: Client) -> None:
    held = run(ask(site.gmail(), BOB), step("hello", "hub/say_hello", {"name": cel("approvers")}))
    link = link_in(control.mails(to=BOB)[0]).removeprefix(site.url)
    assert "Send the offer to Acme?" in client.get(link).content.decode()
    client.post(link, {"decision": "approve"})
    done = settle(held)
    assert done.status == RunStatus.SUCCEEDED
    assert done.result == f"Hello {BOB}!"


def test_a_username_is_mailed_at_its_address_and_twice_the_same_person_once(
    site: Site, bob: User
) -> None:
    run(ask(site.gmail(), "bob", BOB))
    assert [mail.to for mail in control.mails()] == [BOB]


def test_one_wrong_approver_stops_the_step_before_the_first_mail(site: Site) -> None:
    held = run(ask(site.gmail(), BOB, "nobody"))
    assert "neither an e-mail address nor the username" in error_of(held, "ask")
    assert control.mails() == []


def test_one_mail_goes_to_many_people(site: Site) -> None:
    inputs = {
        "gmail": site.gmail().name,
        "to": [BOB],
        "cc": [CAROL],
        "subject": "Hi\nthere",
        "message": "*How* are you?",
    }
    held = run(step("send", "hub/gmail_send", inputs))
    (mail,) = control.mails()
    assert (mail.to, mail.subject, mail.text.strip()) == (
        f"{BOB}, {CAROL}",
        "Hi there",
        "*How* are you?",
    )
    assert "<em>How</em>" in mail.html
    assert held.result == {"sent": [BOB, CAROL], "id": mail.key}


# ------------------------------------------------------------------ tokens
def test_an_expired_token_is_refreshed_once_before_it_is_used(site: Site) -> None:
    gmail = site.gmail()
    expire(gmail)
    assert run(ask(gmail, BOB, CAROL)).status == RunStatus.SUSPENDED
    assert control.count(Endpoint.GOOGLE_REFRESH, "ok") == 1
    assert control.count(Endpoint.GMAIL_SEND, "ok") == control.count(Endpoint.GMAIL_SEND) == 2
    gmail.refresh_from_db()
    assert gmail.expires_at is not None
    assert gmail.expires_at > timezone.now() + timedelta(minutes=50)


def test_a_token_that_google_refuses_early_is_refreshed_once(site: Site) -> None:
    gmail = site.gmail()
    control.expire_tokens("google")
    assert run(ask(gmail, BOB, CAROL)).status == RunStatus.SUSPENDED
    assert control.count(Endpoint.GOOGLE_REFRESH, "ok") == 1
    assert control.count(Endpoint.GMAIL_SEND, "authError") == 1
    assert len(control.mails()) == 2


def test_two_workers_with_one_expired_resource_refresh_it_once(
    site: Site, settings: Settings
) -> None:
    gmail = site.gmail()
    settings.WINDFLOW = {**settings.WINDFLOW, "EXECUTOR": "tests.test_races.Nobody"}
    runs = [engine.start(run_flow, {}) for run_flow in two_flows(gmail)]
    expire(gmail)
    control.delay(Endpoint.GOOGLE_REFRESH, 0.5)
    at_once(*[lambda one=one: engine.advance(one.pk) for one in runs])
    assert {Run.objects.get(pk=one.pk).status for one in runs} == {RunStatus.SUCCEEDED}
    assert control.count(Endpoint.GOOGLE_REFRESH) == 1


def two_flows(gmail: Resource) -> list[Any]:
    return [flow(send(gmail), slug=f"send-{number}") for number in range(2)]


def test_revoked_access_breaks_the_resource_and_retry_goes_on_after_reconnecting(
    site: Site, ada: User
) -> None:
    gmail = site.gmail(ada)
    held = run(ask(gmail, BOB), by=ada)
    control.revoke("google")
    held = run(ask(gmail, CAROL), by=ada)
    gmail.refresh_from_db()
    assert (gmail.state, gmail.reason) == (
        "broken",
        "Google says: Token has been expired or revoked.",
    )
    assert held.status == RunStatus.FAILED
    said = error_of(held, "ask")
    assert "Token has been expired or revoked" in said
    assert f"Reconnect in Admin → Resources → {gmail.name}; then click Retry" in said
    site.consent(site.sign_in(ada), "google", "admin@example.com", query=f"?resource={gmail.pk}")
    assert settle(engine.retry(held)).status == RunStatus.SUSPENDED
    assert len(control.mails(to=CAROL)) == 1


def test_a_fresh_token_that_is_refused_too_breaks_the_resource(site: Site) -> None:
    gmail = site.gmail()
    control.fail(Endpoint.GMAIL_SEND, "authError", times=2)
    held = run(send(gmail, retry=RETRY))
    gmail.refresh_from_db()
    assert (held.status, gmail.state) == (RunStatus.FAILED, "broken")
    assert "authentication credentials" in gmail.reason
    assert control.count(Endpoint.GOOGLE_REFRESH) == 1


REFRESHING = [
    ("invalid_grant", ResourceBroken, "Token has been expired or revoked"),
    ("invalid_client", StepFailed, 'SOCIALACCOUNT_PROVIDERS["hub_google"]["APP"]'),
    ("rate_limit_exceeded", StepFailed, "try again later"),
    ("unavailable", StepFailed, "try again later"),
]


@pytest.mark.parametrize(("how", "kind", "words"), REFRESHING)
def test_what_goes_wrong_when_refreshing_is_told_apart(
    site: Site, how: str, kind: type[Exception], words: str
) -> None:
    value: Any = engine.open_value(site.gmail())
    control.fail(Endpoint.GOOGLE_REFRESH, how, times=3)  # google-auth asks up to three times
    with pytest.raises(kind, match=re.escape(words)) as raised:
        refresh(value)
    assert getattr(raised.value, "permanent", True) is (how in ("invalid_grant", "invalid_client"))


def test_a_google_that_does_not_answer_is_asked_again_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    value: Any = engine.open_value(site.gmail())
    monkeypatch.setattr("hub.google.resources._TIMEOUT", 0.2)
    control.fail(Endpoint.GOOGLE_REFRESH, "hang", seconds=0.6)
    with pytest.raises(StepFailed, match="could not be reached") as raised:
        refresh(value)
    assert not raised.value.permanent


def test_a_company_that_wants_people_to_sign_in_again_breaks_the_resource(site: Site) -> None:
    value: Any = engine.open_value(site.gmail())
    said = {"error": "invalid_grant", "error_subtype": "invalid_rapt"}
    with server(lambda _body: (400, said)) as address:
        site.endpoint("google", "ACCESS_TOKEN_URL", address)
        with pytest.raises(ResourceBroken, match="sign in again"):
            refresh(value)


@pytest.mark.parametrize("said", ["<html>", {}, [], {"expires_in": 3599}])
@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_to_refreshing_that_makes_no_sense_breaks_nothing(
    site: Site, status: int, said: object
) -> None:
    gmail = site.gmail()
    with server(lambda _body: (status, said)) as address:
        site.endpoint("google", "ACCESS_TOKEN_URL", address)
        with pytest.raises(StepFailed) as raised:
            engine.refresh(engine.open_value(gmail))
    assert not raised.value.permanent
    gmail.refresh_from_db()
    assert gmail.state == "connected"


def test_no_log_tells_a_secret(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    gmail = site.gmail()
    old: Any = engine.open_value(gmail)
    expire(gmail)
    with caplog.at_level("DEBUG"):
        run(ask(gmail, BOB))
    gmail.refresh_from_db()
    new: Any = engine.open_value(gmail)
    secret = site.settings.SOCIALACCOUNT_PROVIDERS["hub_google"]["APP"]["secret"]
    link = link_in(control.mails(to=BOB)[0])
    for kept in (old.access_token, old.refresh_token, new.access_token):
        assert kept.get_secret_value() not in caplog.text
    assert secret not in caplog.text
    assert link not in caplog.text


def test_without_a_client_id_refreshing_names_the_setting(site: Site, settings: Settings) -> None:
    value: Any = engine.open_value(site.gmail())
    settings.SOCIALACCOUNT_PROVIDERS = {}
    with pytest.raises(StepFailed, match="SOCIALACCOUNT_PROVIDERS") as raised:
        refresh(value)
    assert raised.value.permanent


# ------------------------------------------------------------------ what goes wrong
PASSING = [
    ("rate_limited", 7, 7, "Gmail asks for a pause (User-rate limit exceeded. (Mail sending))"),
    ("rateLimitExceeded", 3, 3, "Gmail asks for a pause (Rate Limit Exceeded)"),
    ("userRateLimitExceeded", None, 1, "Gmail asks for a pause (User Rate Limit Exceeded)"),
    ("dailyLimitExceeded", None, 3600, "takes no more mails from admin@example.com today"),
    ("server_error", None, 1, "Gmail has trouble of its own (Backend Error)"),
    ("bad_gateway", None, 1, "Gmail has trouble of its own (Bad Gateway)"),
    ("unavailable", 9, 9, "Gmail has trouble of its own (The service is currently unavailable)"),
]


@pytest.mark.parametrize(("how", "asked", "pause", "words"), PASSING)
def test_what_passes_is_tried_again_after_the_pause_that_gmail_asks_for(
    site: Site, how: str, asked: int | None, pause: float, words: str
) -> None:
    control.fail(Endpoint.GMAIL_SEND, how, retry_after=asked)
    held = run(send(site.gmail(), retry=RETRY))
    assert words in error_of(held)
    assert held.status == RunStatus.SLEEPING
    assert held.wake_at is not None
    waits = (held.wake_at - timezone.now()).total_seconds()
    assert pause - 2 < waits <= pause
    assert again(held).status == RunStatus.SUCCEEDED
    assert len(control.mails()) == 1


def test_an_account_that_did_not_allow_sending_fails_for_good(site: Site) -> None:
    got = control.grant(site.apps["google"], "admin@example.com", ["openid", "email"])
    fields = {
        "account": "admin@example.com",
        "access_token": got.access,
        "refresh_token": got.refresh,
    }
    narrow = engine.connect("gmail", fields, name="narrow")
    held = run(send(narrow, retry=RETRY))
    assert held.status == RunStatus.FAILED
    assert "did not allow this site to send e-mail. Reconnect" in error_of(held)


def refusal(status: int, reason: str, message: str, **headers: str) -> HttpError:
    body = {"error": {"code": status, "message": message, "errors": [{"reason": reason}]}}
    answer = httplib2.Response({"status": str(status), **headers})
    return HttpError(answer, json.dumps(body).encode())


PERMANENT = [
    (403, "accessNotConfigured", "Gmail API is not enabled in the Google Cloud project"),
    (403, "domainPolicy", "administrators of me@x.example's domain do not allow"),
    (403, "forbidden", "does not let this site send as me@x.example (Said so)"),
    (400, "failedPrecondition", "Gmail is not switched on for me@x.example"),
    (413, "uploadTooLarge", "The mail to bob is too large"),
    (400, "invalidArgument", "Gmail does not take the mail to bob: Said so. Correct it"),
    (418, "neverHeardOf", "Gmail does not take the mail to bob: Said so. Correct it"),
]


@pytest.mark.parametrize(("status", "reason", "words"), PERMANENT)
def test_what_stays_wrong_fails_for_good_with_what_to_do(
    status: int, reason: str, words: str
) -> None:
    told = failure(refusal(status, reason, "Said so."), account="me@x.example", people="bob")
    assert isinstance(told, StepFailed)
    assert words in told.message
    assert told.permanent
    assert isinstance(told, Undeliverable) == (words.endswith("Correct it"))


def test_a_pause_is_read_from_the_message_as_well(site: Site) -> None:
    until = (timezone.now() + timedelta(seconds=90)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    error = refusal(429, "rateLimitExceeded", f"User-rate limit exceeded.  Retry after {until}")
    told = failure(error, account="me", people="bob")
    assert isinstance(told, StepFailed)
    assert told.retry_after == pytest.approx(90, abs=3)


def test_a_pause_is_seconds_or_a_date() -> None:
    later = format_datetime(timezone.now() + timedelta(seconds=60), usegmt=True)
    assert asked_pause({"retry-after": later}) == pytest.approx(60, abs=3)
    assert asked_pause({"Retry-After": " 12 "}) == 12
    assert asked_pause({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    for senseless in ("", "soon", "-5", "Wed, 21 Oct 2015 07:28:00"):
        assert asked_pause({"Retry-After": senseless}) is None


def test_an_answer_that_makes_no_sense_is_an_answer_still() -> None:
    for content in (b"", b"<html>", b"[]", b'{"error": "x"}'):
        error = HttpError(httplib2.Response({"status": "503"}), content)
        told = failure(error, account="me", people="bob")
        assert isinstance(told, StepFailed)
        assert not told.permanent
    gone = HttpError(httplib2.Response({"status": "401"}), b"")
    assert isinstance(failure(gone, account="me", people="bob"), Unauthorized)


def test_a_recipient_that_gmail_refuses_does_not_keep_the_others_from_being_asked(
    site: Site,
) -> None:
    accepted = []

    def answer(body: bytes) -> tuple[int, object]:
        to = str(message_from_bytes(urlsafe_b64decode(json.loads(body)["raw"]))["To"])
        if to == BOB:
            return 400, {"error": {"message": "Invalid To header", "errors": [{"reason": "x"}]}}
        accepted.append(to)
        return 200, {"id": "1"}

    with server(answer) as address:
        site.endpoint("google", "API_URL", address)
        held = run(ask(site.gmail(), BOB, CAROL))
    assert held.status == RunStatus.FAILED
    assert f"Gmail does not take the mail to {BOB}" in error_of(held, "ask")
    assert accepted == [CAROL]


# ------------------------------------------------------------------ never twice
def test_whoever_has_their_mail_gets_no_second_one(site: Site) -> None:
    control.delay(Endpoint.GMAIL_SEND, 0.01)  # the first one arrives
    control.fail(Endpoint.GMAIL_SEND, "unavailable")
    held = run(ask(site.gmail(), BOB, CAROL))
    assert [mail.to for mail in control.mails()] == [BOB]
    assert again(held).status == RunStatus.SUSPENDED
    assert [mail.to for mail in control.mails()] == [BOB, CAROL]


def test_a_mail_whose_answer_was_never_seen_is_sent_again_with_the_same_message_id(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.google.gmail.TIMEOUT", 0.3)
    control.fail(Endpoint.GMAIL_SEND, "lose_answer", seconds=1)
    held = run(ask(site.gmail(), BOB))
    assert f"the mail to {BOB} may or may not have been sent" in error_of(held, "ask")
    monkeypatch.setattr("hub.google.gmail.TIMEOUT", 10)
    assert again(held).status == RunStatus.SUSPENDED
    first, second = control.mails(to=BOB)
    assert first.message["Message-ID"] == second.message["Message-ID"]


def test_a_mail_sent_by_a_step_that_runs_again_keeps_its_message_id(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.google.gmail.TIMEOUT", 0.3)
    control.fail(Endpoint.GMAIL_SEND, "lose_answer", seconds=1)
    held = run(send(site.gmail(), retry=RETRY))
    monkeypatch.setattr("hub.google.gmail.TIMEOUT", 10)
    again(held)
    first, second = control.mails(to=BOB)
    assert first.message["Message-ID"] == second.message["Message-ID"]


def test_a_worker_that_is_killed_between_two_mails_sends_each_once(
    site: Site, settings: Settings
) -> None:
    gmail = site.gmail()
    settings.WINDFLOW = {**settings.WINDFLOW, "EXECUTOR": "tests.test_races.Nobody"}
    held = started(ask(gmail, BOB, CAROL))
    control.delay(Endpoint.GMAIL_SEND, 0.01)  # Bob's mail arrives
    control.fail(Endpoint.GMAIL_SEND, "hang", seconds=8)  # Carol's does not, and the worker waits
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c",
         f"from windflow import engine; engine.advance({held.pk})"],
        cwd=Path(__file__).parents[2],
        env=services.process_environment(WINDFLOW_BASE_URL=site.url),
    )  # fmt: skip
    try:
        wait_for(lambda: control.count(Endpoint.GMAIL_SEND) == 2)
    finally:
        worker.kill()
        worker.wait()
    assert [one.approver for one in Approval.objects.exclude(invited_at=None)] == [BOB]
    Run.objects.filter(pk=held.pk).update(lease_until=timezone.now())
    assert settle(held).status == RunStatus.SUSPENDED
    assert [mail.to for mail in control.mails()] == [BOB, CAROL]
    assert kinds(held).count("step.started") == 2


def started(*modules: Any) -> Run:
    return engine.start(flow(*modules), {})


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)
