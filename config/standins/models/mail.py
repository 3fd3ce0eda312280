"""Mails that the Gmail stand-in accepted."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Mail(models.Model):
    """One mail, byte for byte as it was sent. ``account`` is whose mailbox sent it."""

    key = models.CharField(_("id"), max_length=16, unique=True)
    thread = models.CharField(_("thread"), max_length=16)
    account = models.CharField(_("sent as"), max_length=320)
    raw = models.BinaryField(_("MIME"))
    at = models.DateTimeField(_("sent"), auto_now_add=True)

    class Meta:
        verbose_name = _("mail")
        verbose_name_plural = _("mails")
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return self.subject

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        return message_from_bytes(bytes(self.raw), policy=policy.default)

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["Subject"] or "")

    @property
    def sender(self) -> str:
        """The From header, decoded."""
        return str(self.message["From"] or "")

    @property
    def to(self) -> str:
        """Every recipient, decoded."""
        message = self.message
        return ", ".join(str(message[name]) for name in ("To", "Cc", "Bcc") if message[name])

    @property
    def text(self) -> str:
        """The plain-text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part is not None else ""
