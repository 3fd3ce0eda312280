"""The chapters of the story. Each plays on the stage and raises what is not as it should be."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any
from urllib.error import URLError
from urllib.parse import urljoin

from config.demo.browser import Browser, Page
from config.demo.stage import Failed, Stage, expect, expect_page
from config.demo.story import ADMIN_NAME, ADMIN_PASSWORD, APPROVERS
from windflow.models import Approval, Run, Suspension
from windflow.states import ApprovalStatus, RunStatus, SuspensionStatus

BOB, CAROL = APPROVERS


def sign_in(stage: Stage) -> None:
    """The server answers, and the admin's login works."""
    with stage.step("start web server, cluster and tick; the web server answers"):
        login = stage.eventually(lambda: _answer(stage, "/admin/"), "an answer of the web server")
    with stage.step("sign in to the admin"):
        fields = {"username": ADMIN_NAME, "password": ADMIN_PASSWORD}
        expect_page(stage.admin.press(login, "Log in", fields), "Site administration")


def approve_both(stage: Stage) -> None:
    """Two approvals let the run go on."""
    run = start(stage, "Expense approval")
    links = _read_mails(stage)
    _only_looking_changes_nothing(stage, run, links)
    with stage.step("Bob approves; one of two"):
        decide(links[BOB], "Approve", "within budget")
        expect(_votes(run) == [(BOB, ApprovalStatus.APPROVED)], "Bob's vote was not counted once")
        run_page(stage, run, "Waiting for approval", "1 of 2", BOB, "within budget")
    with stage.step("Carol approves; the run goes on and succeeds"):
        decide(links[CAROL], "Approve")
        decided = time.monotonic()
        wait(stage, run, RunStatus.SUCCEEDED)
        took = time.monotonic() - decided
    stage.note(f"{took * 1000:.0f} ms from Carol's answer to the end of the run")
    with stage.step("the result names both; the run page shows who approved"):
        run.refresh_from_db()
        expect(BOB in str(run.result) and CAROL in str(run.result), f"the result is {run.result}")
        run_page(stage, run, "Success", BOB, CAROL)
    with stage.step("every link shows what happened, and decides nothing more"):
        _show_the_end(links, run, "Approved")


def one_rejects(stage: Stage) -> None:
    """One rejection ends the run, with its comment."""
    run = start(stage, "Expense approval")
    links = _read_mails(stage)
    bobs_browser = Browser()
    bobs_page = bobs_browser.get(links[BOB])
    with stage.step("Carol rejects with a comment; the run is cancelled by her"):
        _reject(links[CAROL], "buy a used one", run)
        wait(stage, run, RunStatus.CANCELLED)
        run_page(stage, run, "Cancelled by", CAROL, "buy a used one")
    with stage.step("Bob, whose page was still open, comes too late"):
        before = _facts(run)
        expect_page(bobs_browser.press(bobs_page, "Approve"), f"{CAROL} rejected", status=409)
        expect(_facts(run) == before, "a late vote changed something")
    with stage.step("both links say what happened, and decide nothing more"):
        _show_the_end({BOB: links[BOB]}, run, f"{CAROL} rejected")
        _show_the_end({CAROL: links[CAROL]}, run, "You rejected")


def deadline_passes(stage: Stage) -> None:
    """Nobody answers in time."""
    run = start(stage, "Expense approval in a hurry")
    links = _read_mails(stage)
    with stage.step("nobody answers within two seconds; the run ends"):
        stage.eventually(lambda: run not in Run.objects.live(), "the end of the run")
        outcome = Suspension.objects.get(run=run).status
        expect(outcome == SuspensionStatus.TIMED_OUT, f"the suspension is {outcome}")
        expect(not _votes(run), "there is a vote that nobody gave")
        run_page(stage, run, "Timed out")
    with stage.step("every link says so"):
        _show_the_end(links, run, "deadline")


def _answer(stage: Stage, path: str) -> Page | None:
    with suppress(URLError, ConnectionError):
        return stage.admin.get(stage.address + path)
    return None


def start(stage: Stage, flow: str, *, needed: int = 2) -> Run:
    """Test the flow of this name by hand; its run, once it waits."""
    with stage.step(f"press Test flow of {flow}; the run waits: 0 of {needed}"):
        run = press_test(stage, flow)
        wait(stage, run, RunStatus.SUSPENDED)
        run_page(stage, run, "Waiting for approval", f"0 of {needed}")
        return run


def press_test(stage: Stage, flow: str) -> Run:
    """Test the flow of this name by hand; its run."""
    admin = stage.admin
    flows = expect_page(admin.get(f"{stage.address}/admin/windflow/flow/"))
    form = expect_page(admin.press(admin.get(flows.link(flow)), "Test flow"))
    values = {"inputs.amount": "1240", "inputs.reason": "Laptop"}
    page = expect_page(admin.press(form, "Test flow", values))
    run = Run.objects.latest("pk")
    expect(f"/{run.pk}/" in page.url, f"the test form led to {page.url}, not to run {run.pk}")
    return run


def _read_mails(stage: Stage) -> dict[str, str]:
    with stage.step("Bob and Carol have a mail each, with a link of their own"):
        links = {address: stage.approval_link(address) for address in APPROVERS}
        expect(len(set(links.values())) == len(APPROVERS), "two people have the same link")
        expect(stage.postbox.count() == 0, "there are more mails than people")
        return links


def _only_looking_changes_nothing(stage: Stage, run: Run, links: dict[str, str]) -> None:
    with stage.step("GET and HEAD each link twice; nothing changes"):
        before = _facts(run)
        for link in links.values():
            for _again in range(2):
                page = expect_page(Browser().get(link), "Laptop")
                expect(page.headers["Referrer-Policy"] == "no-referrer", "the link would leak")
                head = Browser().head(link)
                expect(head.status == 200, f"HEAD {link} answered {head.status}")
        expect(_facts(run) == before, f"looking changed {before} into {_facts(run)}")


def decide(link: str, button: str, comment: str = "") -> Page:
    """Open a link in a browser of its own, and press a button."""
    person = Browser()
    page = person.get(link)
    return expect_page(person.press(page, button, {"comment": comment}))


def _reject(link: str, comment: str, run: Run) -> None:
    """Reject asks once more, and keeps the comment while it does."""
    person = Browser()
    page = expect_page(person.press(person.get(link), "Reject", {"comment": comment}), comment)
    expect(not _votes(run), "the vote was counted before she was sure")
    expect_page(person.press(page, "Reject"))


def _show_the_end(links: dict[str, str], run: Run, text: str) -> None:
    before = _facts(run)
    for link in links.values():
        page = Browser().get(link)
        expect(page.status in {200, 410}, f"{link} answered {page.status}")
        expect(text.lower() in page.text.lower(), f"{link} does not say “{text}”: {page.text}")
        expect(not any("Approve" in form.buttons for form in page.forms), "it still asks")
    expect(_facts(run) == before, "looking changed something")


def wait(stage: Stage, run: Run, status: RunStatus) -> None:
    """Wait for the run to have this status; one that fails instead will never have it."""

    def there() -> bool:
        run.refresh_from_db()
        if run.status == RunStatus.FAILED != status:
            raise Failed(f"run {run.pk} is {run.status}: {run.error}")
        return run.status == status

    stage.eventually(there, f"run {run.pk} as {status}")


def run_page(stage: Stage, run: Run, *texts: str) -> Page:
    """The run's page, which says all this."""
    url = urljoin(stage.address, f"/admin/windflow/run/{run.pk}/change/")
    return expect_page(stage.admin.get(url), *texts)


def _votes(run: Run) -> list[tuple[str, str]]:
    votes = Approval.objects.filter(suspension__run=run).votes()
    return list(votes.values_list("approver", "status"))


def _facts(run: Run) -> dict[str, Any]:
    run.refresh_from_db()
    seats = Approval.objects.filter(suspension__run=run).order_by("pk")
    return {
        "run": (run.status, run.event_count),
        "waits": list(Suspension.objects.filter(run=run).values_list("status", "closed_at")),
        "seats": list(seats.values_list("approver", "status", "decided_at", "comment")),
    }
