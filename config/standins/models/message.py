"""Messages that the Slack stand-in accepted, and where its bots are members."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from config.standins.models.grant import App

_ATTEMPTS = 20


class MessageManager(models.Manager["Message"]):
    """Makes messages with a timestamp of their own."""

    def post(self, **fields: Any) -> Message:
        """A new message; ``ts`` is the time in microseconds, moved on where it is taken."""
        now = time.time_ns() // 1000
        for number in range(_ATTEMPTS):
            seconds, micros = divmod(now + number, 1_000_000)
            try:
                with transaction.atomic():
                    return self.create(ts=f"{seconds}.{micros:06d}", **fields)
            except IntegrityError:
                continue
        raise RuntimeError(f"{_ATTEMPTS} messages came in the same microseconds.")


class Message(models.Model):
    """One message in a channel or a direct conversation.

    ``unfurl_links`` and ``unfurl_media`` are what the caller asked for, None when it did not say.
    """

    app = models.ForeignKey(App, models.CASCADE, related_name="messages", verbose_name=_("app"))
    channel = models.CharField(_("channel"), max_length=20, db_index=True)
    ts = models.CharField(_("timestamp"), max_length=20)
    thread_ts = models.CharField(_("thread"), max_length=20, blank=True)
    text = models.TextField(_("text"), blank=True)
    blocks = models.JSONField(_("blocks"), default=list)
    attachments = models.JSONField(_("attachments"), default=list)
    metadata = models.JSONField(_("metadata"), default=dict)
    unfurl_links = models.BooleanField(_("unfurl links"), null=True)
    unfurl_media = models.BooleanField(_("unfurl media"), null=True)
    at = models.DateTimeField(_("posted"), auto_now_add=True)

    objects = MessageManager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering: ClassVar = ["ts"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "ts"], name="standins_message_ts"),
        ]

    def __str__(self) -> str:
        return self.text or self.ts

    @property
    def is_unfurled(self) -> bool:
        """Whether Slack would fetch the links: for a bot's message it does unless told not to."""
        return self.unfurl_links is not False or self.unfurl_media is not False


class Membership(models.Model):
    """An app's bot is in this channel, or has this direct conversation open."""

    app = models.ForeignKey(App, models.CASCADE, related_name="memberships", verbose_name=_("app"))
    channel = models.CharField(_("channel"), max_length=20)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["app", "channel"], name="standins_one_membership"),
        ]

    def __str__(self) -> str:
        return f"{self.app} · {self.channel}"
