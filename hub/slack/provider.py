"""Slack's page for installing an app: may this site's bot join the workspace?

allauth's own Slack provider signs people in by OpenID; its tokens can post nothing. This one
installs a bot by OAuth v2.
"""

from __future__ import annotations

from typing import ClassVar

from allauth.socialaccount.models import SocialToken
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from hub.connect import ConnectProvider, ConnectRefused, Grant, Reply


class SlackProvider(ConnectProvider):
    """Installs a bot in workspaces. Settings: ``SOCIALACCOUNT_PROVIDERS["hub_slack"]``."""

    id = "hub_slack"
    name = "Slack"
    slug = "slack"
    type_name = "slack"
    # Slack takes PKCE from apps alone that were made public clients, which keep no secret.
    pkce_enabled_default = False
    # The last two find approvers by their e-mail address; Slack gives neither without the other.
    scopes = ("chat:write", "chat:write.public", "channels:read", "users:read", "users:read.email")
    scope_delimiter = ","
    endpoints: ClassVar = {
        "AUTHORIZE_URL": "https://slack.com/oauth/v2/authorize",
        "ACCESS_TOKEN_URL": "https://slack.com/api/oauth.v2.access",
        "API_URL": "https://slack.com/api/",
    }

    @sensitive_variables()
    def grant(self, reply: Reply, token: SocialToken, account: str) -> Grant:
        # An app installed for a whole organisation has that instead of a team.
        team = reply.get("team") or reply.get("enterprise") or {}
        team_id, name = str(team.get("id") or ""), str(team.get("name") or "")
        if reply.get("token_type") != "bot" or not team_id:
            raise ConnectRefused(
                _(
                    "Slack gave no bot's token, so nothing was connected. Check that the app has a "
                    "bot user and the bot scopes %(scopes)s; then start again."
                )
                % {"scopes": ", ".join(self.scopes)}
            )
        mark = f"({team_id})"
        if not account.endswith(mark):  # else the same workspace, whatever it is called now
            account = f"{name} {mark}"
        fields = {
            "team_id": team_id,
            "app_id": str(reply.get("app_id") or ""),
            "bot_user_id": str(reply.get("bot_user_id") or ""),
            "access_token": token.token,
            "refresh_token": token.token_secret or None,
            "expires_at": token.expires_at and token.expires_at.isoformat(),
        }
        return Grant(fields, account, name=f"slack {name}")
