"""Approval links as the world meets them: scanners, programs, strangers, forgers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.documents import seat, settle, suspension
from tests.flows import (
    BOB,
    COST_CENTRE,
    KINDS,
    QUESTION,
    ask_for_expense,
    everything,
    link,
    tell,
    words,
)
from windflow import engine, links
from windflow.links import Purpose
from windflow.models import Approval, Run, Suspension
from windflow.pages import MAX_BODY
from windflow.states import ApprovalStatus, RunStatus, SuspensionStatus

pytestmark = pytest.mark.django_db

SCANNERS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120 Safari/537.36",
    "Mozilla/5.0 (compatible; Microsoft Defender SafeLinks)",
    "Proofpoint URL Defense",
    "Mimecast-URL-Protect/2.0",
    "BarracudaCentral",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "SkypeUriPreview Preview/0.5",
    "WhatsApp/2.23.20",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "GoogleImageProxy",
    "curl/8.5.0",
    "",
]


# Looking


@pytest.mark.parametrize("kind", KINDS)
def test_looking_at_a_link_changes_no_row_whoever_looks(
    client: Client, run_waiting_for_bob: Run, kind: str
) -> None:
    path = link(run_waiting_for_bob, kind=kind)
    before = everything()
    for agent in SCANNERS:
        headers = {"user-agent": agent, "sec-purpose": "prefetch", "accept": "*/*"}
        for look in (client.get, client.head, client.options, client.get):
            response = look(path, headers=headers)
            assert response.status_code == (204 if look == client.options else 200)
    assert client.get(path, {"decision": "approve", "confirm": "1"}).status_code == 200
    assert everything() == before
    assert tell(client, link(run_waiting_for_bob, kind="resume")).json()["recorded"]


@pytest.mark.parametrize("kind", KINDS)
def test_looking_takes_no_write_lock(
    client: Client, run_waiting_for_bob: Run, kind: str, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(5) as queries:
        client.get(link(run_waiting_for_bob, kind=kind))
    assert all(query["sql"].startswith("SELECT") for query in queries.captured_queries)


@pytest.mark.parametrize("kind", KINDS)
def test_head_has_no_body_and_options_says_what_is_allowed(
    client: Client, run_waiting_for_bob: Run, kind: str
) -> None:
    path = link(run_waiting_for_bob, kind=kind)
    assert client.head(path).content == b""
    options = client.options(path)
    assert (options.status_code, options.content) == (204, b"")
    assert options["Allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_refused(
    client: Client, run_waiting_for_bob: Run, kind: str, method: str
) -> None:
    before = everything()
    response = client.generic(method, link(run_waiting_for_bob, kind=kind))
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert everything() == before


@pytest.mark.parametrize(("kind", "button"), [("resume", "approve"), ("cancel", "reject")])
def test_a_direct_link_opens_a_page_with_exactly_one_button(
    browser: Client, run_waiting_for_bob: Run, kind: str, button: str
) -> None:
    response = browser.get(link(run_waiting_for_bob, kind=kind))
    page = response.content.decode()
    assert QUESTION in page
    assert page.count('name="decision"') == 1
    assert f'value="{button}"' in page


def test_a_cancel_link_has_no_button_where_nobody_may_reject(browser: Client) -> None:
    path = link(ask_for_expense(hide_cancel=True), kind="cancel")
    page = browser.get(path)
    assert "can only be approved, not rejected" in words(page)
    assert b"decision" not in page.content
    assert tell(Client(), path).json()["errors"].keys() == {"decision"}


# Programs


def test_a_program_approves_with_comment_and_answer(client: Client) -> None:
    waiting = ask_for_expense(resume_form=COST_CENTRE)
    body = {"comment": "ok", "answer": {"cost_centre": "4711", "limit": 3}}
    response = tell(Client(enforce_csrf_checks=True), link(waiting, kind="resume"), body)
    assert response.status_code == 200
    assert response.json() == {
        "recorded": True,
        "status": "open",
        "approvals": 1,
        "required": 2,
    }
    vote = seat(waiting, "bob")
    assert (vote.comment, vote.answer, vote.channel) == ("ok", body["answer"], "link")


def test_a_program_needs_no_body(client: Client, run_waiting_for_bob: Run) -> None:
    assert tell(client, link(run_waiting_for_bob, kind="resume")).json()["approvals"] == 1
    response = client.generic("POST", link(run_waiting_for_bob, "carol", kind="resume"))
    assert response.json()["approvals"] == 2
    assert settle(run_waiting_for_bob).status == RunStatus.SUCCEEDED


def test_a_program_may_post_a_form_too(client: Client) -> None:
    waiting = ask_for_expense(resume_form=COST_CENTRE)
    path = link(waiting, kind="resume")
    bad = client.post(path, {"answer.cost_centre": "47"}, headers={"accept": "application/json"})
    assert bad.status_code == 400
    assert list(bad.json()["errors"]) == ["answer.cost_centre"]
    good = client.post(path, {"answer.cost_centre": "4711", "comment": "ok"})
    assert good.json()["recorded"]
    assert seat(waiting, "bob").answer == {"cost_centre": "4711"}


def test_a_program_rejects(client: Client, run_waiting_for_bob: Run) -> None:
    body = {"comment": "too dear"}
    response = tell(client, link(run_waiting_for_bob, kind="cancel"), body).json()
    assert (response["recorded"], response["status"]) == (True, "rejected")
    assert settle(run_waiting_for_bob).status == RunStatus.CANCELLED


def test_a_person_may_press_the_one_button(browser: Client, run_waiting_for_bob: Run) -> None:
    path = link(run_waiting_for_bob, kind="cancel")
    response = browser.post(path, {"comment": "too dear", "decision": "approve"})
    assert (response.status_code, response["Location"]) == (303, path)
    assert "You rejected this request." in words(browser.get(path))
    assert seat(run_waiting_for_bob, "bob").comment == "too dear"


def test_repeating_it_answers_with_the_state_and_changes_nothing(
    client: Client, run_waiting_for_bob: Run
) -> None:
    path = link(run_waiting_for_bob, kind="resume")
    tell(client, path, {"comment": "first"})
    before = everything()
    for _again in range(20):
        response = tell(client, path, {"comment": "again"})
        assert (response.status_code, response.json()["recorded"]) == (200, False)
    assert everything() == before


def test_too_late_is_a_conflict_with_the_true_state(
    client: Client, run_waiting_for_bob: Run
) -> None:
    tell(client, link(run_waiting_for_bob, "carol", kind="cancel"))
    before = everything()
    for kind in ("resume", "cancel"):
        response = tell(client, link(run_waiting_for_bob, kind=kind))
        assert response.status_code == 409
        assert response.json()["status"] == "rejected"
        assert "closed" in response.json()["error"]
    assert everything() == before


def test_a_late_vote_finds_the_deadline_passed(client: Client, run_waiting_for_bob: Run) -> None:
    Suspension.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    response = tell(client, link(run_waiting_for_bob, kind="resume"))
    assert (response.status_code, response.json()["status"]) == (409, "timed_out")
    assert suspension(run_waiting_for_bob).status == SuspensionStatus.TIMED_OUT


def test_an_answer_that_does_not_fit_is_named_by_field(client: Client) -> None:
    waiting = ask_for_expense(resume_form=COST_CENTRE)
    before = everything()
    body = {"answer": {"cost_centre": 4711, "limit": "three", "approver": "x"}}
    response = tell(client, link(waiting, kind="resume"), body)
    assert response.status_code == 400
    assert sorted(response.json()["errors"]) == [
        "answer.approver",
        "answer.cost_centre",
        "answer.limit",
    ]
    assert everything() == before


BAD_BODIES = [
    ("{", ["body"]),
    ("[]", ["body"]),
    ("null", ["body"]),
    ('"approve"', ["body"]),
    ("NaN", ["body"]),
    ('{"comment": NaN}', ["body"]),
    (b"\xff\xfe", ["body"]),
    ("[" * 30_000, ["body"]),
    ('{"comment": 1}', ["comment"]),
    ('{"comment": null}', ["comment"]),
    ('{"comment": "\\u0000"}', ["comment"]),
    ('{"comment": "\\ud800"}', ["comment"]),
    ('{"answer": []}', ["answer"]),
    ('{"answer": "yes"}', ["answer"]),
    ('{"approver": "x", "decision": "approve"}', ["approver", "decision"]),
    ('{"comment": "' + "x" * 5001 + '"}', ["comment"]),
    ('{"comment": "' + "x" * MAX_BODY + '"}', ["body"]),
    ('{"answer": {"n": ' + "9" * 5_000 + "}}", ["body"]),
]


@pytest.mark.parametrize(("body", "fields"), BAD_BODIES, ids=range(len(BAD_BODIES)))
@pytest.mark.parametrize("kind", ["resume", "cancel"])
def test_a_body_that_cannot_be_is_refused_by_field(
    client: Client, run_waiting_for_bob: Run, kind: str, body: str | bytes, fields: list[str]
) -> None:
    before = everything()
    response = tell(client, link(run_waiting_for_bob, kind=kind), body)
    assert response.status_code == 400
    assert sorted(response.json()["errors"]) == fields
    assert all(text.endswith(".") for text in response.json()["errors"].values())
    assert everything() == before


def test_other_content_types_are_refused(client: Client, run_waiting_for_bob: Run) -> None:
    path = link(run_waiting_for_bob, kind="resume")
    response = client.post(path, "<a/>", content_type="text/xml")
    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["body"]


URLENCODED = "application/x-www-form-urlencoded"
UNREADABLE = {
    "too big": (b"decision=approve&x=" + b"y" * MAX_BODY, URLENCODED),
    "too many fields": (b"decision=approve" + b"&a=1" * 2_000, URLENCODED),
    "charset": (b"decision=approve", f"{URLENCODED}; charset=utf-16"),
    "no boundary": (b"decision=approve", "multipart/form-data"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sent", UNREADABLE.values(), ids=UNREADABLE)
def test_a_form_that_cannot_be_read_decides_nothing(
    browser: Client, run_waiting_for_bob: Run, kind: str, sent: tuple[bytes, str]
) -> None:
    before = everything()
    body, content_type = sent
    response = browser.post(link(run_waiting_for_bob, kind=kind), body, content_type=content_type)
    assert response.status_code == 400
    assert everything() == before


# Tokens


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_opens_only_its_own_door(
    client: Client, run_waiting_for_bob: Run, kind: str
) -> None:
    token = link(run_waiting_for_bob, kind=kind).split("/")[-2]
    doors = {"approval_page": "approval", "resume": "resume", "cancel": "cancel"}
    before = everything()
    for door in set(doors.values()) - {doors[kind]}:
        path = f"/flows/{door}/{token}/"
        assert client.get(path).status_code == 404
        assert client.post(path, {"decision": "approve"}).status_code == 404
        assert tell(client, path).status_code == 404
    assert everything() == before


def strange_tokens(token: str) -> dict[str, str]:
    """Malformed, forged, and of a seat that is not there."""
    return {
        "short": "x",
        "text": "no-token-at-all-but-long-enough",
        "unicode": "ünïcödé-" + token,
        "flipped": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "cut": token[:-8],
        "long": token * 20,
        "gone": links.sign(999_999, 0, Purpose.PAGE),
        "future": links.sign(Approval.objects.get(approver=BOB).pk, 5, Purpose.PAGE),
    }


def test_no_wrong_token_is_told_from_another(browser: Client, run_waiting_for_bob: Run) -> None:
    token = link(run_waiting_for_bob).split("/")[-2]
    pages = set()
    for strange in strange_tokens(token).values():
        response = browser.get(f"/flows/approval/{strange}/")
        assert response.status_code == 404
        pages.add(response.content)
    (page,) = pages
    assert page.decode().count("This link is not valid.") == 2  # title and heading


def test_a_program_gets_its_404_as_json(client: Client) -> None:
    response = tell(client, "/flows/resume/no-token-at-all-but-long-enough/")
    assert response.status_code == 404
    assert response.json() == {"error": "This link is not valid."}


@pytest.mark.parametrize("kind", KINDS)
def test_mallorys_old_link_was_withdrawn(browser: Client, mallory: User, kind: str) -> None:
    waiting = ask_for_expense("mallory@example.com", BOB)
    old = link(waiting, "mallory", kind)
    engine.revoke(seat(waiting, "mallory"))
    before = everything()
    for response in (browser.get(old), browser.post(old, {"decision": "approve"})):
        assert response.status_code == 410
        assert "This link was withdrawn." in words(response)
        assert QUESTION not in words(response)
    assert everything() == before
    assert browser.get(link(waiting, "mallory", kind)).status_code == 200


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_expires(
    browser: Client, run_waiting_for_bob: Run, settings: Any, kind: str
) -> None:
    path = link(run_waiting_for_bob, kind=kind)
    settings.WINDFLOW = {**settings.WINDFLOW, "LINK_MAX_AGE": -1}
    for response in (browser.get(path), browser.post(path, {"decision": "approve"})):
        assert response.status_code == 410
        assert "This link has expired." in words(response)
    assert seat(run_waiting_for_bob, "bob").status == ApprovalStatus.INVITED
