"""Gmail's errors in words, with what to do about each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from googleapiclient.errors import HttpError

from hub.failures import Unauthorized, Undeliverable, asked_pause
from windflow import StepFailed

_UNTIL = re.compile(r"Retry after (\d{4}-\d\d-\d\dT[\d:.]+Z)")
_HOUR = 3600.0

#: reason → sentence. Trying again is of no use before somebody did what it says.
_PERMANENT: dict[str, str | Promise] = {
    "insufficientPermissions": lazy(
        "%(account)s did not allow this site to send e-mail. Reconnect the resource and leave that "
        "box ticked; then retry."
    ),
    "accessNotConfigured": lazy(
        "The Gmail API is not enabled in the Google Cloud project of this site's client id. Enable "
        "it there; then retry."
    ),
    "domainPolicy": lazy(
        "The administrators of %(account)s's domain do not allow apps to use Gmail. Ask them, or "
        "connect another account; then retry."
    ),
    "failedPrecondition": lazy(
        "Gmail is not switched on for %(account)s. Connect an account that has it; then retry."
    ),
    "forbidden": lazy(
        "Google does not let this site send as %(account)s (%(said)s). Reconnect the resource; "
        "then retry."
    ),
    "uploadTooLarge": lazy(
        "The mail to %(people)s is too large for Gmail. Make it shorter; then retry."
    ),
}
_RATE = {"rateLimitExceeded", "userRateLimitExceeded"}
_QUOTA = {"dailyLimitExceeded", "quotaExceeded"}


@dataclass(frozen=True)
class _Answer:
    """What Google said: HTTP status, its reason as one word, its message."""

    status: int
    reason: str
    said: str
    pause: float | None


def failure(error: HttpError, *, account: str, people: str) -> StepFailed | Unauthorized:
    """What an error answer to sending a mail to ``people`` as ``account`` means."""
    answer = _read(error)
    facts = {"account": account, "people": people, "said": answer.said or answer.status}
    if answer.status == 401:
        return Unauthorized(_("Google says: %(said)s") % facts)
    if answer.status >= 500:
        text = _(
            "Gmail has trouble of its own (%(said)s); the mail to %(people)s was not accepted."
        )
        return StepFailed(text % facts, retry_after=answer.pause)
    if answer.reason in _QUOTA:
        text = _(
            "Gmail takes no more mails from %(account)s today (%(said)s). Its limit frees up "
            "within a day; retry then, or send from another account."
        )
        return StepFailed(text % facts, retry_after=answer.pause or _HOUR)
    if answer.status == 429 or answer.reason in _RATE:
        text = _(
            "Gmail asks for a pause (%(said)s); the mail to %(people)s was not accepted. Give the "
            "step a retry, which waits as long as Gmail asks."
        )
        return StepFailed(text % facts, retry_after=answer.pause)
    if answer.reason in _PERMANENT:
        return StepFailed(str(_PERMANENT[answer.reason]) % facts, permanent=True)
    text = _("Gmail does not take the mail to %(people)s: %(said)s. Correct it; then retry.")
    return Undeliverable(text % facts)


def no_answer(*, people: str) -> StepFailed:
    """Gmail was not reached, or did not answer in time."""
    return StepFailed(
        _(
            "Gmail gave no answer, so the mail to %(people)s may or may not have been sent. When "
            "it is sent again, it is the same mail with the same link."
        )
        % {"people": people}
    )


def _read(error: HttpError) -> _Answer:
    try:
        body: Any = json.loads(error.content)["error"]
        said, reason = str(body.get("message", "")), str(body["errors"][0]["reason"])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        said, reason = "", ""
    status = int(error.resp.status)
    pause = asked_pause(error.resp)
    if pause is None:
        pause = _until(said)
    return _Answer(status, reason, said[:300].rstrip("."), pause)


def _until(said: str) -> float | None:
    """Gmail says the end of a pause in its message's text, rather than in a header."""
    found = _UNTIL.search(said)
    instant = parse_datetime(found[1]) if found else None
    return None if instant is None else max(0.0, (instant - timezone.now()).total_seconds())
