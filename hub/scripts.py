"""What the hub registers: one import a script file, and every service that this site can use."""

from __future__ import annotations

from importlib import import_module

from hub.hello import say_hello
from hub.mail import email_approval, send_email
from hub.services import installed

__all__ = ["email_approval", "say_hello", "send_email"]

for _name in installed():
    import_module(f"{_name}.scripts")
