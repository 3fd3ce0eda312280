"""``chat.postMessage``: keeps the message for people to read here."""

from __future__ import annotations

import json
from typing import Any

from config.standins.directory import (
    WORKSPACE_ID,
    Channel,
    channel_named,
    person_by_conversation,
    person_by_slack_id,
)
from config.standins.models import Message, Token
from config.standins.slack.conversations import is_member
from config.standins.slack.errors import error, invalid_arguments

MAX_TEXT = 40_000  # characters
MAX_BLOCKS = 50
MAX_ATTACHMENTS = 100


def post_message(held: Token, arguments: dict[str, Any]) -> dict[str, Any]:
    """Post; the reply holds the channel, the timestamp and the message."""
    channel = _target(held, str(arguments.get("channel") or ""))
    content = _content(arguments)
    message = Message.objects.post(
        app=held.grant.app,
        channel=channel,
        thread_ts=str(arguments.get("thread_ts") or ""),
        metadata=_structure(arguments, "metadata", dict),
        unfurl_links=_flag(arguments, "unfurl_links"),
        unfurl_media=_flag(arguments, "unfurl_media"),
        **content,
    )
    return {"channel": channel, "ts": message.ts, "message": _message(message)}


def _content(arguments: dict[str, Any]) -> dict[str, Any]:
    text = str(arguments.get("text") or "")
    blocks = _structure(arguments, "blocks", list)
    attachments = _structure(arguments, "attachments", list)
    if not (text or blocks or attachments):
        raise error("no_text")
    if len(text) > MAX_TEXT:
        raise error("msg_too_long")
    if len(blocks) > MAX_BLOCKS or any(not _is_block(block) for block in blocks):
        raise error("invalid_blocks")
    if len(attachments) > MAX_ATTACHMENTS:
        raise error("too_many_attachments")
    return {"text": text, "blocks": blocks, "attachments": attachments}


def _is_block(block: Any) -> bool:
    return isinstance(block, dict) and isinstance(block.get("type"), str)


def _target(held: Token, reference: str) -> str:
    """Where the message goes: a channel's id or name, a person's id, a direct conversation's id."""
    if not reference:
        raise invalid_arguments("missing required field: channel")
    channel = channel_named(reference)
    if channel is not None:
        return _checked(held, channel)
    person = person_by_slack_id(reference) or person_by_conversation(reference)
    if person is None:
        raise error("channel_not_found")
    return person.conversation


def _checked(held: Token, channel: Channel) -> str:
    inside = is_member(held.grant.app, channel.id)
    if channel.is_private and not inside:
        raise error("channel_not_found")
    if channel.is_archived:
        raise error("is_archived")
    if not inside and "chat:write.public" not in held.scopes:
        raise error("not_in_channel")
    return channel.id


def _structure(arguments: dict[str, Any], name: str, kind: type) -> Any:
    """An argument that is JSON; a form sends it as text."""
    value = arguments.get(name)
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError:
            raise error(f"invalid_{name}") from None
    if value and not isinstance(value, kind):
        raise error(f"invalid_{name}")
    return value or kind()


def _flag(arguments: dict[str, Any], name: str) -> bool | None:
    value = arguments.get(name)
    return None if value is None else str(value).lower() in {"1", "true"}


def _message(message: Message) -> dict[str, Any]:
    app = message.app
    body: dict[str, Any] = {
        "type": "message",
        "user": app.bot_user_id,
        "ts": message.ts,
        "bot_id": app.bot_id,
        "app_id": app.public_id,
        "text": message.text,
        "team": WORKSPACE_ID,
        "bot_profile": {
            "id": app.bot_id,
            "app_id": app.public_id,
            "name": app.name,
            "deleted": False,
            "team_id": WORKSPACE_ID,
        },
    }
    if message.blocks:
        body["blocks"] = message.blocks
    if message.thread_ts:
        body["thread_ts"] = message.thread_ts
    return body
