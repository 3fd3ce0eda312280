"""Post in a connected workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.failures import Unauthorized
from hub.slack.client import NoAnswer, SlackRefused, call
from hub.slack.errors import failure, no_answer
from hub.slack.resources import SlackResource
from windflow import Context


class Workspace:
    """A workspace as one step uses it."""

    def __init__(self, ctx: Context, slack: SlackResource) -> None:
        self._ctx = ctx
        self._slack = slack

    def post(self, channel: str, text: str, *, shown_as: str = "") -> Mapping[str, Any]:
        """Post ``text`` (mrkdwn) in a channel (its id, or ``#name``) or to a person (their id).

        Slack fetches none of its links. ``shown_as`` names the person in errors.
        Raises :class:`windflow.StepFailed`.
        """
        return self._call(
            "chat.postMessage",
            shown_as or channel,
            channel=channel,
            text=text,
            unfurl_links=False,
            unfurl_media=False,
        )

    def find(self, email: str) -> str:
        """The id of the person with this address. Raises :class:`windflow.StepFailed`."""
        answer = self._call("users.lookupByEmail", email, email=email)
        return str(answer["user"]["id"])

    def _call(self, method: str, target: str, **arguments: object) -> Mapping[str, Any]:
        """A token that Slack refuses is refreshed once; refused again, the resource is broken."""
        try:
            return self._once(method, target, arguments)
        except Unauthorized:
            self._slack = self._ctx.refresh(self._slack)
        try:
            return self._once(method, target, arguments)
        except Unauthorized as refused:
            self._ctx.broken(self._slack, refused.reason)

    def _once(self, method: str, target: str, arguments: dict[str, object]) -> Mapping[str, Any]:
        try:
            return call(method, self._slack.access_token.get_secret_value(), **arguments)
        except SlackRefused as refused:
            raise failure(refused, target) from None
        except NoAnswer:
            raise no_answer(target) from None
