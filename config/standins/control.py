"""The stand-ins from behind: what tests, the demo and the control panel use.

Everything here acts on the database that web and worker processes share::

    control.register_app("google", client_id="id", client_secret="secret", redirect_uris=[...])
    control.expire_tokens("google")                      # access tokens; refreshing works
    control.revoke("google", "bob@example.com")          # refreshing answers invalid_grant
    control.fail(Endpoint.SLACK_POST, "ratelimited", times=2, retry_after=3)
    control.fail(Endpoint.GMAIL_SEND, "lose_answer", seconds=2)   # sent, but nobody hears of it
    control.count(Endpoint.GOOGLE_REFRESH, "ok") == 1    # refreshed once
    control.mails(to="bob@example.com")[0].text
    control.messages("#approvals")[-1].text
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from config.standins import directory
from config.standins.answers import BEHAVIOURS, MAX_SECONDS
from config.standins.google import token as google_token
from config.standins.google.errors import API_FAULTS, OAUTH_FAULTS
from config.standins.google.scopes import canonical
from config.standins.models import (
    App,
    Call,
    Endpoint,
    Fault,
    Grant,
    Mail,
    Membership,
    Message,
    Provider,
    Token,
)
from config.standins.oauth import Secrets, ensure_grant, revoke_grant
from config.standins.opaque import digest
from config.standins.slack import access as slack_access
from config.standins.slack import errors as slack_errors

_GOOGLE_OAUTH = {Endpoint.GOOGLE_CODE, Endpoint.GOOGLE_REFRESH, Endpoint.GOOGLE_REVOKE}


# ------------------------------------------------------------------ apps and grants
def register_app(
    provider: str,
    *,
    client_id: str,
    client_secret: str,
    redirect_uris: Sequence[str],
    name: str = "windflow",
    rotates_tokens: bool = False,
) -> App:
    """Register an OAuth client, or change the one with this ``client_id``.

    ``rotates_tokens`` switches Slack's token rotation on: bot tokens then expire.
    """
    app, _made = App.objects.update_or_create(
        client_id=client_id,
        defaults={
            "provider": Provider(provider),
            "secret_digest": digest(client_secret),
            "name": name,
            "redirect_uris": list(redirect_uris),
            "rotates_tokens": rotates_tokens,
        },
    )
    return app


@transaction.atomic
def grant(app: App, account: str, scopes: Sequence[str], *, refreshable: bool = True) -> Secrets:
    """What a person would get by consenting, without the browser.

    ``account`` is an e-mail address of the directory. ``refreshable`` is Google's; a Slack app
    has refresh tokens when it rotates them. Raises ``ValueError`` for a stranger.
    """
    person = directory.person_by_email(account)
    if person is None:
        raise ValueError(f"{account} is nobody in the stand-ins' directory.")
    if app.provider == Provider.GOOGLE:
        full = canonical(" ".join(scopes))
        made = ensure_grant(app, person.email, full)
        return google_token.issue(made, full, refreshable=refreshable)
    made = ensure_grant(app, person.slack_id, list(scopes))
    return slack_access.issue(made, list(scopes))


def expire_tokens(provider: str = "", account: str = "") -> int:
    """Make access tokens expire now; returns how many. Refresh tokens stay good."""
    return sum(expire_tokens_of(one) for one in _live_grants(provider, account))


def expire_tokens_of(grant: Grant) -> int:
    """The same for one grant."""
    now = timezone.now()
    held = grant.tokens.filter(kind=Token.Kind.ACCESS, revoked_at=None)
    return held.exclude(expires_at__lte=now).update(expires_at=now - timedelta(seconds=1))


def revoke(provider: str = "", account: str = "") -> int:
    """Take grants back, as a person does at the provider; returns how many."""
    found = list(_live_grants(provider, account))
    for one in found:
        revoke_grant(one)
    return len(found)


def live_grants() -> list[Grant]:
    """Every grant that holds now, newest first."""
    return list(_live_grants("", "").select_related("app"))


def _live_grants(provider: str, account: str) -> QuerySet[Grant]:
    found = Grant.objects.filter(revoked_at=None)
    if provider:
        found = found.filter(app__provider=Provider(provider))
    if account:
        person = directory.person_by_email(account)
        found = found.filter(account__in={account, person.slack_id if person else account})
    return found


# ------------------------------------------------------------------ faults
def failures(endpoint: str) -> tuple[str, ...]:
    """The names that :func:`fail` knows for this endpoint."""
    return (*_errors(endpoint), *BEHAVIOURS)


def _errors(endpoint: str) -> tuple[str, ...]:
    if endpoint.startswith("slack."):
        return slack_errors.names(endpoint)
    return tuple(OAUTH_FAULTS if endpoint in _GOOGLE_OAUTH else API_FAULTS)


def fail(
    endpoint: str,
    how: str,
    times: int = 1,
    *,
    retry_after: int | None = None,
    seconds: float | None = None,
) -> Fault:
    """Make the next ``times`` calls of an endpoint fail; faults of one endpoint queue up.

    ``how`` is a name of :func:`failures`: an error of the provider, or ``delay`` (answers late),
    ``hang`` (does nothing, answers after ``seconds``), ``lose_answer`` (does the work, answers
    after ``seconds``). ``retry_after`` (seconds) is what a rate limit tells the caller.
    Raises ``ValueError`` for an unknown name and for numbers that make no sense.
    """
    check_fault(endpoint, how, times, seconds=seconds)
    return Fault.objects.create(
        endpoint=endpoint, how=how, remaining=times, retry_after=retry_after, seconds=seconds
    )


def check_fault(endpoint: str, how: str, times: int = 1, *, seconds: float | None = None) -> None:
    """Raise the ``ValueError`` that :func:`fail` would."""
    known = failures(Endpoint(endpoint))
    if how not in known:
        raise ValueError(
            _("%(endpoint)s cannot fail by %(how)s; it can by %(known)s.")
            % {"endpoint": endpoint, "how": how, "known": ", ".join(known)}
        )
    if times < 1:
        raise ValueError(_("times is %(times)d; it is at least 1.") % {"times": times})
    if how in BEHAVIOURS and not 0 < (seconds or 0) <= MAX_SECONDS:
        raise ValueError(
            _("%(how)s needs seconds, more than 0 and at most %(most)d.")
            % {"how": how, "most": MAX_SECONDS}
        )


def delay(endpoint: str, seconds: float, times: int = 1) -> Fault:
    """Make the next ``times`` calls answer late, and rightly."""
    return fail(endpoint, "delay", times, seconds=seconds)


def pending_faults() -> list[Fault]:
    """The faults that still wait for calls, in their order."""
    return list(Fault.objects.filter(remaining__gt=0))


def clear_faults() -> None:
    """Let every endpoint work."""
    Fault.objects.all().delete()


# ------------------------------------------------------------------ what happened
def calls(endpoint: str = "", outcome: str = "") -> list[Call]:
    """The calls, oldest first; ``outcome`` is ``ok`` or the name of an error."""
    found = Call.objects.order_by("pk")
    if endpoint:
        found = found.filter(endpoint=Endpoint(endpoint))
    return list(found.filter(outcome=outcome) if outcome else found)


def count(endpoint: str, outcome: str = "") -> int:
    """How often an endpoint was called, with that outcome if one is named."""
    return len(calls(endpoint, outcome))


def mails(to: str = "") -> list[Mail]:
    """The mails that Gmail accepted, oldest first; ``to`` picks those to one address."""
    found = Mail.objects.order_by("pk")
    return [mail for mail in found if to.lower() in mail.to.lower()]


def messages(channel: str = "") -> list[Message]:
    """The messages that Slack accepted, oldest first.

    ``channel`` is a channel's id, ``#name``, or the e-mail address of the person written to.
    """
    found = Message.objects.select_related("app")
    return list(found.filter(channel=_channel_id(channel)) if channel else found)


def invite(channel: str) -> None:
    """Let the bots of all Slack apps into a channel, as ``/invite`` does."""
    for app in App.objects.filter(provider=Provider.SLACK):
        Membership.objects.get_or_create(app=app, channel=_channel_id(channel))


def remove(channel: str) -> None:
    """Take the bots out of a channel."""
    Membership.objects.filter(channel=_channel_id(channel)).delete()


def _channel_id(reference: str) -> str:
    if found := directory.channel_named(reference):
        return found.id
    if person := directory.person_by_email(reference):
        return person.conversation
    if person := directory.person_by_conversation(reference):
        return person.conversation
    raise ValueError(f"{reference} is no channel and nobody in the stand-ins' directory.")


@transaction.atomic
def reset() -> None:
    """Forget all that arrived, was called, was allowed or is to fail; keep the apps."""
    for model in (Mail, Message, Membership, Call, Fault, Grant):
        model.objects.all().delete()
