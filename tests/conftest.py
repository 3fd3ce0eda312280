"""The cast, the services of this machine, and what to say of skipped tests.

Alice starts runs, Bob and Carol approve, Charlie may not, Mallory has an old link.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests import services
from tests.flows import browser, run_waiting_for_bob

__all__ = ["browser", "run_waiting_for_bob"]  # fixtures for every test

# Playwright's sync API keeps an event loop in the test's thread; the ORM would refuse to work.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

NewPerson = Callable[..., User]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in services.NEEDS:
            if item.get_closest_marker(marker) and (reason := services.missing(marker)):
                item.add_marker(pytest.mark.skip(reason=f"needs {reason}"))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    skipped = _skips(terminalreporter)
    if not skipped:
        return
    terminalreporter.section("not tested on this machine")
    for reason, count in sorted(skipped.items()):
        terminalreporter.line(f"{count} test{'s' * (count > 1)}: {reason}")
    if _in_ci():
        terminalreporter.line("In CI that is a failure: nobody reads this list there.")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a test that did not run is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if _in_ci() and reporter and _skips(reporter):
        session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED


def _in_ci() -> bool:
    return os.environ.get("CI") == "true"


def _skips(reporter: Any) -> Counter[str]:
    reports = reporter.stats.get("skipped", [])
    return Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports)


@pytest.fixture
def person(db: None) -> NewPerson:
    """Makes a user from a first name: ``person("dora")`` is dora, dora@example.com."""

    def make(name: str, **fields: Any) -> User:
        return User.objects.create_user(
            username=name,
            email=f"{name}@example.com",
            password=name,
            first_name=name.capitalize(),
            **fields,
        )

    return make


@pytest.fixture
def alice(person: NewPerson) -> User:
    """Staff; starts runs."""
    return person("alice", is_staff=True)


@pytest.fixture
def bob(person: NewPerson) -> User:
    """Approves."""
    return person("bob")


@pytest.fixture
def carol(person: NewPerson) -> User:
    """Approves too."""
    return person("carol")


@pytest.fixture
def charlie(person: NewPerson) -> User:
    """Was never asked."""
    return person("charlie")


@pytest.fixture
def mallory(person: NewPerson) -> User:
    """Has a link that was taken from her."""
    return person("mallory")
