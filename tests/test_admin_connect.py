"""Connect an API in the admin: the types, their forms, new values, and no secret anywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Self

import pytest
from django.contrib import admin as site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.signals import got_request_exception
from django.test import Client
from django.urls import include, path, reverse
from django.utils.html import escape
from django.views.debug import ExceptionReporter
from pydantic import Field, SecretStr, field_validator, model_validator
from pytest_django import Settings

from hub.smtp import SmtpResource
from tests.connected import CANARY, grant, key, said, smtp, staff, typed, url, uses, value
from tests.documents import run, settle
from windflow import ResourceValue, engine, resource_type
from windflow.models import Resource
from windflow.resources import resource_types

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client, admin_user: User) -> Client:
    """Logged in with every permission."""
    client.force_login(admin_user)
    return client


@pytest.fixture
def odd_type() -> Iterator[str]:
    """A type whose own check quotes what it refuses, or crashes."""

    @resource_type("odd", title="Odd")
    class Odd(ResourceValue):
        key: SecretStr
        lines: list[SecretStr] = []
        token: SecretStr | None = None
        pem: SecretStr = Field(SecretStr(""), json_schema_extra={"format": "textarea"})

        @field_validator("key")
        @classmethod
        def _check(cls, key: SecretStr) -> SecretStr:
            text = key.get_secret_value()
            if text.endswith("crash"):
                raise RuntimeError("no idea")
            if text.endswith("quote"):
                raise ValueError(f"{text} is no key")
            return key

        @model_validator(mode="after")
        def _check_all(self) -> Self:
            if self.lines and self.key.get_secret_value().endswith("alone"):
                raise ValueError(f"{self.key.get_secret_value()} goes with no lines")
            return self

    yield "odd"
    del resource_types._types["odd"]


# Connecting


def test_the_types_are_tiles_that_say_what_will_be_asked_for(admin: Client) -> None:
    page = admin.get(url("add")).content.decode()
    assert "Sends mails as a Google account. Reads none." in page
    assert f'href="{reverse("hub:google_connect")}"' in page
    assert "You fill in: Host, Port, Encryption, User name, Password" in page
    assert f'href="{url("connect", "smtp")}"' in page


def test_a_type_whose_address_is_missing_says_what_to_include_and_has_no_button(
    admin: Client, settings: Settings
) -> None:
    bare: Any = ModuleType("bare")  # the site of a shop that forgot the hub's URLs
    bare.urlpatterns = [
        path("admin/", site.site.urls),
        path("flows/", include("windflow.urls", namespace="windflow")),
    ]
    settings.ROOT_URLCONF = bare
    page = admin.get(url("add")).content.decode()
    assert "this site has no URL called hub:google_connect" in page
    assert "Connect Gmail" not in page


def test_a_provider_that_is_not_configured_says_which_setting_to_set(
    admin: Client, settings: Settings
) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {}
    page = admin.get(reverse("hub:google_connect"), follow=True)
    assert page.status_code == 200
    assert escape('SOCIALACCOUNT_PROVIDERS["hub_google"]["APP"]') in page.content.decode()


def test_a_mail_server_is_connected_by_its_form_and_belongs_to_who_filled_it_in(
    alice: User,
) -> None:
    answer = staff(alice).post(url("connect", "smtp"), typed(password=f" {CANARY} "))
    made = Resource.objects.get()
    assert answer["Location"] == url("change", made)
    assert said(answer) == "office-mail is connected."
    assert (made.type, made.owner, made.state) == ("smtp", alice, "connected")
    assert value(made).password.get_secret_value() == f" {CANARY} "  # to the letter
    assert LogEntry.objects.get().get_change_message() == "Added."


def test_what_does_not_fit_is_said_at_its_field_with_what_was_typed_but_secrets(
    admin: Client,
) -> None:
    sent = typed(host="", port="99999", from_email="nobody", password=CANARY)
    answer = admin.post(url("connect", "smtp"), sent)
    name, form = answer.context["forms"]
    assert set(form.errors) == {"host", "port", "from_email", "password"}
    assert "Type it again" in form.errors["password"][0]
    page = answer.content.decode()
    assert 'value="99999"' in page
    assert 'value="nobody"' in page
    assert CANARY not in page
    assert not name.errors
    assert not Resource.objects.exists()


def test_what_the_type_as_a_whole_refuses_stands_above_the_form(admin: Client) -> None:
    answer = admin.post(url("connect", "smtp"), typed(security="none", password=CANARY))
    refused = "A password is only sent encrypted: choose starttls or tls."
    assert answer.context["forms"][1].non_field_errors() == [refused]
    assert CANARY not in answer.content.decode()


def test_a_name_that_is_taken_or_no_name_is_refused_at_the_name(admin: Client) -> None:
    smtp()
    for name in ("office-mail", "two words", ""):
        answer = admin.post(url("connect", "smtp"), {**typed(), "name": name})
        assert "name" in answer.context["forms"][0].errors
    assert Resource.objects.count() == 1


def test_required_and_optional_fields_are_told_apart(admin: Client) -> None:
    page = admin.get(url("connect", "smtp")).content.decode()
    assert '<label for="id_value.host" class="required">Host:' in page
    assert "Password (optional):" in page
    assert 'type="password"' in page
    assert '<input type="text" name="value.host"' in page  # and not a box of several lines


def test_without_keys_nothing_can_be_connected_and_the_page_says_how_to_make_one(
    admin: Client, settings: Settings
) -> None:
    settings.WINDFLOW = {**settings.WINDFLOW, "ENCRYPTION_KEYS": []}
    page = admin.get(url("add")).content.decode()
    assert "Fernet.generate_key()" in page
    assert 'class="button"' not in page
    answer = admin.post(url("connect", "smtp"), typed(password=CANARY))
    assert "is empty" in answer.context["forms"][1].non_field_errors()[0]
    assert not Resource.objects.exists()


def test_a_type_that_signs_in_at_a_provider_has_no_form(admin: Client) -> None:
    assert admin.get(url("connect", "gmail")).status_code == 404
    assert admin.get(url("connect", "nowhere")).status_code == 404
    assert admin.get(url("details", grant())).status_code == 404


# A new value


def test_an_empty_secret_stays_and_a_typed_one_replaces_it(admin: Client) -> None:
    made = smtp()
    admin.post(url("details", made), typed(host="new.example.com"))
    assert (value(made).host, value(made).password.get_secret_value()) == (
        "new.example.com",
        CANARY,
    )
    admin.post(url("details", made), typed(password="another"))
    assert value(made).password.get_secret_value() == "another"


def test_a_secret_that_is_not_needed_can_be_removed(admin: Client) -> None:
    made = smtp()
    admin.post(url("details", made), {**typed(), "value.password.remove": "on"})
    assert value(made).password.get_secret_value() == ""
    assert "Remove password" not in admin.get(url("details", made)).content.decode()


def test_a_field_that_is_emptied_goes_back_to_what_the_type_says(admin: Client) -> None:
    made = smtp(from_email="a@example.com")
    admin.post(url("details", made), typed(port="", username="", from_email=""))
    now: SmtpResource = value(made)
    assert (now.port, now.username, now.from_email) == (587, "", None)


def test_correcting_a_broken_resource_connects_it_again(admin: Client) -> None:
    made = smtp()
    engine.mark_broken(value(made), "535 authentication failed")
    assert "535 authentication failed" in admin.get(url("details", made)).content.decode()
    answer = admin.post(url("details", made), typed(password="correct"))
    assert said(answer) == "office-mail is connected again."
    made.refresh_from_db()
    assert (made.state, made.reason) == ("connected", "")


def test_a_refused_correction_changes_nothing_and_asks_for_the_secret_again(
    admin: Client,
) -> None:
    made = smtp()
    before = Resource.objects.get().sealed
    answer = admin.post(url("details", made), typed(port="0", password="typed-now-1"))
    assert "Type it again" in answer.context["forms"][0].errors["password"][0]
    assert "typed-now-1" not in answer.content.decode()
    assert Resource.objects.get().sealed == before


def test_a_value_that_no_key_opens_is_asked_for_anew(admin: Client, settings: Settings) -> None:
    made = key()
    other = "another-key-another-key-another-key-anoth00="
    settings.WINDFLOW = {**settings.WINDFLOW, "ENCRYPTION_KEYS": [other]}
    page = admin.get(url("details", made)).content.decode()
    assert "opens this value" in page
    sent = {"value.host": "h2", "value.secret": ""}
    assert "secret" in admin.post(url("details", made), sent).context["forms"][0].errors
    admin.post(url("details", made), {**sent, "value.secret": "s2"})
    assert value(made).secret.get_secret_value() == "s2"


def test_a_run_that_a_broken_resource_failed_can_go_on_once_it_is_mended(admin: Client) -> None:
    made = key()
    engine.mark_broken(value(made), "revoked")
    failed = run(uses("mine"))
    assert "Admin → Resources → mine" in str(failed.error)
    admin.post(url("details", made), {"value.host": "h9", "value.secret": ""})
    engine.retry(failed)
    assert settle(failed).result == "h9"


# Secrets


def test_no_page_message_or_history_ever_shows_a_secret(admin: Client, alice: User) -> None:
    made, other, third = smtp(alice), grant(alice), key(spare=[CANARY])
    alices, bodies = staff(alice), []
    for client in (admin, alices):
        for row in (made, other, third):
            for page in ("change", "details", "history", "delete"):
                bodies.append(client.get(url(page, row)))
        for page in ("changelist", "add"):
            bodies.append(client.get(url(page)))
    bodies.append(alices.post(url("connect", "smtp"), typed(port="x", password=CANARY)))
    bodies.append(alices.post(url("details", made), typed(port="x", password=CANARY)))
    bodies.append(alices.post(url("details", made), typed(password=CANARY), follow=True))
    bodies.append(
        alices.post(
            url("connect", "smtp"), {**typed(password=CANARY), "name": "second"}, follow=True
        )
    )
    assert all(CANARY not in body.content.decode() for body in bodies)
    assert sum(b"office-mail" in body.content for body in bodies) > 10
    log = " ".join(
        f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()
    )
    assert "second" in log
    assert CANARY not in log


def test_secrets_of_several_lines_go_one_way_too(admin: Client, odd_type: str) -> None:
    lines, pem = f"{CANARY}-1\r\n{CANARY}-2", f"-----BEGIN\r\n{CANARY}\r\n-----END"
    sent = {"name": "odd", "value.key": "k", "value.lines": lines, "value.pem": pem}
    refused = admin.post(url("connect", odd_type), {**sent, "value.key": "", "value.token": CANARY})
    assert CANARY not in refused.content.decode()
    admin.post(url("connect", odd_type), sent)
    made = Resource.objects.get()
    assert [line.get_secret_value() for line in value(made).lines] == [
        f"{CANARY}-1",
        f"{CANARY}-2",
    ]
    assert CANARY not in admin.get(url("details", made)).content.decode()
    admin.post(url("details", made), {"value.key": "", "value.lines": "", "value.pem": ""})
    assert len(value(made).lines) == 2
    assert CANARY in value(made).pem.get_secret_value()


@pytest.mark.parametrize("secret", [f"{CANARY} quote", "a quote"])
def test_a_check_that_quotes_what_it_refuses_is_not_quoted(
    admin: Client, odd_type: str, secret: str
) -> None:
    answer = admin.post(url("connect", odd_type), {"name": "odd", "value.key": secret})
    assert answer.context["forms"][1].errors["key"] == ["This does not fit."]
    assert secret not in answer.content.decode()


def test_a_check_of_the_whole_does_not_quote_a_secret_either(admin: Client, odd_type: str) -> None:
    sent = {"name": "odd", "value.key": f"{CANARY} alone", "value.lines": "x"}
    answer = admin.post(url("connect", odd_type), sent)
    assert answer.context["forms"][1].non_field_errors() == ["[secret] goes with no lines"]


def test_what_tells_the_developers_of_a_crash_has_no_secret(admin: Client, odd_type: str) -> None:
    reports: list[str] = []

    def report(request: Any, **_facts: Any) -> None:
        reports.append(ExceptionReporter(request, *sys.exc_info()).get_traceback_html())

    admin.raise_request_exception = False
    got_request_exception.connect(report)
    try:
        sent = {"name": "odd", "value.key": f"{CANARY} crash"}
        assert admin.post(url("connect", odd_type), sent).status_code == 500
    finally:
        got_request_exception.disconnect(report)
    [told] = reports
    assert "connect_page" in told
    assert "value.key" in told
    assert CANARY not in told


def test_nobody_can_ask_the_list_which_resources_have_a_sealed_value(admin: Client) -> None:
    smtp()
    assert admin.get(url("changelist"), {"sealed__startswith": "g"}).status_code == 400
