"""Refreshing: once, by whoever is first; and what happens when it does not help."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.utils import timezone

from tests import documents
from tests.documents import settle, step
from tests.models import Ledger
from tests.provider import Provider
from tests.resources import Grant
from tests.test_races import at_once
from windflow import engine
from windflow.exceptions import StepFailed
from windflow.models import Resource, Run
from windflow.resources import plain_value
from windflow.states import ResourceState, RunStatus

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_worker(settings: LazySettings) -> None:
    """Nothing runs by itself."""
    settings.WINDFLOW = {**settings.WINDFLOW, "EXECUTOR": "tests.test_races.Nobody"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as made:
        yield made


def connect(provider: Provider, *, ends_in: float = -1.0, owner: User | None = None) -> Resource:
    """A grant with the tokens that are good now."""
    ends = timezone.now() + timedelta(seconds=ends_in)
    fields = {**provider.fields(), "expires_at": ends}
    return engine.connect("grant", fields, name="team", owner=owner)


def run(path: str = "tests/show_grant", retry: Any = None, **inputs: Any) -> Run:
    """A run of one script with the grant."""
    keys = {"retry": retry} if retry else {}
    return documents.run(step("a", path, {"grant": "team", **inputs}, **keys))


def value_of(resource: Resource) -> Grant:
    """The value that the resource has now."""
    value = engine.open_value(Resource.objects.get(pk=resource.pk))
    assert isinstance(value, Grant)
    return value


def failure(done: Run) -> str:
    assert (done.status, done.error["name"]) == (RunStatus.FAILED, "StepFailed")
    return done.error["message"]


@pytest.mark.parametrize(("ends_in", "asked"), [(-3600, 1), (30, 1), (90, 0)])
def test_a_value_is_refreshed_before_use_when_it_ended_or_is_about_to(
    provider: Provider, ends_in: float, asked: int
) -> None:
    made = connect(provider, ends_in=ends_in)
    assert run().result == str(1 + asked)
    assert provider.asked == asked
    made.refresh_from_db()
    assert (made.generation, made.refreshing_until) == (1 + asked, None)
    assert plain_value(value_of(made))["refresh_token"] == f"refresh-canary-{1 + asked}"


def test_a_token_that_the_provider_refuses_is_refreshed_once(provider: Provider) -> None:
    connect(provider, ends_in=3600)
    assert run("tests/call_provider", takes="2").result == "2"
    assert provider.asked == 1


def test_an_atomic_script_gets_its_value_refreshed_before_its_transaction(
    provider: Provider,
) -> None:
    connect(provider)
    assert run("tests/show_grant_atomically").result == "2"


def test_inside_a_transaction_nothing_is_refreshed(provider: Provider) -> None:
    connect(provider, ends_in=3600)
    said = failure(run("tests/refresh_in_transaction"))
    assert "cannot be done inside a database transaction" in said
    assert provider.asked == 0


# Many at once


def started(path: str, **inputs: Any) -> list[Run]:
    """Two runs that no worker has taken yet."""
    module = step("a", path, {"grant": "team", **inputs})
    flows = [documents.flow(module, slug=f"flow-{number}") for number in range(2)]
    return [engine.start(flow) for flow in flows]


@pytest.mark.parametrize(
    ("path", "inputs", "ends_in"),
    [("tests/show_grant", {}, -1), ("tests/call_provider", {"takes": "2"}, 3600)],
    ids=["expired", "refused with 401"],
)
def test_two_workers_at_once_refresh_once(
    provider: Provider, path: str, inputs: dict[str, Any], ends_in: float
) -> None:
    connect(provider, ends_in=ends_in)
    provider.slow = 0.5
    runs = started(path, **inputs)
    at_once(*[lambda run=run: engine.advance(run.pk) for run in runs])
    assert [settle(run).result for run in runs] == ["2", "2"]
    assert (provider.asked, Resource.objects.get().generation) == (1, 2)


def test_of_many_callers_one_asks_and_all_get_the_new_value(provider: Provider) -> None:
    old = value_of(connect(provider))
    provider.slow = 0.3
    values = at_once(*[lambda: engine.refresh(old)] * 6)
    assert {plain_value(value)["access_token"] for value in values} == {"access-canary-2"}
    assert provider.asked == 1


def test_whoever_comes_late_gets_what_the_first_one_got(provider: Provider) -> None:
    old = value_of(connect(provider))
    first, second = engine.refresh(old), engine.refresh(old)
    assert plain_value(first) == plain_value(second)
    assert provider.asked == 1


def test_the_lease_of_a_lost_worker_ends_and_another_refreshes(provider: Provider) -> None:
    old = value_of(connect(provider))
    Resource.objects.update(refreshing_until=timezone.now() + timedelta(seconds=0.5))
    began = timezone.now()
    assert plain_value(engine.refresh(old))["access_token"] == "access-canary-2"
    assert timezone.now() - began >= timedelta(seconds=0.4)


def test_a_worker_that_outlasts_its_lease_still_has_the_last_word(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windflow.engine.resources.LEASE", timedelta(seconds=0.3))
    old = value_of(connect(provider))
    provider.slow = 0.6  # the second worker takes over, and its token was used by the first
    results = at_once(lambda: engine.refresh(old), lambda: engine.refresh(old))
    assert sorted(type(result).__name__ for result in results) == ["Grant", "StepFailed"]
    now = Resource.objects.get()
    assert (now.state, now.reason, now.generation) == (ResourceState.CONNECTED, "", 2)
    assert plain_value(value_of(now))["access_token"] == "access-canary-2"


# When it does not help


def test_a_grant_that_is_gone_breaks_the_resource_and_says_what_to_click(
    provider: Provider, alice: User
) -> None:
    made = connect(provider, owner=alice)
    provider.generation = 7  # somebody used or revoked the token
    said = failure(run())
    assert said.startswith("The resource team is broken: invalid_grant: [secret] was used or")
    assert said.endswith("alice clicks Reconnect in Admin → Resources → team; then click Retry.")
    made.refresh_from_db()
    assert made.state == ResourceState.BROKEN
    assert made.reason == "invalid_grant: [secret] was used or revoked"
    assert made.refreshing_until is None


def test_a_broken_resource_is_not_asked_for_again(provider: Provider) -> None:
    connect(provider)
    provider.generation = 7
    assert failure(run()) == failure(run())
    assert provider.asked == 1


def test_after_reconnecting_a_retry_continues_the_run(provider: Provider) -> None:
    made = connect(provider)
    provider.generation = 7
    failed = documents.run(
        step("first", "tests/pay"),
        step("a", "tests/show_grant", {"grant": "team"}),
    )
    assert failed.status == RunStatus.FAILED
    again = engine.connect("grant", {**provider.fields(), "expires_at": None}, resource=made)
    done = settle(engine.retry(failed))
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, "7")
    assert (again.pk, Ledger.objects.count()) == (made.pk, 1)
    assert done.step_runs.get(step_id="first").attempts == 1


def test_a_second_refusal_breaks_the_resource_for_good(provider: Provider) -> None:
    connect(provider, ends_in=3600)
    retry = {"constant": {"attempts": 3, "seconds": 0}}
    said = failure(run("tests/call_provider", takes="never", retry=retry))
    assert "The resource team is broken: 401 invalid_token: [secret]. A superuser clicks" in said
    assert provider.asked == 1


def test_what_breaks_in_a_rolled_back_transaction_is_broken_all_the_same(
    provider: Provider,
) -> None:
    connect(provider, ends_in=3600)
    assert "is broken: revoked" in failure(run("tests/break_atomically"))
    assert Resource.objects.get().state == ResourceState.BROKEN
    assert not Ledger.objects.exists()


def test_what_is_said_of_an_older_value_does_not_break_the_newer_one(provider: Provider) -> None:
    made = connect(provider)
    old = value_of(made)
    engine.connect("grant", provider.fields(), resource=made)
    assert not engine.mark_broken(old, "revoked")
    assert Resource.objects.get().state == ResourceState.CONNECTED


def test_a_provider_that_is_down_fails_the_attempt_and_not_the_resource(
    provider: Provider,
) -> None:
    connect(provider)
    provider.status = 503
    waiting = run(retry={"constant": {"attempts": 1, "seconds": 0}})
    assert waiting.status == RunStatus.SLEEPING
    now = Resource.objects.get()
    assert (now.state, now.refreshing_until) == (ResourceState.CONNECTED, None)
    provider.status = 200
    Run.objects.update(wake_at=timezone.now())
    assert settle(waiting).result == "2"


def test_an_answer_that_nobody_understands_is_not_quoted(provider: Provider) -> None:
    connect(provider)
    provider.garbage = '{"access_token": "new-canary"'
    said = failure(run())
    assert said.startswith("Refreshing the resource team failed: JSONDecodeError in ")
    assert Resource.objects.get().refreshing_until is None


def test_a_resource_that_is_deleted_meanwhile_fails_the_step(provider: Provider) -> None:
    made = connect(provider)
    old = value_of(made)
    made.delete()
    with pytest.raises(StepFailed, match="team was deleted meanwhile"):
        engine.refresh(old)


def test_a_type_that_cannot_be_refreshed_breaks_when_it_is_refused() -> None:
    made = engine.connect("vault_key", {"host": "h.example", "secret": "canary"}, name="team")
    with pytest.raises(StepFailed, match="its type cannot be refreshed") as caught:
        engine.refresh(engine.open_value(made))
    assert caught.value.permanent
