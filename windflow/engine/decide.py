"""One person's decision: the one door behind every page, API, button and call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _

from windflow import signals
from windflow.conf import conf
from windflow.definition import Suspend, schema_problems
from windflow.engine.access import refusal
from windflow.engine.change import Actor, Change, change
from windflow.engine.expire import expire_if_due
from windflow.engine.gate import settle
from windflow.exceptions import DecisionRefused, InvalidInput, NotAllowed, NotPlain
from windflow.models import Approval, Suspension
from windflow.states import ApprovalStatus, SuspensionStatus
from windflow.values import JSON, plain

Decision = Literal["approve", "reject"]
_STATUS = {"approve": ApprovalStatus.APPROVED, "reject": ApprovalStatus.REJECTED}
MAX_COMMENT = 5_000


@dataclass(frozen=True, slots=True)
class Receipt:
    """What :func:`decide` did. ``recorded`` is False when this very decision stood already."""

    approval: Approval
    suspension: Suspension
    recorded: bool


def decide(
    approval: Approval,
    decision: Decision,
    *,
    by: AbstractBaseUser | Actor | None = None,
    comment: str = "",
    answer: Mapping[str, JSON] | None = None,
) -> Receipt:
    """Record this seat's decision and act on it. Repeating it changes nothing.

    ``by`` is the logged-in user, or an actor with the channel; None for code that answers for the
    seat. ``answer`` is what the approver entered in the step's form.

    Raises :class:`NotAllowed`, :class:`InvalidInput` naming each field that does not fit, and
    :class:`DecisionRefused` when it comes too late: decided otherwise, deadline passed, run over.
    """
    actor = Actor.of(by, "code")
    with change(approval.suspension.run_id, actor) as tx:
        seat = _locked(tx, approval)
        refused = refusal(seat, actor.user)
        if refused is not None:
            raise NotAllowed(str(refused.value))
        if seat.status == _STATUS[decision]:
            return Receipt(seat, seat.suspension, recorded=False)
        expired = expire_if_due(tx, seat.suspension)
        if not expired:
            _check_still_open(seat)
            _vote(tx, seat, decision, *_checked(seat, decision, comment, answer))
    # Raised after the commit: that the deadline passed is true whoever noticed it.
    if expired:
        raise DecisionRefused(_("The deadline has passed; your answer came too late."))
    return Receipt(seat, seat.suspension, recorded=True)


def _locked(tx: Change, approval: Approval) -> Approval:
    seat = (
        Approval.objects.select_for_update()
        .select_related("suspension__step_run")
        .get(pk=approval.pk)
    )
    tx.run.version = approval.suspension.run.version  # frozen, and read already
    seat.suspension.run = tx.run
    return seat


def _check_still_open(seat: Approval) -> None:
    if seat.status == ApprovalStatus.APPROVED:
        raise DecisionRefused(_("You have approved this already; that stands."))
    if seat.status == ApprovalStatus.REJECTED:
        raise DecisionRefused(_("You have rejected this already; that stands."))
    if not seat.suspension.is_live or seat.status != ApprovalStatus.INVITED:
        raise DecisionRefused(_("This request is closed; your answer is no longer needed."))


def _checked(
    seat: Approval, decision: Decision, comment: str, answer: Mapping[str, JSON] | None
) -> tuple[str, JSON]:
    rule = seat.suspension.rule
    if decision == "reject" and rule.hide_cancel:
        raise InvalidInput({"decision": _("This request can only be approved, not rejected.")})
    if len(comment) > MAX_COMMENT:
        raise InvalidInput(
            {"comment": _("At most %(most)d characters are allowed.") % {"most": MAX_COMMENT}}
        )
    text: str = _plain("comment", comment)
    value = _plain("answer", None if answer is None else dict(answer))
    if decision == "approve" and rule.form_schema is not None:
        value = _checked_answer(rule, value or {})
    return text, value


def _plain(field: str, value: object) -> JSON:
    try:
        return plain(value, what=field, max_bytes=conf.MAX_JSON_BYTES)
    except NotPlain as error:
        raise InvalidInput({field: error.message}) from None


def _checked_answer(rule: Suspend, answer: dict[str, JSON]) -> dict[str, JSON]:
    schema = rule.form_schema or {}
    declared = schema.get("properties", {})
    unknown = sorted(set(answer) - set(declared))
    problems = {
        f"answer.{name}": _("The form has no such field. It has: %(fields)s.")
        % {"fields": ", ".join(declared) or _("none")}
        for name in unknown
    }
    for problem in schema_problems(schema, answer, "answer"):
        problems.setdefault(problem.place, problem.message)
    if problems:
        raise InvalidInput(problems)
    return answer


def _vote(tx: Change, seat: Approval, decision: Decision, comment: str, answer: JSON) -> None:
    tx.move_row(
        seat,
        decision,
        decided_at=tx.now,
        channel=tx.by.channel,
        comment=comment,
        answer=answer,
    )
    tx.record(
        f"approval.{seat.status}",
        acting_as=seat.approver,
        step=seat.suspension.step_run.step_id,
        round=seat.suspension.round,
        comment=comment,
    )
    tx.announce(signals.approval_recorded, approval=seat)
    # While the script still sends its links the vote is only kept: the gate counts it when armed.
    if seat.suspension.status == SuspensionStatus.OPEN:
        settle(tx, seat.suspension)
