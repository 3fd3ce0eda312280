"""How rows are said to people: states, times and values in words, the same on every page."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

from django.db.models import Count, Prefetch, Q
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from windflow.models import Event, Run, Suspension
from windflow.models.run import RunQuerySet
from windflow.states import ApprovalStatus, RunStatus
from windflow.values import JSON

#: What a token of :mod:`windflow.links` looks like inside any text.
_TOKEN = re.compile(r"[1-9][0-9]{0,18}-[0-9]{1,9}\.[0-9A-Za-z]{4,10}\.[0-9A-Za-z_-]{40,90}")
#: An exact instant inside any text, as JSON and engine write it.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d|Z)")
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
_WIDTH = 88  # characters: what is shorter stays on one line
_MOST_SAID = 300  # characters of one fact of an event
_MOST_SHOWN = 50_000  # characters of one value on a page

EVENTS = {
    "run.started": gettext_noop("Run started"),
    "run.suspended": gettext_noop("Waiting for approval"),
    "run.resumed": gettext_noop("Run resumed"),
    "run.sleeping": gettext_noop("Run sleeps"),
    "run.succeeded": gettext_noop("Run succeeded"),
    "run.failed": gettext_noop("Run failed"),
    "run.cancelled": gettext_noop("Run cancelled"),
    "run.retried": gettext_noop("Run retried"),
    "step.started": gettext_noop("Step started"),
    "step.succeeded": gettext_noop("Step succeeded"),
    "step.skipped": gettext_noop("Step skipped"),
    "step.retried": gettext_noop("Step is tried again"),
    "step.failed": gettext_noop("Step failed"),
    "suspension.asked": gettext_noop("Question asked"),
    "suspension.closed": gettext_noop("Wait ended"),
    "approval.asked": gettext_noop("Approver asked"),
    "approval.invited": gettext_noop("Invitation delivered"),
    "approval.resent": gettext_noop("Invitation sent again"),
    "approval.revoked": gettext_noop("Link withdrawn"),
    "approval.approved": gettext_noop("Approved"),
    "approval.rejected": gettext_noop("Rejected"),
}


# Runs


def with_gates(runs: RunQuerySet) -> RunQuerySet:
    """``runs`` with what :func:`headline` needs, in one more query for all of them."""
    gates = Suspension.objects.live().annotate(
        approved=Count("approvals", filter=Q(approvals__status=ApprovalStatus.APPROVED))
    )
    return runs.prefetch_related(Prefetch("suspensions", queryset=gates, to_attr="open_gates"))


def open_gate(run: Run) -> Suspension | None:
    """What the run waits for now, with the number of its approvals so far as ``approved``."""
    if not hasattr(run, "open_gates"):
        run = with_gates(Run.objects.filter(pk=run.pk)).get()
    gates: list[Suspension] = run.open_gates  # type: ignore[attr-defined]
    return gates[-1] if gates else None


def headline(run: Run, *, most: int | None = None) -> SafeString:
    """The run's state in one line, e.g. "Waiting for approval: 1 of 2".

    ``most`` cuts messages and reasons to so many characters.
    """
    if run.status == RunStatus.SUSPENDED:
        gate = open_gate(run)
        if gate is not None:
            return waiting(gate.approved, gate.required)  # type: ignore[attr-defined]
    if run.status == RunStatus.SLEEPING and run.wake_at is not None:
        return format_html(_("Sleeping until {}"), moment(run.wake_at))
    if run.status == RunStatus.FAILED and run.error:
        return format_html(
            _("Failed at step {step}: {message}"),
            step=run.error.get("step_id", "?"),
            message=legible(str(run.error.get("message", "")), most=most),
        )
    if run.status == RunStatus.CANCELLED:
        return _cancelled(run.ended_by, legible(run.end_reason, most=most))
    return format_html("{}", run.get_status_display())


def waiting(approved: int, required: int) -> SafeString:
    """How far a wait is: "Waiting for approval: 1 of 2"."""
    return format_html(
        _("Waiting for approval: {approved} of {required}"), approved=approved, required=required
    )


def _cancelled(who: str, reason: SafeString) -> SafeString:
    if who and reason:
        return format_html(_("Cancelled by {who}: {reason}"), who=who, reason=reason)
    if who:
        return format_html(_("Cancelled by {who}"), who=who)
    if reason:
        return format_html(_("Cancelled: {reason}"), reason=reason)
    return format_html("{}", RunStatus.CANCELLED.label)


# Times


def moment(instant: datetime, words: str = "") -> SafeString:
    """``instant`` in ``words``, or as short text in the current time zone; exact on hover."""
    local = localtime(instant)
    exact = f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d} {local.tzname()}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, words or brief(local)
    )


def brief(instant: datetime) -> str:
    """ "14:05" today, "Fri 17:00" within six days, else "4 Dec 2026 17:00"."""
    local, today = localtime(instant), localtime(now()).date()
    days = abs((local.date() - today).days)
    style = "H:i" if days == 0 else "D H:i" if days < 7 else "j M Y H:i"
    return date_format(local, style)


def duration(time: timedelta) -> str:
    """ "12 ms", "3.4 s", "5 min 3 s", "2 h 5 min" or "3 d 4 h"."""
    seconds = max(time.total_seconds(), 0.0)
    if seconds < 1:
        return _("%(number)d ms") % {"number": round(seconds * 1000)}
    if seconds < 60:
        return _("%(number).1f s") % {"number": seconds}
    minutes, whole = divmod(round(seconds), 60)
    if minutes < 60:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": whole}
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return _("%(days)d d %(hours)d h") % {"days": hours // 24, "hours": hours % 24}


# Events


def event_words(event: Event) -> str:
    """What happened: "Run started". The kind itself where there are no words for it."""
    return _(EVENTS[event.kind]) if event.kind in EVENTS else event.kind


def event_details(event: Event) -> SafeString:
    """The facts of an event on one line: "step: a · round: 1"."""
    facts: dict[str, JSON] = event.details
    names = sorted(facts, key=lambda name: name != "step")
    said = [
        f"{name.replace('_', ' ')}: {_said(facts[name])}"
        for name in names
        if facts[name] not in (None, "", False)
    ]
    return legible(" · ".join(said))


def _said(fact: JSON) -> str:
    text = fact if isinstance(fact, str) else json.dumps(fact, ensure_ascii=False)
    return Truncator(_DIGEST.sub(r"\1…", text)).chars(_MOST_SAID)


# Values


def legible(text: str, *, most: int | None = None) -> SafeString:
    """``text`` of a script or the engine for people: without tokens, instants as short times;
    cut to ``most`` characters where that is given."""
    clean = redacted(text)
    if most is not None:
        clean = Truncator(clean).chars(most)
    html, end = SafeString(), 0
    for found in _INSTANT.finditer(clean):
        instant = parse_datetime(found[0])
        if instant is not None:
            html += format_html("{}{}", clean[end : found.start()], moment(instant))
            end = found.end()
    return html + format_html("{}", clean[end:])


def redacted(text: str) -> str:
    """``text`` without the token of any approval link that a script let slip into it."""
    return _TOKEN.sub(_("[link removed]"), text)


def shown(value: JSON) -> str:
    """A value as JSON text to look at: no tokens, and not endless."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) <= _MOST_SHOWN:
        return redacted(pretty(value))
    return _("%(start)s … (%(length)d characters in all)") % {
        "start": redacted(flat[:_MOST_SHOWN]),
        "length": len(flat),
    }


def pretty(value: JSON) -> str:
    """JSON text to read and edit: what fits on a line stays on one."""
    return _pretty(value, "")


def _pretty(value: JSON, indent: str) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(indent) + len(flat) <= _WIDTH:
        return flat
    inner = indent + "  "
    if isinstance(value, list):
        lines = [inner + _pretty(item, inner) for item in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    lines = [
        f"{inner}{json.dumps(name, ensure_ascii=False)}: {_pretty(item, inner)}"
        for name, item in value.items()
    ]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
