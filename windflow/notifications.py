"""Mails to approvers. The engine knows nothing of them: scripts send invitations, people resend
them, and every mail is made here, so that no script builds a decision URL or a header by hand."""

from __future__ import annotations

import smtplib
from datetime import datetime
from urllib.parse import urlsplit

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from windflow import engine
from windflow.conf import conf
from windflow.exceptions import StepFailed
from windflow.markup import render
from windflow.models import Approval
from windflow.scripts import ApprovalLinks, person


def invitation(
    links: ApprovalLinks,
    *,
    subject: str,
    message: str = "",
    about: str = "",
    asked_by: str = "",
    flow_name: str = "",
) -> EmailMultiAlternatives:
    """The mail that asks ``links.approver`` to decide: text first, HTML with the same words.

    ``message`` is Markdown. The Message-ID is the same whenever the same links are sent, so that
    mail programs can tell a mail that had to be sent twice; some providers put one of their own.
    Raises :class:`StepFailed` when the approver has no e-mail address.
    """
    if "@" not in links.approver:
        raise StepFailed(
            _("%(approver)s has no e-mail address, so no link can be mailed to them.")
            % {"approver": links.approver},
            permanent=True,
        )
    question = " ".join(subject.split())
    until = _until(links.deadline)
    facts = {
        "question": question,
        "message": message,
        "message_html": render(message),
        "about": about,
        "asked_by": asked_by,
        "flow_name": flow_name,
        "until": until,
        "url": links.approval_page,
    }
    title = _("%(question)s (answer by %(until)s)") if until else "%(question)s"
    mail = EmailMultiAlternatives(
        subject=title % {"question": question, "until": until},
        body=render_to_string("windflow/mail/invitation.txt", facts),
        from_email=conf.FROM_EMAIL or None,
        to=[links.approver],
        headers={
            "Message-ID": f"<windflow.{links.approval_id}.{links.generation}@{_domain()}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834: out-of-office replies stay away
        },
    )
    mail.attach_alternative(render_to_string("windflow/mail/invitation.html", facts), "text/html")
    return mail


def resend(approval: Approval, *, by: AbstractBaseUser | engine.Actor | None = None) -> None:
    """Mail a seat its links once more, through Django's mail settings, and record it.

    Raises :class:`TransitionRefused` when the seat has nothing left to decide, and
    :class:`StepFailed` with what the mail server said when it does not take the mail.
    """
    engine.await_answer(approval)
    suspension = approval.suspension
    run = suspension.run
    mail = invitation(
        engine.links(approval),
        subject=suspension.subject or run.flow.name,
        message=suspension.message,
        about=suspension.about,
        asked_by=str(person(run.started_by)),
        flow_name=run.flow.name,
    )
    # Sent on purpose once more: with the old Message-ID it would be taken for the first one.
    del mail.extra_headers["Message-ID"]
    send(mail)
    engine.record_resent(approval, by=by)


def send(mail: EmailMessage, *, advice: str = "") -> None:
    """Send ``mail``, or raise :class:`StepFailed` with what the mail server said: permanent where
    it said that asking again is of no use. ``advice`` is what to do about a server that does not
    answer; without it, to check the site's mail settings."""
    people = ", ".join(mail.recipients())
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _text in error.recipients.values()]
        raise StepFailed(
            _("The mail server does not deliver to %(people)s: %(said)s")
            % {"people": people, "said": _said(error)},
            permanent=all(code >= 500 for code in codes),
        ) from None
    except smtplib.SMTPResponseException as error:
        raise StepFailed(
            _("The mail server refused the mail to %(people)s: %(said)s")
            % {"people": people, "said": _said(error)},
            permanent=error.smtp_code >= 500,
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        raise StepFailed(
            _("The mail to %(people)s could not be sent (%(said)s). %(advice)s")
            % {
                "people": people,
                "said": _said(error),
                "advice": advice or _("Check EMAIL_HOST and its settings; then retry."),
            }
        ) from None


def _said(error: Exception) -> str:
    return str(error)[:500]


def _until(deadline: str | None) -> str:
    instant = parse_datetime(deadline) if deadline else None
    return _local(instant) if instant is not None else ""


def _local(instant: datetime) -> str:
    local = localtime(instant)
    return f"{date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"


def _domain() -> str:
    return urlsplit(conf.BASE_URL).hostname or "windflow.invalid"
