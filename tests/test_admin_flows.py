"""The admin's pages of a flow: edit, publish, test, start."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.documents import cel, document, flow, gate, settle, step
from tests.staff import flow_url as url
from tests.staff import said, staff
from windflow import engine
from windflow.admin.catalogue import entries
from windflow.models import Flow, Run
from windflow.states import RunStatus

pytestmark = pytest.mark.django_db
AMOUNT = {"type": "integer", "title": "Amount", "minimum": 1}


@pytest.fixture
def admin(client: Client, admin_user: User) -> Client:
    """Logged in with every permission."""
    client.force_login(admin_user)
    return client


def save(client: Client, made: Flow, text: str, **buttons: str) -> HttpResponse:
    data = {"name": made.name, "slug": made.slug, "draft": text, **buttons}
    return client.post(url("change", made), data)


# Editing


def test_the_draft_is_shown_as_indented_text_and_saved_from_text(admin: Client) -> None:
    made = flow(step("a"))
    page = admin.get(url("change", made)).content.decode()
    assert "&quot;modules&quot;: [\n" in page
    new = document(step("a"), step("b"))
    assert save(admin, made, json.dumps(new)).status_code == 302
    made.refresh_from_db()
    assert made.draft == new


def test_json_that_breaks_off_is_refused_with_line_and_column_and_kept_as_typed(
    admin: Client,
) -> None:
    made = flow(step("a"))
    page = save(admin, made, '{"summary": "x",\n  "value" {}}').content.decode()
    assert "Line 2, column 11: this is not JSON" in page
    assert "&quot;value&quot; {}}" in page
    assert Flow.objects.get().draft == made.draft


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"id": 1, "id": 2}', "the key &quot;id&quot; twice"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ("[" * 100_000, "nested too deeply"),
        ("", "This field is required."),
    ],
)
def test_text_that_python_would_let_pass_is_refused_too(
    admin: Client, text: str, problem: str
) -> None:
    assert problem in save(admin, flow(step("a")), text).content.decode()


def test_every_problem_of_a_document_is_named_with_its_place(admin: Client) -> None:
    made = flow(step("a"))
    broken = document(step("a", "shop/nowhere"), step("b", "tests/echo", {"value": cel("1 +")}))
    page = save(admin, made, json.dumps(broken)).content.decode()
    assert "<code>value.modules[0].path</code>" in page
    assert "<code>value.modules[1].input_transforms.value" in page
    assert "shop/nowhere" in page
    assert Flow.objects.get().draft == made.draft


def test_the_order_of_form_fields_survives_reading_and_saving(admin: Client) -> None:
    made = flow(step("a"), type=AMOUNT, id=AMOUNT, about=AMOUNT)
    page = admin.get(url("change", made))
    text = page.context["adminform"].form["draft"].value()
    assert list(json.loads(text)["schema"]["properties"]) == ["type", "id", "about"]


def test_the_installed_scripts_are_listed_with_their_inputs(admin: Client) -> None:
    page = admin.get(url("add")).content.decode()
    assert "hub/email_approval" in page
    words = {f"{entry.script.path}.{i.name}": i for entry in entries() for i in entry.inputs}
    approvers = words["hub/email_approval.approvers"]
    assert (approvers.type, approvers.required) == ("list of text", True)
    assert words["hub/say_hello.name"].type == "text or list of text"
    assert words["hub/say_hello.name"].default == '"world"'


def test_a_new_flow_starts_from_a_document_that_can_run(admin: Client) -> None:
    form = admin.get(url("add")).context["adminform"].form
    draft = json.loads(form["draft"].value())
    draft["summary"] = "What it does"
    draft["value"]["modules"].append(step("b"))
    data = {"name": "New", "slug": "new", "draft": json.dumps(draft), "_test": "1"}
    answer = admin.post(url("add"), data)
    made = Flow.objects.get(slug="new")
    assert answer["Location"] == url("test", made)
    assert made.draft == draft


def test_the_buttons_save_first_so_that_what_is_on_the_screen_is_tested(admin: Client) -> None:
    made = flow(step("a"))
    new = document(step("a"), step("b"))
    answer = save(admin, made, json.dumps(new), _test="1")
    assert answer["Location"] == url("test", made)
    assert save(admin, made, json.dumps(new), _publish="1")["Location"] == url("publish", made)
    made.refresh_from_db()
    assert made.draft == new


# The list


def test_the_list_says_what_is_published_whether_the_draft_differs_and_what_runs(
    admin: Client,
) -> None:
    made = flow(gate("bob@example.com"))
    run = settle(engine.start(made))
    page = admin.get(url("changelist")).content.decode()
    assert "version 1" in page
    assert "as published" in page
    assert f"run {run.pk}" in page
    Flow.objects.update(draft=document(step("z")))
    assert "differs from version 1" in admin.get(url("changelist")).content.decode()


def test_the_list_asks_as_much_of_fifty_flows_as_of_one(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(50):
        settle(engine.start(flow(step("a"), slug=f"f{number}")))
    with django_assert_max_num_queries(8):
        assert admin.get(url("changelist")).status_code == 200


# Publishing


def test_publishing_freezes_the_draft_with_a_note_and_says_the_number(admin: Client) -> None:
    made = flow(step("a"))
    Flow.objects.update(draft=document(step("a"), step("b")))
    page = admin.get(url("publish", made)).content.decode()
    assert "wf-added" in page
    answer = admin.post(url("publish", made), {"note": "one more step"})
    assert said(answer) == "Version 2 published."
    version = made.published
    assert version is not None
    assert (version.number, version.note) == (2, "one more step")
    page = admin.get(url("change", made)).content.decode()
    assert "one more step" in page


def test_an_unchanged_draft_is_not_published_again(admin: Client) -> None:
    made = flow(step("a"))
    page = admin.post(url("publish", made), {"note": ""}).content.decode()
    assert "Nothing changed since version 1" in page
    assert made.versions.count() == 1


def test_a_draft_that_cannot_run_is_not_published_and_says_why(admin: Client) -> None:
    made = flow(step("a"))
    Flow.objects.update(draft=document(step("a", "shop/gone")))
    page = admin.post(url("publish", made), {"note": ""}).content.decode()
    assert "value.modules[0].path" in page
    assert made.versions.count() == 1


def test_a_version_can_be_read_and_not_changed(admin: Client) -> None:
    version = flow(step("a")).published
    assert version is not None
    page = reverse("admin:windflow_flowversion_change", args=[version.pk])
    assert "tests/echo" in admin.get(page).content.decode()
    assert admin.post(page, {"number": 7}).status_code == 403
    assert admin.get(reverse("admin:windflow_flowversion_add")).status_code == 403


# Testing and starting


def test_test_flow_runs_the_draft_with_the_inputs_of_its_form(
    admin: Client, django_capture_on_commit_callbacks: Any
) -> None:
    made = flow(step("a"), amount=AMOUNT)
    Flow.objects.update(
        draft=document(step("a", inputs={"value": cel("flow_input.amount * 2")}), amount=AMOUNT)
    )
    assert 'name="inputs.amount"' in admin.get(url("test", made)).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin.post(url("test", made), {"inputs.amount": "21"})
    run = Run.objects.get()
    assert answer["Location"] == reverse("admin:windflow_run_change", args=[run.pk])
    assert (run.is_test, run.status, run.result) == (True, RunStatus.SUCCEEDED, 42)
    assert run.started_by is not None
    assert run.events.get(number=1).channel == "admin"


def test_bad_inputs_start_nothing_and_are_named_at_their_field_with_what_was_typed(
    admin: Client,
) -> None:
    made = flow(step("a"), amount=AMOUNT)
    answer = admin.post(url("start", made), {"inputs.amount": "-5"})
    assert answer.status_code == 200
    assert "amount" in answer.context["form"].errors
    assert 'value="-5"' in answer.content.decode()
    assert not Run.objects.exists()


def test_a_double_click_starts_one_run(admin: Client) -> None:
    made = flow(step("a"))
    once = admin.get(url("start", made)).context["once"]
    for _click in range(2):
        admin.post(url("start", made), {"once": once})
    assert Run.objects.count() == 1
    assert not Run.objects.get().is_test


def test_a_flow_without_a_version_can_be_tested_but_not_started(admin: Client) -> None:
    made = Flow.objects.create(name="New", slug="new", draft=document(step("a")))
    assert "no published version" in said(admin.get(url("start", made)))
    admin.post(url("test", made), {})
    assert Run.objects.get().is_test


def test_a_draft_that_cannot_run_is_not_tested_and_says_why(admin: Client) -> None:
    made = Flow.objects.create(name="New", slug="new", draft=document(step("a", "shop/gone")))
    assert "value.modules[0].path" in said(admin.post(url("test", made)))
    assert not Run.objects.exists()


def test_looking_at_the_pages_starts_and_publishes_nothing(admin: Client) -> None:
    made = flow(step("a"))
    Flow.objects.update(draft=document(step("b")))
    for page in ("start", "test", "publish"):
        assert admin.get(url(page, made)).status_code == 200
        assert admin.head(url(page, made)).status_code == 200
        assert admin.put(url(page, made)).status_code == 405
    assert not Run.objects.exists()
    assert made.versions.count() == 1


def test_a_post_without_the_csrf_token_starts_nothing(admin_user: User) -> None:
    made = flow(step("a"))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert strict.post(url("start", made)).status_code == 403
    assert strict.post(url("publish", made)).status_code == 403
    assert not Run.objects.exists()


# Permissions


def test_who_may_only_view_sees_the_document_and_no_buttons(client: Client, alice: User) -> None:
    made = flow(step("a"))
    viewer = staff(client, alice, "view_flow")
    page = viewer.get(url("change", made)).content.decode()
    assert "tests/echo" in page
    assert "<textarea" not in page
    assert "Test flow" not in page
    assert "Publish" not in page.replace("Published by", "")
    for name in ("test", "start", "publish"):
        assert viewer.post(url(name, made)).status_code == 403
    assert save(viewer, made, "{}").status_code == 403
    assert not Run.objects.exists()


def test_who_may_start_but_not_edit_gets_links_that_save_nothing(
    client: Client, alice: User
) -> None:
    made = flow(step("a"))
    starter = staff(client, alice, "view_flow", "start_flow")
    page = starter.get(url("change", made)).content.decode()
    assert f'href="{url("test", made)}"' in page
    answer = starter.post(url("start", made))
    assert answer["Location"] == url("change", made)  # the run's page is not theirs to see
    assert Run.objects.get().started_by == alice


def test_people_outside_the_staff_are_sent_to_the_login(client: Client, bob: User) -> None:
    made = flow(step("a"))
    client.force_login(bob)
    for name in ("test", "start", "publish"):
        assert "/login/" in client.post(url(name, made))["Location"]
    assert not Run.objects.exists()


# Deleting


def test_a_flow_with_a_history_cannot_be_deleted_and_the_page_says_so(admin: Client) -> None:
    made = flow(step("a"))
    settle(engine.start(made))
    answer = admin.post(url("delete", made), {"post": "yes"})
    assert "1 version and 1 run, whose history is kept" in answer.content.decode()
    chosen = {"action": "delete_selected", "_selected_action": [made.pk], "post": "yes"}
    assert "whose history is kept" in admin.post(url("changelist"), chosen).content.decode()
    assert Flow.objects.filter(pk=made.pk).exists()


def test_a_flow_that_was_never_published_can_be_deleted(admin: Client) -> None:
    made = Flow.objects.create(name="New", slug="new")
    admin.post(url("delete", made), {"post": "yes"})
    assert not Flow.objects.exists()
