"""What the messages say, in Slack's mrkdwn."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from windflow import ApprovalLinks, Context


def escape(text: str) -> str:
    """``text`` as it is: no mention, no link under another name can come out of it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def approved_by(approvers: Iterable[str]) -> str:
    """Who approved, each once."""
    names = ", ".join(dict.fromkeys(map(escape, approvers)))
    return _("Approved by %(names)s") % {"names": names} if names else _("Approved by nobody")


def question(ctx: Context, links: ApprovalLinks, subject: str, message: str, about: str) -> str:
    """The message that asks ``links.approver`` to decide. It holds their own link."""
    facts = {
        _("About"): about,
        _("Asked by"): str(ctx.started_by),
        _("Flow"): ctx.flow_name,
    }
    lines = [
        f"*{escape(_line(subject))}*",
        escape(message.strip()),
        "\n".join(f"{label}: {escape(_line(fact))}" for label, fact in facts.items() if fact),
        f"<{links.approval_page}|{_('Open the page to approve or reject')}>" + _until(links),
        _("This link is yours alone: whoever has it decides as you."),
    ]
    return "\n\n".join(filter(None, lines))


def note(subject: str, approvers: Iterable[str]) -> str:
    """The message that tells a channel who is asked, without anybody's link."""
    return _("*%(subject)s*\nAsked to approve: %(names)s. Each has a link of their own.") % {
        "subject": escape(_line(subject)),
        "names": ", ".join(map(escape, approvers)),
    }


def _line(text: str) -> str:
    return " ".join(text.split())


def _until(links: ApprovalLinks) -> str:
    """The deadline, in the reader's own time zone."""
    instant = parse_datetime(links.deadline) if links.deadline else None
    if instant is None:
        return ""
    fallback = instant.strftime("%Y-%m-%d %H:%M %Z")
    shown = f"<!date^{int(instant.timestamp())}^{{date_short_pretty}}, {{time}}|{fallback}>"
    return " " + _("(by %(until)s)") % {"until": shown}
