"""What was called, and what the next calls are to meet."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _


class Endpoint(models.TextChoices):
    """Everything that can be counted and made to fail; a token endpoint is two."""

    GOOGLE_CODE = "google.token.code", _("Google: exchange a code")
    GOOGLE_REFRESH = "google.token.refresh", _("Google: refresh a token")
    GOOGLE_REVOKE = "google.revoke", _("Google: revoke")
    GOOGLE_USERINFO = "google.userinfo", _("Google: userinfo")
    GMAIL_SEND = "gmail.users.messages.send", _("Gmail: send a mail")
    SLACK_CODE = "slack.oauth.v2.access.code", _("Slack: exchange a code")
    SLACK_REFRESH = "slack.oauth.v2.access.refresh", _("Slack: refresh a token")
    SLACK_AUTH_TEST = "slack.auth.test", "Slack: auth.test"
    SLACK_AUTH_REVOKE = "slack.auth.revoke", "Slack: auth.revoke"
    SLACK_POST = "slack.chat.postMessage", "Slack: chat.postMessage"
    SLACK_CHANNELS = "slack.conversations.list", "Slack: conversations.list"
    SLACK_OPEN = "slack.conversations.open", "Slack: conversations.open"
    SLACK_LOOKUP = "slack.users.lookupByEmail", "Slack: users.lookupByEmail"


class Call(models.Model):
    """One call of an endpoint. ``outcome`` is ``ok`` or the name of the error that it answered."""

    endpoint = models.CharField(_("endpoint"), max_length=50)
    outcome = models.CharField(_("outcome"), max_length=100)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.outcome}"


class FaultManager(models.Manager["Fault"]):
    """Gives each call its fault."""

    def take(self, endpoint: str) -> Fault | None:
        """The oldest fault that waits for this endpoint, with one call of it used up.

        Two calls at once never take the same one: each takes it down by one, and whoever finds
        nothing left looks again.
        """
        while fault := self.filter(endpoint=endpoint, remaining__gt=0).order_by("pk").first():
            if self.filter(pk=fault.pk, remaining__gt=0).update(remaining=F("remaining") - 1):
                return fault
        return None


class Fault(models.Model):
    """The next ``remaining`` calls of an endpoint fail like this.

    ``retry_after`` (seconds) is what a rate limit tells the caller; ``seconds`` is how long a
    delay, a hang or a lost answer lasts.
    """

    endpoint = models.CharField(_("endpoint"), max_length=50)
    how = models.CharField(_("how"), max_length=100)
    remaining = models.PositiveIntegerField(_("calls left"), default=1)
    retry_after = models.PositiveIntegerField(_("Retry-After, seconds"), null=True, blank=True)
    seconds = models.FloatField(_("seconds"), null=True, blank=True)

    objects = FaultManager()

    class Meta:
        verbose_name = _("fault")
        verbose_name_plural = _("faults")
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.how}"

    @property
    def label(self) -> str:
        """The endpoint, in words."""
        return str(Endpoint(self.endpoint).label)
