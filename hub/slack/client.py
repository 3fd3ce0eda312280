"""Slack's own client, as this site uses it: short timeouts, and no retries behind our back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from hub.failures import asked_pause
from hub.slack.provider import SlackProvider

#: Seconds for one answer.
TIMEOUT = 10

# Where the SDK may say at DEBUG, it says all: client secret, new tokens, people's links.
_discreet = logging.getLogger("hub.slack.sdk")
_discreet.setLevel(logging.WARNING)


class SlackRefused(Exception):
    """Slack answered with an error: ``code`` is its word for it, ``facts`` what it said besides."""

    def __init__(self, status: int, facts: Mapping[str, Any], pause: float | None) -> None:
        self.code = str(facts.get("error") or "")
        super().__init__(self.code)
        self.status = status
        self.facts = facts
        self.pause = pause


class NoAnswer(Exception):
    """Slack was not reached, or did not answer in time. What was asked may have been done."""


def call(method: str, token: str | None = None, **arguments: object) -> Mapping[str, Any]:
    """Slack's answer to one call. Raises :class:`SlackRefused` and :class:`NoAnswer`."""
    api = SlackProvider.endpoint("API_URL")
    client = WebClient(token, base_url=api, timeout=TIMEOUT, retry_handlers=[], logger=_discreet)
    try:
        answer = client.api_call(method, data=arguments)
    except SlackApiError as error:
        response: Any = error.response
        facts = response.data if isinstance(response.data, dict) else {}
        raise SlackRefused(response.status_code, facts, asked_pause(response.headers)) from None
    except (OSError, SlackClientError, ValueError):
        raise NoAnswer from None
    return answer.data if isinstance(answer.data, dict) else {}
