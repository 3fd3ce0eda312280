"""Mails through a connected mail server: real SMTP, real TLS, real refusals."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from config.demo.ports import free_port
from tests import documents
from tests.documents import settle, step
from windflow import engine
from windflow.exceptions import InvalidInput
from windflow.links import Purpose
from windflow.models import Resource, Run
from windflow.states import ResourceState, RunStatus

pytestmark = pytest.mark.django_db
PASSWORD = "canary-password"
Outbox = list[EmailMultiAlternatives]


class Post:
    """What a mail server was sent, and whom it refuses."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.logins = 0
        self.password = PASSWORD
        self.refuse: dict[str, str] = {}
        """Address → what the server answers to it."""
        self.auth_answer = ""

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        mail = message_from_bytes(envelope.content or b"", policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope.mail_from or "", envelope.rcpt_tos, mail))
        return "250 OK"

    def authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.logins += 1
        good = (data.login, data.password) == (b"flows", self.password.encode())
        return AuthResult(success=good, handled=False, message=self.auth_answer or None)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate of 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(ip_address("127.0.0.1"))
    now = timezone.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + made.public_bytes(pem))
    return file


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts the certificate, as it does those of real providers."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.fixture
def post() -> Post:
    return Post()


NewServer = Callable[[str], Resource]


@pytest.fixture
def server(post: Post, certificate: Path) -> Iterator[NewServer]:
    """Starts a mail server with this encryption and connects it as the resource ``office``."""
    with ExitStack() as stack:

        def start(security: str, /, **fields: Any) -> Resource:
            port = free_port()
            controller = Controller(post, "127.0.0.1", port, **_tls(security, certificate, post))
            controller.start()
            stack.callback(controller.stop)
            login = {"username": "flows", "password": PASSWORD} if security != "none" else {}
            value = {"host": "127.0.0.1", "port": port, "security": security, **login, **fields}
            return engine.connect("smtp", value, name="office")

        yield start


def _tls(security: str, certificate: Path, post: Post) -> dict[str, Any]:
    if security == "none":
        return {}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    login = {"authenticator": post.authenticate}
    if security == "tls":  # whose encryption the server does not see, being inside of it
        return {"ssl_context": context, "auth_require_tls": False, **login}
    return {"tls_context": context, "require_starttls": True, "auth_required": True, **login}


def send(**inputs: Any) -> Run:
    """A run of one step that mails Bob through the office's server."""
    given = {"to": ["bob@example.com"], "subject": "Hello", "message": "**Hi**", "smtp": "office"}
    return documents.run(step("a", "hub/send_email", {**given, **inputs}))


def ask(*approvers: str, **keys: Any) -> Run:
    inputs = {"approvers": list(approvers), "subject": "Buy a laptop?", "smtp": "office"}
    suspend = {"required_events": 1, "timeout": 3600}
    return documents.run(step("ask", "hub/email_approval", inputs, suspend=suspend, **keys))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_a_mail_goes_through_the_connected_server(
    security: str, server: NewServer, post: Post, mailoutbox: Outbox
) -> None:
    server(security)
    done = send()
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, {"sent": ["bob@example.com"]})
    [(_sender, people, mail)] = post.mails
    assert (people, mail["Subject"]) == (["bob@example.com"], "Hello")
    assert post.logins == (security != "none")
    assert mailoutbox == []


def test_without_one_the_sites_own_settings_are_used(mailoutbox: Outbox) -> None:
    assert send(smtp=None).status == RunStatus.SUCCEEDED
    assert [mail.to for mail in mailoutbox] == [["bob@example.com"]]


@pytest.mark.usefixtures("trusted")
def test_the_sender_is_the_resources(server: NewServer, post: Post) -> None:
    server("tls", from_email="flows@shop.example", from_name="Flöws, Inc.")
    send()
    [(sender, _people, mail)] = post.mails
    assert sender == "flows@shop.example"
    assert mail["From"] == '"Flöws, Inc." <flows@shop.example>'


@pytest.mark.usefixtures("trusted")
def test_approvers_are_asked_over_one_connection_each_by_a_mail_of_their_own(
    server: NewServer, post: Post
) -> None:
    server("starttls")
    waiting = ask("bob@example.com", "carol@example.com")
    assert waiting.status == RunStatus.SUSPENDED
    assert [people for _sender, people, _mail in post.mails] == [
        ["bob@example.com"],
        ["carol@example.com"],
    ]
    assert post.logins == 1
    body = post.mails[0][2].get_body(("plain",))
    assert body is not None
    token = re.findall(r"/approval/(\S+)/", body.get_content())[0]
    assert engine.find(token, Purpose.PAGE) == documents.seat(waiting, "bob")


@pytest.mark.usefixtures("trusted")
def test_whoever_the_server_refuses_is_named_and_the_others_have_their_mail(
    server: NewServer, post: Post
) -> None:
    server("tls")
    post.refuse["bob@example.com"] = "550 no such mailbox"
    failed = ask("bob@example.com", "carol@example.com")
    assert "does not deliver to bob@example.com" in failed.error["message"]
    assert [people for _sender, people, _mail in post.mails] == [["carol@example.com"]]
    post.refuse.clear()
    assert settle(engine.retry(failed)).status == RunStatus.SUSPENDED
    assert [people[0] for _sender, people, _mail in post.mails] == [
        "carol@example.com",
        "bob@example.com",
    ]


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_breaks_the_resource_after_one_try_and_a_retry_sends(
    server: NewServer, post: Post
) -> None:
    office = server("starttls")
    post.password = "another-one"
    failed = ask("bob@example.com", "carol@example.com")
    assert failed.error["message"] == (
        "The resource office is broken: 535 5.7.8 Authentication credentials invalid. "
        "A superuser corrects it in Admin → Resources → office; then click Retry."
    )
    assert post.logins == 2  # PLAIN and LOGIN, on one connection for both approvers
    office.refresh_from_db()
    assert office.state == ResourceState.BROKEN
    engine.connect("smtp", {"password": "another-one"}, resource=office)
    assert settle(engine.retry(failed)).status == RunStatus.SUSPENDED
    assert len(post.mails) == 2


@pytest.mark.usefixtures("trusted")
def test_a_login_that_does_not_work_at_present_is_tried_again(
    server: NewServer, post: Post
) -> None:
    server("tls")
    post.password, post.auth_answer = "x", "454 4.7.0 Try again later"
    waiting = ask("bob@example.com", retry={"constant": {"attempts": 1, "seconds": 90}})
    assert waiting.status == RunStatus.SLEEPING
    assert "454 4.7.0 Try again later" in waiting.step_runs.get().error["message"]
    assert Resource.objects.get().state == ResourceState.CONNECTED


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_trusts_gets_no_password(
    security: str, server: NewServer, post: Post
) -> None:
    server(security)
    said = send().error["message"]
    assert f"cannot be reached with {security}" in said
    assert "certificate verify failed" in said
    assert (post.logins, post.mails) == (0, [])


@pytest.mark.usefixtures("trusted")
def test_a_server_without_the_encryption_asked_for_gets_no_password(
    server: NewServer, post: Post
) -> None:
    server("none", security="starttls", username="flows", password=PASSWORD)
    assert "STARTTLS extension not supported" in send().error["message"]
    assert post.mails == []


def test_a_server_that_is_not_there_is_named_with_what_to_check() -> None:
    engine.connect("smtp", {"host": "127.0.0.1", "port": 1, "security": "none"}, name="office")
    said = send().error["message"]
    assert said.startswith("The mail server 127.0.0.1, port 1, cannot be reached with none")
    assert said.endswith("Check the host, port and encryption of its resource; then retry.")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"security": "none", "password": PASSWORD}, "smtp"),
        ({"port": 0}, "port"),
        ({"security": "ssl"}, "security"),
        ({"host": ""}, "host"),
        ({"from_name": "two\nlines"}, "from_name"),
        ({"from_email": "nobody"}, "from_email"),
    ],
)
def test_what_cannot_work_is_refused_by_its_field(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        engine.connect("smtp", {"host": "mail.example", **fields}, name="office")
    assert list(caught.value.errors) == [place]
    assert PASSWORD not in str(caught.value)
