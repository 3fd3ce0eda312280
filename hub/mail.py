"""Scripts that ask for approval by mail and send mails, through the site's mail settings or through
a mail server that is connected as a resource."""

from __future__ import annotations

from typing import Annotated

from django.core.mail import EmailMultiAlternatives
from pydantic import EmailStr, Field

from hub.smtp import MailServer, SmtpResource
from windflow import ApprovalLinks, Context, StepFailed, script
from windflow.markup import render
from windflow.notifications import invitation

Subject = Annotated[str, Field(title="Subject", min_length=1, max_length=200)]
Server = Annotated[
    SmtpResource | None,
    Field(title="Mail server", description="Empty for the site's own mail settings."),
]


@script(kind="approval", title="E-mail approval", summary="Ask people for approval by e-mail")
def email_approval(
    ctx: Context,
    approvers: Annotated[
        list[str],
        Field(
            title="Approvers",
            description="E-mail addresses, or usernames of users who have one.",
            min_length=1,
            max_length=200,
        ),
    ],
    subject: Subject,
    message: Annotated[
        str, Field(title="Message", description="What they need to know (Markdown).")
    ] = "",
    about: Annotated[
        str, Field(title="About", description="Who or what it is about.", max_length=200)
    ] = "",
    smtp: Server = None,
) -> dict[str, list[str]]:
    """Mails every approver **their own link** to the approval page, where they approve or reject.

    Give the step a *suspend* block: how many have to approve, and until when. The steps after it
    can use `approvers`, `resume` and `resumes`.

    When the step runs again, whoever has their mail already does not get a second one. Returns
    `{"asked": [...]}`, the addresses.
    """
    ctx.ask(subject, message, about)
    # Every seat before the first mail: one wrong address must not leave half of them asked.
    # By seat, since somebody named twice has one.
    seats = {links.approval_id: links for links in map(ctx.approval_links, approvers)}
    waiting = [links for links in seats.values() if not links.invited]
    failures = []
    with MailServer(ctx, smtp) as server:
        for links in waiting:
            try:
                _invite(ctx, server, links, subject, message, about)
            except StepFailed as failure:
                failures.append(failure)
    if failures:
        raise StepFailed(
            " ".join(dict.fromkeys(failure.message for failure in failures)),
            permanent=all(failure.permanent for failure in failures),
        )
    return {"asked": [links.approver for links in seats.values()]}


def _invite(
    ctx: Context, server: MailServer, links: ApprovalLinks, subject: str, message: str, about: str
) -> None:
    mail = invitation(
        links,
        subject=subject,
        message=message,
        about=about,
        asked_by=str(ctx.started_by),
        flow_name=ctx.flow_name,
    )
    server.send(mail)
    ctx.invited(links)
    ctx.log(f"mailed {links.approver}")


@script(title="Send an e-mail", summary="Send a mail to one or more people")
def send_email(
    ctx: Context,
    to: Annotated[list[EmailStr], Field(title="To", min_length=1, max_length=200)],
    subject: Subject,
    message: Annotated[str, Field(title="Message", description="Markdown.")],
    cc: Annotated[list[EmailStr], Field(title="Cc", max_length=200)] = [],  # noqa: B006
    smtp: Server = None,
) -> dict[str, list[str]]:
    """Sends one mail, as text and as HTML.

    Returns `{"sent": [...]}`, the addresses.
    """
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split()), body=message, to=list(to), cc=list(cc)
    )
    mail.attach_alternative(render(message), "text/html")
    with MailServer(ctx, smtp) as server:
        server.send(mail)
    ctx.log(f"mailed {', '.join([*to, *cc])}")
    return {"sent": [*to, *cc]}
