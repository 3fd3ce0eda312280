"""What an approval page says about one seat: who asks what, who has answered, what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _

from windflow.display import facts
from windflow.markup import render
from windflow.models import Approval
from windflow.presentation import brief, moment, redacted
from windflow.scripts import person
from windflow.states import ApprovalStatus, RunStatus, SuspensionStatus

MAX_PIPS = 12  # more approvals than that are said in words alone
MAX_MESSAGE = 20_000  # characters


@dataclass(frozen=True, slots=True)
class VoteLine:
    """Somebody's answer. ``mark`` and ``tone`` are its shape and colour, ``words`` its meaning."""

    mark: str
    tone: str
    words: SafeString
    comment: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it stands for this seat, once there is nothing left to decide for it."""

    mark: str
    tone: str
    title: str
    when: SafeString | str
    details: list[SafeString | str]


class Question:
    """One seat's view of its suspension, as of the moment of asking. Reads, never writes."""

    def __init__(self, seat: Approval) -> None:
        self.seat = seat
        self.suspension = seat.suspension
        self.run = seat.suspension.run
        self.now = now()

    @cached_property
    def title(self) -> str:
        """The question: what the script asked, else what the step or the flow is called."""
        step = self.run.version.definition.step(self.suspension.step_run.step_id)
        return redacted(self.suspension.subject or step.summary or self.run.flow.name)

    @property
    def flow_name(self) -> str:
        return self.run.flow.name

    @property
    def asked_by(self) -> str:
        return str(person(self.run.started_by))

    @property
    def asked_when(self) -> SafeString:
        return when(self.suspension.created_at)

    @property
    def about(self) -> str:
        return redacted(self.suspension.about)

    @cached_property
    def message(self) -> SafeString:
        text = redacted(self.suspension.message)
        return render(text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "…")

    @cached_property
    def inputs(self) -> list[tuple[str, SafeString]]:
        """What the flow was started with."""
        return facts(self.run.inputs, self.run.version.definition.schema)

    @cached_property
    def _votes(self) -> list[Approval]:
        return list(self.suspension.approvals.votes().select_related("user"))

    @cached_property
    def approved(self) -> int:
        """How many approved so far."""
        return sum(vote.status == ApprovalStatus.APPROVED for vote in self._votes)

    @property
    def pips(self) -> str:
        """The count as a row of shapes, for the eye alone; the words beside it say the same."""
        required = self.suspension.required
        done = min(self.approved, required)
        return "●" * done + "○" * (required - done) if required <= MAX_PIPS else ""

    @property
    def until(self) -> SafeString | None:
        """The deadline with its zone, since this page cannot know the reader's."""
        deadline = self.suspension.deadline
        return when(deadline, zone=True) if deadline is not None else None

    @property
    def is_open(self) -> bool:
        """Whether this seat can still decide."""
        waits = self.seat.status == ApprovalStatus.INVITED and self.suspension.is_live
        return waits and not self._is_late

    @property
    def _is_late(self) -> bool:
        return self.suspension.is_due(self.now)

    @property
    def may_reject(self) -> bool:
        return not self.suspension.rule.hide_cancel

    @property
    def needs_login(self) -> bool:
        """Whether the link alone is not enough."""
        rule = self.suspension.rule
        return bool(rule.user_auth_required or rule.user_groups_required)

    @property
    def goes_on_regardless(self) -> bool:
        """Whether the flow goes on after a rejection or a missed deadline too."""
        return self.suspension.rule.continue_on_disapprove_timeout

    @cached_property
    def votes(self) -> list[VoteLine]:
        """Who answered what, in order; then the reader, if they have not."""
        votes = [self._vote(seat) for seat in self._votes]
        if self.seat.decided_at is None:
            waits = _("{who}: not answered yet") if self.is_open else _("{who}: not answered")
            votes.append(VoteLine("○", "quiet", format_html(waits, who=self._you), ""))
        return votes

    def _vote(self, seat: Approval) -> VoteLine:
        agreed = seat.status == ApprovalStatus.APPROVED
        who = self._you if seat.pk == self.seat.pk else _bdi(_name(seat))
        at = when(seat.decided_at) if seat.decided_at is not None else ""
        words = _("{who} approved, {when}") if agreed else _("{who} rejected, {when}")
        mark, tone = ("✓", "good") if agreed else ("✗", "bad")
        return VoteLine(mark, tone, format_html(words, who=who, when=at), redacted(seat.comment))

    @property
    def _you(self) -> SafeString:
        """Who the link thinks its reader is; veiled, since links get forwarded."""
        return format_html(_("You ({address})"), address=_bdi(veiled(self.seat.approver)))

    @cached_property
    def outcome(self) -> Outcome | None:
        """What happened; None while this seat can still decide."""
        if self.is_open:
            return None
        mine = {
            ApprovalStatus.APPROVED: ("✓", "good", _("You approved this request.")),
            ApprovalStatus.REJECTED: ("✗", "bad", _("You rejected this request.")),
        }
        mark, tone, title = mine.get(ApprovalStatus(self.seat.status)) or self._unanswered()
        return Outcome(
            mark=mark,
            tone=tone,
            title=title,
            when=when(self.seat.decided_at) if self.seat.decided_at is not None else "",
            details=[*self._fate(), *self._after()],
        )

    def _unanswered(self) -> tuple[str, str, str]:
        if self._is_late or self.suspension.status == SuspensionStatus.TIMED_OUT:
            return "◷", "quiet", _("The deadline has passed.")
        if self.suspension.status == SuspensionStatus.CANCELLED:
            return "–", "quiet", _("This request was withdrawn.")
        return "–", "quiet", _("Your answer is no longer needed.")

    def _fate(self) -> Iterator[SafeString | str]:
        """What came of the request as a whole."""
        ended = self.suspension.closed_at or self.suspension.deadline or self.now
        by, at = self._closer, when(ended)
        reason = redacted(self.suspension.close_reason)
        match self.suspension.status:
            case SuspensionStatus.APPROVED:
                yield format_html(_("The request was approved {when}."), when=at)
            case SuspensionStatus.REJECTED if self.seat.status != ApprovalStatus.REJECTED:
                yield format_html(_("{who} rejected it {when}."), who=by, when=at)
            case SuspensionStatus.TIMED_OUT:
                yield self._late()
            case SuspensionStatus.CANCELLED if self.suspension.closed_by:
                yield format_html(_("{who} cancelled the run {when}."), who=by, when=at)
                if reason:
                    yield format_html(_("Reason: {reason}"), reason=reason)
            case SuspensionStatus.CANCELLED:
                yield format_html(_("The run ended {when}, before all had answered."), when=at)
            case _ if self._is_late:
                yield self._late()
            case _ if self.suspension.is_live:
                yield self._still_waiting()

    def _late(self) -> SafeString:
        ended = self.until or when(self.now)
        return format_html(_("Too few people had answered by {when}."), when=ended)

    def _still_waiting(self) -> str:
        counts = {"approved": self.approved, "required": self.suspension.required}
        text = _("%(approved)d of %(required)d approvals are in. The flow goes on with the last.")
        return text % counts

    def _after(self) -> Iterator[SafeString | str]:
        """What the run did with it."""
        status = self.suspension.status
        if self._is_late or self.suspension.is_live or status == SuspensionStatus.CANCELLED:
            return
        if self.run.status == RunStatus.SUCCEEDED:
            yield _("The flow has finished successfully.")
        elif self.run.status == RunStatus.CANCELLED and status == SuspensionStatus.REJECTED:
            yield _("The run was cancelled.")
        elif self.run.status == RunStatus.CANCELLED:
            yield _("The run was cancelled later.")
        elif self.run.status == RunStatus.FAILED and status == SuspensionStatus.TIMED_OUT:
            yield _("The run has ended.")
        elif self.run.status == RunStatus.FAILED:
            yield _("A later step failed; whoever looks after the flow can see why.")
        else:
            yield _("The flow goes on.")

    @property
    def _closer(self) -> SafeString:
        closed_by = self.suspension.closed_by
        known = next((seat for seat in self._votes if seat.approver == closed_by), None)
        return _bdi(_name(known) if known is not None else closed_by)


def when(instant: datetime, *, zone: bool = False) -> SafeString:
    """``instant`` as people say it: "today 09:12", "Fri 17:00"; exact on hover."""
    local, today = localtime(instant), localtime(now()).date()
    days = {
        today: _("today %(time)s"),
        today + timedelta(days=1): _("tomorrow %(time)s"),
        today - timedelta(days=1): _("yesterday %(time)s"),
    }
    words = days.get(local.date(), brief(instant)) % {"time": date_format(local, "H:i")}
    return moment(instant, f"{words} {local.tzname()}" if zone else words)


def veiled(approver: str) -> str:
    """Enough of an address for its owner to know it: ``b•••@acme.test``."""
    name, at, domain = approver.partition("@")
    return f"{name[:1]}•••{at}{domain}"


def _name(seat: Approval) -> str:
    return str(person(seat.user)) if seat.user is not None else seat.approver


def _bdi(text: str) -> SafeString:
    return format_html("<bdi>{}</bdi>", text)
