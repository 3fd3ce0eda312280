"""A mailbox to read in the browser, so that the demo needs no mail server.

Django's file backend writes the mails; these views only read them. They exist only while that
backend is in use, and only with DEBUG: the mails hold links that decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

SEPARATOR = b"\n" + b"-" * 79 + b"\n"  # what the file backend writes after each mail
CONTENT_SECURITY_POLICY = (
    # The mail's frame inherits this: its own inline styles work, scripts and remote images do not.
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Mail:
    """One mail as the pages show it. ``key`` names it in the address."""

    key: str
    subject: str
    sender: str
    to: str
    at: datetime
    text: str
    html: str

    @property
    def frame(self) -> str:
        """The HTML part for a sandboxed frame; its links open in the whole window."""
        return f'<base target="_top">{self.html}'


def read_mails(folder: Path) -> list[Mail]:
    """Every mail in ``folder``, newest first."""
    mails = [mail for path in folder.glob("*.log") for mail in _mails_of(path)]
    return sorted(mails, key=lambda mail: (mail.at, mail.key), reverse=True)


def _mails_of(path: Path) -> Iterator[Mail]:
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    for number, content in enumerate(path.read_bytes().split(SEPARATOR)):
        if content.strip():
            message = message_from_bytes(content, policy=policy.default)
            yield _mail(f"{path.stem}-{number}", message, written)


def _mail(key: str, message: EmailMessage, written: datetime) -> Mail:
    return Mail(
        key=key,
        subject=str(message["Subject"] or ""),
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        at=written,
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def mail_list(request: HttpRequest) -> HttpResponse:
    """All mails of the demo, newest first."""
    return _page(request, "config/mail_list.html", {"mails": read_mails(_folder())})


def mail_detail(request: HttpRequest, key: str) -> HttpResponse:
    """One mail: its headers, its HTML in a frame that runs nothing, its text."""
    for mail in read_mails(_folder()):
        if mail.key == key:
            return _page(request, "config/mail_detail.html", {"mail": mail})
    raise Http404("There is no such mail.")


def _folder() -> Path:
    if not settings.DEMO_MAILBOX or not settings.DEBUG:
        raise Http404("The mails of this site go to a real mail server.")
    return Path(settings.DEMO_MAILBOX)


def _page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response["Cache-Control"] = "no-store"
    return response
