"""Scripts over a Gmail account: ask for approval, and send a mail."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated

from django.core.mail import EmailMultiAlternatives
from pydantic import EmailStr, Field

from hub.failures import Undeliverable
from hub.google.gmail import Mailbox
from hub.google.resources import GmailResource
from windflow import ApprovalLinks, Context, StepFailed, script
from windflow.markup import render
from windflow.notifications import invitation

Gmail = Annotated[
    GmailResource, Field(title="Gmail", description="The account that the mails come from.")
]
Subject = Annotated[str, Field(title="Subject", min_length=1, max_length=200)]


@script(kind="approval", title="Gmail approval", summary="Ask people for approval by Gmail")
def gmail_approval(
    ctx: Context,
    gmail: Gmail,
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
) -> dict[str, list[str]]:
    """Mails every approver **their own link** to the approval page, where they approve or reject.
    The mails come from the connected Gmail account.

    Give the step a *suspend* block: how many have to approve, and until when. The steps after it
    can use `approvers`, `resume` and `resumes`. Give it a *retry* as well: when Gmail asks for a
    pause, the step waits as long as Gmail asks, then mails those who are still missing.

    When the step runs again, whoever has their mail already does not get a second one. Only when a
    worker dies before Gmail's answer is recorded can nobody know whether that one mail went out: it
    is sent again, with the same Message-ID. Returns `{"asked": [...]}`, the addresses.
    """
    ctx.ask(subject, message, about)
    # Every seat before the first mail: one wrong address must not leave half of them asked.
    # By seat, since somebody named twice has one.
    seats = {links.approval_id: links for links in map(ctx.approval_links, approvers)}
    mails = {
        links: _invitation(ctx, links, subject, message, about)
        for links in seats.values()
        if not links.invited
    }
    undeliverable = []
    with Mailbox(ctx, gmail) as mailbox:
        for links, mail in mails.items():
            try:
                mailbox.send(mail)
            except Undeliverable as failure:
                undeliverable.append(failure.message)
                continue
            ctx.invited(links)
            ctx.log(f"mailed {links.approver}")
    if undeliverable:
        raise StepFailed(" ".join(undeliverable), permanent=True)
    return {"asked": [links.approver for links in seats.values()]}


def _invitation(
    ctx: Context, links: ApprovalLinks, subject: str, message: str, about: str
) -> EmailMultiAlternatives:
    return invitation(
        links,
        subject=subject,
        message=message,
        about=about,
        asked_by=str(ctx.started_by),
        flow_name=ctx.flow_name,
    )


@script(title="Send a mail by Gmail", summary="Send a mail to one or more people by Gmail")
def gmail_send(
    ctx: Context,
    gmail: Gmail,
    to: Annotated[list[EmailStr], Field(title="To", min_length=1, max_length=200)],
    subject: Subject,
    message: Annotated[str, Field(title="Message", description="Markdown.")],
    cc: Annotated[list[EmailStr], Field(title="Cc", max_length=200)] = [],  # noqa: B006
) -> dict[str, object]:
    """Sends one mail, as text and as HTML, from the connected Gmail account.

    When the step runs again, the mail is sent again, with the same Message-ID. Returns
    `{"sent": [...], "id": "..."}`: the addresses, and Gmail's id of the mail.
    """
    digest = sha256(ctx.idempotency_key.encode()).hexdigest()[:32]
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=message,
        to=list(to),
        cc=list(cc),
        headers={"Message-ID": f"<windflow.{digest}@{gmail.account.rpartition('@')[2]}>"},
    )
    mail.attach_alternative(render(message), "text/html")
    with Mailbox(ctx, gmail) as mailbox:
        sent = mailbox.send(mail)
    ctx.log(f"mailed {', '.join([*to, *cc])}")
    return {"sent": [*to, *cc], "id": sent}
