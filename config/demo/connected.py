"""The chapters about Google and Slack: connect both, ask by Gmail, tell Slack; and what goes wrong.

What the providers do, and what arrived there, is said by the stand-ins' own records.
"""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urljoin

from config.demo.chapters import BOB, CAROL, decide, press_test, run_page, start, wait
from config.demo.stage import Stage, expect, expect_page
from config.standins import control
from config.standins.models import Endpoint, Mail
from windflow.models import Run
from windflow.states import RunStatus

FLOW = "Expense approval by Gmail and Slack"
GMAIL, SLACK = "gmail-admin", "slack-acme"
PAUSE = 2  # seconds that Slack asks for
RESOURCES = "/admin/windflow/resource/"


def connect_both(stage: Stage) -> None:
    """Each by the provider's consent page."""
    for title, name in (("Gmail", GMAIL), ("Slack", SLACK)):
        with stage.step(f"Connect an API: {title}; allow it; the resource {name} is connected"):
            tiles = expect_page(stage.admin.get(stage.address + RESOURCES + "add/"))
            _allow(stage, tiles.link(f"Connect {title}"), name)


def ask_by_gmail_and_tell_slack(stage: Stage) -> None:
    """One approval is enough, and the channel reads whose it was."""
    run = start(stage, FLOW, needed=1)
    with stage.step("Gmail has accepted a mail to Bob and one to Carol, with links of their own"):
        mails = {to: _mail(to) for to in (BOB, CAROL)}
        expect(len(control.mails()) == len(mails), "there are more mails than people")
        expect(_link(mails[BOB], stage) != _link(mails[CAROL], stage), "they share a link")
        expect(mails[BOB].sender == "admin@example.com", f"it is from {mails[BOB].sender}")
    _approve_to_the_end(stage, run)
    with stage.step("the message in #approvals names Bob"):
        _told(times=1)
        expect_page(stage.admin.get(f"{stage.address}/standins/messages/"), f"Approved by {BOB}")


def token_expires(stage: Stage) -> None:
    """Nobody notices but the token endpoint."""
    control.expire_tokens("google")
    run = start(stage, FLOW, needed=1)
    with stage.step("Google's token had expired; it was refreshed once"):
        refreshed = control.count(Endpoint.GOOGLE_REFRESH)
        expect(refreshed == 1, f"it was refreshed {refreshed} times")
    _approve_to_the_end(stage, run)


def access_is_revoked(stage: Stage) -> None:
    """The resource breaks, the run says what to click, and clicking it is enough."""
    control.revoke("google")
    with stage.step("access is revoked at Google; the run fails and says what to click"):
        run = press_test(stage, FLOW)
        wait(stage, run, RunStatus.FAILED)
        run_page(stage, run, f"The resource {GMAIL} is broken", "clicks Reconnect", "click Retry")
    with stage.step("Reconnect; the same resource is connected again"):
        shown = expect_page(stage.admin.get(stage.address + RESOURCES), "Broken: Google says")
        _allow(stage, shown.link("Reconnect"), GMAIL)
    with stage.step("Retry; the run waits: 0 of 1"):
        stage.admin.press(run_page(stage, run), "Retry")
        wait(stage, run, RunStatus.SUSPENDED)
    _approve_to_the_end(stage, run)


def slack_asks_to_wait(stage: Stage) -> None:
    """A rate limit costs the time that Slack asks for, and no message more or less."""
    run = start(stage, FLOW, needed=1)
    before = len(control.messages())
    control.fail(Endpoint.SLACK_POST, "ratelimited", retry_after=PAUSE)
    with stage.step(f"Slack asks to wait {PAUSE} s; the run page says so"):
        decide(_link(_mail(BOB), stage), "Approve")
        wait(stage, run, RunStatus.SLEEPING)
        run_page(stage, run, f"Slack asks to wait {PAUSE} seconds")
    with stage.step("it waits as long, then posts once and succeeds"):
        wait(stage, run, RunStatus.SUCCEEDED)
        first, second = control.calls(Endpoint.SLACK_POST)[-2:]
        waited = second.at - first.at
        expect(waited >= timedelta(seconds=PAUSE), f"it waited {waited.total_seconds()} s")
        _told(times=before + 1)


def _allow(stage: Stage, start_url: str, name: str) -> None:
    consent = expect_page(stage.admin.get(start_url), "asks for access")
    back = expect_page(stage.admin.press(consent, "Allow"), "Connected", name)
    expect(RESOURCES in back.url, f"the provider led to {back.url}")


def _approve_to_the_end(stage: Stage, run: Run) -> None:
    with stage.step("Bob opens the link in his mail and approves; the run succeeds"):
        decide(_link(_mail(BOB), stage), "Approve")
        wait(stage, run, RunStatus.SUCCEEDED)
        run_page(stage, run, "Success", BOB)


def _mail(to: str) -> Mail:
    """The newest mail to an address."""
    found = control.mails(to=to)
    expect(found, f"Gmail accepted no mail to {to}")
    return found[-1]


def _link(mail: Mail, stage: Stage) -> str:
    links = re.findall(r"https?://\S+", mail.text)
    expect(len(links) == 1, f"the mail to {mail.to} has {len(links)} links in its text, not 1")
    expect(links[0].startswith(urljoin(stage.address, "/")), f"{links[0]} is not of this site")
    return str(links[0])


def _told(times: int) -> None:
    """So many messages are in the channel, and the last one says who approved."""
    said = [message.text for message in control.messages("#approvals")]
    expect(len(said) == times, f"there are {len(said)} messages in #approvals, not {times}")
    expect(said[-1].endswith(f"Approved by {BOB}"), f"the message says {said[-1]}")
