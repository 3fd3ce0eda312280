"""A mail server for the check: real SMTP on loopback, with a box a person."""

from __future__ import annotations

import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Condition

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from config.demo.ports import LOOPBACK


class Postbox:
    """Takes every mail and hands it to who waits for it. Use it with ``with``."""

    def __init__(self, port: int) -> None:
        self._mails: list[tuple[str, EmailMessage]] = []
        self._arrived = Condition()
        self._server = Controller(self, hostname=LOOPBACK, port=port)

    def __enter__(self) -> Postbox:
        self._server.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.stop()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        message = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]
        with self._arrived:
            self._mails.extend((address, message) for address in envelope.rcpt_tos)
            self._arrived.notify_all()
        return "250 OK"

    def take(self, address: str, *, within: float) -> EmailMessage:
        """The oldest mail to ``address``, removed from the box.

        Waits up to ``within`` seconds for it; raises ``TimeoutError`` then.
        """
        until = time.monotonic() + within
        with self._arrived:
            while True:
                for entry in self._mails:
                    if entry[0] == address:
                        self._mails.remove(entry)
                        return entry[1]
                if not self._arrived.wait(until - time.monotonic()):
                    raise TimeoutError(f"No mail to {address} arrived within {within:g} s.")

    def count(self) -> int:
        """How many mails nobody took yet."""
        with self._arrived:
            return len(self._mails)
