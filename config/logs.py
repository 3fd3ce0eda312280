"""What the demo's logs must not show."""

from __future__ import annotations

import logging
import re

_SECRETS = (
    re.compile(r"(/(?:approval|resume|cancel)/)[^/\s]+"),  # whoever has it, decides
    re.compile(r"([?&](?:code|state)=)[^&\s]+"),  # a provider's answer: whoever has it, connects
)


def without_tokens(text: str) -> str:
    """``text`` with the tokens of approval links and the codes of providers cut out of it."""
    for secret in _SECRETS:
        text = secret.sub(r"\1…", text)
    return text


class NoTokens(logging.Filter):
    """Takes the tokens out of addresses: whoever reads a log must not be able to decide."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_tokens(record.getMessage()), ()
        return True
