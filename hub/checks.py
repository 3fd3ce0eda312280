"""System checks of the hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning

from hub.services import installed


@register()
def check_session_cookie(
    app_configs: Sequence[AppConfig] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """A session cookie that does not come along when a provider sends a person back."""
    if str(settings.SESSION_COOKIE_SAMESITE).lower() != "strict" or not installed():
        return []
    return [
        CheckWarning(
            'SESSION_COOKIE_SAMESITE is "Strict": who comes back from a provider is not signed in, '
            "so no account can be connected.",
            hint='Set SESSION_COOKIE_SAMESITE to "Lax", Django\'s default.',
            id="hub.W001",
        )
    ]
