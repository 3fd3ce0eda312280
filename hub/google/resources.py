"""The resource type ``gmail``, and how its token is refreshed."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from django.utils.translation import gettext as _
from google.auth.exceptions import RefreshError, TransportError
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from pydantic import Field, SecretStr
from requests import Session

from hub.connect import ConnectRefused
from hub.google.provider import GoogleProvider
from windflow import ResourceBroken, ResourceValue, StepFailed, resource_type

#: Seconds for one answer. google-auth asks three times where Google has trouble of its own.
_TIMEOUT = 5
_GONE = {"invalid_grant", "invalid_scope"}
_OURS = {"invalid_client", "deleted_client", "unauthorized_client", "invalid_request"}
#: How google-auth begins when a company's rule wants people to sign in again now and then.
_SIGN_IN_AGAIN = "Reauthentication is needed"


def refresh(value: GmailResource) -> GmailResource:
    """``value`` with a new access token. Raises :class:`ResourceBroken` and :class:`StepFailed`."""
    try:
        app = GoogleProvider.configured().app
    except ConnectRefused as refused:
        raise StepFailed(refused.message, permanent=True) from None
    credentials = Credentials(
        token=None,
        refresh_token=value.refresh_token.get_secret_value(),
        token_uri=GoogleProvider.endpoint("ACCESS_TOKEN_URL"),
        client_id=app.client_id,
        client_secret=app.secret,
    )
    try:
        with Session() as session:
            credentials.refresh(partial(Request(session), timeout=_TIMEOUT))
    except RefreshError as error:
        raise _refused(error) from None
    except TransportError:
        raise StepFailed(
            _("Google could not be reached to refresh the access to %(account)s; try again later.")
            % {"account": value.account}
        ) from None
    return value.model_copy(
        update={
            "access_token": SecretStr(str(credentials.token)),
            "refresh_token": SecretStr(str(credentials.refresh_token)),
            "expires_at": credentials.expiry and credentials.expiry.replace(tzinfo=UTC),
        }
    )


def _refused(error: RefreshError) -> ResourceBroken | StepFailed:
    answer: Any = error.args[1] if len(error.args) > 1 else {}
    facts = answer if isinstance(answer, dict) else {}
    code = str(facts.get("error") or "")
    said = str(facts.get("error_description") or code)[:300]
    if str(error).startswith(_SIGN_IN_AGAIN):
        return ResourceBroken(_("Google wants the owner of the account to sign in again."))
    if code in _GONE:
        return ResourceBroken(_("Google says: %(said)s") % {"said": said})
    if code in _OURS:
        return StepFailed(
            _(
                "Google does not take this site's client id and secret (%(code)s). Correct "
                'SOCIALACCOUNT_PROVIDERS["hub_google"]["APP"]; then retry.'
            )
            % {"code": code},
            permanent=True,
        )
    return StepFailed(
        _("Google has trouble refreshing the access (%(said)s); try again later.")
        % {"said": said or _("an answer that makes no sense")}
    )


@resource_type(
    "gmail",
    title="Gmail",
    summary="Sends mails as a Google account. Reads none.",
    connect="hub:google_connect",
    refresh=refresh,
)
class GmailResource(ResourceValue):
    """A Google account that mails are sent as."""

    account: Annotated[str, Field(title="Account", description="Its e-mail address.")]
    access_token: Annotated[SecretStr, Field(title="Access token")]
    refresh_token: Annotated[SecretStr, Field(title="Refresh token")]
    expires_at: Annotated[datetime | None, Field(title="Access token expires")] = None
