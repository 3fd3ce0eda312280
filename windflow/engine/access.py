"""Who may decide, and so who may read: asked by every door, before anything is shown or done."""

from __future__ import annotations

from enum import Enum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.translation import gettext_lazy as _

from windflow.models import Approval

Visitor = AbstractBaseUser | AnonymousUser | None


class Refusal(Enum):
    """Why somebody may not decide. The value is what they are told."""

    LOGIN = _("Log in to see and answer this request.")
    NOT_YOU = _("This request was sent to somebody else. Log in as the person who was asked.")
    GROUP = _("Only members of certain groups may answer this request, and you are in none.")
    SELF = _("Whoever started this run may not approve it.")


def refusal(approval: Approval, visitor: Visitor) -> Refusal | None:
    """Why ``visitor``, holding this seat's link, may not decide; None when they may.

    ``visitor`` is the logged-in user, or None. Whoever may not decide may not read either.
    """
    suspension = approval.suspension
    rule = suspension.rule
    user = visitor if visitor is not None and visitor.is_authenticated else None
    if rule.user_auth_required or rule.user_groups_required:
        if user is None:
            return Refusal.LOGIN
        if not is_seat_of(approval, user):
            return Refusal.NOT_YOU
        if rule.user_groups_required and not _in_groups(user, rule.user_groups_required):
            return Refusal.GROUP
    if rule.self_approval_disabled:
        starter = suspension.run.started_by
        if starter is not None and (is_seat_of(approval, starter) or user == starter):
            return Refusal.SELF
    return None


def is_seat_of(approval: Approval, user: AbstractBaseUser) -> bool:
    """Whether this seat is this user's: by account where the seat has one, else by address."""
    if approval.user_id is not None:
        return bool(approval.user_id == user.pk)
    address = str(getattr(user, user.get_email_field_name(), "") or "")
    return bool(address) and address.strip().lower() == approval.approver


def _in_groups(user: AbstractBaseUser, names: tuple[str, ...]) -> bool:
    groups = getattr(user, "groups", None)
    return groups is not None and groups.filter(name__in=names).exists()
