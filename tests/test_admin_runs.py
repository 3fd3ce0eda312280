"""The admin's page of one run, and the list of runs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from tests.documents import cel, expire_now, flow, gate, run, seat, settle, step
from tests.staff import run_url as url
from tests.staff import said, shown, text
from windflow import engine
from windflow.links import Purpose
from windflow.models import Event, Run, StepRun
from windflow.presentation import duration
from windflow.states import RunStatus

pytestmark = pytest.mark.django_db
BOB, CAROL = "bob@example.com", "carol@example.com"


@pytest.fixture
def admin(client: Client, admin_user: User) -> Client:
    """Logged in with every permission."""
    client.force_login(admin_user)
    return client


# What the page says


def test_a_waiting_run_says_how_many_of_how_many_until_when_and_who(admin: Client) -> None:
    waiting = run(gate(BOB, CAROL, required=2), step("b"))
    page = shown(admin, waiting)
    assert "Waiting for approval: 0 of 2" in page
    assert "until" in page
    assert BOB in page
    assert CAROL in page
    assert "Not begun" in page
    engine.decide(seat(waiting, "bob"), "approve", comment="within budget")
    page = shown(admin, waiting)
    assert "Waiting for approval: 1 of 2" in page
    assert "within budget" in page


def test_a_succeeded_run_shows_success_results_and_who_approved_when(admin: Client) -> None:
    waiting = run(gate(BOB), step("b", inputs={"value": cel("approvers")}))
    engine.decide(seat(waiting, "bob"), "approve")
    done = settle(waiting)
    page = shown(admin, done)
    assert "Success" in page
    assert "Approved: 1 of 1" in page
    decided = seat(done, "bob").decided_at
    assert decided is not None
    assert decided.isoformat() in admin.get(url("change", done)).content.decode()
    assert "chain verified ✓" in page


def test_a_rejected_run_says_cancelled_by_whom_with_the_comment(admin: Client) -> None:
    waiting = run(gate(BOB), step("b"))
    engine.decide(seat(waiting, "bob"), "reject", comment="too dear")
    page = shown(admin, settle(waiting))
    assert f"Cancelled by {BOB}: too dear" in page
    assert f"Rejected by {BOB}" in page


def test_a_failed_run_names_the_step_the_message_and_the_traceback(admin: Client) -> None:
    failed = run(step("a"), step("b", "tests/explode", {"how": "loudly"}), step("c"))
    page = shown(admin, failed)
    assert "Failed at step b: loudly" in page
    assert "ZeroDivisionError" in page
    assert "raise ZeroDivisionError(how)" in page


def test_a_wait_that_ran_out_says_so(admin: Client) -> None:
    waiting = run(gate(BOB))
    expire_now(waiting)
    engine.tick()
    page = shown(admin, waiting)
    assert "Failed at step ask: Not enough approvals arrived" in page
    assert "Timed out" in page


def test_a_sleeping_run_says_until_when(admin: Client) -> None:
    sleeping = run(step("a", sleep={"type": "static", "value": 3600}), step("b"))
    assert sleeping.wake_at is not None
    page = admin.get(url("change", sleeping)).content.decode()
    assert "Sleeping until <time" in page
    assert sleeping.wake_at.isoformat() in page


def test_a_retried_step_says_when_it_is_tried_again_and_why(admin: Client) -> None:
    retry = {"constant": {"attempts": 3, "seconds": 600}}
    waiting = run(step("a", "tests/flaky", {"failures": 9}, retry=retry))
    page = shown(admin, waiting)
    assert "Step a failed 1 time and is tried again: attempt 1 failed" in page
    assert "Tried again at" in page


def test_steps_are_listed_in_the_order_of_the_flow_begun_or_not(admin: Client) -> None:
    waiting = run(step("z"), gate(BOB, id="m"), step("a"))
    page = admin.get(url("change", waiting)).content.decode()
    assert re.findall(r'id="step-(\w+)"', page) == ["z", "m", "a"]


def test_a_run_that_no_worker_takes_says_so(admin: Client) -> None:
    queued = engine.start(flow(step("a")))
    assert "No worker has taken this run" not in shown(admin, queued)
    Run.objects.update(enqueued_at=timezone.now() - timedelta(minutes=5))
    assert "No worker has taken this run for 5 min" in shown(admin, queued)


def test_a_broken_chain_of_events_is_said_loudly(admin: Client) -> None:
    done = run(step("a"))
    Event.objects.filter(run=done, number=2).update(who="mallory")
    page = shown(admin, done)
    assert "chain broken at event 2" in page
    assert "chain verified" not in page


def test_who_acted_as_whom_by_which_channel_stands_in_the_events(admin: Client) -> None:
    waiting = run(gate(BOB))
    engine.decide(seat(waiting, "bob"), "approve", by=engine.Actor("page"))
    row = next(
        event for event in engine_events(admin, waiting) if event.kind == "approval.approved"
    )
    assert (row.acting_as, row.channel) == (BOB, "page")
    assert "Approved" in shown(admin, waiting)


def engine_events(client: Client, made: Run) -> list[Event]:
    events: list[Event] = client.get(url("change", made)).context["run_page"].events
    return events


@pytest.mark.parametrize(
    ("status", "seconds"),
    [(RunStatus.QUEUED, "2"), (RunStatus.SUSPENDED, "15"), (RunStatus.SUCCEEDED, None)],
)
def test_a_live_run_updates_itself_and_an_ended_one_does_not(
    admin: Client, status: RunStatus, seconds: str | None
) -> None:
    made = {
        RunStatus.QUEUED: lambda: engine.start(flow(step("a"))),
        RunStatus.SUSPENDED: lambda: run(gate(BOB)),
        RunStatus.SUCCEEDED: lambda: run(step("a")),
    }[status]()
    found = re.search(
        r'http-equiv="refresh" content="(\d+)"', admin.get(url("change", made)).content.decode()
    )
    assert (found[1] if found else None) == seconds
    paused = admin.get(url("change", made) + "?updates=off").content.decode()
    assert "http-equiv" not in paused


def test_the_page_asks_as_much_of_many_steps_and_seats_as_of_few(
    admin: Client, django_assert_max_num_queries: Any
) -> None:
    people = [f"p{number}@example.com" for number in range(10)]
    gates = [gate(BOB, *people, id=f"g{number}") for number in range(4)]
    waiting = run(*(step(f"s{number}") for number in range(30)), *gates)
    for _gate in gates[1:]:
        engine.decide(seat(waiting, "bob"), "approve")
        waiting = settle(waiting)
    with django_assert_max_num_queries(14):
        assert shown(admin, waiting).count(BOB) > len(gates)


def test_text_of_users_and_scripts_is_never_markup(admin: Client) -> None:
    waiting = run(gate(BOB, id="ask"), step("b", inputs={"value": "<script>alert(1)</script>"}))
    engine.decide(seat(waiting, "bob"), "approve", comment="<img src=x onerror=alert(1)>")
    page = admin.get(url("change", settle(waiting))).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


# No link on any page


def test_no_page_shows_a_token_even_when_a_script_lets_one_slip(admin: Client) -> None:
    waiting = run(gate(BOB), step("b"))
    links = engine.links(seat(waiting, "bob"))
    secrets = [link.rstrip("/").rpartition("/")[2] for link in (links.resume, links.approval_page)]
    leaked = f"see {links.resume} and {links.approval_page}"
    StepRun.objects.filter(run=waiting).update(
        result={"links": [leaked]}, log=leaked, error={"name": "Oops", "message": leaked}
    )
    Run.objects.filter(pk=waiting.pk).update(inputs={"note": leaked})
    page = admin.get(url("change", waiting)).content.decode()
    assert "[link removed]" in page
    for secret in secrets:
        assert engine.find(secret, Purpose.RESUME if secret in links.resume else Purpose.PAGE)
        assert secret not in page
    engine.cancel(Run.objects.get(pk=waiting.pk), reason=leaked)
    for address in (url("change", waiting), url("changelist")):
        content = admin.get(address).content.decode()
        assert not any(secret in content for secret in secrets)


# The list


def test_the_list_shows_states_in_words_and_how_many_approvals_came(admin: Client) -> None:
    waiting = run(gate(BOB, CAROL, required=2))
    engine.decide(seat(waiting, "bob"), "approve")
    run(step("a", "tests/explode", {"how": "loudly"}))
    page = text(admin.get(url("changelist")))
    assert "Waiting for approval: 1 of 2" in page
    assert "Failed at step a: loudly" in page


def test_the_list_asks_as_much_of_fifty_runs_as_of_one(
    admin: Client, alice: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(50):
        made = flow(gate(BOB, CAROL, required=2), slug=f"f{number}")
        settle(engine.start(made, by=alice))
    with django_assert_max_num_queries(10):
        page = admin.get(url("changelist"))
    assert text(page).count("Waiting for approval: 0 of 2") == 50


@pytest.mark.parametrize("words", ["{pk}", "travel", "alice"])
def test_runs_are_found_by_number_flow_and_starter(admin: Client, alice: User, words: str) -> None:
    wanted = engine.start(flow(step("a"), slug="travel"), by=alice)
    engine.start(flow(step("a"), slug="other"))
    page = admin.get(url("changelist"), {"q": words.format(pk=wanted.pk)})
    assert list(page.context["cl"].queryset) == [wanted]


def test_runs_are_filtered_by_flow_state_and_test(admin: Client) -> None:
    done = run(step("a"))
    test = engine.start(done.flow, test=True)
    for query, wanted in (
        ({"status__exact": "succeeded"}, [done]),
        ({"is_test__exact": "1"}, [test]),
        ({"flow__id__exact": done.flow.pk}, [test, done]),
    ):
        page = admin.get(url("changelist"), query)
        assert list(page.context["cl"].queryset) == wanted


def test_several_runs_are_cancelled_with_one_reason_and_each_failure_is_said(
    admin: Client,
) -> None:
    waiting, done = run(gate(BOB)), run(step("a"))
    chosen = {"action": "cancel_runs", "_selected_action": [waiting.pk, done.pk]}
    assert "Cancel 2 runs?" in text(admin.post(url("changelist"), chosen))
    waiting.refresh_from_db()
    assert waiting.status == RunStatus.SUSPENDED
    answer = admin.post(url("changelist"), {**chosen, "reason": "project stopped"})
    assert "1 run cancelled." in said(answer)
    assert f"{done}: Cannot cancel run {done.pk}: it is Success." in said(answer)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.end_reason) == (RunStatus.CANCELLED, "project stopped")


def test_several_runs_are_retried_and_each_failure_is_said(admin: Client) -> None:
    failed, done = run(step("a", "tests/flaky", {"failures": 1})), run(step("a"))
    chosen = {"action": "retry_runs", "_selected_action": [failed.pk, done.pk]}
    answer = admin.post(url("changelist"), chosen)
    assert "1 run retried." in said(answer)
    assert f"{done}: Cannot retry run {done.pk}" in said(answer)
    failed.refresh_from_db()
    assert failed.status == RunStatus.QUEUED


# Words


def test_durations_are_said_in_the_two_units_that_matter() -> None:
    said = [
        duration(timedelta(seconds=seconds))
        for seconds in (0.0124, 3.42, 303, 2 * 3600 + 300, 3 * 86400 + 4 * 3600)
    ]
    assert said == ["12 ms", "3.4 s", "5 min 3 s", "2 h 5 min", "3 d 4 h"]
