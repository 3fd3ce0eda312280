"""Who answers when an account is connected: the real provider for those who have an app there, and
the stand-in of this project for everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STANDINS = "standins"  # path of the stand-ins below BASE_URL


def google(environ: Mapping[str, str], base_url: str) -> dict[str, Any]:
    """``SOCIALACCOUNT_PROVIDERS["hub_google"]`` from GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET."""
    root = f"{base_url.rstrip('/')}/{STANDINS}/google"
    return _provider(
        environ,
        "GOOGLE",
        AUTHORIZE_URL=f"{root}/o/oauth2/v2/auth",
        ACCESS_TOKEN_URL=f"{root}/token",
        IDENTITY_URL=f"{root}/v1/userinfo",
        API_URL=f"{root}/",
    )


def slack(environ: Mapping[str, str], base_url: str) -> dict[str, Any]:
    """``SOCIALACCOUNT_PROVIDERS["hub_slack"]`` from SLACK_CLIENT_ID and SLACK_CLIENT_SECRET."""
    root = f"{base_url.rstrip('/')}/{STANDINS}/slack"
    return _provider(
        environ,
        "SLACK",
        AUTHORIZE_URL=f"{root}/oauth/v2/authorize",
        ACCESS_TOKEN_URL=f"{root}/api/oauth.v2.access",
        API_URL=f"{root}/api/",
    )


def _provider(environ: Mapping[str, str], name: str, **standin: str) -> dict[str, Any]:
    if client_id := environ.get(f"{name}_CLIENT_ID"):
        secret = environ.get(f"{name}_CLIENT_SECRET", "")
        return {"APP": {"client_id": client_id, "secret": secret}}
    demo = f"windflow-demo-{name.lower()}"
    return {"APP": {"client_id": demo, "secret": f"{demo}-not-a-secret"}, **standin}
