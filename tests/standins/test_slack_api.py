"""Calling the stand-in of Slack with slack-sdk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from config.standins import control
from config.standins.models import Endpoint
from tests.standins.conftest import MARKS, Client

pytestmark = MARKS

EVERYTHING = "chat:write chat:write.public channels:read users:read.email im:write"


def bot(slack: Client, scopes: str = EVERYTHING) -> WebClient:
    secrets = control.grant(slack.app, "admin@example.com", scopes.split())
    return WebClient(token=secrets.access, base_url=f"{slack.root}/api/")


def refused(call: Callable[[], Any]) -> Any:
    with pytest.raises(SlackApiError) as caught:
        call()
    return caught.value.response


def test_a_message_arrives_in_its_channel(slack: Client) -> None:
    reply = bot(slack).chat_postMessage(
        channel="#approvals", text="*Bob* approved", unfurl_links=False, unfurl_media=False
    )
    (message,) = control.messages("#approvals")
    assert reply["channel"] == message.channel
    assert reply["ts"] == message.ts
    assert reply["message"]["text"] == message.text == "*Bob* approved"
    assert message.unfurl_links is False
    assert not message.is_unfurled


def test_a_form_posts_like_json(slack: Client) -> None:
    token = bot(slack).token
    form = {"token": token, "channel": "finance", "text": "hello", "blocks": '[{"type":"divider"}]'}
    answer = requests.post(f"{slack.root}/api/chat.postMessage", data=form, timeout=10).json()
    assert answer["ok"] is True
    assert control.messages("#finance")[0].blocks == [{"type": "divider"}]


def test_messages_of_one_channel_keep_their_order(slack: Client) -> None:
    client = bot(slack)
    stamps = [client.chat_postMessage(channel="#random", text=str(n))["ts"] for n in range(5)]
    assert [message.text for message in control.messages("#random")] == list("01234")
    assert len(set(stamps)) == 5


def test_posting_needs_chat_write(slack: Client) -> None:
    response = refused(
        lambda: bot(slack, "channels:read").chat_postMessage(channel="general", text="x")
    )
    assert response.data == {
        "ok": False,
        "error": "missing_scope",
        "needed": "chat:write",
        "provided": "channels:read",
    }


def test_a_bot_posts_where_it_is_or_everywhere_by_scope(slack: Client) -> None:
    client = bot(slack, "chat:write")

    def post() -> Any:
        return client.chat_postMessage(channel="#general", text="x")

    assert refused(post)["error"] == "not_in_channel"
    control.invite("#general")
    assert post()["ok"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": "#board", "text": "x"}, "channel_not_found"),
        ({"channel": "#old-plans", "text": "x"}, "is_archived"),
        ({"channel": "#general", "blocks": []}, "no_text"),
        ({"channel": "#general", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "#general", "text": "x", "blocks": [{"no": "type"}]}, "invalid_blocks"),
        ({"channel": "", "text": "x"}, "invalid_arguments"),
    ],
)
@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")
def test_each_wrong_message_has_its_error(
    slack: Client, arguments: dict[str, Any], error: str
) -> None:
    assert refused(lambda: bot(slack).chat_postMessage(**arguments))["error"] == error
    assert control.messages() == []


def test_each_state_of_a_token_has_its_error(slack: Client) -> None:
    client = bot(slack)
    stranger = WebClient(token="xoxb-nobody", base_url=f"{slack.root}/api/")
    nameless = WebClient(base_url=f"{slack.root}/api/")
    assert refused(stranger.auth_test)["error"] == "invalid_auth"
    assert refused(nameless.auth_test)["error"] == "not_authed"
    control.expire_tokens("slack")
    assert refused(client.auth_test)["error"] == "token_expired"
    control.revoke("slack", "admin@example.com")
    assert refused(client.auth_test)["error"] == "token_revoked"


def test_revoking_by_the_api_ends_the_token(slack: Client) -> None:
    client = bot(slack)
    assert client.auth_revoke(test=True)["revoked"] is False
    assert client.auth_revoke()["revoked"] is True
    assert refused(client.auth_test)["error"] == "token_revoked"


def test_a_rate_limit_is_a_429_that_says_when_to_come_back(slack: Client) -> None:
    client = bot(slack)
    control.fail(Endpoint.SLACK_POST, "ratelimited", retry_after=3)
    response = refused(lambda: client.chat_postMessage(channel="#general", text="x"))
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert response.headers["Retry-After"] == "3"


def test_the_sdks_own_retry_waits_and_posts_once(slack: Client) -> None:
    client = bot(slack)
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    control.fail(Endpoint.SLACK_POST, "ratelimited", retry_after=0)
    assert client.chat_postMessage(channel="#general", text="x")["ok"]
    assert [call.outcome for call in control.calls(Endpoint.SLACK_POST)] == ["ratelimited", "ok"]
    assert len(control.messages()) == 1


def test_a_broken_slack_answers_5xx(slack: Client) -> None:
    client = bot(slack)
    control.fail(Endpoint.SLACK_POST, "unavailable")
    response = refused(lambda: client.chat_postMessage(channel="#general", text="x"))
    assert response.status_code == 503


def test_channels_come_a_page_at_a_time(slack: Client) -> None:
    client = bot(slack)
    first = client.conversations_list(limit=2, exclude_archived=True)
    pages = [[channel["name"] for channel in page["channels"]] for page in first]
    assert pages == [["general", "approvals"], ["finance", "random"]]


def test_a_cursor_of_nobody_is_refused(slack: Client) -> None:
    response = refused(lambda: bot(slack).conversations_list(cursor="nonsense"))
    assert response["error"] == "invalid_cursor"


def test_a_private_channel_is_seen_by_its_members_only(slack: Client) -> None:
    client = bot(slack, "groups:read")
    assert client.conversations_list(types="private_channel")["channels"] == []
    control.invite("#board")
    (seen,) = client.conversations_list(types="private_channel")["channels"]
    assert (seen["name"], seen["is_member"]) == ("board", True)


def test_a_person_is_found_by_e_mail_and_written_to(slack: Client) -> None:
    client = bot(slack)
    found = client.users_lookupByEmail(email="carol@example.com")["user"]
    direct = client.conversations_open(users=found["id"])["channel"]["id"]
    client.chat_postMessage(channel=direct, text="Please approve")
    assert client.conversations_open(users=[found["id"]])["already_open"] is True
    assert [message.text for message in control.messages("carol@example.com")] == ["Please approve"]


def test_a_stranger_is_not_found(slack: Client) -> None:
    client = bot(slack)
    unknown = refused(lambda: client.users_lookupByEmail(email="mallory@example.com"))
    assert unknown["error"] == "users_not_found"
    assert refused(lambda: client.conversations_open(users="U1"))["error"] == "user_not_found"


def test_a_method_that_does_not_exist_is_unknown(slack: Client) -> None:
    assert refused(lambda: bot(slack).api_call("chat.shout"))["error"] == "unknown_method"
