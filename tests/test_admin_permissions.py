"""Who may see and do what with runs in the admin, and by which method."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core import mail
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import include, path, reverse

from tests.documents import flow, gate, run, seat, settle, step
from tests.staff import run_url as url
from tests.staff import said, shown, staff
from windflow import engine
from windflow.admin import RunAdmin
from windflow.models import Run
from windflow.states import RunStatus

pytestmark = pytest.mark.django_db
BOB, CAROL = "bob@example.com", "carol@example.com"
EVERYTHING = ("view_run", "view_flow", "cancel_run", "retry_run", "manage_links")


@pytest.fixture
def admin(client: Client, admin_user: User) -> Client:
    """Logged in with every permission."""
    client.force_login(admin_user)
    return client


# Permissions and methods


def test_who_may_only_view_sees_everything_and_no_button(client: Client, alice: User) -> None:
    waiting, failed = run(gate(BOB)), run(step("a", "tests/explode", {"how": "loudly"}))
    viewer = staff(client, alice, "view_run")
    for made in (waiting, failed):
        content = viewer.get(url("change", made)).content.decode()
        main = content[content.index('id="content-main"') :]
        assert "<form" not in main
        assert "<button" not in main
        assert 'class="button' not in main
    place = seat(waiting, "bob")
    for address in (
        url("cancel", waiting),
        url("retry", failed),
        url("resend", waiting, place),
        url("revoke", waiting, place),
    ):
        assert viewer.post(address).status_code == 403
    assert "cancel_runs" not in viewer.get(url("changelist")).content.decode()
    waiting.refresh_from_db()
    assert waiting.status == RunStatus.SUSPENDED
    assert not mail.outbox


def test_each_permission_gives_its_own_button_and_no_other(client: Client, alice: User) -> None:
    waiting = run(gate(BOB))
    page = shown(staff(client, alice, "view_run", "manage_links"), waiting)
    assert "Resend" in page
    assert "Revoke link" in page
    assert "Cancel run" not in page


def test_who_may_not_view_runs_sees_none(client: Client, alice: User) -> None:
    waiting = run(gate(BOB))
    outsider = staff(client, alice, "cancel_run", "retry_run", "manage_links")
    assert outsider.get(url("change", waiting)).status_code == 404
    assert outsider.post(url("cancel", waiting)).status_code == 404
    assert outsider.get(url("changelist")).status_code == 403


class PayrollIsSafe(RunAdmin):
    """A shop's own rule for each run."""

    def has_cancel_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        allowed = super().has_cancel_permission(request, obj)
        return allowed and (obj is None or obj.flow.slug != "payroll")


shop = AdminSite("shop")
shop.register(Run, PayrollIsSafe)
urlpatterns = [path("shop/", shop.urls), path("", include("config.urls"))]


@override_settings(ROOT_URLCONF="tests.test_admin_permissions")
def test_a_shop_can_decide_for_each_run_on_an_admin_site_of_its_own(
    client: Client, alice: User
) -> None:
    payroll = settle(engine.start(flow(gate(BOB), slug="payroll")))
    other = settle(engine.start(flow(gate(BOB), slug="other")))
    owner = staff(client, alice, *EVERYTHING)
    pages = {
        made: owner.get(reverse("shop:windflow_run_change", args=[made.pk])).content.decode()
        for made in (payroll, other)
    }
    assert "Cancel run" not in pages[payroll]
    assert f'href="/shop/windflow/run/{other.pk}/cancel/"' in pages[other]
    chosen = {"action": "cancel_runs", "_selected_action": [payroll.pk, other.pk], "reason": ""}
    answer = owner.post(reverse("shop:windflow_run_changelist"), chosen)
    assert f"{payroll}: You may not cancel this run." in said(answer)
    statuses = dict(Run.objects.values_list("pk", "status"))
    assert (statuses[payroll.pk], statuses[other.pk]) == (
        RunStatus.SUSPENDED,
        RunStatus.CANCELLED,
    )


def test_nobody_adds_changes_or_deletes_a_run(admin: Client) -> None:
    done = run(step("a"))
    assert admin.get(url("add")).status_code == 403
    assert admin.post(url("delete", done), {"post": "yes"}).status_code == 403
    assert admin.post(url("change", done), {"status": "queued"}).status_code == 405
    chosen = {"action": "delete_selected", "_selected_action": [done.pk], "post": "yes"}
    admin.post(url("changelist"), chosen)
    assert Run.objects.filter(pk=done.pk, status=RunStatus.SUCCEEDED).exists()


def test_looking_changes_nothing(client: Client, bob: User) -> None:
    waiting = run(gate(BOB))
    place = seat(waiting, "bob")
    holder = staff(client, bob, *EVERYTHING)
    before = list(waiting.events.values_list("hash", flat=True))
    for page in ("resend", "revoke"):
        assert holder.get(url(page, waiting, place)).status_code == 405
    assert holder.get(url("retry", waiting)).status_code == 405
    for page in ("approve", "reject"):
        assert holder.get(url(page, waiting, place)).status_code == 200
        assert holder.head(url(page, waiting, place)).status_code == 200
    assert holder.get(url("cancel", waiting)).status_code == 200
    assert list(waiting.events.values_list("hash", flat=True)) == before


def test_a_post_without_the_csrf_token_changes_nothing(bob: User) -> None:
    waiting = run(gate(BOB))
    place = seat(waiting, "bob")
    strict = staff(Client(enforce_csrf_checks=True), bob, *EVERYTHING)
    for address in (
        url("cancel", waiting),
        url("approve", waiting, place),
        url("reject", waiting, place),
        url("resend", waiting, place),
        url("revoke", waiting, place),
    ):
        assert strict.post(address).status_code == 403
    waiting.refresh_from_db()
    assert waiting.status == RunStatus.SUSPENDED
    assert seat(waiting, "bob").generation == 0


def test_the_pages_need_no_inline_script_or_style(admin: Client) -> None:
    waiting = run(gate(BOB))
    for address in (
        url("change", waiting),
        url("cancel", waiting),
        reverse("admin:windflow_flow_change", args=[waiting.flow.pk]),
        reverse("admin:windflow_flow_test", args=[waiting.flow.pk]),
        reverse("admin:windflow_flow_publish", args=[waiting.flow.pk]),
    ):
        content = admin.get(address).content.decode()
        main = content[content.index('id="content-main"') :]
        assert not re.search(r"<style|style=|\son\w+=|javascript:", main)
        assert not re.search(r"<script(?![^>]*\bsrc=)", main)
