"""The stand-ins on a real port, an app at each, and a person with a browser."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from pytest_django.live_server_helper import LiveServer

from config.standins import control
from config.standins.models import App

MARKS = [
    # Emptying every table of the project after each test would take longer than the test.
    pytest.mark.django_db(
        transaction=True, available_apps=["config.standins", "django.contrib.staticfiles"]
    ),
    pytest.mark.urls("tests.standins.urls"),
]
VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
PKCE = {"code_challenge": CHALLENGE.decode(), "code_challenge_method": "S256"}
CLIENT_SECRET = "client-secret"
SEND = "https://www.googleapis.com/auth/gmail.send"
_INPUT = re.compile(r"<input [^>]*>")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


class Person:
    """Somebody with a browser: keeps cookies, follows redirects, fills forms."""

    def __init__(self) -> None:
        self.session = requests.Session()

    def get(self, url: str) -> requests.Response:
        return self.session.get(url, timeout=10)

    def post(self, url: str, fields: Mapping[str, str]) -> requests.Response:
        return self.session.post(url, data=fields, timeout=10)

    def answer(self, page: requests.Response, **changes: str) -> requests.Response:
        """Send the page's form as it stands, with these changes; an empty one unticks a box."""
        fields = {**fields_of(page.text), **changes}
        return self.post(page.url, {name: value for name, value in fields.items() if value})


def fields_of(html: str) -> dict[str, str]:
    """What the inputs of a page would send."""
    found = {}
    for tag in _INPUT.findall(html):
        attributes = dict(_ATTRIBUTE.findall(tag))
        if attributes.get("type") not in {"radio", "checkbox"} or " checked" in tag:
            found[attributes["name"]] = unescape(attributes.get("value", "on"))
    return found


@dataclass
class Client:
    """An app's side of a provider: its registration, and where the provider is."""

    app: App
    person: Person
    root: str
    redirect_uri: str
    authorize_path: str

    def address(self, **parameters: str) -> str:
        """The provider's consent page."""
        asked = {
            "client_id": self.app.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "state": "the-state",
            **parameters,
        }
        return f"{self.root}{self.authorize_path}?{urlencode(asked)}"

    def consent(self, decision: str = "allow", account: str = "", **parameters: str) -> Back:
        """What the app's redirect URI is told once a person decided."""
        page = self.person.get(self.address(**parameters))
        changes = {"account": account} if account else {}
        return told(self.person.answer(page, decision=decision, **changes))


Back = dict[str, str]


def told(page: requests.Response) -> Back:
    """The query parameters of the address where a browser arrived."""
    assert page.text == "back", page.text
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


@pytest.fixture
def person() -> Iterator[Person]:
    someone = Person()
    yield someone
    someone.session.close()


def _client(
    live_server: LiveServer, person: Person, provider: str, path: str, rotates: bool = False
) -> Client:
    redirect_uri = f"{live_server.url}/app/callback/"
    app = control.register_app(
        provider,
        client_id=f"{provider}-client",
        client_secret=CLIENT_SECRET,
        redirect_uris=[redirect_uri],
        rotates_tokens=rotates,
    )
    return Client(app, person, f"{live_server.url}/standins/{provider}", redirect_uri, path)


@pytest.fixture
def google(live_server: LiveServer, person: Person) -> Client:
    return _client(live_server, person, "google", "/o/oauth2/v2/auth")


@pytest.fixture
def slack(live_server: LiveServer, person: Person) -> Client:
    return _client(live_server, person, "slack", "/oauth/v2/authorize")


@pytest.fixture
def rotating_slack(live_server: LiveServer, person: Person) -> Client:
    path = "/oauth/v2/authorize"
    return _client(live_server, person, "slack", path, rotates=True)
