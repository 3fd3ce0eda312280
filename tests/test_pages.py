"""What keeps approval pages safe: who may post to them, their headers, what they show."""

from __future__ import annotations

import logging
from contextlib import suppress
from html.parser import HTMLParser
from typing import Any

import django
import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client, override_settings
from django.urls import resolve

from tests.documents import seat
from tests.flows import (
    BOB,
    COST_CENTRE,
    KINDS,
    QUESTION,
    ask_for_expense,
    everything,
    expense,
    link,
    tell,
    words,
)
from windflow import engine
from windflow.exceptions import TransitionRefused
from windflow.models import FlowVersion, Run, Suspension
from windflow.states import ApprovalStatus

pytestmark = pytest.mark.django_db


# Who is asking: sessions, CSRF, hosts


def token_of(page: Any) -> str:
    text = page.content.decode()
    start = text.index('name="csrfmiddlewaretoken" value="')
    return str(text[start:].split('"')[3])


def test_the_page_takes_no_post_from_elsewhere(run_waiting_for_bob: Run) -> None:
    browser = Client(enforce_csrf_checks=True, headers={"accept": "text/html"})
    before = everything()
    response = browser.post(link(run_waiting_for_bob), {"decision": "approve"})
    assert response.status_code == 403
    assert "did not come from the approval page" in words(response)
    assert response["Referrer-Policy"] == "no-referrer"
    assert everything() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
        {"origin": "null", "sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"referer": "https://evil.example/"},
    ],
)
def test_a_stolen_csrf_token_does_not_help_another_site(
    run_waiting_for_bob: Run, headers: dict[str, str]
) -> None:
    browser, path = Client(enforce_csrf_checks=True), link(run_waiting_for_bob)
    token = token_of(browser.get(path, secure=True))
    fields = {"decision": "approve", "csrfmiddlewaretoken": token}
    response = browser.post(path, fields, secure=True, headers=headers)
    assert response.status_code == 403
    assert seat(run_waiting_for_bob, "bob").status == ApprovalStatus.INVITED


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize(
    "headers",
    [{"origin": "null", "sec-fetch-site": "same-origin"}, {"origin": "null"}, {}],
    ids=["today", "old browser", "very old browser"],
)
@pytest.mark.parametrize("with_middleware", [True, False])
def test_a_browser_that_hides_where_it_was_can_still_answer(
    run_waiting_for_bob: Run,
    settings: Any,
    secure: bool,
    headers: dict[str, str],
    with_middleware: bool,
) -> None:
    if not with_middleware:
        settings.MIDDLEWARE = []
    browser, path = Client(enforce_csrf_checks=True), link(run_waiting_for_bob)
    token = token_of(browser.get(path, secure=secure))
    fields = {"decision": "approve", "csrfmiddlewaretoken": token}
    response = browser.post(path, fields, secure=secure, headers=headers)
    assert response.status_code == 303
    assert seat(run_waiting_for_bob, "bob").status == ApprovalStatus.APPROVED


@pytest.mark.parametrize("kind", ["resume", "cancel"])
def test_a_direct_link_never_uses_a_session(browser: Client, bob: User, kind: str) -> None:
    """Else another site that knows it could make Bob's browser answer with Bob's cookies."""
    waiting = ask_for_expense(user_auth_required=True)
    browser.force_login(bob)
    before = everything()
    path = link(waiting, kind=kind)
    for response in (browser.get(path), browser.post(path), tell(browser, path)):
        assert response.status_code == 403
        assert "Open the approval page instead" in response.content.decode()
        assert QUESTION not in response.content.decode()
    assert everything() == before


@override_settings(ALLOWED_HOSTS=["*"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_host_reaches_no_link(browser: Client, kind: str) -> None:
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    waiting = ask_for_expense()
    path = link(waiting, kind=kind)
    page = browser.get(path, headers=headers)
    assert "evil.example" not in page.content.decode()
    response = browser.post(path, {"decision": "approve"}, headers=headers)
    assert response["Location"] == path
    guarded = ask_for_expense(user_auth_required=True)
    page = browser.get(link(guarded, kind=kind), headers=headers)
    assert "evil.example" not in page.content.decode()


# Headers


#: Whom Django tells of errors; its form changed.
ROOT = "root@example.com"
ADMINS = [ROOT] if django.VERSION >= (6, 0) else [("Root", ROOT)]

HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}


def _answers(client: Client, kind: str) -> dict[str, Any]:
    """One response of every status that a link can give."""
    waiting, guarded = ask_for_expense(), ask_for_expense(user_auth_required=True)
    path, revoked = link(waiting, kind=kind), link(guarded, "carol", kind)
    engine.revoke(seat(guarded, "carol"))
    wrong = path.replace(path.split("/")[-2], "no-token-at-all-but-long-enough")
    found: dict[str, Any] = {
        "200": client.get(path),
        "200 head": client.head(path),
        "204": client.options(path),
        "400": client.post(path, {"decision": "approve", "comment": "x" * 6_000}),
        "403": client.get(link(guarded, kind=kind)),
        "404": client.get(wrong),
        "405": client.put(path),
        "410": client.get(revoked),
    }
    version = FlowVersion.objects.filter(pk=waiting.version_id)
    sound = version.get().document
    version.update(document={"summary": "", "value": {"modules": [{"id": path}]}})
    found["500"] = client.get(path)
    version.update(document=sound)
    found["303"] = client.post(path, {"decision": "approve"})
    with suppress(TransitionRefused):
        engine.cancel(waiting)
    found["409"] = client.post(link(waiting, "carol", kind), {"decision": "approve"})
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("with_middleware", [True, False])
def test_every_answer_has_the_headers(
    browser: Client, settings: Any, kind: str, with_middleware: bool
) -> None:
    if not with_middleware:
        settings.MIDDLEWARE = []
    for status, response in _answers(browser, kind).items():
        assert status.startswith(str(response.status_code)), status
        assert {name: response.get(name) for name in HEADERS} == HEADERS, status
        assert "no-store" in response["Cache-Control"], status


@pytest.mark.parametrize("kind", KINDS)
def test_no_live_token_reaches_a_log_or_a_mail_to_admins(
    browser: Client, kind: str, caplog: pytest.LogCaptureFixture, mailoutbox: list[Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    with override_settings(ADMINS=ADMINS):
        answers = _answers(browser, kind)
    assert "Internal Server Error" in caplog.text
    assert len(mailoutbox) == 1
    tokens = {response.wsgi_request.path.split("/")[-2] for response in answers.values()}
    said = caplog.text + "".join(mail.body for mail in mailoutbox)
    said += "".join(str(vars(record)) for record in caplog.records)
    assert not [token for token in tokens if token in said]


@override_settings(STATIC_URL="https://static.example.net/a/")
def test_styles_may_come_from_where_the_static_files_are(browser: Client) -> None:
    response = browser.get(link(ask_for_expense()))
    assert "https://static.example.net/a/windflow/approval.css" in response.content.decode()
    policy = response["Content-Security-Policy"]
    assert "style-src 'self' https://static.example.net;" in policy
    assert "form-action 'self';" in policy


@pytest.mark.parametrize("kind", KINDS)
def test_the_views_stay_out_of_atomic_requests(run_waiting_for_bob: Run, kind: str) -> None:
    view = resolve(link(run_waiting_for_bob, kind=kind)).func
    assert vars(view)["_non_atomic_requests"] == {"default"}


def test_nothing_on_a_page_loads_from_elsewhere_or_runs(
    browser: Client, run_waiting_for_bob: Run
) -> None:
    page = browser.get(link(run_waiting_for_bob)).content.decode().lower()
    for part in ("<script", "style=", " on", "http://", "https://", "<iframe", "<img"):
        assert part not in page.replace("decision", ""), part


# What others wrote


XSS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "'><iframe src=javascript:alert(1)>",
    "</textarea><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<style>body{display:none}</style>",
    "<form action=https://evil.example><input name=decision>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content=0;url=https://evil.example>",
    "{{ settings.SECRET_KEY }}{% load static %}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
]
TAGS = {
    *("html", "head", "meta", "title", "link", "body", "header", "main", "article", "footer"),
    *("section", "h1", "h2", "p", "span", "div", "dl", "dt", "dd", "ul", "ol", "li", "time"),
    *("bdi", "form", "input", "button", "label", "textarea", "br", "a", "em", "strong", "code"),
    *("blockquote",),
}


class Reader(HTMLParser):
    """Every tag of a page, the way a browser sees them."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def assert_harmless(page: Any) -> None:
    assert page.status_code < 500
    for tag, attributes in Reader(page).tags:
        assert tag in TAGS
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        target = attributes.get("href") or "#"
        assert target.startswith(("#", "/static/")) or (tag, target) == ("link", "data:,")
        assert tag != "form" or attributes == {"method": "post"}
        assert "http-equiv" not in attributes


@pytest.mark.parametrize("text", XSS)
def test_what_others_wrote_never_comes_alive(browser: Client, text: str) -> None:
    waiting = ask_for_expense(resume_form=COST_CENTRE)
    Run.objects.update(inputs={"amount": text, "reason": [text, {text: text}], text: text})
    Suspension.objects.update(subject=text[:300], message=text, about=text)
    body = {"comment": text, "answer": {"cost_centre": "1234"}}
    tell(browser, link(waiting, "carol", "resume"), body)
    typed = {"comment": text, "answer.cost_centre": text[:3], "answer.limit": text}
    assert_harmless(browser.get(link(waiting)))
    for pressed in ("approve", "reject", "back", text):
        assert_harmless(browser.post(link(waiting), {**typed, "decision": pressed}))
    browser.post(link(waiting), {"decision": "reject", "confirm": "1", "comment": text})
    assert_harmless(browser.get(link(waiting)))
    assert_harmless(browser.get(link(waiting, "carol")))


def test_a_link_that_slipped_into_a_text_is_not_shown_to_others(browser: Client) -> None:
    waiting = ask_for_expense()
    carols = engine.links(seat(waiting, "carol")).approval_page
    Run.objects.update(inputs={"amount": 1, "reason": carols})
    Suspension.objects.update(subject=f"see {carols}", message=carols, about=carols)
    tell(browser, link(waiting, "carol", "resume"), {"comment": f"mine: {carols}"})
    page = browser.get(link(waiting)).content.decode()
    assert carols.split("/")[-2] not in page
    assert "[link removed]" in page


def test_no_step_input_is_on_the_page(browser: Client) -> None:
    waiting = ask_for_expense(BOB, "dan@example.com")
    page = browser.get(link(waiting)).content.decode()
    assert "dan@example.com" not in page
    assert expense()["value"]["path"] not in page


def test_the_page_stays_small_whatever_was_put_in(browser: Client) -> None:
    waiting = ask_for_expense()
    long = {"reason": "word " * 100_000, "more": [{"x": list(range(1000))}] * 1000}
    deep: Any = "end"
    for _level in range(60):
        deep = {"deeper": deep}
    Run.objects.update(inputs={**long, "deep": deep})
    Suspension.objects.update(message="*a " * 100_000)
    page = browser.get(link(waiting)).content
    assert len(page) < 100_000


def test_a_vote_is_kept_even_where_every_request_is_a_transaction(
    client: Client, run_waiting_for_bob: Run, settings: Any
) -> None:
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    try:
        tell(client, link(run_waiting_for_bob, kind="resume"))
    finally:
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False
    assert transaction.get_connection().needs_rollback is False
    assert seat(run_waiting_for_bob, "bob").status == ApprovalStatus.APPROVED
