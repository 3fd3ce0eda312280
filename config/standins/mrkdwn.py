"""Slack's text format as HTML, as far as the pages here need it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from config.standins.directory import channel_named, person_by_slack_id

_REFERENCE = re.compile(r"<([^<>]+)>|(https?://[^\s<>|]+)")
_STYLES = (
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), "em"),
    (re.compile(r"(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])"), "s"),
    (re.compile(r"`([^`\n]+)`"), "code"),
)


def to_html(text: str) -> SafeString:
    """The text with its links, mentions and styles; everything else is escaped."""
    parts: list[SafeString] = []
    end = 0
    for found in _REFERENCE.finditer(text):
        parts += [_styled(text[end : found.start()]), _reference(found[1] or found[2])]
        end = found.end()
    parts.append(_styled(text[end:]))
    return format_html_join("", "{}", ((part,) for part in parts))


def _styled(text: str) -> SafeString:
    html = escape(unescape(text))  # the sender escaped &, < and >, as Slack asks
    for pattern, tag in _STYLES:
        html = SafeString(pattern.sub(rf"<{tag}>\1</{tag}>", html))
    return mark_safe(html.replace("\n", "<br>"))  # noqa: S308 - escaped above, tags are ours


def _reference(inner: str) -> SafeString:
    """What stands between ``<`` and ``>``: a link, ``@U…``, ``#C…``, ``!here``; or a bare link."""
    target, _bar, label = inner.partition("|")
    if target.startswith("@"):
        person = person_by_slack_id(target[1:])
        return format_html("<b>@{}</b>", person.name if person else label or target[1:])
    if target.startswith("#"):
        channel = channel_named(target[1:])
        return format_html("<b>#{}</b>", channel.name if channel else label or target[1:])
    if target.startswith("!"):
        return format_html("<b>@{}</b>", label or target[1:])
    if not target.startswith(("http://", "https://", "mailto:")):
        return escape(unescape(f"<{inner}>"))
    return format_html(
        '<a href="{}" rel="noreferrer">{}</a>', unescape(target), unescape(label or target)
    )


def blocks_to_html(blocks: list[dict[str, Any]]) -> list[SafeString]:
    """Block Kit, a piece a block: text, context, headings, dividers, buttons that are links."""
    return [html for block in blocks if (html := _block(block))]


def _block(block: dict[str, Any]) -> SafeString:
    kind = block.get("type")
    if kind == "divider":
        return format_html("<hr>")
    if kind == "header":
        return format_html('<p class="heading">{}</p>', _text(block.get("text")))
    if kind == "section":
        texts = [block.get("text"), *(block.get("fields") or [])]
        return format_html_join("", "<p>{}</p>", ((_text(one),) for one in texts if one))
    if kind == "context":
        return format_html('<p class="quiet">{}</p>', _joined(block, _text))
    if kind == "actions":
        return format_html('<p class="buttons">{}</p>', _joined(block, _button))
    return format_html('<p class="quiet">[{}]</p>', kind)


def _joined(block: dict[str, Any], render: Any) -> SafeString:
    return format_html_join(" ", "{}", ((render(one),) for one in block.get("elements") or []))


def _text(item: Any) -> SafeString:
    """A text object; anything else as nothing."""
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        return SafeString("")
    return to_html(item["text"]) if item.get("type") == "mrkdwn" else escape(item["text"])


def _button(item: Any) -> SafeString:
    label = _text(item.get("text")) if isinstance(item, dict) else SafeString("")
    address = str(item.get("url") or "") if isinstance(item, dict) else ""
    if address.startswith(("http://", "https://")):
        return format_html('<a class="button" href="{}" rel="noreferrer">{}</a>', address, label)
    return format_html('<span class="button off">{}</span>', label)
