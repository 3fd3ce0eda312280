"""What the hub registers: one import a service."""

from __future__ import annotations

from hub.hello import say_hello
from hub.mail import email_approval, send_email

__all__ = ["email_approval", "say_hello", "send_email"]
