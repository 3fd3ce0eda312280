"""What the demo's logs must not show."""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"(/(?:approval|resume|cancel)/)[^/\s]+")


def without_tokens(text: str) -> str:
    """``text`` with the tokens of approval links cut out of it."""
    return _TOKEN.sub(r"\1…", text)


class NoTokens(logging.Filter):
    """Takes the tokens out of addresses: whoever reads a log must not be able to decide."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_tokens(record.getMessage()), ()
        return True
