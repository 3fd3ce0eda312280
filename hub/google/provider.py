"""Google's consent page: may this site send mails as you, and may it know your address?

allauth's own Google provider signs people in; what it asks for can be widened by the query string,
and its addresses are fixed when it is imported. This one asks for the same every time.
"""

from __future__ import annotations

from typing import ClassVar

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialToken
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from requests import RequestException

from hub.connect import ConnectProvider, ConnectRefused, Grant, Reply

#: Sends mails, and reads none.
SEND = "https://www.googleapis.com/auth/gmail.send"


class GoogleProvider(ConnectProvider):
    """Connects Gmail accounts. Settings: ``SOCIALACCOUNT_PROVIDERS["hub_google"]``."""

    id = "hub_google"
    name = "Google"
    slug = "google"
    type_name = "gmail"
    pkce_enabled_default = True
    scopes = ("openid", "email", SEND)
    # Without "consent" Google gives a refresh token on the first occasion only.
    auth_params: ClassVar = {"access_type": "offline", "prompt": "consent"}
    endpoints: ClassVar = {
        "AUTHORIZE_URL": "https://accounts.google.com/o/oauth2/v2/auth",
        "ACCESS_TOKEN_URL": "https://oauth2.googleapis.com/token",
        "IDENTITY_URL": "https://openidconnect.googleapis.com/v1/userinfo",
        "API_URL": "https://gmail.googleapis.com/",
    }

    def hints(self, account: str) -> dict[str, str]:
        return {"login_hint": account} if account else {}

    @sensitive_variables()
    def grant(self, reply: Reply, token: SocialToken, account: str) -> Grant:
        if SEND not in str(reply.get("scope", "")).split():
            raise ConnectRefused(
                _(
                    "You did not allow sending e-mail, which is all that is needed, so nothing was "
                    "connected. Start again, and leave that box ticked."
                )
            )
        if not token.token_secret:
            raise ConnectRefused(
                _(
                    "Google gave no refresh token, so the connection would end within the hour. "
                    "Remove this site at https://myaccount.google.com/connections, and start again."
                )
            )
        address = self._address(token.token)
        fields = {
            "account": address,
            "access_token": token.token,
            "refresh_token": token.token_secret,
            "expires_at": token.expires_at and token.expires_at.isoformat(),
        }
        return Grant(fields, address, name=f"gmail {address.partition('@')[0]}")

    @sensitive_variables()
    def _address(self, access_token: str) -> str:
        headers = {"Authorization": f"Bearer {access_token}"}
        try:
            with get_adapter().get_requests_session() as session:
                answer = session.get(self.endpoint("IDENTITY_URL"), headers=headers)
                answer.raise_for_status()
                return str(answer.json()["email"])
        except (RequestException, ValueError, KeyError, TypeError):
            raise ConnectRefused(
                _("Google did not say whose account it is, so nothing was connected. Start again.")
            ) from None
