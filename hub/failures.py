"""What the services' errors have in common."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from django.utils import timezone

from windflow import StepFailed


class Undeliverable(StepFailed):
    """This one recipient cannot be reached; the others may be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class Unauthorized(Exception):
    """The provider does not take the token; ``reason`` says why, in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def asked_pause(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer's ``Retry-After`` asks to wait; None where it has none."""
    lower = {name.lower(): value for name, value in headers.items()}
    text = str(lower.get("retry-after", "")).strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - timezone.now()).total_seconds())
    except (TypeError, ValueError):  # no date; or one without a zone
        return None
