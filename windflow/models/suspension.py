"""A wait for people, and the seats in it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from windflow.definition import Suspend
from windflow.models.run import Run, StepRun
from windflow.states import (
    COUNTED_VOTES,
    LIVE_SUSPENSION,
    ApprovalStatus,
    SuspensionStatus,
)


class SuspensionQuerySet(models.QuerySet["Suspension"]):
    """The questions that are asked of suspensions, by name."""

    def live(self) -> SuspensionQuerySet:
        """Suspensions that still take decisions."""
        return self.filter(status__in=LIVE_SUSPENSION)

    def due(self, at: datetime) -> SuspensionQuerySet:
        """Suspensions that wait although their deadline has passed."""
        return self.filter(status=SuspensionStatus.OPEN, deadline__lte=at)


class Suspension(models.Model):
    """The wait of one step run. A retried step waits again in a new round; older rounds stay."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="suspensions", verbose_name=_("run"))
    step_run = models.ForeignKey(
        StepRun, models.CASCADE, related_name="suspensions", verbose_name=_("step run")
    )
    round = models.PositiveSmallIntegerField(_("round"), default=1)
    status = models.CharField(_("status"), max_length=20, choices=SuspensionStatus)
    required = models.PositiveSmallIntegerField(_("approvals needed"))
    deadline = models.DateTimeField(_("deadline"), null=True, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    message = models.TextField(_("message"), blank=True)
    about = models.CharField(_("about"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.CharField(_("closed by"), max_length=320, blank=True)
    close_reason = models.TextField(_("reason"), blank=True)

    objects = SuspensionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        ordering: ClassVar = ["pk"]
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["step_run", "round"], name="windflow_one_suspension_a_round"
            ),
            models.CheckConstraint(condition=Q(required__gte=1), name="windflow_somebody_decides"),
            models.CheckConstraint(
                condition=Q(status__in=LIVE_SUSPENSION, closed_at__isnull=True)
                | (~Q(status__in=LIVE_SUSPENSION) & Q(closed_at__isnull=False)),
                name="windflow_decided_suspension_has_an_end",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["status", "deadline"], name="windflow_suspension_due"),
        ]

    def __str__(self) -> str:
        return self.subject or str(self.step_run)

    @property
    def rule(self) -> Suspend:
        """The suspend block of the step, as the run's pinned version has it."""
        rule = self.run.version.definition.step(self.step_run.step_id).suspend
        assert rule is not None, "a suspension belongs to a step with a suspend block"
        return rule

    @property
    def is_live(self) -> bool:
        """Whether it still takes decisions, the deadline aside."""
        return self.status in LIVE_SUSPENSION

    def is_due(self, at: datetime) -> bool:
        """Whether it waits although its deadline has passed; :meth:`SuspensionQuerySet.due`."""
        waits = self.status == SuspensionStatus.OPEN
        return waits and self.deadline is not None and self.deadline <= at


class ApprovalQuerySet(models.QuerySet["Approval"]):
    """The questions that are asked of approvals, by name."""

    def votes(self) -> ApprovalQuerySet:
        """Seats with a decision, in the order in which they decided."""
        return self.filter(status__in=COUNTED_VOTES).order_by("decided_at", "pk")

    def approved(self) -> ApprovalQuerySet:
        """Seats that approved, in the order in which they did."""
        return self.votes().filter(status=ApprovalStatus.APPROVED)


class Approval(models.Model):
    """One approver's seat in one suspension: at most one per person."""

    suspension = models.ForeignKey(
        Suspension, models.CASCADE, related_name="approvals", verbose_name=_("suspension")
    )
    approver = models.CharField(
        _("approver"), max_length=320, help_text=_("E-mail address, or username where none.")
    )
    person = models.CharField(
        _("person"), max_length=340, help_text=_("What makes two links one person.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="windflow_approvals",
        verbose_name=_("user"),
    )
    status = models.CharField(_("status"), max_length=20, choices=ApprovalStatus)
    generation = models.PositiveIntegerField(
        _("generation"), default=0, help_text=_("Raising it revokes every link given out before.")
    )
    created_at = models.DateTimeField(_("asked"))
    invited_at = models.DateTimeField(_("invitation delivered"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    channel = models.CharField(_("channel"), max_length=20, blank=True)
    comment = models.TextField(_("comment"), blank=True)
    answer = models.JSONField(_("answer"), null=True, blank=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        ordering: ClassVar = ["pk"]
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["suspension", "person"], name="windflow_one_seat_each"),
            models.CheckConstraint(
                condition=Q(status__in=COUNTED_VOTES, decided_at__isnull=False)
                | (~Q(status__in=COUNTED_VOTES) & Q(decided_at__isnull=True)),
                name="windflow_vote_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.approver
