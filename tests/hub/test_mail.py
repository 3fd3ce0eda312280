"""``hub/email_approval`` and ``hub/send_email``, over Django's mail in memory."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives
from pytest_django import Settings

from tests import documents
from windflow import engine
from windflow.exceptions import TransitionRefused
from windflow.models import Run
from windflow.notifications import resend

pytestmark = pytest.mark.django_db
BOTH = ["bob@example.com", "carol@example.com"]
Outbox = list[EmailMultiAlternatives]


def ask(*approvers: str, by: User | None = None, required: int = 1, **inputs: Any) -> Run:
    """A run of one e-mail approval."""
    return documents.run(
        documents.step(
            "ask",
            "hub/email_approval",
            {"approvers": list(approvers), "subject": "Buy a laptop?", **inputs},
            suspend={"required_events": required, "timeout": 3600},
        ),
        by=by,
    )


def html(mail: EmailMultiAlternatives) -> str:
    [part] = mail.alternatives
    return str(part[0])


def addresses(text: object) -> set[str]:
    return set(re.findall(r"https://flows\.example\.com/[^\s\"<]+", str(text)))


def test_every_approver_has_a_mail_of_their_own(mailoutbox: Outbox) -> None:
    run = ask(*BOTH)
    assert [mail.to for mail in mailoutbox] == [[address] for address in BOTH]
    assert run.status == "suspended"
    assert run.step_runs.get().result == {"asked": BOTH}


def test_text_and_html_have_the_same_one_link(mailoutbox: Outbox) -> None:
    run = ask(*BOTH)
    for mail, name in zip(mailoutbox, ["bob", "carol"], strict=True):
        [link] = addresses(mail.body)
        assert addresses(html(mail)) == {link}
        assert documents.opened_by(link) == documents.seat(run, name)


def test_no_mail_has_a_link_that_decides_by_itself(mailoutbox: Outbox) -> None:
    links = engine.links(documents.seat(ask("bob@example.com"), "bob"))
    [mail] = mailoutbox
    for deciding in (links.resume, links.cancel):
        address = deciding.rstrip("/").rpartition("/")[0]
        assert address not in mail.body + html(mail)


def test_the_subject_says_what_is_asked_and_until_when(mailoutbox: Outbox) -> None:
    ask("bob@example.com")
    assert re.fullmatch(r"Buy a laptop\? \(answer by .+ UTC\)", str(mailoutbox[0].subject))


def test_the_mail_says_who_asks_for_what(mailoutbox: Outbox, alice: User) -> None:
    alice.last_name = "Adams"
    alice.save()
    ask("bob@example.com", by=alice, about="Berlin", message="It is **broken**.")
    [mail] = mailoutbox
    for text in (mail.body, html(mail)):
        assert "Asked by: Alice Adams" in text
        assert "About: Berlin" in text
    assert "It is **broken**." in mail.body
    assert "It is <strong>broken</strong>." in html(mail)


def test_what_people_wrote_is_no_markup(mailoutbox: Outbox) -> None:
    ask("bob@example.com", about="<b>R&D</b>", message="<script>alert(1)</script>")
    [mail] = mailoutbox
    assert "About: <b>R&D</b>" in mail.body
    assert "&lt;b&gt;R&amp;D&lt;/b&gt;" in html(mail)
    assert "<script" not in html(mail)


def test_a_line_break_in_the_subject_makes_no_header(mailoutbox: Outbox) -> None:
    ask("bob@example.com", subject="Buy?\r\nBcc: mallory@example.com")
    [mail] = mailoutbox
    assert mail.subject.startswith("Buy? Bcc: mallory@example.com (answer by")
    assert "Bcc" not in mail.message()
    assert mail.recipients() == ["bob@example.com"]


def test_the_mail_is_marked_as_sent_by_a_machine(mailoutbox: Outbox) -> None:
    ask("bob@example.com")
    assert mailoutbox[0].message()["Auto-Submitted"] == "auto-generated"


def test_the_sender_can_be_set(mailoutbox: Outbox, settings: Settings) -> None:
    settings.WINDFLOW = {**settings.WINDFLOW, "FROM_EMAIL": "flows@example.com"}
    ask("bob@example.com")
    assert mailoutbox[0].from_email == "flows@example.com"


def test_a_username_will_do_for_somebody_with_an_address(mailoutbox: Outbox, bob: User) -> None:
    run = ask("bob")
    assert mailoutbox[0].to == ["bob@example.com"]
    assert documents.seat(run, "bob").user == bob


def test_one_person_named_in_three_ways_has_one_mail(mailoutbox: Outbox, bob: User) -> None:
    run = ask("bob", "Bob@Example.com", "bob@example.com")
    assert [mail.to for mail in mailoutbox] == [["bob@example.com"]]
    assert run.step_runs.get().result == {"asked": ["bob@example.com"]}


@pytest.mark.parametrize("wrong", ["nobody", "bob@", "a b@example.com", ""])
def test_nobody_is_asked_when_one_of_them_does_not_exist(mailoutbox: Outbox, wrong: str) -> None:
    run = ask("carol@example.com", wrong)
    assert run.status == "failed"
    assert repr(wrong) in documents.error(run)["message"]
    assert mailoutbox == []


def test_somebody_without_an_address_cannot_be_mailed(mailoutbox: Outbox, bob: User) -> None:
    bob.email = ""
    bob.save()
    run = ask("bob")
    assert (
        documents.error(run)["message"]
        == "bob has no e-mail address, so no link can be mailed to them."
    )
    assert mailoutbox == []


def test_an_empty_list_of_approvers_is_refused_by_name(mailoutbox: Outbox) -> None:
    run = ask("bob@example.com", approvers=documents.cel("[]"))
    assert documents.error(run)["name"] == "InvalidInput"
    assert documents.error(run)["message"].startswith("approvers: ")


def test_without_a_suspend_block_nobody_is_asked(mailoutbox: Outbox) -> None:
    inputs = {"approvers": BOTH, "subject": "Buy?"}
    run = documents.run(documents.step("ask", "hub/email_approval", inputs))
    assert "has no suspend block" in documents.error(run)["message"]
    assert mailoutbox == []


def test_too_few_people_for_the_required_approvals_is_said(mailoutbox: Outbox) -> None:
    run = ask("bob@example.com", required=2)
    assert "needs 2 approvals, but its script asked 1 people" in documents.error(run)["message"]


def test_the_links_are_in_no_log_result_or_event(mailoutbox: Outbox) -> None:
    run = ask(*BOTH)
    step_run = run.step_runs.get()
    kept = [step_run.log, step_run.result, step_run.inputs, *run.events.values_list("data")]
    tokens = {link.rstrip("/").rpartition("/")[2] for m in mailoutbox for link in addresses(m.body)}
    assert len(tokens) == 2
    assert not any(token in str(kept) for token in tokens)


# Sending once more


def test_a_resent_mail_has_the_same_link_and_is_not_taken_for_the_first(
    mailoutbox: Outbox,
) -> None:
    run = ask("bob@example.com")
    resend(documents.seat(run, "bob"))
    first, second = mailoutbox
    assert addresses(second.body) == addresses(first.body)
    assert second.message()["Message-ID"] != first.message()["Message-ID"]
    assert second.subject == first.subject
    assert documents.kinds(run)[-1] == "approval.resent"


def test_a_resent_mail_after_a_withdrawal_has_a_new_link(mailoutbox: Outbox) -> None:
    run = ask("bob@example.com")
    engine.revoke(documents.seat(run, "bob"))
    resend(documents.seat(run, "bob"))
    first, second = mailoutbox
    assert addresses(second.body) != addresses(first.body)


def test_nothing_is_resent_to_somebody_who_has_decided(mailoutbox: Outbox) -> None:
    run = ask(*BOTH, required=2)
    engine.decide(documents.seat(run, "bob"), "approve")
    with pytest.raises(TransitionRefused, match="nothing left to decide"):
        resend(documents.seat(run, "bob"))
    assert len(mailoutbox) == 2


# hub/send_email


def test_it_sends_one_mail_as_text_and_html(mailoutbox: Outbox) -> None:
    inputs = {
        "to": BOTH,
        "cc": ["dora@example.com"],
        "subject": "Bought",
        "message": "The **laptop** is here.",
    }
    run = documents.run(documents.step("a", "hub/send_email", inputs))
    [mail] = mailoutbox
    assert (mail.to, mail.cc, mail.subject) == (BOTH, ["dora@example.com"], "Bought")
    assert mail.body == "The **laptop** is here."
    assert html(mail) == "<p>The <strong>laptop</strong> is here.</p>"
    assert run.result == {"sent": [*BOTH, "dora@example.com"]}


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"to": "['bob']"}, "to.0: "),
        ({"to": "[]"}, "to: "),
        ({"subject": "''"}, "subject: "),
        ({"cc": r"['carol@example.com\nBcc: mallory@example.com']"}, "cc.0: "),
    ],
)
def test_a_mail_that_cannot_be_sent_names_the_input(
    mailoutbox: Outbox, changed: dict[str, str], place: str
) -> None:
    found_later = {name: documents.cel(expression) for name, expression in changed.items()}
    inputs = {"to": BOTH, "subject": "Bought", "message": "Here.", **found_later}
    run = documents.run(documents.step("a", "hub/send_email", inputs))
    assert documents.error(run)["message"].startswith(place)
    assert mailoutbox == []
