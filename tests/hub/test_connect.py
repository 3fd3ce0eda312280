"""Connect an account by the provider's consent page: what comes of it, and what must not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

import pytest
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal.statekit import STATES_SESSION_KEY
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.apps import apps
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session
from django.core.checks import run_checks
from django.test import Client
from django.urls import NoReverseMatch, reverse
from pytest_django import Settings

from config import providers
from config.demo.browser import Browser, Page
from config.standins import control
from config.standins.models import Endpoint
from hub.google.provider import SEND
from hub.services import installed
from tests.hub.conftest import Site
from windflow import engine
from windflow.models import Resource

pytestmark = pytest.mark.django_db(transaction=True)

both = pytest.mark.parametrize("service", ["google", "slack"])
EXCHANGE = {"google": Endpoint.GOOGLE_CODE, "slack": Endpoint.SLACK_CODE}
TYPES = {"google": "gmail", "slack": "slack"}


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def change_page(resource: Resource) -> str:
    return reverse("admin:windflow_resource_change", args=[resource.pk])


def asked(client: Client, user: User, service: str, query: str = "", **headers: str) -> Any:
    """What the consent page is asked for: the query of its address."""
    client.force_login(user)
    answer = client.get(reverse(f"hub:{service}_connect") + query, headers=headers)
    assert answer.status_code == 302
    return {
        name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()
    }


def answer_of(site: Site, browser: Browser, service: str) -> str:
    """The address that the provider sends this person back to, not opened yet."""
    page = browser.get(site.start(service))
    form = page.form("Allow")
    opener = build_opener(_Stay(), *_cookies(browser), ProxyHandler({}))
    fields = {**form.fields, **form.buttons["Allow"]}
    browser_opener, browser._opener = browser._opener, opener
    try:
        sent = browser.post(page, fields)
    finally:
        browser._opener = browser_opener
    return str(sent.headers["Location"])


def _cookies(browser: Browser) -> Iterator[Any]:
    return (one for one in browser._opener.handlers if type(one).__name__ == "HTTPCookieProcessor")


def only_resource() -> Resource:
    return Resource.objects.get()


# ------------------------------------------------------------------ what comes of it
def test_consenting_at_google_connects_the_account_that_was_chosen(site: Site, ada: User) -> None:
    page = site.consent(site.sign_in(ada), "google", "bob@example.com")
    made = only_resource()
    value: Any = engine.open_value(made)
    assert (made.type, made.name, made.account) == ("gmail", "gmail-bob", "bob@example.com")
    assert (made.owner, made.state) == (ada, "connected")
    assert page.url == site.url + change_page(made)
    assert "Connected bob@example.com as the resource gmail-bob." in page.text
    assert value.refresh_token.get_secret_value()
    assert value.expires_at is not None
    assert made.expires_at == value.expires_at


def test_installing_the_bot_in_slack_connects_the_workspace(site: Site, ada: User) -> None:
    page = site.consent(site.sign_in(ada), "slack")
    made = only_resource()
    value: Any = engine.open_value(made)
    assert (made.type, made.name, made.account) == ("slack", "slack-acme", "Acme (T0ACME0001)")
    assert page.url == site.url + change_page(made)
    assert value.access_token.get_secret_value().startswith("xoxb-")
    assert (value.team_id, value.refresh_token, made.expires_at) == ("T0ACME0001", None, None)


def test_a_bot_whose_tokens_rotate_keeps_its_refresh_token(site: Site, ada: User) -> None:
    site.rotate_tokens()
    site.consent(site.sign_in(ada), "slack")
    value: Any = engine.open_value(only_resource())
    assert value.refresh_token.get_secret_value().startswith("xoxe-1-")
    assert only_resource().expires_at is not None


@both
def test_reconnecting_keeps_the_resource_and_replaces_its_value(
    site: Site, ada: User, service: str
) -> None:
    browser = site.sign_in(ada)
    site.consent(browser, service)
    before = only_resource()
    old = engine.open_value(before)
    engine.mark_broken(old, "revoked")
    page = site.consent(browser, service, query=f"?resource={before.pk}")
    after = only_resource()
    assert (after.pk, after.name, after.state, after.reason) == (
        before.pk,
        before.name,
        "connected",
        "",
    )
    assert engine.open_value(after) != old
    assert page.url == site.url + change_page(after)


def test_who_reconnects_a_gmail_account_finds_it_chosen(
    site: Site, client: Client, ada: User
) -> None:
    made = site.gmail(ada, "carol@example.com")
    assert asked(client, ada, "google", f"?resource={made.pk}")["login_hint"] == made.account


def test_a_renamed_workspace_can_be_reconnected(site: Site, ada: User) -> None:
    made = site.slack(ada)
    Resource.objects.filter(pk=made.pk).update(account="Before (T0ACME0001)")
    page = site.consent(site.sign_in(ada), "slack", query=f"?resource={made.pk}")
    assert "Connected " in page.text


# ------------------------------------------------------------------ nobody signs in by it
@both
def test_a_stranger_who_starts_is_sent_to_the_login_page(site: Site, service: str) -> None:
    page = Browser().get(site.start(service))
    assert urlsplit(page.url).path == reverse("admin:login")
    assert_nobody_came_in()


@both
def test_a_stranger_who_comes_back_with_a_good_answer_gets_no_session(
    site: Site, ada: User, service: str
) -> None:
    address = answer_of(site, site.sign_in(ada), service)
    Session.objects.all().delete()
    stranger = Browser()
    page = stranger.get(address)
    assert urlsplit(page.url).path == reverse("admin:login")
    assert [cookie.name for one in _cookies(stranger) for cookie in one.cookiejar] == ["csrftoken"]
    assert control.count(EXCHANGE[service]) == 0
    assert_nobody_came_in(ada)


def assert_nobody_came_in(*known: User) -> None:
    assert list(User.objects.all()) == list(known)
    assert Session.objects.count() == SocialAccount.objects.count() == 0
    assert Resource.objects.count() == 0


@both
def test_connecting_leaves_nothing_behind_that_can_sign_in(
    site: Site, ada: User, settings: Settings, service: str
) -> None:
    settings.SOCIALACCOUNT_STORE_TOKENS = True
    site.consent(site.sign_in(ada), service)
    assert only_resource().state == "connected"
    assert list(User.objects.all()) == [ada]
    assert SocialAccount.objects.count() == SocialToken.objects.count() == 0


def test_allauth_itself_offers_none_of_it_as_a_way_to_sign_in(site: Site, rf: Any) -> None:
    assert get_adapter().list_providers(rf.get("/")) == []
    for name in ("google_login", "hub_google_login", "hub_slack_login", "account_login"):
        with pytest.raises(NoReverseMatch):
            reverse(name)


@both
def test_no_table_holds_a_token_in_plain_text(
    site: Site, ada: User, settings: Settings, service: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SOCIALACCOUNT_STORE_TOKENS = True
    site.rotate_tokens()
    with caplog.at_level("DEBUG"):
        page = site.consent(site.sign_in(ada), service)
    value: Any = engine.open_value(only_resource())
    everything = whole_database() + caplog.text + page.html
    for token in (value.access_token, value.refresh_token):
        assert token.get_secret_value() not in everything


def whole_database() -> str:
    tables = [list(model._base_manager.values()) for model in apps.get_models()]
    sessions = [one.get_decoded() for one in Session.objects.all()]
    return repr(tables) + repr(sessions)


# ------------------------------------------------------------------ what is asked for
def test_google_is_asked_for_sending_and_for_the_address_alone(
    site: Site, client: Client, ada: User
) -> None:
    query = asked(client, ada, "google")
    assert set(query["scope"].split()) == {"openid", "email", SEND}
    assert (query["access_type"], query["prompt"]) == ("offline", "consent")
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == site.callback("google")


def test_slack_is_asked_for_a_bots_scopes(site: Site, client: Client, ada: User) -> None:
    query = asked(client, ada, "slack")
    assert set(query["scope"].split(",")) == {
        "chat:write",
        "chat:write.public",
        "channels:read",
        "users:read",
        "users:read.email",
    }
    assert "user_scope" not in query
    assert "code_challenge" not in query


@pytest.mark.parametrize(
    ("service", "page"),
    [
        ("google", "https://accounts.google.com/o/oauth2/v2/auth"),
        ("slack", "https://slack.com/oauth/v2/authorize"),
    ],
)
def test_with_a_client_id_of_ones_own_the_real_provider_is_asked(
    site: Site, client: Client, ada: User, settings: Settings, service: str, page: str
) -> None:
    own = {f"{service.upper()}_CLIENT_ID": "mine", f"{service.upper()}_CLIENT_SECRET": "secret"}
    settings.SOCIALACCOUNT_PROVIDERS = {
        f"hub_{service}": getattr(providers, service)(own, site.url)
    }
    client.force_login(ada)
    address = client.get(reverse(f"hub:{service}_connect"))["Location"]
    assert address.startswith(f"{page}?client_id=mine&")


@both
def test_the_query_string_widens_nothing(
    site: Site, client: Client, ada: User, service: str
) -> None:
    plain = asked(client, ada, service)
    lure = asked(
        client,
        ada,
        service,
        "?scope=https://mail.google.com/,admin&auth_params=access_type%3Donline%26user_scope%3Dadmin"
        "&process=login&next=https://evil.example&action=reauthenticate",
    )
    for changing in ("state", "code_challenge", "scope"):
        known, other = plain.pop(changing, ""), lure.pop(changing, "")
        assert changing != "scope" or set(known.split()) == set(other.split())  # any order
    assert lure == plain


@both
def test_the_redirect_url_is_the_sites_own_whatever_the_request_says(
    site: Site, client: Client, ada: User, settings: Settings, service: str
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    query = asked(client, ada, service, host="evil.example")
    assert query["redirect_uri"] == site.callback(service)


# ------------------------------------------------------------------ refusals
@both
def test_who_denies_is_told_that_nothing_was_connected(site: Site, ada: User, service: str) -> None:
    page = site.consent(site.sign_in(ada), service, button="Deny")
    assert "You did not allow it at" in page.text
    assert urlsplit(page.url).path == reverse("admin:windflow_resource_changelist")
    assert Resource.objects.count() == 0


def test_who_allows_everything_but_sending_is_told_to_leave_that_box_ticked(
    site: Site, ada: User
) -> None:
    browser = site.sign_in(ada)
    page = browser.get(site.start("google"))
    form = page.form("Allow")
    ticked = {name: text for name, text in form.fields.items() if not name.startswith("scope-")}
    page = browser.post(page, {**ticked, **form.buttons["Allow"]})
    assert "leave that box ticked" in page.text
    assert Resource.objects.count() == 0


@both
def test_an_answer_is_good_once(site: Site, ada: User, service: str) -> None:
    browser = site.sign_in(ada)
    address = answer_of(site, browser, service)
    assert "Connected " in browser.get(address).text
    assert "belongs to nothing that you began" in browser.get(address).text
    assert Resource.objects.count() == 1


@both
def test_an_answer_that_somebody_else_began_connects_nothing(
    site: Site, ada: User, mallory: User, service: str
) -> None:
    mallory.user_permissions.set(Permission.objects.filter(codename="add_resource"))
    User.objects.filter(pk=mallory.pk).update(is_staff=True)
    lure = answer_of(site, site.sign_in(mallory), service)
    page = site.sign_in(ada).get(lure)
    assert "belongs to nothing that you began" in page.text
    assert control.count(EXCHANGE[service]) == Resource.objects.count() == 0


@both
def test_what_one_user_began_is_not_finished_by_another_in_the_same_session(
    site: Site, ada: User, bob: User, client: Client, service: str
) -> None:
    state = asked(client, ada, service)["state"]
    session = client.session
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(bob.pk), bob.get_session_auth_hash()
    session.save()
    answer = client.get(reverse(f"hub:{service}_callback"), {"state": state, "code": "x"})
    assert "belongs to nothing that you began" in str([*get_messages(answer.wsgi_request)])
    assert control.count(EXCHANGE[service]) == 0


@pytest.mark.parametrize("process", ["login", "redirect", None])
def test_what_was_begun_as_anything_but_connecting_is_not_finished(
    site: Site, ada: User, client: Client, process: str | None
) -> None:
    client.force_login(ada)
    session = client.session
    begun = {"process": process, "data": {"user": str(ada.pk), "resource": None}}
    session[STATES_SESSION_KEY] = {"the-state": (begun, time.time(), "hub_slack")}
    session.save()
    answer = client.get(reverse("hub:slack_callback"), {"state": "the-state", "code": "x"})
    assert "belongs to nothing that you began" in str([*get_messages(answer.wsgi_request)])
    assert control.count(Endpoint.SLACK_CODE) == 0


@both
def test_the_same_account_connected_by_two_people_is_two_resources(
    site: Site, ada: User, alice: User, service: str
) -> None:
    alice.user_permissions.set(Permission.objects.filter(codename__endswith="_resource"))
    site.consent(site.sign_in(ada), service)
    first = only_resource()
    site.consent(site.sign_in(alice), service)
    first_again, second = Resource.objects.order_by("pk")
    assert (first_again.sealed, first_again.owner) == (first.sealed, ada)
    assert second.owner == alice
    assert second.name != first.name


@both
def test_nobody_reconnects_what_another_person_manages(
    site: Site, ada: User, alice: User, client: Client, service: str
) -> None:
    alice.user_permissions.set(Permission.objects.filter(codename__endswith="_resource"))
    theirs = site.gmail(ada) if service == "google" else site.slack(ada)
    client.force_login(alice)
    address = reverse(f"hub:{service}_connect")
    assert client.get(address, {"resource": theirs.pk}).status_code == 404


def test_a_resource_of_another_type_is_not_reconnected(
    site: Site, ada: User, client: Client
) -> None:
    client.force_login(ada)
    for wrong in (site.slack(ada).pk, "x", "", 10**12):
        answer = client.get(reverse("hub:google_connect"), {"resource": wrong})
        assert answer.status_code == 404


def test_reconnecting_as_somebody_else_changes_nothing(site: Site, ada: User) -> None:
    before = site.gmail(ada, "bob@example.com")
    page = site.consent(site.sign_in(ada), "google", "carol@example.com", f"?resource={before.pk}")
    assert "belongs to bob@example.com, but you signed in as carol@example.com" in page.text
    assert page.url == site.url + change_page(before)
    assert only_resource().sealed == before.sealed


@both
def test_who_may_not_add_resources_cannot_start(
    site: Site, bob: User, client: Client, service: str
) -> None:
    client.force_login(bob)
    assert client.get(reverse(f"hub:{service}_connect")).status_code == 403


@both
def test_only_get_is_answered(site: Site, ada: User, client: Client, service: str) -> None:
    client.force_login(ada)
    for name in ("connect", "callback"):
        assert client.post(reverse(f"hub:{service}_{name}")).status_code == 405


# ------------------------------------------------------------------ trouble
def connect(site: Site, user: User, service: str) -> Page:
    page = site.consent(site.sign_in(user), service)
    assert Resource.objects.count() == 0
    return page


@both
def test_a_provider_without_client_id_says_which_setting_is_missing(
    site: Site, ada: User, settings: Settings, service: str
) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {}
    page = site.sign_in(ada).get(site.start(service))
    assert f'SOCIALACCOUNT_PROVIDERS["hub_{service}"]["APP"]' in page.text


@pytest.mark.parametrize(
    ("service", "how"), [("google", "invalid_client"), ("slack", "bad_client_secret")]
)
def test_a_wrong_client_secret_is_named(site: Site, ada: User, service: str, how: str) -> None:
    control.fail(EXCHANGE[service], how)
    page = connect(site, ada, service)
    assert f"did not give a token ({how})" in page.text
    assert f"{site.callback(service)} is registered" in page.text


@both
def test_a_provider_that_cannot_be_reached_connects_nothing(
    site: Site, ada: User, service: str
) -> None:
    site.endpoint(service, "ACCESS_TOKEN_URL", "http://127.0.0.1:9/token")
    assert "could not be reached" in connect(site, ada, service).text


def test_an_account_that_google_does_not_name_is_not_connected(site: Site, ada: User) -> None:
    control.fail(Endpoint.GOOGLE_USERINFO, "server_error")
    assert "did not say whose account it is" in connect(site, ada, "google").text


def test_without_encryption_keys_nothing_is_connected_and_the_setting_is_named(
    site: Site, ada: User, settings: Settings
) -> None:
    settings.WINDFLOW = {**settings.WINDFLOW, "ENCRYPTION_KEYS": []}
    assert "ENCRYPTION_KEYS" in connect(site, ada, "slack").text


@pytest.mark.parametrize("error", ["server_error", "<b>x</b>", ""])
def test_an_error_of_the_provider_is_named_if_it_is_a_word(
    site: Site, ada: User, error: str
) -> None:
    browser = site.sign_in(ada)
    address = answer_of(site, browser, "slack")
    state = parse_qs(urlsplit(address).query)["state"][0]
    page = browser.get(f"{site.callback('slack')}?state={state}&error={error}")
    named = error if error == "server_error" else "no code"
    assert f"Slack answered {named}, so nothing was connected." in page.text


def test_a_service_whose_apps_are_not_installed_contributes_nothing(settings: Settings) -> None:
    assert installed() == ["hub.google", "hub.slack"]
    settings.INSTALLED_APPS = [one for one in settings.INSTALLED_APPS if "allauth" not in one]
    assert installed() == []


def test_a_session_cookie_that_stays_at_home_is_warned_of(settings: Settings) -> None:
    settings.SESSION_COOKIE_SAMESITE = "Strict"
    assert "hub.W001" in [problem.id for problem in run_checks()]
    settings.SESSION_COOKIE_SAMESITE = "Lax"
    assert "hub.W001" not in [problem.id for problem in run_checks()]
