"""The management commands, as somebody types them."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from tests import documents
from windflow import engine
from windflow.models import Event, Run

pytestmark = pytest.mark.django_db


def typed(*command: str, **options: Any) -> str:
    """What the command prints."""
    out = StringIO()
    call_command(*command, stdout=out, **options)
    return out.getvalue()


def broken(*command: str) -> str:
    """What the command prints before it exits with 1."""
    out = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command(*command, stdout=out)
    assert caught.value.code == 1
    return out.getvalue()


def tamper(run: Run, number: int, **changes: Any) -> None:
    Event.objects.filter(run=run, number=number).update(**changes)


# windflow_verify


def test_verify_proves_every_run() -> None:
    documents.run(documents.step("a"))
    documents.run(documents.gate("bob@example.com"))
    assert typed("windflow_verify") == "2 runs checked, 0 broken\n"


def test_verify_names_the_run_and_the_event_that_was_changed() -> None:
    documents.run(documents.step("a"))
    run = documents.run(documents.step("a"))
    tamper(run, 2, who="mallory")
    said = broken("windflow_verify")
    assert f"run {run.pk}, event 2: This event was changed after it was written.\n" in said
    assert said.endswith("2 runs checked, 1 broken\n")


def test_verify_notices_an_event_that_was_removed_from_the_end() -> None:
    run = documents.run(documents.step("a"))
    last = run.events.order_by("number").last()
    assert last is not None
    Event.objects.filter(pk=last.pk).delete()
    assert f"event {last.number}: Events after this one were removed." in broken("windflow_verify")


def test_verify_can_be_asked_of_some_runs_only() -> None:
    good = documents.run(documents.step("a"))
    tamper(documents.run(documents.step("a")), 1, data="{}")
    assert typed("windflow_verify", str(good.pk)) == "1 runs checked, 0 broken\n"


def test_verify_speaks_json() -> None:
    run = documents.run(documents.step("a"))
    assert json.loads(typed("windflow_verify", "--json")) == {"checked": 1, "broken": []}
    tamper(run, 1, at=timezone.now() - timedelta(days=1))
    [found] = json.loads(broken("windflow_verify", "--json"))["broken"]
    assert (found["run"], found["event"]) == (run.pk, 1)


def test_verify_of_a_run_that_is_not_there_is_an_error() -> None:
    with pytest.raises(CommandError, match=r"There is no run 404\."):
        typed("windflow_verify", "404")


def test_verify_of_nothing_is_fine() -> None:
    assert typed("windflow_verify") == "0 runs checked, 0 broken\n"


# windflow_tick


def test_a_tick_with_nothing_to_do_says_so() -> None:
    documents.run(documents.gate("bob@example.com"))
    assert typed("windflow_tick", "--once") == "woken 0, timed out 0, sent again 0\n"


def test_a_tick_ends_waits_whose_deadline_has_passed() -> None:
    run = documents.run(documents.gate("bob@example.com"))
    documents.expire_now(run)
    assert typed("windflow_tick", "--once") == "woken 0, timed out 1, sent again 0\n"
    run.refresh_from_db()
    assert documents.error(run)["name"] == "SuspendedTimedOut"


def test_a_tick_wakes_a_run_whose_sleep_is_over() -> None:
    sleep = {"type": "static", "value": 3600}
    run = documents.run(documents.step("a", sleep=sleep), documents.step("b"))
    assert run.status == "sleeping"
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Run.objects.filter(pk=run.pk).update(
        wake_at=timezone.now(), enqueued_at=an_hour_ago, created_at=an_hour_ago
    )
    assert typed("windflow_tick", "--once") == "woken 1, timed out 0, sent again 0\n"
    assert documents.settle(run).status == "succeeded"


def test_a_tick_sends_again_what_the_queue_lost() -> None:
    run = engine.start(documents.flow(documents.step("a")))
    a_minute_ago = timezone.now() - timedelta(minutes=1)
    Run.objects.filter(pk=run.pk).update(enqueued_at=a_minute_ago)
    assert typed("windflow_tick", "--once") == "woken 0, timed out 0, sent again 1\n"
    assert typed("windflow_tick", "--once") == "woken 0, timed out 0, sent again 0\n"


# migrate


def test_migrate_prepares_a_new_sqlite_file_once(tmp_path: Path) -> None:
    file = tmp_path / "new.sqlite3"
    for _ in range(2):
        migrate(file)
    database = sqlite3.connect(file)
    with closing(database):
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        ticks = database.execute("SELECT func FROM django_q_schedule").fetchall()
    assert ticks == [("windflow.tasks.tick",)]


def migrate(file: Path) -> None:
    subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--verbosity", "0"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "WINDFLOW_DATABASE": f"sqlite:///{file}",
        },
        check=True,
        timeout=60,
    )
