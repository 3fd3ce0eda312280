"""System checks: each speaks when something is wrong, and only then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django
import pytest
from django.core.checks import run_checks
from django.db import connection
from django_q.conf import Conf as QConf
from pytest_django import Settings

from tests import documents
from tests.mailing import use_backend
from windflow import checks, engine
from windflow.executor import least_retry, task_timeout
from windflow.models import FlowVersion

pytestmark = pytest.mark.django_db  # newer Djangos ask the database what it can
Said = Callable[[], dict[str, Any]]
GOOD = {
    "BASE_URL": "https://flows.example.com",
    "EXECUTOR": "windflow.executor.QClusterExecutor",
}


@pytest.fixture
def said(settings: Settings) -> Said:
    """What windflow's checks of the settings say now, by id."""
    settings.WINDFLOW = dict(GOOD)

    def check() -> dict[str, Any]:
        messages = run_checks(include_deployment_checks=True)
        found = {message.id or "": message for message in messages}
        return {name: message for name, message in found.items() if name.startswith("windflow.")}

    return check


@pytest.fixture
def q_cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change what django-q2 read from ``Q_CLUSTER`` when it was imported."""

    def change(**options: Any) -> None:
        for name, value in options.items():
            monkeypatch.setattr(QConf, name, value)

    return change


def test_nothing_is_said_of_good_settings(said: Said, settings: Settings) -> None:
    use_backend(settings, "smtp")
    assert said() == {}


def test_the_demo_has_good_settings(said: Said, settings: Settings) -> None:
    settings.DEBUG = True
    settings.WINDFLOW = {"BASE_URL": "http://127.0.0.1:8000"}
    assert said() == {}


# WINDFLOW


def test_a_misspelt_key_is_named_with_what_was_meant(said: Said, settings: Settings) -> None:
    settings.WINDFLOW = {**GOOD, "LINK_MAXAGE": 1}
    message = said()["windflow.E001"]
    assert message.msg == "WINDFLOW has the unknown key 'LINK_MAXAGE'."
    assert message.hint == "Did you mean 'LINK_MAX_AGE'?"


def test_a_key_that_is_like_no_other_should_go(said: Said, settings: Settings) -> None:
    settings.WINDFLOW = {**GOOD, "X": 1}
    assert said()["windflow.E001"].hint == "Remove it."


@pytest.mark.parametrize(
    "base", ["", "flows.example.com", "ftp://flows.example.com", "https://", "https://x/?a=1", "/x"]
)
def test_without_an_address_no_link_can_be_made(said: Said, settings: Settings, base: str) -> None:
    settings.WINDFLOW = {**GOOD, "BASE_URL": base}
    assert "windflow.E002" in said()


def test_links_over_http_can_be_read_on_their_way(said: Said, settings: Settings) -> None:
    settings.WINDFLOW = {**GOOD, "BASE_URL": "http://flows.example.com"}
    assert "windflow.W001" in said()


def test_an_executor_that_is_not_there(said: Said, settings: Settings) -> None:
    settings.WINDFLOW = {**GOOD, "EXECUTOR": "windflow.executor.Nobody"}
    assert "Nobody" in said()["windflow.E003"].msg


# Mail


@pytest.mark.parametrize("name", ["console", "dummy", "filebased", "locmem"])
def test_a_mail_backend_that_delivers_nothing(said: Said, settings: Settings, name: str) -> None:
    use_backend(settings, name)
    setting = "MAILERS" if django.VERSION >= (6, 1) else "EMAIL_BACKEND"
    assert said()["windflow.W002"].msg.startswith(setting)
    assert f"backends.{name}." in said()["windflow.W002"].msg


def test_a_mail_backend_of_ones_own_is_fine(said: Said, settings: Settings) -> None:
    use_backend(settings, "shop.mail.EmailBackend")
    assert "windflow.W002" not in said()


def test_djangos_default_of_mail_is_fine(said: Said, settings: Settings) -> None:
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {}}
    else:
        del settings.EMAIL_BACKEND
    assert "windflow.W002" not in said()


# The queue


def test_a_retry_that_is_too_short_says_the_least_that_is_not(
    said: Said, q_cluster: Callable[..., None]
) -> None:
    least = least_retry(task_timeout())
    q_cluster(RETRY=least)
    assert "windflow.W003" not in said()
    q_cluster(RETRY=least - 1)
    assert f'"retry" to at least {least}' in said()["windflow.W003"].hint


@pytest.mark.parametrize(
    ("limit", "bulk", "workers", "least"), [(2, 1, 2, 213), (4, 1, 2, 283), (1, 1, 4, 143)]
)
def test_the_least_retry_outlasts_a_full_queue(
    q_cluster: Callable[..., None], limit: int, bulk: int, workers: int, least: int
) -> None:
    q_cluster(QUEUE_LIMIT=limit, BULK=bulk, WORKERS=workers)
    assert least_retry(70) == least


def test_a_queue_that_runs_in_the_request(said: Said, q_cluster: Callable[..., None]) -> None:
    q_cluster(SYNC=True)
    assert "windflow.E004" in said()


@pytest.mark.parametrize("options", [{"MAX_ATTEMPTS": 0}, {"ACK_FAILURES": False}])
def test_a_queue_that_repeats_failed_tasks_for_ever(
    said: Said, q_cluster: Callable[..., None], options: dict[str, Any]
) -> None:
    q_cluster(**options)
    assert "windflow.W004" in said()


@pytest.mark.parametrize("orm", [None, "queue"])
def test_a_queue_in_another_database(
    said: Said, q_cluster: Callable[..., None], orm: str | None
) -> None:
    q_cluster(ORM=orm)
    assert "windflow.W005" in said()


def test_a_queue_that_makes_up_for_every_missed_tick(
    said: Said, q_cluster: Callable[..., None]
) -> None:
    q_cluster(CATCH_UP=True)
    assert "windflow.W006" in said()


def test_the_queue_does_not_matter_to_an_executor_without_one(
    said: Said, settings: Settings, q_cluster: Callable[..., None]
) -> None:
    settings.WINDFLOW = {**GOOD, "EXECUTOR": "windflow.executor.InlineExecutor"}
    q_cluster(SYNC=True, ORM=None, CATCH_UP=True, RETRY=1)
    assert {"windflow.E004", "windflow.W003", "windflow.W005"} & said().keys() == set()


# SQLite


@pytest.mark.parametrize("mode", [None, "DEFERRED"])
def test_only_sqlite_minds_transactions_that_begin_deferred(
    said: Said, monkeypatch: pytest.MonkeyPatch, mode: str | None
) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"transaction_mode": mode})
    assert ("windflow.E005" in said()) == (connection.vendor == "sqlite")


# Published flows


def test_a_published_flow_without_its_script_is_named() -> None:
    flow = documents.flow(documents.step("a"), slug="refund")
    FlowVersion.objects.filter(flow=flow).update(
        document=documents.document(documents.step("b", "shop/gone"))
    )
    [problem] = checks.check_published_flows(databases=["default"])
    assert problem.id == "windflow.E006"
    assert "step b uses the script shop/gone" in problem.msg
    assert problem.obj == flow


def test_only_the_newest_version_is_looked_at() -> None:
    flow = documents.flow(documents.step("a"))
    FlowVersion.objects.filter(flow=flow).update(
        document=documents.document(documents.step("b", "shop/gone"))
    )
    engine.publish(flow)
    assert checks.check_published_flows(databases=["default"]) == []


def test_published_flows_are_not_read_unless_the_database_is_asked_for() -> None:
    flow = documents.flow(documents.step("a"))
    FlowVersion.objects.filter(flow=flow).update(
        document=documents.document(documents.step("b", "shop/gone"))
    )
    assert checks.check_published_flows() == []
