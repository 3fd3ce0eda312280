"""Slack's errors in words, with what to do about each."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from hub.failures import Unauthorized, Undeliverable
from hub.slack.client import SlackRefused
from windflow import StepFailed

#: Seconds to wait where Slack asks for a pause and does not say how long.
_PAUSE = 30.0
_RATE = {"ratelimited", "rate_limited", "message_limit_exceeded"}

#: Slack's own trouble, which passes.
TROUBLE = {
    "internal_error",
    "fatal_error",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}

#: The token is of no use any more; what to tell people.
GONE: dict[str, str | Promise] = {
    "invalid_auth": lazy("the token is not valid"),
    "not_authed": lazy("there is no token"),
    "account_inactive": lazy("the bot or its workspace was deleted"),
    "token_revoked": lazy("the token was revoked, or the app was removed from the workspace"),
    "token_expired": lazy("the token has expired"),
    "invalid_refresh_token": lazy("the refresh token was used, revoked or has expired"),
}

_PERMANENT: dict[str, str | Promise] = {
    "channel_not_found": lazy(
        "Slack finds no channel %(target)s: it does not exist in this workspace, or it is private "
        "and the bot is not in it. Correct the name, or invite the bot there; then retry."
    ),
    "not_in_channel": lazy(
        "The bot is not in %(target)s. Invite it there by /invite in Slack; then retry."
    ),
    "is_archived": lazy(
        "The channel %(target)s is archived. Unarchive it, or choose another one; then retry."
    ),
    "msg_too_long": lazy(
        "The message to %(target)s is longer than the 40,000 characters that Slack takes. Shorten "
        "it; then retry."
    ),
    "no_text": lazy("The message to %(target)s is empty. Give it a text; then retry."),
    "missing_scope": lazy(
        "Slack does not let this bot do that: it needs the scope %(needed)s. Add it in the app's "
        "settings, reconnect the resource; then retry."
    ),
    "messages_tab_disabled": lazy(
        "Nobody can get messages from this bot: the Messages tab is off in the app's settings, "
        "under App Home. Switch it on; then retry."
    ),
    "restricted_action": lazy(
        "The settings of %(target)s, or of the workspace, do not let this bot post there. Ask an "
        "administrator of the workspace; then retry."
    ),
}

_UNDELIVERABLE: dict[str, str | Promise] = {
    "users_not_found": lazy("Slack knows nobody with the address %(target)s in this workspace."),
    "user_not_found": lazy("Slack no longer knows %(target)s in this workspace."),
    "user_disabled": lazy("The Slack account of %(target)s is switched off."),
    "user_is_bot": lazy("%(target)s is a bot in Slack, which cannot approve."),
    "cannot_dm_bot": lazy("%(target)s is a bot in Slack, which cannot approve."),
}


def failure(refused: SlackRefused, target: str) -> StepFailed | Unauthorized:
    """What an error answer means; ``target`` is the channel or the person that it is about."""
    code = refused.code
    facts = {"target": target, "needed": refused.facts.get("needed", "?")}
    if code in GONE:
        return Unauthorized(gone(code))
    if refused.status == 429 or code in _RATE:
        pause = refused.pause if refused.pause is not None else _PAUSE
        text = _(
            "Slack asks to wait %(seconds)d seconds before the next message; the one to %(target)s "
            "was not posted yet. The step waits as long, and tries again."
        )
        return StepFailed(text % {**facts, "seconds": pause}, retry_after=pause)
    if refused.status >= 500 or code in TROUBLE:
        text = _("Slack has trouble of its own (%(code)s); %(target)s got no message. Try again.")
        return StepFailed(
            text % {**facts, "code": refused.status if refused.status >= 500 else code},
            retry_after=refused.pause,
        )
    if code in _UNDELIVERABLE:
        return Undeliverable(str(_UNDELIVERABLE[code]) % facts)
    known = "restricted_action" if code.startswith("restricted_action") else code
    if known in _PERMANENT:
        return StepFailed(str(_PERMANENT[known]) % facts, permanent=True)
    text = _(
        "Slack refuses the message to %(target)s: %(code)s. Look that word up in Slack's "
        "documentation of chat.postMessage, correct the cause; then retry."
    )
    return StepFailed(text % {**facts, "code": code[:100] or refused.status}, permanent=True)


def gone(code: str) -> str:
    """Why the token is of no use, for people."""
    return _("Slack says %(code)s: %(words)s") % {"code": code, "words": GONE[code]}


def no_answer(target: str) -> StepFailed:
    """Slack was not reached, or did not answer in time."""
    return StepFailed(
        _("Slack gave no answer, so the message to %(target)s may or may not have been posted.")
        % {"target": target}
    )
