"""``hub/email_approval`` through a real mail server, which now and then refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.urls import resolve
from django.utils import timezone
from pytest_django import Settings

from config.demo.ports import LOOPBACK, free_port
from tests import documents
from tests.mailing import use_server
from windflow import engine
from windflow.links import Purpose
from windflow.models import Run

pytestmark = pytest.mark.django_db
BOTH = ["bob@example.com", "carol@example.com"]
UNKNOWN = "550 5.1.1 No such user here"
BUSY = "451 4.7.1 Greylisted, come back later"


@dataclass(frozen=True)
class Delivered:
    """One mail as the server took it."""

    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    def part(self, kind: str) -> str:
        body = self.message.get_body((kind,))
        assert body is not None
        text: str = body.get_content()
        return text


class Server:
    """Takes mail, or gives the reply that it was told to give."""

    def __init__(self) -> None:
        self.taken: list[Delivered] = []
        self.to_recipient: dict[str, str] = {}
        self.to_sender = self.to_data = ""

    def mails(self) -> list[str]:
        """Whom it took mail for, in order."""
        return [address for mail in self.taken for address in mail.recipients]

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        envelope.mail_from = address
        return self.to_sender or "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.to_recipient:
            return self.to_recipient[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        raw = envelope.content
        assert isinstance(raw, bytes)
        self.taken.append(Delivered(list(envelope.rcpt_tos), raw))
        return self.to_data or "250 OK"


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    handler = Server()
    port = free_port()
    controller = Controller(handler, hostname=LOOPBACK, port=port)
    controller.start()
    use_server(settings, LOOPBACK, port)
    yield handler
    controller.stop()


def ask(*approvers: str, attempts: int = 0, **inputs: Any) -> Run:
    """A run of one e-mail approval that all have to give, then a greeting."""
    return documents.run(
        documents.step(
            "ask",
            "hub/email_approval",
            {"approvers": list(approvers), "subject": "Buy a laptop?", **inputs},
            suspend={"required_events": len(approvers), "timeout": 3600},
            retry={"constant": {"attempts": attempts, "seconds": 60}},
        ),
        documents.step("hello", "hub/say_hello", {"name": documents.cel("approvers")}),
    )


def wake(run: Run) -> Run:
    """As if the pause before the next attempt were over."""
    Run.objects.filter(pk=run.pk).update(wake_at=timezone.now())
    return documents.settle(run)


def link(mail: Delivered) -> str:
    [found] = set(re.findall(r"https://flows\.example\.com/\S+", mail.part("plain")))
    return str(found)


def test_the_mailed_links_take_the_run_to_its_end(server: Server) -> None:
    run = ask(*BOTH)
    assert server.mails() == BOTH
    for mail in server.taken:
        token = resolve(link(mail).removeprefix("https://flows.example.com")).kwargs["token"]
        engine.decide(engine.find(token, Purpose.PAGE), "approve")
    assert documents.settle(run).result == "Hello bob@example.com and carol@example.com!"


def test_each_mail_is_text_and_html_with_its_own_link_alone(server: Server) -> None:
    ask(*BOTH, message="It is **broken**.")
    bobs, carols = server.taken
    assert link(bobs) != link(carols)
    for mail in (bobs, carols):
        assert mail.message.get_content_type() == "multipart/alternative"
        assert set(re.findall(r'https://[^\s"<]+', mail.part("html"))) == {link(mail)}
        assert mail.message["To"] == mail.recipients[0]


def test_long_links_arrive_in_one_piece(server: Server, settings: Settings) -> None:
    long = f"https://flows.example.com/{'a/' * 300}"
    settings.WINDFLOW = {**settings.WINDFLOW, "BASE_URL": long}
    run = ask("bob@example.com")
    assert documents.opened_by(link(server.taken[0])) == documents.seat(run, "bob")


def test_any_language_arrives_as_it_was_written(server: Server) -> None:
    ask("bob@example.com", subject="Löschgerät für Zürich 🧯?", message="Größe: 12 ℓ — dringend")
    [mail] = server.taken
    assert mail.message["Subject"].strip().startswith("Löschgerät für Zürich 🧯? (")
    assert "Größe: 12 ℓ — dringend" in mail.part("plain")
    assert "Größe: 12 ℓ — dringend" in mail.part("html")


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\r\n\r\n", "\u2028", "\x0b"])
def test_no_subject_makes_a_header_or_a_recipient(server: Server, ending: str) -> None:
    ask("bob@example.com", subject=f"Buy?{ending}Bcc: mallory@example.com{ending}X-Evil: 1")
    [mail] = server.taken
    assert mail.recipients == ["bob@example.com"]
    assert not {"Bcc", "X-Evil"} & set(mail.message.keys())
    assert mail.message["Subject"].startswith("Buy? Bcc: mallory@example.com X-Evil: 1 (")


def test_a_mail_that_the_server_took_and_denied_comes_again_as_the_same_mail(
    server: Server,
) -> None:
    server.to_data = BUSY
    run = ask("bob@example.com", attempts=1)
    server.to_data = ""
    wake(run)
    first, again = server.taken
    assert first.message["Message-ID"] == again.message["Message-ID"]
    assert re.fullmatch(r"<[^\s@]+@flows\.example\.com>", first.message["Message-ID"])
    assert documents.opened_by(link(first)) == documents.opened_by(link(again))


def test_every_seat_has_a_message_id_of_its_own(server: Server) -> None:
    ask(*BOTH)
    ask("bob@example.com")
    assert len({mail.message["Message-ID"] for mail in server.taken}) == 3


def test_a_refused_address_fails_the_step_in_the_servers_words_and_the_others_are_asked(
    server: Server,
) -> None:
    server.to_recipient["bob@example.com"] = UNKNOWN
    run = ask(*BOTH, attempts=3)
    assert run.status == "failed"  # at once: asking again is of no use
    assert "does not deliver to bob@example.com" in documents.error(run)["message"]
    assert "550" in documents.error(run)["message"]
    assert "No such user here" in documents.error(run)["message"]
    assert server.mails() == ["carol@example.com"]


def test_a_retry_mails_only_whom_no_mail_has_reached(server: Server) -> None:
    server.to_recipient["bob@example.com"] = UNKNOWN
    run = ask(*BOTH)
    server.to_recipient.clear()
    engine.retry(run)
    assert documents.settle(run).status == "suspended"
    assert server.mails() == ["carol@example.com", "bob@example.com"]


def test_the_link_of_a_mail_that_arrived_stays_good_when_another_did_not(server: Server) -> None:
    server.to_recipient["bob@example.com"] = UNKNOWN
    run = ask(*BOTH)
    server.to_recipient.clear()
    engine.retry(run)
    documents.settle(run)
    carols = server.taken[0]
    assert documents.opened_by(link(carols)) == documents.seat(run, "carol")


def test_a_server_that_asks_to_come_back_later_is_asked_again(server: Server) -> None:
    server.to_recipient["carol@example.com"] = BUSY
    run = ask(*BOTH, attempts=2)
    assert run.status == "sleeping"
    assert "Greylisted" in str(run.step_runs.get().error)
    server.to_recipient.clear()
    assert wake(run).status == "suspended"
    assert server.mails() == BOTH


def test_a_server_that_never_has_time_fails_the_step_in_the_end(server: Server) -> None:
    server.to_recipient["bob@example.com"] = BUSY
    run = ask("bob@example.com", attempts=2)
    wake(run)
    assert wake(run).status == "failed"
    assert run.step_runs.get().attempts == 3
    assert server.mails() == []


def test_a_refused_sender_is_said_in_the_servers_words(server: Server) -> None:
    server.to_sender = "553 5.7.1 You may not send as this address"
    run = ask("bob@example.com", attempts=3)
    assert run.status == "failed"
    assert "You may not send as this address" in documents.error(run)["message"]


def test_a_server_that_is_down_is_said_with_what_to_check(settings: Settings) -> None:
    use_server(settings, LOOPBACK, free_port())
    run = ask("bob@example.com")
    assert documents.error(run)["name"] == "StepFailed"
    assert "could not be sent" in documents.error(run)["message"]
    assert "refused" in documents.error(run)["message"]
    assert "Check EMAIL_HOST" in documents.error(run)["message"]
