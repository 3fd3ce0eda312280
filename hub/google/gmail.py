"""Send mails as a connected Gmail account, by Google's own client."""

from __future__ import annotations

import http.client
from base64 import urlsafe_b64encode
from types import TracebackType
from typing import Any, Self

import httplib2
from django.core.mail import EmailMessage
from google.auth.exceptions import TransportError
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from hub.failures import Unauthorized
from hub.google.errors import failure, no_answer
from hub.google.provider import GoogleProvider
from hub.google.resources import GmailResource
from windflow import Context

#: Seconds that Gmail may take for one mail.
TIMEOUT = 15


class Mailbox:
    """A Gmail account as one step uses it; the step's mails share a connection."""

    def __init__(self, ctx: Context, gmail: GmailResource) -> None:
        self._ctx = ctx
        self._gmail = gmail
        self._service: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._close()

    def send(self, mail: EmailMessage) -> str:
        """Send ``mail`` from this account, whatever it says in its From; returns Gmail's id of it.

        A token that Google refuses is refreshed once; refused again, the resource is broken.
        Raises :class:`windflow.StepFailed`.
        """
        mail.from_email = self._gmail.account
        try:
            return self._send(mail)
        except Unauthorized:
            self._use(self._ctx.refresh(self._gmail))
        try:
            return self._send(mail)
        except Unauthorized as refused:
            self._ctx.broken(self._gmail, refused.reason)

    def _send(self, mail: EmailMessage) -> str:
        people = ", ".join(mail.recipients())
        raw = urlsafe_b64encode(mail.message().as_bytes()).decode()
        self._service = self._service or _service(self._gmail)
        request = self._service.users().messages().send(userId="me", body={"raw": raw})
        try:
            return str(request.execute(num_retries=0)["id"])
        except HttpError as error:
            raise failure(error, account=self._gmail.account, people=people) from None
        except (OSError, httplib2.HttpLib2Error, http.client.HTTPException, TransportError):
            self._close()  # the next mail gets a connection in a known state
            raise no_answer(people=people) from None

    def _use(self, gmail: GmailResource) -> None:
        self._close()
        self._gmail = gmail

    def _close(self) -> None:
        if self._service is not None:
            self._service.close()
            self._service = None


def _service(gmail: GmailResource) -> Any:
    # No refresh token and no status to refresh at: that is done once for all workers, elsewhere.
    credentials = Credentials(token=gmail.access_token.get_secret_value())
    connection = AuthorizedHttp(
        credentials, http=httplib2.Http(timeout=TIMEOUT), refresh_status_codes=()
    )
    return build(
        "gmail",
        "v1",
        http=connection,
        client_options={"api_endpoint": GoogleProvider.endpoint("API_URL")},
        cache_discovery=False,
        static_discovery=True,
    )
