"""A mail server as a resource."""

from __future__ import annotations

import smtplib
from contextlib import suppress
from email.utils import formataddr
from types import TracebackType
from typing import Annotated, Literal, Self

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.utils.translation import gettext as _
from pydantic import EmailStr, Field, SecretStr, model_validator

from windflow import Context, ResourceValue, StepFailed, resource_type
from windflow.notifications import send

#: Seconds that the server may take for any one answer.
TIMEOUT = 20


@resource_type("smtp", title="Mail server", summary="Sends mails by SMTP, encrypted.")
class SmtpResource(ResourceValue):
    """How to reach a mail server, and as whom. Its certificate is always verified."""

    host: Annotated[
        str, Field(title="Host", min_length=1, max_length=253, examples=["smtp.example.com"])
    ]
    port: Annotated[int, Field(title="Port", ge=1, le=65535)] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Field(
            title="Encryption",
            description="starttls goes with port 587, tls with 465; none with no password.",
        ),
    ] = "starttls"
    username: Annotated[str, Field(title="User name", max_length=320)] = ""
    password: Annotated[SecretStr, Field(title="Password")] = SecretStr("")
    from_email: Annotated[
        EmailStr | None,
        Field(title="From address", description="Empty for the site's own address."),
    ] = None
    from_name: Annotated[str, Field(title="From name", max_length=100, pattern=r"^[^\r\n]*$")] = ""

    @model_validator(mode="after")
    def _never_in_the_open(self) -> Self:
        if self.security == "none" and self.password.get_secret_value():
            raise ValueError("A password is only sent encrypted: choose starttls or tls.")
        return self

    @property
    def sender(self) -> str | None:
        """The From header; None for the site's own."""
        return formataddr((self.from_name, self.from_email)) if self.from_email else None

    def connection(self) -> EmailBackend:
        """A connection that is not open yet. No setting of the site's own mail is mixed in."""
        return EmailBackend(
            host=self.host,
            port=self.port,
            username=self.username,
            password=self.password.get_secret_value(),
            use_tls=self.security == "starttls",
            use_ssl=self.security == "tls",
            timeout=TIMEOUT,
            ssl_keyfile="",
            ssl_certfile="",
        )


class MailServer:
    """Where a step's mails go: a connected server, by one connection for all of them; without a
    resource the site's own mail settings."""

    def __init__(self, ctx: Context, smtp: SmtpResource | None) -> None:
        self._ctx = ctx
        self._smtp = smtp
        self._connection = smtp.connection() if smtp is not None else None
        self._failure: StepFailed | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._close()

    def send(self, mail: EmailMessage) -> None:
        """Send ``mail``. Raises :class:`StepFailed` with what the server said; of a server that
        cannot be reached, or that does not take the password, at once for every later mail."""
        if self._smtp is None or self._connection is None:
            send(mail)
            return
        if self._failure is not None:
            raise self._failure
        try:
            self._open(self._smtp, self._connection)
        except StepFailed as failure:
            self._failure = failure
            raise
        mail.connection = self._connection
        mail.from_email = self._smtp.sender or mail.from_email
        try:
            send(mail, advice=_("Check the resource of this mail server; then retry."))
        except StepFailed:
            self._close()  # the next mail gets a connection in a known state
            raise

    def _open(self, smtp: SmtpResource, connection: EmailBackend) -> None:
        try:
            connection.open()
        except smtplib.SMTPAuthenticationError as error:
            self._close()
            if error.smtp_code >= 500:
                self._ctx.broken(smtp, _said(error))
            raise StepFailed(
                _("The mail server %(host)s does not take the login at present: %(said)s")
                % {"host": smtp.host, "said": _said(error)}
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            self._close()
            raise StepFailed(
                _(
                    "The mail server %(host)s, port %(port)d, cannot be reached with %(security)s "
                    "(%(said)s). Check the host, port and encryption of its resource; then retry."
                )
                % {
                    "host": smtp.host,
                    "port": smtp.port,
                    "security": smtp.security,
                    "said": str(error)[:500],
                }
            ) from None

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._connection.close()


def _said(error: smtplib.SMTPResponseException) -> str:
    said = error.smtp_error
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{error.smtp_code} {' '.join(text.split())[:500]}"
