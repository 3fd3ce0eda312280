"""A run and its step runs."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from windflow.models.flow import Flow, FlowVersion
from windflow.states import LIVE_RUN, RunStatus, StepStatus


class RunQuerySet(models.QuerySet["Run"]):
    """The questions that are asked of runs, by name."""

    def live(self) -> RunQuerySet:
        """Runs that have not ended."""
        return self.filter(status__in=LIVE_RUN)

    def claimable(self, at: datetime) -> RunQuerySet:
        """Runs that a worker may take at this instant: theirs by nobody, or by a lost worker."""
        return self.filter(
            Q(status=RunStatus.QUEUED)
            | Q(status=RunStatus.SLEEPING, wake_at__lte=at)
            | Q(status=RunStatus.RUNNING),
            Q(lease_until__isnull=True) | Q(lease_until__lte=at),
        )

    def stuck(self, at: datetime, *, quiet_since: datetime) -> RunQuerySet:
        """Claimable runs for which no message was sent since ``quiet_since``."""
        return self.claimable(at).filter(enqueued_at__lte=quiet_since)

    def due(self, at: datetime) -> RunQuerySet:
        """Sleeping runs whose time has come, and that no message was sent for since."""
        return self.filter(status=RunStatus.SLEEPING, wake_at__lte=at, enqueued_at__lt=F("wake_at"))


class Run(models.Model):
    """One execution of one flow version."""

    key = models.UUIDField(_("key"), default=uuid.uuid4, unique=True, editable=False)
    flow = models.ForeignKey(Flow, models.PROTECT, related_name="runs", verbose_name=_("flow"))
    version = models.ForeignKey(
        FlowVersion, models.PROTECT, related_name="runs", verbose_name=_("version")
    )
    status = models.CharField(_("status"), max_length=20, choices=RunStatus)
    inputs = models.JSONField(_("inputs"), default=dict)
    result = models.JSONField(_("result"), null=True, blank=True)
    error = models.JSONField(_("error"), null=True, blank=True)
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("Index of the step that is next or under way.")
    )
    is_test = models.BooleanField(_("test"), default=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="windflow_runs",
        verbose_name=_("started by"),
    )
    idempotency_key = models.CharField(  # noqa: DJ001  (unique, so without a key it must be null)
        _("idempotency key"), max_length=200, null=True, blank=True
    )
    ended_by = models.CharField(_("ended by"), max_length=320, blank=True)
    end_reason = models.TextField(_("reason"), blank=True)
    created_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    wake_at = models.DateTimeField(_("wakes"), null=True, blank=True)
    enqueued_at = models.DateTimeField(_("last message sent"))
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    fence = models.PositiveIntegerField(
        _("fence"), default=0, help_text=_("Raised by every claim; older claims can write nothing.")
    )
    event_count = models.PositiveIntegerField(_("events"), default=0)
    event_head = models.CharField(_("hash of the last event"), max_length=64, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering: ClassVar = ["-pk"]
        default_permissions = ("view",)
        permissions: ClassVar = [
            ("cancel_run", "Can cancel run"),
            ("retry_run", "Can retry run"),
            ("manage_links", "Can resend and revoke approval links of run"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["flow", "idempotency_key"], name="windflow_one_run_a_key"
            ),
            models.CheckConstraint(
                condition=Q(status__in=LIVE_RUN, finished_at__isnull=True)
                | (~Q(status__in=LIVE_RUN) & Q(finished_at__isnull=False)),
                name="windflow_ended_run_has_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.SLEEPING) | Q(wake_at__isnull=False),
                name="windflow_sleeping_run_wakes",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["status", "wake_at"], name="windflow_run_status_wake"),
            models.Index(fields=["flow", "status"], name="windflow_run_flow_status"),
        ]

    def __str__(self) -> str:
        return str(_("Run %(number)s of %(flow)s") % {"number": self.pk, "flow": self.flow})


class StepRun(models.Model):
    """One execution of one step in one run; attempts are counted, never added as rows."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="step_runs", verbose_name=_("run"))
    step_id = models.CharField(_("step"), max_length=63)
    position = models.PositiveSmallIntegerField(_("position"))
    status = models.CharField(_("status"), max_length=20, choices=StepStatus)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    interruptions = models.PositiveSmallIntegerField(_("interruptions"), default=0)
    inputs = models.JSONField(_("inputs"), null=True, blank=True)
    result = models.JSONField(_("result"), null=True, blank=True)
    error = models.JSONField(_("error"), null=True, blank=True)
    log = models.TextField(_("log"), blank=True)
    progress = models.FloatField(_("progress"), null=True, blank=True)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("step run")
        verbose_name_plural = _("step runs")
        ordering: ClassVar = ["run", "position"]
        default_permissions = ("view",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "step_id"], name="windflow_step_runs_once"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}.{self.step_id}"
