"""How mail is sent in a test, whichever settings this Django has for it."""

from __future__ import annotations

import django
from pytest_django import Settings


def use_backend(settings: Settings, backend: str) -> None:
    """Send mail by the backend at this dotted path; ``console`` and the like are Django's own."""
    if "." not in backend:
        backend = f"django.core.mail.backends.{backend}.EmailBackend"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": backend}}
    else:
        settings.EMAIL_BACKEND = backend


def use_server(settings: Settings, host: str, port: int) -> None:
    """Send mail to the SMTP server there."""
    use_backend(settings, "smtp")
    if django.VERSION >= (6, 1):
        settings.MAILERS["default"]["OPTIONS"] = {"host": host, "port": port, "timeout": 5}
    else:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = host, port, 5
