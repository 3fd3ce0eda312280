"""Scripts over a Slack workspace: post, tell who approved, and ask for approval."""

from __future__ import annotations

from typing import Annotated

from django.utils.translation import gettext as _
from pydantic import Field

from hub.failures import Undeliverable
from hub.slack import text as texts
from hub.slack.resources import SlackResource
from hub.slack.workspace import Workspace
from windflow import ApprovalLinks, Context, StepFailed, script

Slack = Annotated[SlackResource, Field(title="Slack", description="The workspace.")]
Channel = Annotated[
    str,
    Field(
        title="Channel",
        description="Its name, as #general, or its id.",
        min_length=1,
        max_length=100,
    ),
]
Text = Annotated[
    str, Field(title="Text", description="*bold*, _italic_ and `code` work.", min_length=1)
]


@script(title="Send a Slack message", summary="Post a message to a Slack channel")
def slack_send_message(ctx: Context, slack: Slack, channel: Channel, text: Text) -> dict[str, str]:
    """Posts one message to a channel, as the bot. Links are not unfolded, and `<`, `>` and `&` are
    shown as they are, so that what other steps wire in here can mention nobody.

    When Slack asks for a pause, the step waits as long as Slack asks. Returns the
    channel's id and the message's timestamp: `{"channel": "C…", "ts": "…"}`.
    """
    return _post(ctx, Workspace(ctx, slack), channel, texts.escape(text))


@script(title="Tell Slack who approved", summary="Post who approved to a Slack channel")
def slack_notify_approvers(
    ctx: Context,
    slack: Slack,
    channel: Channel,
    approvers: Annotated[
        list[str],
        Field(title="Approvers", description="Wire `approvers` in here.", max_length=1000),
    ],
    text: Annotated[
        str, Field(title="Text", description="Stands above the names. *bold* and _italic_ work.")
    ] = "",
) -> dict[str, str]:
    """Posts *who approved* to a channel, below a text of yours:

        The offer to Acme
        Approved by bob@example.com, carol@example.com

    When Slack asks for a pause, the step waits as long as Slack asks. Returns the
    channel's id and the message's timestamp: `{"channel": "C…", "ts": "…"}`.
    """
    lines = [texts.escape(text.strip()), texts.approved_by(approvers)]
    return _post(ctx, Workspace(ctx, slack), channel, "\n".join(filter(None, lines)))


def _post(ctx: Context, workspace: Workspace, channel: str, text: str) -> dict[str, str]:
    answer = workspace.post(channel, text)
    ctx.log(f"posted to {channel}")
    return {"channel": str(answer["channel"]), "ts": str(answer["ts"])}


@script(kind="approval", title="Slack approval", summary="Ask people for approval by Slack")
def slack_approval(
    ctx: Context,
    slack: Slack,
    approvers: Annotated[
        list[str],
        Field(
            title="Approvers",
            description="E-mail addresses that they have in Slack, or usernames of users with one.",
            min_length=1,
            max_length=200,
        ),
    ],
    subject: Annotated[str, Field(title="Subject", min_length=1, max_length=200)],
    message: Annotated[
        str,
        Field(title="Message", description="What they need to know (Markdown).", max_length=30_000),
    ] = "",
    about: Annotated[
        str, Field(title="About", description="Who or what it is about.", max_length=200)
    ] = "",
    channel: Annotated[
        str,
        Field(
            title="Channel",
            description="Is told who is asked, without links. Empty to tell nobody.",
            max_length=100,
        ),
    ] = "",
) -> dict[str, list[str]]:
    """Sends every approver **their own link** as a direct message in Slack. It opens the approval
    page, where they approve or reject. A channel is told at most *who* is asked: whoever has a
    link decides as its owner, so none is ever posted where others can read it.

    Give the step a *suspend* block: how many have to approve, and until when. The steps after it
    can use `approvers`, `resume` and `resumes`. When Slack asks for a
    pause, the step waits as long as Slack asks, then writes to those who are still missing.

    When the step runs again, whoever has their message already does not get a second one, unless
    the worker died before Slack's answer was recorded. Returns `{"asked": [...]}`, the addresses.
    """
    ctx.ask(subject, message, about)
    # Every seat before the first message: one wrong address must not leave half of them asked.
    # By seat, since somebody named twice has one.
    seats = {links.approval_id: links for links in map(ctx.approval_links, approvers)}
    asked = [links.approver for links in seats.values()]
    _check_addresses(asked)
    workspace = Workspace(ctx, slack)
    if channel and not any(links.invited for links in seats.values()):
        # Before the links: a wrong channel is found while nobody has been asked, and an attempt
        # that finds somebody asked knows that the channel was told.
        workspace.post(channel, texts.note(subject, asked))
    undeliverable = []
    for links in seats.values():
        if links.invited:
            continue
        try:
            _ask(ctx, workspace, links, texts.question(ctx, links, subject, message, about))
        except Undeliverable as failure:
            undeliverable.append(failure.message)
    if undeliverable:
        raise StepFailed(" ".join(undeliverable), permanent=True)
    return {"asked": asked}


def _check_addresses(asked: list[str]) -> None:
    for approver in asked:
        if "@" not in approver:
            raise StepFailed(
                _("%(approver)s has no e-mail address, by which Slack could find them.")
                % {"approver": approver},
                permanent=True,
            )


def _ask(ctx: Context, workspace: Workspace, links: ApprovalLinks, text: str) -> None:
    person = workspace.find(links.approver)
    workspace.post(person, text, shown_as=links.approver)
    ctx.invited(links)
    ctx.log(f"wrote to {links.approver}")
