"""Resources in use: who may, what a step gets, what is refused, and connecting them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.test import override_settings
from django.utils import timezone

from tests import documents
from tests.conftest import NewPerson
from tests.documents import cel, settle, step
from windflow import engine
from windflow.exceptions import InvalidInput, StepFailed
from windflow.models import Resource, Run
from windflow.models.resource import Sharing
from windflow.resources import plain_value
from windflow.states import ResourceState, RunStatus

pytestmark = pytest.mark.django_db

KEY = {"host": "h.example", "secret": "canary-secret"}


# Who may use it


def connect(name: str = "mine", owner: User | None = None, **fields: Any) -> Resource:
    return engine.connect("vault_key", {**KEY, **fields}, name=name, owner=owner)


@pytest.mark.parametrize(
    ("shared_with", "allowed"),
    [
        (Sharing.OWNER, {"alice", "root"}),
        (Sharing.GROUPS, {"alice", "bob", "root"}),
        (Sharing.EVERYONE, {"alice", "bob", "charlie", "root"}),
    ],
)
def test_who_may_use_a_resource(
    shared_with: str, allowed: set[str], alice: User, bob: User, charlie: User, person: NewPerson
) -> None:
    root = person("root", is_superuser=True)
    finance, other = (Group.objects.create(name=name) for name in ("finance", "other"))
    bob.groups.set([finance, other])
    mine = connect(owner=alice)
    mine.groups.set([finance, other])
    Resource.objects.update(shared_with=shared_with)
    may = [
        user.username
        for user in (alice, bob, charlie, root)
        if list(Resource.objects.usable_by(user)) == [mine]
    ]
    assert set(may) == allowed
    for nobody in (None, AnonymousUser()):
        assert not Resource.objects.usable_by(nobody).exists()
    managers = [user for user in (alice, bob, charlie, root) if _manages(user)]
    assert managers == [alice, root]


def _manages(user: User) -> bool:
    return Resource.objects.managed_by(user).exists()


def show_host(key: Any = "mine", *, author: User | None = None, by: User | None = None) -> Run:
    """A run of ``tests/show_host``, of a flow that ``author`` published, started by ``by``."""
    name = {"name": key} if not isinstance(key, dict) else {"key": key}
    return _run(step("a", "tests/show_host", {"key": key} if key else name), author, by)


def _run(module: Any, author: User | None, by: User | None) -> Run:
    made = documents.flow(module, name={"type": "string"})
    made.versions.update(created_by=author)
    return settle(engine.start(made, {"name": "mine"}, by=by))


@pytest.mark.parametrize(
    ("author", "starter", "works"),
    [("alice", "charlie", True), ("charlie", "alice", False), (None, "charlie", True)],
)
def test_a_resource_that_the_document_names_is_used_for_whoever_published_it(
    author: str | None, starter: str, works: bool, alice: User, charlie: User
) -> None:
    connect(owner=alice)
    people = {"alice": alice, "charlie": charlie, None: None}
    done = show_host("mine", author=people[author], by=people[starter])
    assert (done.status == RunStatus.SUCCEEDED) is works
    if not works:
        assert "charlie may not use the resource mine" in done.error["message"]


@pytest.mark.parametrize(
    ("author", "starter", "works"),
    [
        ("alice", "charlie", False),
        ("charlie", "alice", True),
        (None, "charlie", False),
        ("charlie", None, False),
        (None, None, True),
    ],
)
def test_a_resource_that_an_expression_names_is_used_for_whoever_started_the_run(
    author: str | None, starter: str | None, works: bool, alice: User, charlie: User
) -> None:
    connect(owner=alice)
    people = {"alice": alice, "charlie": charlie, None: None}
    done = show_host(cel("flow_input.name"), author=people[author], by=people[starter])
    assert (done.status == RunStatus.SUCCEEDED) is works


@pytest.mark.parametrize(
    ("name", "works"), [("mine", True), (cel("flow_input.name"), False)], ids=["static", "cel"]
)
def test_a_script_that_asks_by_name_is_held_to_the_same_rule(
    name: Any, works: bool, alice: User, charlie: User
) -> None:
    connect(owner=alice)
    done = _run(step("a", "tests/show_host", {"name": name}), alice, charlie)
    assert (done.status == RunStatus.SUCCEEDED) is works


def test_a_test_run_uses_what_its_tester_may_use(alice: User, charlie: User) -> None:
    connect(owner=alice)
    made = documents.flow(step("a", "tests/show_host", {"key": "mine"}))
    tested = settle(engine.start(made, by=alice, test=True))
    assert tested.status == RunStatus.SUCCEEDED
    again = engine.start(made, by=charlie, test=True)
    assert again.version == tested.version
    assert "charlie may not use" in settle(again).error["message"]


# In a step


def test_a_step_gets_the_value_and_its_row_holds_the_name_alone() -> None:
    resource = connect()
    done = show_host()
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, "h.example")
    assert done.step_runs.get().inputs == {"key": "mine"}
    assert "canary" not in resource.sealed


def test_a_resource_that_is_not_named_is_none() -> None:
    done = documents.run(step("a", "tests/show_host"))
    assert (done.status, done.result) == (RunStatus.SUCCEEDED, None)


def test_its_last_use_is_kept_to_the_minute() -> None:
    connect()
    show_host()
    first = Resource.objects.get().last_used_at
    assert first is not None
    documents.run(step("a", "tests/show_host", {"key": "mine"}))
    assert Resource.objects.get().last_used_at == first
    Resource.objects.update(last_used_at=first - timedelta(minutes=2))
    documents.run(step("a", "tests/show_host", {"key": "mine"}))
    assert Resource.objects.get().last_used_at >= first


def failure(done: Run) -> str:
    assert done.status == RunStatus.FAILED
    assert done.error["name"] == "StepFailed"
    return done.error["message"]


def test_a_name_that_nothing_has_fails_the_step_and_says_where_to_connect() -> None:
    assert "no resource called 'mine'. Connect one of that name in Admin" in failure(show_host())


def test_a_resource_of_another_type_is_refused() -> None:
    engine.connect("smtp", {"host": "mail.example"}, name="mine")
    assert "is of the type smtp; this step needs one of vault_key" in failure(show_host())


def test_a_type_whose_app_is_gone_fails_the_step_by_name() -> None:
    connect()
    Resource.objects.update(type="gone")
    done = documents.run(step("a", "tests/show_host", {"name": "mine"}))
    assert "this step needs one of vault_key" in failure(done)
    with pytest.raises(StepFailed, match="type gone is not installed"):
        engine.use("mine", on_behalf_of=None)


def test_a_value_of_an_older_form_of_its_type_names_the_fields_and_quotes_none() -> None:
    engine.connect("smtp", {"host": "mail.example", "password": "canary"}, name="mine")
    Resource.objects.update(type="vault_key")
    said = failure(show_host())
    assert "these fields do not fit: secret" in said
    assert "canary" not in said


def test_without_its_key_a_step_fails_with_what_to_do_and_can_be_retried() -> None:
    connect()
    with override_settings(WINDFLOW={"EXECUTOR": "windflow.executor.InlineExecutor"}):
        failed = show_host()
    assert failed.error["name"] == "VaultLocked"
    assert "Fernet.generate_key()" in failed.error["message"]
    assert settle(engine.retry(failed)).status == RunStatus.SUCCEEDED


def test_a_value_whose_time_is_over_and_that_nothing_refreshes_is_expired(alice: User) -> None:
    connect(owner=alice, expires_at=timezone.now() - timedelta(seconds=1))
    said = failure(show_host())
    assert "The resource mine is expired" in said
    assert "alice corrects it in Admin → Resources → mine; then click Retry" in said
    assert Resource.objects.get().state == ResourceState.EXPIRED


def test_an_end_without_a_zone_is_taken_as_utc() -> None:
    ends = connect(expires_at=datetime(2090, 1, 1)).expires_at  # noqa: DTZ001 - that is the point
    assert ends is not None
    assert ends.isoformat() == "2090-01-01T00:00:00+00:00"


# Connecting


def test_reconnecting_keeps_the_row_its_name_and_its_sharing(alice: User) -> None:
    made = connect(owner=alice)
    Resource.objects.update(shared_with=Sharing.EVERYONE, state="broken", reason="revoked")
    again = engine.connect("vault_key", {"secret": "another"}, resource=made)
    assert (again.pk, again.name, again.owner, again.shared_with) == (
        made.pk,
        "mine",
        alice,
        Sharing.EVERYONE,
    )
    assert (again.state, again.reason, again.generation) == (ResourceState.CONNECTED, "", 2)
    assert plain_value(engine.open_value(again))["secret"] == "another"
    assert plain_value(engine.open_value(again))["host"] == "h.example"


def test_reconnecting_as_somebody_else_is_refused() -> None:
    made = engine.connect("vault_key", KEY, name="mine", account="alice@example.com")
    with pytest.raises(InvalidInput) as caught:
        engine.connect("vault_key", KEY, resource=made, account="bob@example.com")
    assert (
        "belongs to alice@example.com, but you signed in as bob@" in caught.value.errors["account"]
    )


def test_reconnecting_with_another_type_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is of the type vault_key"):
        engine.connect("smtp", {"host": "mail.example"}, resource=connect())


def test_what_cannot_be_opened_any_more_can_be_filled_anew() -> None:
    made = connect()
    Resource.objects.update(sealed="lost")
    with pytest.raises(InvalidInput, match="host: Field required"):
        engine.connect("vault_key", {"secret": "another"}, resource=made)
    assert engine.open_value(engine.connect("vault_key", KEY, resource=made))


@pytest.mark.parametrize(
    ("name", "fields", "place"),
    [
        ("mine", KEY, "name"),
        ("two words", KEY, "name"),
        ("", KEY, "name"),
        ("new", {"host": "h.example"}, "secret"),
        ("new", {**KEY, "sceret": "typo"}, "sceret"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(
    name: str, fields: dict[str, Any], place: str
) -> None:
    connect()
    with pytest.raises(InvalidInput) as caught:
        engine.connect("vault_key", fields, name=name)
    assert list(caught.value.errors) == [place]


def test_a_free_name_has_the_next_number() -> None:
    assert engine.free_name("Alice's mail") == "alices-mail"
    for name in ("alices-mail", "alices-mail-2", "alices-mail-4"):
        connect(name)
    assert engine.free_name("Alice's mail") == "alices-mail-3"
    assert engine.free_name("ж") == "resource"
