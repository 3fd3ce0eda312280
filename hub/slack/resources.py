"""The resource type ``slack``, and how its token is refreshed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import Field, SecretStr

from hub.connect import ConnectRefused
from hub.slack.client import NoAnswer, SlackRefused, call
from hub.slack.errors import GONE, TROUBLE, gone
from hub.slack.provider import SlackProvider
from windflow import ResourceBroken, ResourceValue, StepFailed, resource_type

_OURS = {
    "invalid_client_id",
    "bad_client_secret",
    "invalid_grant_type",
    "oauth_authorization_url_mismatch",
}


def refresh(value: SlackResource) -> SlackResource:
    """``value`` with new tokens, where the app rotates them. A token that does not rotate stays as
    it is, if Slack still takes it. Raises :class:`ResourceBroken` and :class:`StepFailed`."""
    try:
        if value.refresh_token is None:
            call("auth.test", value.access_token.get_secret_value())
            return value
        return _rotated(value, _rotate(value.refresh_token))
    except ConnectRefused as refused:
        raise StepFailed(refused.message, permanent=True) from None
    except NoAnswer:
        raise StepFailed(
            _("Slack could not be reached to refresh the access; try again.")
        ) from None
    except SlackRefused as refused:
        raise _failure(refused) from None


def _rotate(refresh_token: SecretStr) -> Mapping[str, Any]:
    app = SlackProvider.configured().app
    return call(
        "oauth.v2.access",
        client_id=app.client_id,
        client_secret=app.secret,
        grant_type="refresh_token",
        refresh_token=refresh_token.get_secret_value(),
    )


def _rotated(value: SlackResource, answer: Mapping[str, Any]) -> SlackResource:
    lasts = answer.get("expires_in")
    return value.model_copy(
        update={
            "access_token": SecretStr(str(answer["access_token"])),
            "refresh_token": SecretStr(str(answer["refresh_token"])),
            "expires_at": timezone.now() + timedelta(seconds=int(lasts)) if lasts else None,
        }
    )


def _failure(refused: SlackRefused) -> ResourceBroken | StepFailed:
    if refused.code in GONE:
        return ResourceBroken(gone(refused.code))
    if refused.code in _OURS:
        return StepFailed(
            _(
                "Slack does not take this site's client id and secret (%(code)s). Correct "
                'SOCIALACCOUNT_PROVIDERS["hub_slack"]["APP"]; then retry.'
            )
            % {"code": refused.code},
            permanent=True,
        )
    passing = refused.status == 429 or refused.status >= 500 or refused.code in TROUBLE
    return StepFailed(
        _("Slack did not refresh the access (%(code)s); try again later.")
        % {"code": refused.code[:100] or refused.status},
        permanent=not passing,
        retry_after=refused.pause,
    )


@resource_type(
    "slack",
    title="Slack",
    summary="Posts in a Slack workspace as a bot.",
    connect="hub:slack_connect",
    refresh=refresh,
)
class SlackResource(ResourceValue):
    """A bot in a workspace."""

    team_id: Annotated[str, Field(title="Workspace")]
    app_id: Annotated[str, Field(title="App")] = ""
    bot_user_id: Annotated[str, Field(title="Bot user")] = ""
    access_token: Annotated[SecretStr, Field(title="Bot token")]
    refresh_token: Annotated[
        SecretStr | None, Field(title="Refresh token", description="If the app rotates its tokens.")
    ] = None
    expires_at: Annotated[datetime | None, Field(title="Bot token expires")] = None
