"""Seats: who is asked, their links, and withdrawing those."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from windflow import signals
from windflow.conf import conf
from windflow.definition import Suspend
from windflow.engine.change import Actor, Change, change
from windflow.exceptions import BadLink, RevokedLink, StepFailed, TransitionRefused
from windflow.links import Purpose, link, read
from windflow.models import Approval, Run, StepRun, Suspension
from windflow.scripts import ApprovalLinks
from windflow.states import ApprovalStatus, SuspensionStatus


def ensure_suspension(tx: Change, step_run: StepRun, rule: Suspend) -> Suspension:
    """The live suspension of this step run; opened in its next round if there is none."""
    latest = step_run.suspensions.select_for_update().order_by("-round").first()
    if latest is not None and latest.is_live:
        latest.run, latest.step_run = tx.run, step_run
        return latest
    return Suspension.objects.create(
        run=tx.run,
        step_run=step_run,
        round=latest.round + 1 if latest is not None else 1,
        status=SuspensionStatus.OPENING,
        required=rule.required_events,
        deadline=deadline(rule, tx.now),
        created_at=tx.now,
    )


def deadline(rule: Suspend, now: datetime) -> datetime | None:
    """When a wait that begins now ends; None for never."""
    seconds = rule.timeout if rule.timeout is not None else conf.DEFAULT_SUSPEND_TIMEOUT
    return None if seconds is None else now + timedelta(seconds=seconds)


def ensure_seat(tx: Change, suspension: Suspension, approver: str) -> Approval:
    """This approver's one seat. Raises :class:`StepFailed` when there is no such person."""
    name, person, user = identify(approver)
    seat, created = suspension.approvals.get_or_create(
        person=person,
        defaults={
            "approver": name,
            "user_id": user.pk if user is not None else None,
            "status": ApprovalStatus.INVITED,
            "created_at": tx.now,
        },
    )
    if created:
        tx.record("approval.asked", acting_as=name, step=suspension.step_run.step_id)
    return seat


def identify(approver: str) -> tuple[str, str, AbstractBaseUser | None]:
    """``(name, person, user)`` of an e-mail address or username; ``person`` is the same for every
    spelling that reaches the same account or address.

    Raises :class:`StepFailed` when it is neither.
    """
    text = approver.strip()
    users = get_user_model()._default_manager.filter(is_active=True)
    if "@" not in text:
        user = users.filter(**{get_user_model().USERNAME_FIELD: text}).first() if text else None
        if user is None:
            raise StepFailed(
                _(
                    "%(approver)r is neither an e-mail address nor the username of an active user. "
                    "Correct the list of approvers."
                )
                % {"approver": approver},
                permanent=True,
            )
        return _address(user) or text, f"user:{user.pk}", user
    address = text.lower()
    try:
        validate_email(address)
    except ValidationError:
        raise StepFailed(
            _("%(approver)r is not an e-mail address. Correct the list of approvers.")
            % {"approver": approver},
            permanent=True,
        ) from None
    email_field = get_user_model().get_email_field_name()
    matches = list(users.filter(**{f"{email_field}__iexact": address})[:2])
    if len(matches) == 1:
        return address, f"user:{matches[0].pk}", matches[0]
    return address, f"mail:{address}", None


def _address(user: AbstractBaseUser) -> str:
    return str(getattr(user, user.get_email_field_name(), "") or "").strip().lower()


def links(seat: Approval) -> ApprovalLinks:
    """The URLs of the seat's present generation."""
    generation = seat.generation
    ends = seat.suspension.deadline
    return ApprovalLinks(
        approver=seat.approver,
        approval_page=link(seat.pk, generation, Purpose.PAGE),
        resume=link(seat.pk, generation, Purpose.RESUME),
        cancel=link(seat.pk, generation, Purpose.CANCEL),
        approval_id=seat.pk,
        generation=generation,
        invited=seat.invited_at is not None,
        deadline=ends.isoformat() if ends is not None else None,
    )


def find(token: str, purpose: Purpose) -> Approval:
    """The seat that ``token`` opens. Raises :class:`BadLink`, or its kind that says why not."""
    reference = read(token, purpose)
    seat = (
        Approval.objects.select_related(
            "suspension__run__flow",
            "suspension__run__version",
            "suspension__step_run",
        )
        .filter(pk=reference.approval_id)
        .first()
    )
    if seat is None or reference.generation > seat.generation:
        raise BadLink
    if reference.generation < seat.generation:
        raise RevokedLink
    return seat


def revoke(seat: Approval, *, by: AbstractBaseUser | Actor | None = None) -> None:
    """Withdraw every link given to this seat so far; a vote already cast stays."""
    actor = Actor.of(by, "code")
    with change(seat.suspension.run_id, actor) as tx:
        locked = Approval.objects.select_for_update().get(pk=seat.pk)
        _raise_generation(tx, locked)
        tx.record("approval.revoked", acting_as=locked.approver)
        tx.announce(signals.approval_recorded, approval=locked)


def _raise_generation(tx: Change, seat: Approval) -> None:
    seat.generation += 1
    seat.invited_at = None
    Approval.objects.filter(pk=seat.pk).update(
        generation=seat.generation, invited_at=seat.invited_at
    )


def await_answer(seat: Approval) -> None:
    """Raises :class:`TransitionRefused` when this seat has nothing left to decide."""
    if seat.status != ApprovalStatus.INVITED or not seat.suspension.is_live:
        raise TransitionRefused(
            _("%(approver)s has nothing left to decide here.") % {"approver": seat.approver}
        )


def record_resent(seat: Approval, *, by: AbstractBaseUser | Actor | None = None) -> None:
    """Note that the seat's links were delivered once more."""
    with change(seat.suspension.run_id, Actor.of(by, "code")) as tx:
        Approval.objects.filter(pk=seat.pk).update(invited_at=tx.now)
        tx.record("approval.resent", acting_as=seat.approver)


def record_invited(tx: Change, seat_id: int) -> None:
    """Note that this seat's links were delivered."""
    seat = Approval.objects.get(pk=seat_id, suspension__run_id=tx.run.pk)
    Approval.objects.filter(pk=seat.pk).update(invited_at=tx.now)
    tx.record("approval.invited", acting_as=seat.approver)


def dismiss(tx: Change, suspension: Suspension) -> None:
    """Tell the rows of those who have not answered that they are no longer needed."""
    for seat in suspension.approvals.select_for_update().filter(status=ApprovalStatus.INVITED):
        tx.move_row(seat, "cancel")


def recall(tx: Change, suspension: Suspension) -> None:
    """Undo :func:`dismiss` for a suspension that is asked again."""
    dismissed = suspension.approvals.select_for_update().filter(
        status=ApprovalStatus.NO_LONGER_NEEDED
    )
    for seat in dismissed:
        tx.move_row(seat, "retry")


def open_suspensions(run: Run) -> list[Suspension]:
    """Those of the run's suspensions that are still live, locked."""
    return list(run.suspensions.live().select_for_update())
