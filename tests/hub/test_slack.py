"""Slack, by its own SDK against the stand-in: messages, tokens, and what goes wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from config.standins import control
from config.standins.models import Endpoint, Message
from hub.failures import Undeliverable
from hub.slack.client import SlackRefused
from hub.slack.errors import failure
from hub.slack.provider import SlackProvider
from hub.slack.resources import refresh
from tests.documents import cel, flow, gate, run, seat, settle, step
from tests.hub.conftest import Site, seat_behind, server
from tests.test_races import at_once
from windflow import ResourceBroken, StepFailed, engine
from windflow.models import Resource, Run
from windflow.states import RunStatus

pytestmark = pytest.mark.django_db(transaction=True)

BOB, CAROL = "bob@example.com", "carol@example.com"
RETRY = {"constant": {"attempts": 3, "seconds": 1}}


def post(slack: Resource, channel: str = "#approvals", text: str = "Hi", **keys: Any) -> Any:
    """The step that posts one message."""
    inputs = {"slack": slack.name, "channel": channel, "text": text}
    return step("post", "hub/slack_send_message", inputs, **keys)


def notify(slack: Resource, approvers: Any, text: str = "The offer to Acme", **keys: Any) -> Any:
    """The step that tells who approved."""
    inputs = {"slack": slack.name, "channel": "#approvals", "approvers": approvers, "text": text}
    return step("notify", "hub/slack_notify_approvers", inputs, **keys)


def ask(slack: Resource, *approvers: str, **inputs: Any) -> Any:
    """The approval step."""
    given = {"slack": slack.name, "approvers": [*approvers], "subject": "Send it?", **inputs}
    return step("ask", "hub/slack_approval", given, suspend={"required_events": 1}, retry=RETRY)


def again(held: Run) -> Run:
    """The next attempt, without the wait."""
    Run.objects.filter(pk=held.pk).update(wake_at=timezone.now())
    return settle(held)


def error_of(held: Run, step_id: str = "post") -> str:
    return str(held.step_runs.get(step_id=step_id).error["message"])


def link_in(message: Message) -> str:
    (link,) = set(re.findall(r"<(https?://\S{60,})\|", message.text))
    return str(link)


def texts(channel: str = "#approvals") -> list[str]:
    return [message.text for message in control.messages(channel)]


# ------------------------------------------------------------------ messages
def test_the_message_in_the_channel_names_who_approved(site: Site) -> None:
    held = run(gate(BOB, CAROL, required=2), notify(site.slack(), cel("approvers")))
    for address in (CAROL, BOB):
        engine.decide(seat(held, address), "approve")
    done = settle(held)
    assert done.status == RunStatus.SUCCEEDED
    (message,) = control.messages("#approvals")
    assert message.text == f"The offer to Acme\nApproved by {CAROL}, {BOB}"
    assert done.result == {"channel": message.channel, "ts": message.ts}


def test_nobody_is_named_where_nobody_approved(site: Site) -> None:
    run(notify(site.slack(), [], text=""))
    assert texts() == ["Approved by nobody"]


def test_what_is_wired_in_mentions_nobody_and_hides_no_link(site: Site) -> None:
    lure = "<!channel> <https://evil.example|Approve> & *more*"
    run(post(site.slack(), text=lure), notify(site.slack(), ["<!here>"], text=lure))
    shown = "&lt;!channel&gt; &lt;https://evil.example|Approve&gt; &amp; *more*"
    assert texts() == [shown, f"{shown}\nApproved by &lt;!here&gt;"]


def test_slack_is_told_to_fetch_no_link(site: Site) -> None:
    slack = site.slack()
    run(post(slack), notify(slack, [BOB]), ask(slack, BOB, channel="#approvals"))
    messages = control.messages()
    assert len(messages) == 4
    assert not any(message.is_unfurled for message in messages)


# ------------------------------------------------------------------ approval
def test_every_approver_gets_their_own_link_and_the_channel_gets_none(site: Site) -> None:
    held = run(ask(site.slack(), BOB, CAROL, channel="#approvals", message="42 €"))
    assert held.status == RunStatus.SUSPENDED
    for address in (BOB, CAROL):
        (message,) = control.messages(address)
        assert seat_behind(link_in(message)) == seat(held, address)
        assert message.text.startswith("*Send it?*\n\n42 €")
        assert "<!date^" in message.text
    (note,) = texts()
    assert note == f"*Send it?*\nAsked to approve: {BOB}, {CAROL}. Each has a link of their own."
    assert "http" not in note


def test_the_link_in_the_message_opens_the_page_and_decides(site: Site, client: Client) -> None:
    slack = site.slack()
    held = run(ask(slack, BOB), notify(slack, cel("approvers")))
    link = link_in(control.messages(BOB)[0]).removeprefix(site.url)
    assert "Send it?" in client.get(link).content.decode()
    client.post(link, {"decision": "approve"})
    assert settle(held).status == RunStatus.SUCCEEDED
    assert texts() == [f"The offer to Acme\nApproved by {BOB}"]


def test_a_username_is_found_by_its_address_and_twice_the_same_person_once(
    site: Site, bob: User
) -> None:
    run(ask(site.slack(), "bob", BOB))
    assert len(control.messages()) == 1


def test_who_is_not_in_slack_is_named_and_the_others_are_asked(site: Site) -> None:
    held = run(ask(site.slack(), "zoe@example.com", BOB))
    assert held.status == RunStatus.FAILED
    assert "Slack knows nobody with the address zoe@example.com" in error_of(held, "ask")
    assert len(control.messages(BOB)) == 1


def test_a_user_without_an_address_stops_the_step_before_the_first_message(
    site: Site, bob: User
) -> None:
    User.objects.filter(pk=bob.pk).update(email="")
    held = run(ask(site.slack(), CAROL, "bob", channel="#approvals"))
    assert "bob has no e-mail address" in error_of(held, "ask")
    assert control.messages() == []


def test_a_wrong_channel_stops_the_step_before_anybody_is_asked(site: Site) -> None:
    held = run(ask(site.slack(), BOB, channel="#nowhere"))
    assert "Slack finds no channel #nowhere" in error_of(held, "ask")
    assert control.messages() == []


def test_whoever_has_their_message_gets_no_second_one(site: Site) -> None:
    control.delay(Endpoint.SLACK_LOOKUP, 0.01)
    control.fail(Endpoint.SLACK_LOOKUP, "ratelimited", retry_after=5)
    held = run(ask(site.slack(), BOB, CAROL, channel="#approvals"))
    assert held.status == RunStatus.SLEEPING
    assert again(held).status == RunStatus.SUSPENDED
    for place in (BOB, CAROL, "#approvals"):
        assert len(control.messages(place)) == 1


# ------------------------------------------------------------------ tokens
def test_an_expired_token_is_refreshed_once_and_its_successor_is_kept(site: Site) -> None:
    site.rotate_tokens()
    slack = site.slack()
    old: Any = engine.open_value(slack)
    expire(slack)
    assert run(post(slack), notify(slack, [BOB])).status == RunStatus.SUCCEEDED
    assert control.count(Endpoint.SLACK_REFRESH) == 1
    assert control.count(Endpoint.SLACK_POST) == 2
    slack.refresh_from_db()
    new: Any = engine.open_value(slack)
    assert new.refresh_token != old.refresh_token
    expire(slack)
    assert run(post(slack)).status == RunStatus.SUCCEEDED


def expire(slack: Resource) -> None:
    """Let its bot token have ended, here and at Slack."""
    control.expire_tokens("slack")
    Resource.objects.filter(pk=slack.pk).update(expires_at=timezone.now())


def test_a_token_that_slack_refuses_early_is_refreshed_once(site: Site) -> None:
    site.rotate_tokens()
    slack = site.slack()
    control.expire_tokens("slack")
    assert run(ask(slack, BOB, CAROL)).status == RunStatus.SUSPENDED
    assert control.count(Endpoint.SLACK_REFRESH) == 1
    assert len(control.messages()) == 2


def test_two_workers_with_one_expired_resource_refresh_it_once(
    site: Site, settings: Settings
) -> None:
    site.rotate_tokens()
    slack = site.slack()
    settings.WINDFLOW = {**settings.WINDFLOW, "EXECUTOR": "tests.test_races.Nobody"}
    flows = [flow(post(slack), slug=f"post-{number}") for number in range(2)]
    runs = [engine.start(one, {}) for one in flows]
    expire(slack)
    control.delay(Endpoint.SLACK_REFRESH, 0.5)
    at_once(*[lambda one=one: engine.advance(one.pk) for one in runs])
    assert {Run.objects.get(pk=one.pk).status for one in runs} == {RunStatus.SUCCEEDED}
    assert control.count(Endpoint.SLACK_REFRESH) == 1


@pytest.mark.parametrize("rotates", [False, True])
def test_a_removed_bot_breaks_the_resource_and_retry_goes_on_after_reconnecting(
    site: Site, ada: User, rotates: bool
) -> None:
    if rotates:
        site.rotate_tokens()
    slack = site.slack(ada)
    control.revoke("slack")
    held = run(post(slack, retry=RETRY), by=ada)
    slack.refresh_from_db()
    code = "invalid_refresh_token" if rotates else "token_revoked"
    assert slack.state == "broken"
    assert slack.reason.startswith(f"Slack says {code}: ")
    assert held.status == RunStatus.FAILED
    assert code in error_of(held)
    assert f"Reconnect in Admin → Resources → {slack.name}; then click Retry" in error_of(held)
    site.consent(site.sign_in(ada), "slack", query=f"?resource={slack.pk}")
    assert settle(engine.retry(held)).status == RunStatus.SUCCEEDED
    assert texts() == ["Hi"]


@pytest.mark.parametrize("code", ["invalid_auth", "account_inactive", "not_authed"])
def test_a_token_that_slack_takes_for_nothing_breaks_the_resource(site: Site, code: str) -> None:
    slack = site.slack()
    control.fail(Endpoint.SLACK_POST, code, times=2)
    held = run(post(slack, retry=RETRY))
    slack.refresh_from_db()
    assert (held.status, slack.state) == (RunStatus.FAILED, "broken")
    assert slack.reason.startswith(f"Slack says {code}: ")


REFRESHING = [
    ("invalid_refresh_token", ResourceBroken, True, "was used, revoked or has expired"),
    ("bad_client_secret", StepFailed, True, 'SOCIALACCOUNT_PROVIDERS["hub_slack"]["APP"]'),
    ("ratelimited", StepFailed, False, "did not refresh the access (ratelimited)"),
    ("unavailable", StepFailed, False, "try again later"),
    ("fatal_error", StepFailed, False, "did not refresh the access (fatal_error)"),
]


@pytest.mark.parametrize(("how", "kind", "for_good", "words"), REFRESHING)
def test_what_goes_wrong_when_refreshing_is_told_apart(
    site: Site, how: str, kind: type[Exception], for_good: bool, words: str
) -> None:
    site.rotate_tokens()
    value: Any = engine.open_value(site.slack())
    control.fail(Endpoint.SLACK_REFRESH, how)
    with pytest.raises(kind, match=re.escape(words)) as raised:
        refresh(value)
    assert getattr(raised.value, "permanent", True) is for_good


@pytest.mark.parametrize("said", ["<html>", {}, [], {"ok": True}])
def test_an_answer_to_refreshing_that_makes_no_sense_breaks_nothing(
    site: Site, said: object
) -> None:
    site.rotate_tokens()
    slack = site.slack()
    with server(lambda _body: (200, said)) as address:
        site.endpoint("slack", "API_URL", address)
        with pytest.raises(StepFailed):
            engine.refresh(engine.open_value(slack))
    slack.refresh_from_db()
    assert slack.state == "connected"


def test_no_log_tells_a_secret(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.rotate_tokens()
    slack = site.slack()
    old: Any = engine.open_value(slack)
    expire(slack)
    with caplog.at_level("DEBUG"):
        run(ask(slack, BOB))
    slack.refresh_from_db()
    new: Any = engine.open_value(slack)
    secret = site.settings.SOCIALACCOUNT_PROVIDERS["hub_slack"]["APP"]["secret"]
    link = link_in(control.messages(BOB)[0])
    for value in (old, new):
        assert value.access_token.get_secret_value() not in caplog.text
        assert value.refresh_token.get_secret_value() not in caplog.text
    assert secret not in caplog.text
    assert link not in caplog.text


def test_a_slack_that_does_not_answer_is_asked_again_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.rotate_tokens()
    value: Any = engine.open_value(site.slack())
    monkeypatch.setattr("hub.slack.client.TIMEOUT", 0.2)
    control.fail(Endpoint.SLACK_REFRESH, "hang", seconds=0.6)
    with pytest.raises(StepFailed, match="could not be reached") as raised:
        refresh(value)
    assert not raised.value.permanent


# ------------------------------------------------------------------ what goes wrong
def test_a_rate_limited_message_waits_as_told_and_is_posted_once(site: Site) -> None:
    control.fail(Endpoint.SLACK_POST, "ratelimited", retry_after=17)
    held = run(post(site.slack(), retry=RETRY))
    assert "Slack asks to wait 17 seconds" in error_of(held)
    assert (held.status, texts()) == (RunStatus.SLEEPING, [])
    assert held.wake_at is not None
    assert 15 < (held.wake_at - timezone.now()).total_seconds() <= 17
    assert settle(held).status == RunStatus.SLEEPING  # not before its time
    assert again(held).status == RunStatus.SUCCEEDED
    assert texts() == ["Hi"]
    assert control.count(Endpoint.SLACK_POST) == 2


@pytest.mark.parametrize("how", ["server_error", "bad_gateway", "unavailable", "internal_error"])
def test_slacks_own_trouble_passes(site: Site, how: str) -> None:
    control.fail(Endpoint.SLACK_POST, how)
    held = run(post(site.slack(), retry=RETRY))
    assert "Slack has trouble of its own" in error_of(held)
    assert again(held).status == RunStatus.SUCCEEDED
    assert texts() == ["Hi"]


PERMANENT = [
    ("channel_not_found", "Slack finds no channel #approvals"),
    ("not_in_channel", "The bot is not in #approvals. Invite it there"),
    ("is_archived", "The channel #approvals is archived. Unarchive it"),
    ("msg_too_long", "longer than the 40,000 characters"),
    ("missing_scope", "it needs the scope chat:write. Add it in the app's settings, reconnect"),
    ("restricted_action", "The settings of #approvals, or of the workspace"),
    ("no_text", "The message to #approvals is empty"),
]


@pytest.mark.parametrize(("how", "words"), PERMANENT)
def test_what_stays_wrong_fails_for_good_with_what_to_do(site: Site, how: str, words: str) -> None:
    control.fail(Endpoint.SLACK_POST, how)
    held = run(post(site.slack(), retry=RETRY))
    assert held.status == RunStatus.FAILED
    assert words in error_of(held)
    assert control.count(Endpoint.SLACK_POST) == 1


def test_the_channels_of_a_real_workspace_are_told_apart(site: Site) -> None:
    slack = site.slack()
    narrow = site.slack(scopes=tuple(set(SlackProvider.scopes) - {"chat:write.public"}))
    for resource, channel, words in (
        (slack, "#old-plans", "The channel #old-plans is archived"),
        (slack, "#board", "or it is private and the bot is not in it"),
        (narrow, "#finance", "The bot is not in #finance"),
    ):
        assert words in error_of(run(post(resource, channel)))
    control.invite("#board")
    assert run(post(slack, "#board")).status == RunStatus.SUCCEEDED


def test_a_text_that_is_too_long_is_not_posted(site: Site) -> None:
    held = run(post(site.slack(), text="x" * 40_001))
    assert "longer than the 40,000 characters" in error_of(held)


def test_who_looks_people_up_without_the_scope_is_told_which(site: Site) -> None:
    narrow = site.slack(scopes=("chat:write",))
    held = run(ask(narrow, BOB))
    assert "it needs the scope users:read.email" in error_of(held, "ask")


def test_a_message_whose_answer_was_never_seen_is_said_to_be_in_doubt(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.slack.client.TIMEOUT", 0.3)
    control.fail(Endpoint.SLACK_POST, "lose_answer", seconds=1)
    held = run(post(site.slack(), retry=RETRY))
    assert "may or may not have been posted" in error_of(held)
    assert held.status == RunStatus.SLEEPING


def refused(code: str, status: int = 200, pause: float | None = None) -> SlackRefused:
    return SlackRefused(status, {"ok": False, "error": code}, pause)


def test_people_who_cannot_be_written_to_are_named() -> None:
    for code in ("users_not_found", "user_not_found", "user_disabled", "cannot_dm_bot"):
        told = failure(refused(code), BOB)
        assert isinstance(told, Undeliverable)
        assert BOB in told.message


def test_errors_of_the_app_and_unknown_ones_say_where_to_look() -> None:
    told = [failure(refused(code), BOB) for code in ("messages_tab_disabled", "brand_new")]
    assert "under App Home" in str(told[0])
    assert f"Slack refuses the message to {BOB}: brand_new. Look that word up" in str(told[1])
    assert all(isinstance(one, StepFailed) and one.permanent for one in told)


def test_a_pause_without_a_length_is_half_a_minute() -> None:
    told = failure(refused("", status=429), BOB)
    assert isinstance(told, StepFailed)
    assert told.retry_after == 30
