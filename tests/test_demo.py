"""The demo project: its mailbox, its logs, its settings, and the whole story."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.conf import LazySettings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.filebased import EmailBackend
from django.core.management import CommandError, call_command
from django.test import Client

from config.database import parse_database
from config.demo import story
from config.demo.browser import NotFound, Page
from config.keys import demo_keys
from config.logs import NoTokens
from config.settings import BASE_DIR
from config.standins.models import App
from windflow.models import Flow

# ------------------------------------------------------------------ mailbox


@pytest.fixture
def mailbox(settings: LazySettings, tmp_path: Path) -> Path:
    settings.DEBUG = True
    settings.DEMO_MAILBOX = tmp_path
    return tmp_path


def deliver(mailbox: Path, *, to: str = "bob@example.com", subject: str = "Approve?") -> None:
    message = mail.EmailMultiAlternatives(subject, "See https://flows.example.com/x/", to=[to])
    message.attach_alternative("<p>See <script>alert(1)</script></p>", "text/html")
    options: dict[str, Any] = {"alias": "default"} if hasattr(mail, "mailers") else {}
    EmailBackend(file_path=str(mailbox), **options).send_messages([message])


def only_mail(client: Client) -> str:
    (found,) = client.get("/demo/mails/").context["mails"]
    return client.get(f"/demo/mails/{found.key}/").content.decode()


def test_an_empty_mailbox_says_what_to_do(client: Client, mailbox: Path) -> None:
    assert b"No mail yet" in client.get("/demo/mails/").content


def test_mails_are_listed_newest_first(client: Client, mailbox: Path) -> None:
    deliver(mailbox, subject="first")
    for path in mailbox.glob("*.log"):
        os.utime(path, (1, 1))
    deliver(mailbox, subject="second")
    mails = client.get("/demo/mails/").context["mails"]
    assert [found.subject for found in mails] == ["second", "first"]


def test_a_mail_of_any_language_is_shown_as_it_was_written(client: Client, mailbox: Path) -> None:
    deliver(mailbox, subject="Genehmigen für 1.240 €?")
    assert "Genehmigen für 1.240 €?" in only_mail(client)


def test_links_in_the_text_can_be_clicked(client: Client, mailbox: Path) -> None:
    deliver(mailbox)
    assert '<a href="https://flows.example.com/x/"' in only_mail(client)


def test_a_mail_runs_nothing(client: Client, mailbox: Path) -> None:
    deliver(mailbox)
    page = only_mail(client)
    assert "<script" not in page
    assert 'sandbox="allow-top-navigation-by-user-activation"' in page
    assert "script-src" not in client.get("/demo/mails/")["Content-Security-Policy"]
    assert "default-src 'none'" in client.get("/demo/mails/")["Content-Security-Policy"]


def test_a_mail_that_is_not_there_is_not_found(client: Client, mailbox: Path) -> None:
    deliver(mailbox)
    assert client.get("/demo/mails/..%2f..%2fetc%2fpasswd/").status_code == 404


def test_there_is_no_mailbox_when_mails_go_to_a_server(
    client: Client, settings: LazySettings, mailbox: Path
) -> None:
    settings.DEMO_MAILBOX = None
    assert client.get("/demo/mails/").status_code == 404


def test_there_is_no_mailbox_without_debug(
    client: Client, settings: LazySettings, mailbox: Path
) -> None:
    settings.DEBUG = False
    assert client.get("/demo/mails/").status_code == 404


# ------------------------------------------------------------------ front door


def test_the_front_door_leads_to_the_flow(client: Client, db: None) -> None:
    flow = story.ensure_flow(story.EXPENSE, story.expense_document())
    assert f"/admin/windflow/flow/{flow.pk}/change/" in client.get("/").content.decode()


def test_it_leads_to_the_consent_pages_and_to_what_arrived_there(client: Client, db: None) -> None:
    _, by_gmail = story.ensure_flows(story.ensure_admin())
    page = client.get("/").content.decode()
    assert f"/admin/windflow/flow/{by_gmail.pk}/change/" in page
    for path in ("/admin/windflow/resource/add/", "/standins/mails/", "/standins/messages/"):
        assert f'href="{path}"' in page


def test_it_names_no_stand_in_to_who_has_apps_of_their_own(
    client: Client, settings: LazySettings, db: None
) -> None:
    own = {"APP": {"client_id": "mine", "secret": "mine"}}
    settings.SOCIALACCOUNT_PROVIDERS = {"hub_google": own, "hub_slack": own}
    story.ensure_apps("https://flows.example.com")
    assert "standins" not in client.get("/").content.decode()
    assert not App.objects.exists()


def test_starting_on_another_port_moves_the_apps_with_it(db: None) -> None:
    for port in (8000, 8001):
        story.ensure_apps(f"http://127.0.0.1:{port}")
    assert App.objects.count() == 2
    google = App.objects.get(provider="google")
    assert google.redirect_uris == ["http://127.0.0.1:8001/connect/google/callback/"]


def test_it_has_a_key_of_its_own_that_stays(tmp_path: Path) -> None:
    keys = demo_keys(tmp_path)
    assert demo_keys(tmp_path) == keys
    assert Fernet(keys[0])
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o077 == 0


def test_processes_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(demo_keys, [tmp_path] * 8))
    assert len({tuple(keys) for keys in found}) == 1


def test_starting_again_keeps_what_was_changed(db: None) -> None:
    story.ensure_admin().delete()
    flow = story.ensure_flow(story.EXPENSE, story.expense_document())
    Flow.objects.filter(pk=flow.pk).update(name="Mine")
    assert story.ensure_flow(story.EXPENSE, story.expense_document()).name == "Mine"
    assert flow.versions.count() == 1
    assert story.ensure_admin().pk == story.ensure_admin().pk


# ------------------------------------------------------------------ logs and settings


@pytest.mark.parametrize("view", ["approval", "resume", "cancel"])
def test_no_log_line_has_a_token(view: str) -> None:
    line = f'"GET /flows/{view}/7-0.1xVEmm.secret/ HTTP/1.1"'
    record = logging.LogRecord("django.server", logging.INFO, "", 0, "%s %s", (line, "200"), None)
    NoTokens().filter(record)
    assert record.getMessage() == f'"GET /flows/{view}/…/ HTTP/1.1" 200'


def test_no_log_line_has_a_providers_answer() -> None:
    line = "GET /connect/google/callback/?state=aB3&code=4/0secret&scope=openid HTTP/1.1"
    record = logging.LogRecord("django.server", logging.INFO, "", 0, line, None, None)
    NoTokens().filter(record)
    shown = "GET /connect/google/callback/?state=…&code=…&scope=openid HTTP/1.1"
    assert record.getMessage() == shown


def test_a_postgres_address_is_read_whole() -> None:
    found = parse_database("postgres://bob:p%40ss@db.example.com:6543/flows")
    wanted = {"NAME": "flows", "USER": "bob", "PASSWORD": "p@ss", "PORT": "6543"}
    assert wanted.items() <= found.items()
    assert found["HOST"] == "db.example.com"


@pytest.mark.parametrize("address", ["mysql://root@localhost/x", "postgres://db/", "nonsense"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        parse_database(address)


# ------------------------------------------------------------------ the check's browser


def page(html: str) -> Page:
    return Page("http://127.0.0.1/here/", 200, None, html)  # type: ignore[arg-type]


def test_it_finds_buttons_inside_and_outside_their_form() -> None:
    found = page(
        '<button form="f" name="go" value="1">Go on</button>'
        '<form id="f" method="post"><input name="a" value="1"><input type=submit value="Save">'
        "</form>"
    )
    assert found.form("Go on") is found.form("Save")
    assert found.form("Go on").fields == {"a": "1"}
    assert found.form("Go on").buttons["Go on"] == {"go": "1"}


def test_it_names_the_buttons_that_there_are() -> None:
    with pytest.raises(NotFound, match="Approve"):
        page("<form><button>Approve</button></form>").form("Reject")


# ------------------------------------------------------------------ the command


def test_a_taken_port_is_named_with_another_to_try() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} is taken.*--port {port + 1}"):
            call_command("demo", port=port)


@pytest.mark.qcluster
def test_the_whole_story_plays_and_leaves_nothing_behind() -> None:
    # The check makes a project of its own, whatever this process was given.
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, str(BASE_DIR / "manage.py"), "demo", "--check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no process is left" in done.stdout
    assert "All of it works" in done.stdout
