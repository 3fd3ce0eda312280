"""A site on a real port with the stand-ins of Google and Slack behind it, and people's browsers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from config import providers
from config.demo.browser import Browser, Page
from config.standins import control
from config.standins.models import App
from hub.google.provider import GoogleProvider
from hub.slack.provider import SlackProvider
from windflow import engine
from windflow.links import Purpose
from windflow.models import Approval, Resource


@dataclass
class Site:
    """This site, as its people reach it, and its apps at the providers."""

    url: str
    apps: dict[str, App]
    settings: Settings

    def start(self, service: str) -> str:
        """Where connecting begins."""
        return self.url + reverse(f"hub:{service}_connect")

    def callback(self, service: str) -> str:
        """Where the provider sends people back to."""
        return self.url + reverse(f"hub:{service}_callback")

    def sign_in(self, user: User) -> Browser:
        """The browser of a person who signed in."""
        browser = Browser()
        login = browser.get(f"{self.url}/admin/login/")
        said = {"username": user.username, "password": user.username}
        assert browser.press(login, "Log in", said).status == 200
        return browser

    def consent(
        self,
        browser: Browser,
        service: str,
        account: str = "",
        query: str = "",
        button: str = "Allow",
    ) -> Page:
        """Where a person arrives who starts, chooses an account and presses a button."""
        page = browser.get(self.start(service) + query)
        return browser.press(page, button, {"account": account} if account else {})

    def gmail(self, owner: User | None = None, account: str = "admin@example.com") -> Resource:
        """A connected Gmail account."""
        got = control.grant(self.apps["google"], account, GoogleProvider.scopes)
        fields = {
            "account": account,
            "access_token": got.access,
            "refresh_token": got.refresh,
        }
        return engine.connect(
            "gmail", fields, name=engine.free_name("gmail"), owner=owner, account=account
        )

    def slack(
        self, owner: User | None = None, scopes: tuple[str, ...] = SlackProvider.scopes
    ) -> Resource:
        """A connected workspace."""
        got = control.grant(self.apps["slack"], "admin@example.com", scopes)
        fields = {
            "team_id": "T0ACME0001",
            "access_token": got.access,
            "refresh_token": got.refresh or None,
        }
        return engine.connect(
            "slack",
            fields,
            name=engine.free_name("slack"),
            owner=owner,
            account="Acme (T0ACME0001)",
        )

    def endpoint(self, service: str, setting: str, address: str) -> None:
        """Have one of a provider's endpoints elsewhere."""
        of = self.settings.SOCIALACCOUNT_PROVIDERS
        changed = {**of[f"hub_{service}"], setting: address}
        self.settings.SOCIALACCOUNT_PROVIDERS = {**of, f"hub_{service}": changed}

    def rotate_tokens(self) -> None:
        """Switch Slack's token rotation on."""
        App.objects.filter(pk=self.apps["slack"].pk).update(rotates_tokens=True)
        self.apps["slack"].refresh_from_db()


def seat_behind(link: str) -> Approval:
    """Whose approval page this is."""
    return engine.find(link.rstrip("/").rpartition("/")[2], Purpose.PAGE)


@contextmanager
def server(answer: Callable[[bytes], tuple[int, object]]) -> Iterator[str]:
    """A provider whose every answer is ``answer(body)``: HTTP status, and what to say as JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, said = answer(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/"
        listening.shutdown()


@pytest.fixture
def site(live_server: LiveServer, settings: Settings) -> Site:
    settings.WINDFLOW = {**settings.WINDFLOW, "BASE_URL": live_server.url}
    configured: dict[str, Any] = {
        "google": providers.google({}, live_server.url),
        "slack": providers.slack({}, live_server.url),
    }
    settings.SOCIALACCOUNT_PROVIDERS = {f"hub_{name}": one for name, one in configured.items()}
    site = Site(live_server.url, {}, settings)
    for name, one in configured.items():
        site.apps[name] = control.register_app(
            name,
            client_id=one["APP"]["client_id"],
            client_secret=one["APP"]["secret"],
            redirect_uris=[site.callback(name)],
        )
    return site


@pytest.fixture
def ada(person: Callable[..., User]) -> User:
    """Runs the site."""
    return person("ada", is_staff=True, is_superuser=True)
