"""The admin's list of resources and the page of one: see, share, rename, delete, and who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.conftest import NewPerson
from tests.connected import grant, key, share, smtp, staff, typed, url, uses, value
from tests.documents import document, flow, gate, seat, settle, step
from windflow import engine
from windflow.admin.catalogue import entries
from windflow.models import Flow, Resource
from windflow.models.resource import Sharing
from windflow.states import ResourceState

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client, admin_user: User) -> Client:
    """Logged in with every permission."""
    client.force_login(admin_user)
    return client


# The list


def test_the_list_says_type_account_state_use_owner_and_sharing_in_words(admin: Client) -> None:
    owner = User.objects.get()
    made = grant(owner, reason="Google says: Token has been expired or revoked.")
    Resource.objects.update(shared_with=Sharing.EVERYONE)
    page = admin.get(url("changelist")).content.decode()
    for words in (
        "Broken: Google says: Token has been expired or revoked.",
        "anna@example.com",
        "Grant",
        "no flow",
        "never",
        "admin (you)",
        "Every user",
    ):
        assert words in page
    assert f'href="{reverse("admin:index")}?resource={made.pk}">Reconnect' in page


def test_what_is_broken_comes_first_and_what_works_has_no_button(admin: Client) -> None:
    grant(name="a-works")
    grant(name="z-broken", reason="revoked")
    page = admin.get(url("changelist"))
    assert [card.resource.name for card in page.context["cards"]] == ["z-broken", "a-works"]
    assert page.content.decode().count("Reconnect") == 1


def test_a_value_whose_time_is_over_is_said_to_be_expired_before_anybody_uses_it(
    admin: Client,
) -> None:
    ended = (timezone.now() - timedelta(hours=1)).isoformat()
    key(expires_at=ended)
    made = grant()
    Resource.objects.filter(pk=made.pk).update(expires_at=ended)  # this type renews itself
    cards = admin.get(url("changelist")).context["cards"]
    states = {card.resource.name: card.state for card in cards}
    assert states == {"mine": ResourceState.EXPIRED, "grant": ResourceState.CONNECTED}


def test_a_resource_whose_type_is_gone_says_what_to_install_and_offers_nothing(
    admin: Client,
) -> None:
    made = smtp(name="orphan")
    Resource.objects.update(type="gone")
    for page in (url("changelist"), url("change", made)):
        text = admin.get(page).content.decode()
        assert "The resource type gone is not installed here." in text
        assert "Reconnect" not in text
    assert admin.get(url("details", made)).status_code == 404


def test_flows_are_named_with_the_draft_or_the_versions_that_use_the_resource(
    admin: Client,
) -> None:
    key()
    flow(uses("mine"), slug="both")
    only_published = flow(uses("mine"), slug="published")
    only_draft = flow(step("a"), slug="draft")
    Flow.objects.filter(pk=only_published.pk).update(draft=document(step("a")))
    Flow.objects.filter(pk=only_draft.pk).update(draft=document(uses("mine")))
    flow(uses("other"), slug="other")
    flow(step("a", inputs={"value": "mine"}), slug="just-a-text")
    [card] = admin.get(url("changelist")).context["cards"]
    assert [str(use) for use, _page in card.uses] == [
        "Both (version 1 and draft)",
        "Draft (draft)",
        "Published (version 1)",
    ]


def test_an_older_version_counts_while_a_run_waits_in_it(admin: Client) -> None:
    made = key()
    waiting = flow(gate("bob@example.com"), uses("mine"))
    started = settle(engine.start(waiting))
    waiting.draft = document(step("a"))
    waiting.save()
    engine.publish(waiting)
    refused = admin.post(url("delete", made), {"post": "yes"}).content.decode()
    assert "Flow (version 1)" in refused
    engine.decide(seat(started, "bob"), "approve")
    settle(started)
    admin.post(url("delete", made), {"post": "yes"})
    assert not Resource.objects.exists()


def test_a_step_inside_a_loop_or_branch_counts_as_well(admin: Client) -> None:
    key()
    loop = {"id": "l", "value": {"type": "forloopflow", "modules": [uses("mine")]}}
    Flow.objects.create(name="Loop", slug="loop", draft={"value": {"modules": [loop]}})
    [card] = admin.get(url("changelist")).context["cards"]
    assert [str(use) for use, _page in card.uses] == ["Loop (draft)"]


def test_the_list_asks_as_much_of_fifty_resources_as_of_one(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    owner, group = User.objects.get(), Group.objects.create(name="Finance")
    for number in range(50):
        made = smtp(owner, f"r{number}")
        made.groups.add(group)
        flow(uses(made.name), slug=f"f{number}")
    Resource.objects.update(shared_with=Sharing.GROUPS)
    with django_assert_max_num_queries(10):
        assert admin.get(url("changelist")).content.decode().count("<li class=") == 50


# Name and sharing


def test_the_owner_shares_with_groups_of_theirs_alone(alice: User) -> None:
    finance, hr = (Group.objects.create(name=name) for name in ("Finance", "Personnel"))
    alice.groups.add(finance)
    made, client = smtp(alice), staff(alice)
    assert "Personnel" not in client.get(url("change", made)).content.decode()
    refused = share(client, made, shared_with="groups", groups=[hr.pk])
    assert "groups" in refused.context["adminform"].form.errors
    share(client, made, shared_with="groups", groups=[finance.pk])
    made.refresh_from_db()
    assert (made.shared_with, list(made.groups.all())) == ("groups", [finance])
    assert "Members of Finance" in client.get(url("change", made)).content.decode()


def test_an_owner_who_saves_keeps_the_groups_that_somebody_else_chose(alice: User) -> None:
    made, hr = smtp(alice), Group.objects.create(name="Personnel")
    made.groups.add(hr)
    share(staff(alice), made, shared_with="groups", groups=[hr.pk], name="renamed")
    made.refresh_from_db()
    assert (made.name, list(made.groups.all())) == ("renamed", [hr])


def test_sharing_with_groups_needs_one(admin: Client) -> None:
    Group.objects.create(name="Finance")
    made = smtp()
    answer = share(admin, made, shared_with="groups")
    assert "Choose at least one group" in answer.content.decode()
    assert Resource.objects.get().shared_with == Sharing.OWNER


def test_saving_who_may_use_it_never_writes_the_value(admin: Client) -> None:
    made = smtp()
    with CaptureQueriesContext(connection) as queries:
        assert share(admin, made, shared_with="everyone", owner="admin").status_code == 302
    writes = [one["sql"] for one in queries if one["sql"].startswith("UPDATE")]
    assert any("shared_with" in sql for sql in writes)
    assert not any(column in sql for sql in writes for column in ("sealed", "generation", "state"))


def test_a_superuser_hands_a_resource_over_and_its_owner_cannot(
    admin: Client, alice: User, bob: User
) -> None:
    made = smtp(alice)
    share(staff(alice), made, owner="bob")
    made.refresh_from_db()
    assert made.owner == alice
    assert "Owner" not in str([entry.change_message for entry in LogEntry.objects.all()])
    assert "no user called nobody" in share(admin, made, owner="nobody").content.decode()
    share(admin, made, owner="bob")
    made.refresh_from_db()
    assert made.owner == bob


def test_a_resource_is_renamed_unless_a_flow_uses_its_name(admin: Client) -> None:
    made = key()
    used = flow(uses("mine"), slug="expenses")
    answer = share(admin, made, name="yours").content.decode()
    assert "cannot be renamed while flows use it" in answer
    assert "Expenses (version 1 and draft)" in answer
    used.draft = document(step("a"))
    used.save()
    engine.publish(used)
    share(admin, made, name="yours")
    assert Resource.objects.get().name == "yours"


# Deleting


def test_a_resource_that_a_published_flow_uses_stays_and_the_page_says_which(
    admin: Client,
) -> None:
    made = key()
    flow(uses("mine"), slug="expenses")
    for answer in (admin.get(url("delete", made)), admin.post(url("delete", made), {"post": "y"})):
        assert "Expenses (version 1 and draft)" in answer.content.decode()
    assert Resource.objects.exists()


def test_a_resource_that_drafts_alone_use_is_deleted_after_a_warning(admin: Client) -> None:
    made = key()
    Flow.objects.create(name="New", slug="new", draft=document(uses("mine")))
    page = admin.get(url("delete", made)).content.decode()
    assert "New (draft)" in page
    assert "stays granted" not in page
    assert "stays granted" in admin.get(url("delete", grant())).content.decode()
    Resource.objects.filter(name="grant").delete()
    admin.post(url("delete", made), {"post": "yes"})
    assert not Resource.objects.exists()


# Permissions


@pytest.mark.parametrize(
    ("name", "page", "form", "edit"),
    [
        ("alice", 200, 200, 302),  # its owner
        ("bob", 200, 403, 403),  # may use it
        ("charlie", 302, 404, 302),  # neither: there is no such resource
        ("root", 200, 200, 302),  # a superuser
    ],
)
def test_whoever_may_use_a_resource_sees_it_and_its_owner_alone_edits_it(
    alice: User,
    bob: User,
    charlie: User,
    person: NewPerson,
    name: str,
    page: int,
    form: int,
    edit: int,
) -> None:
    group = Group.objects.create(name="Finance")
    bob.groups.add(group)
    root = person("root", is_superuser=True)
    made = smtp(alice)
    made.groups.add(group)
    Resource.objects.update(shared_with=Sharing.GROUPS)
    made.refresh_from_db()
    who = {"alice": alice, "bob": bob, "charlie": charlie, "root": root}[name]
    client = staff(who)
    before = Resource.objects.get()
    assert client.get(url("change", made)).status_code == page
    assert client.get(url("details", made)).status_code == form
    sees = "office-mail" in client.get(url("changelist")).content.decode()
    assert sees == (name != "charlie")
    assert share(client, made, shared_with="everyone").status_code == edit
    assert client.post(url("details", made), typed(host="evil.example")).status_code in (form, 302)
    assert client.post(url("delete", made), {"post": "yes"}).status_code == edit
    allowed = name in ("alice", "root")
    assert Resource.objects.exists() != allowed
    if not allowed:
        assert Resource.objects.get().updated_at == before.updated_at


def test_whoever_may_use_but_not_edit_gets_no_form_and_no_buttons(bob: User) -> None:
    made = grant(reason="revoked")
    Resource.objects.update(shared_with=Sharing.EVERYONE)
    client = staff(bob)
    for page in (client.get(url("change", made)), client.get(url("changelist"))):
        text = page.content.decode()
        assert "Broken" in text
        assert "Reconnect" not in text
        assert "Delete" not in text
        assert 'name="shared_with"' not in text


def test_an_owner_needs_the_permission_for_what_they_do(alice: User) -> None:
    made = smtp(alice)
    engine.mark_broken(value(made), "535 authentication failed")
    viewer = staff(alice, "view_resource")
    assert viewer.get(url("change", made)).status_code == 200
    assert viewer.get(url("details", made)).status_code == 403
    assert share(viewer, made).status_code == 403
    assert viewer.get(url("delete", made)).status_code == 403
    for page in (url("add"), url("connect", "smtp")):
        assert viewer.get(page).status_code == 403
    assert viewer.post(url("connect", "smtp"), typed()).status_code == 403
    page = viewer.get(url("changelist")).content.decode()
    assert "Connect an API" not in page
    assert "Reconnect" not in page
    assert Resource.objects.count() == 1


def test_no_page_links_to_a_resource_that_the_visitor_may_not_use(
    alice: User, bob: User, rf: RequestFactory
) -> None:
    made, pages = smtp(alice), site.get_model_admin(Resource)
    request = rf.get("/")
    for request.user, seen in ((alice, True), (bob, False)):
        staff(request.user)
        request.user = User.objects.get(pk=request.user.pk)  # with the permissions of now
        assert pages.has_view_permission(request, made) == seen


def test_without_any_permission_there_is_nothing_to_see(alice: User, bob: User) -> None:
    made = smtp(alice)
    nobody = staff(alice, "view_flow")
    assert nobody.get(url("changelist")).status_code == 403
    assert nobody.get(url("details", made)).status_code == 404
    outsider = Client()
    outsider.force_login(bob)
    for page in (url("changelist"), url("add"), url("connect", "smtp"), url("details", made)):
        assert "/login/" in outsider.get(page)["Location"]


def test_looking_changes_nothing_and_a_post_needs_its_token(admin_user: User) -> None:
    made = smtp(admin_user)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    before = Resource.objects.values().get()
    for page in ("change", "details", "delete"):
        assert strict.get(url(page, made)).status_code == 200
        assert strict.post(url(page, made), {"post": "yes"}).status_code == 403
    assert strict.post(url("connect", "smtp"), typed()).status_code == 403
    assert Resource.objects.values().get() == before


# Beside the flow editor


def test_the_help_of_a_script_lists_the_resources_that_the_reader_may_use(
    alice: User, bob: User
) -> None:
    smtp(alice, "alices-mail")
    shown = {
        reader: {
            one.name: one
            for entry in entries(reader)
            if entry.script.path == "hub/send_email"
            for one in entry.inputs
        }["smtp"]
        for reader in (alice, bob)
    }
    assert "a resource of type smtp: its name" in shown[alice].type
    assert list(shown[alice].resources) == ["alices-mail"]
    assert list(shown[bob].resources) == []
    page = staff(alice, "view_flow", "add_flow", "add_resource")
    assert (
        "<code>alices-mail</code>" in page.get(reverse("admin:windflow_flow_add")).content.decode()
    )
