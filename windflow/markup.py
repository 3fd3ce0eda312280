"""Markdown that people wrote, as HTML that is safe to show."""

from __future__ import annotations

import markdown
import nh3
from django.utils.html import linebreaks
from django.utils.safestring import SafeString, mark_safe

_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h3", "h4", "hr", "li", "ol", "p", "pre"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
#: The parser's time grows with the square of these; what people write stays far below.
_MAX_LENGTH = 50_000
_MAX_OPENINGS = 500


def render(text: str) -> SafeString:
    """``text`` (Markdown) as HTML of a few harmless tags: no images, scripts, styles or raw HTML
    beyond them; links open http, https and mailto only, and leak no referrer.

    A text that would keep the parser busy is shown as plain paragraphs.
    """
    if len(text) > _MAX_LENGTH or text.count("[") + text.count("<") > _MAX_OPENINGS:
        return mark_safe(linebreaks(text, autoescape=True))  # noqa: S308  (escaped)
    try:
        html = markdown.markdown(text, extensions=["tables", "nl2br", "sane_lists"])
    except RecursionError:  # hundreds of lists in lists
        return mark_safe(linebreaks(text, autoescape=True))  # noqa: S308  (escaped)
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # noqa: S308  (nh3 has just made it safe)
