"""Resources in use: who may, the typed value, one refresh at a time, and what breaks them.

A value is refreshed under a lease, ``refreshing_until``: the worker that gets it asks the provider,
outside any transaction, and everybody else waits for what it stores. ``generation`` counts the
values that a resource has had, so whoever comes late with an older one changes nothing.
"""

from __future__ import annotations

import logging
import time
import traceback
from datetime import datetime, timedelta
from typing import cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from windflow import vault
from windflow.exceptions import InvalidInput, ResourceBroken, StepFailed, UnknownResourceType
from windflow.models import Resource
from windflow.redaction import Redactor, storable
from windflow.resources import (
    ResourceType,
    ResourceValue,
    Source,
    Value,
    ends_at,
    plain_value,
    resource_types,
    secrets_of,
    source_of,
    stamped,
)
from windflow.states import TRANSITIONS, ResourceState

logger = logging.getLogger(__name__)
#: How long one worker may ask the provider before another may.
LEASE = timedelta(seconds=30)
#: A value that ends sooner than this is refreshed before it is used.
SOON = timedelta(seconds=60)
#: How exactly ``last_used_at`` is kept; busy resources are not written at every step.
USE_NOTED_EVERY = timedelta(seconds=60)
MAX_REASON = 2_000


# Using


def use(name: str, type_name: str = "", *, on_behalf_of: AbstractBaseUser | None) -> ResourceValue:
    """The typed value of the resource ``name``, refreshed where its time is over.

    ``type_name`` is the type that it must have, if any. ``on_behalf_of`` is who must be allowed to
    use it; None stands for the shop's own code, which may use all.

    Raises :class:`StepFailed` saying what to do: there is no such resource, it has another type,
    this person may not use it, it is expired or broken. Raises :class:`VaultLocked`.
    """
    resource = _find(name)
    if type_name and resource.type != type_name:
        raise StepFailed(
            _("The resource %(name)s is of the type %(is)s; this step needs one of %(wanted)s.")
            % {"name": name, "is": resource.type, "wanted": type_name},
            permanent=True,
        )
    _check_allowed(resource, on_behalf_of)
    _check_state(resource)
    _note_use(resource)
    value = open_value(resource)
    if _ends_within(resource, SOON) and _type(resource).refresh is not None:
        return _renewed(value)
    return value


def _find(name: str) -> Resource:
    resource = Resource.objects.select_related("owner").filter(name=name).first()
    if resource is None:
        raise StepFailed(
            _(
                "There is no resource called %(name)r. Connect one of that name in Admin → "
                "Resources, or name another one in the step; then retry."
            )
            % {"name": name},
            permanent=True,
        )
    return resource


def _check_allowed(resource: Resource, user: AbstractBaseUser | None) -> None:
    if user is None or Resource.objects.usable_by(user).filter(pk=resource.pk).exists():
        return
    raise StepFailed(
        _(
            "%(user)s may not use the resource %(name)s. Its owner can share it, with everyone or "
            "with a group of theirs, in Admin → Resources; then retry."
        )
        % {"user": user.get_username(), "name": resource.name},
        permanent=True,
    )


def _check_state(resource: Resource) -> None:
    if _ends_within(resource, timedelta(0)) and _type(resource).refresh is None:
        _move(_source(resource), "expire", reason=_("Its time is over."))
        resource.refresh_from_db()
    if resource.state != ResourceState.CONNECTED:
        raise _unusable(resource)


def _ends_within(resource: Resource, span: timedelta) -> bool:
    return resource.expires_at is not None and resource.expires_at <= timezone.now() + span


def _note_use(resource: Resource) -> None:
    now = timezone.now()
    noted_before = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
    Resource.objects.filter(noted_before, pk=resource.pk).update(last_used_at=now)


def open_value(resource: Resource) -> ResourceValue:
    """The typed value, the secrets in it. Raises :class:`VaultLocked`, and :class:`StepFailed` when
    what is stored no longer fits the type."""
    fields = vault.unseal(resource.sealed)
    try:
        value = _type(resource).value(fields)
    except InvalidInput as error:
        # Without the reasons: a type's own checks may quote what they refuse.
        raise StepFailed(
            _(
                "The resource %(name)s was saved before its type got its present form; these "
                "fields do not fit: %(fields)s. Fill them in, or reconnect it, in Admin → "
                "Resources; then retry."
            )
            % {"name": resource.name, "fields": ", ".join(sorted(error.errors))},
            permanent=True,
        ) from None
    return stamped(value, _source(resource))


def _type(resource: Resource) -> ResourceType:
    try:
        return resource_types.find(resource.type)
    except UnknownResourceType as error:
        raise StepFailed(error.message, permanent=True) from None


def _source(resource: Resource) -> Source:
    return Source(resource.name, resource.pk, resource.generation)


def _move(source: Source, verb: str, **fields: object) -> bool:
    """Move the resource by ``verb`` if it still has the value that ``source`` is of."""
    sources, target = TRANSITIONS["resource"][verb]
    rows = Resource.objects.filter(
        pk=source.resource_id, generation=source.generation, state__in=sources
    )
    return bool(rows.update(state=target, updated_at=timezone.now(), **fields))


def _unusable(resource: Resource) -> StepFailed:
    """What is wrong with a resource that is not connected, and who has to click what."""
    found = resource_types.get(resource.type)
    if found is not None and found.connect:
        advice = _("%(owner)s clicks Reconnect in Admin → Resources → %(name)s; then click Retry.")
    else:
        advice = _("%(owner)s corrects it in Admin → Resources → %(name)s; then click Retry.")
    names = {
        "name": resource.name,
        "state": resource.get_state_display().lower(),
        "owner": resource.owner or _("A superuser"),
    }
    reason = resource.reason.strip().rstrip(".")
    what = _("The resource %(name)s is %(state)s: %(reason)s.") % {**names, "reason": reason}
    return StepFailed(f"{what} {advice % names}", permanent=True)


# Refreshing


def refresh(value: Value) -> Value:
    """What follows on ``value``, which the provider no longer takes: refreshed by this worker, or
    by whoever was first. Takes as long as the provider does.

    Raises :class:`StepFailed`: permanent when the resource has to be reconnected, else to be tried
    again. Never inside a transaction, since others could not see the lease.
    """
    return cast(Value, _renewed(value))


def _renewed(value: ResourceValue) -> ResourceValue:
    source = source_of(value)
    give_up = time.monotonic() + 2 * LEASE.total_seconds()
    pause = 0.05
    while True:
        resource = _reread(source)
        if resource.generation != source.generation:
            return open_value(resource)
        found = _type(resource)
        lease = timezone.now() + LEASE
        if found.refresh is None:
            mark_broken(value, _("The provider refused it, and its type cannot be refreshed."))
        elif _claim(source, lease):
            _ask(found, value, lease)
        elif time.monotonic() < give_up:
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        else:
            raise StepFailed(
                _("Other workers refresh the resource %(name)s for too long already; try again.")
                % {"name": source.name},
                retry_after=5,
            )


def _reread(source: Source) -> Resource:
    resource = Resource.objects.select_related("owner").filter(pk=source.resource_id).first()
    if resource is None:
        raise StepFailed(
            _("The resource %(name)s was deleted meanwhile.") % {"name": source.name},
            permanent=True,
        )
    if resource.state != ResourceState.CONNECTED:
        raise _unusable(resource)
    return resource


def _claim(source: Source, lease: datetime) -> bool:
    free = Q(refreshing_until__isnull=True) | Q(refreshing_until__lte=timezone.now())
    claimable = Resource.objects.filter(
        free,
        pk=source.resource_id,
        generation=source.generation,
        state=ResourceState.CONNECTED,
    )
    try:
        with transaction.atomic(durable=True):
            return bool(claimable.update(refreshing_until=lease))
    except RuntimeError:
        raise StepFailed(
            _(
                "The resource %(name)s must be refreshed, which cannot be done inside a database "
                "transaction. An atomic script takes its resources as arguments; any other one "
                "calls ctx.resource and ctx.refresh outside of transaction.atomic."
            )
            % {"name": source.name},
            permanent=True,
        ) from None


def _ask(found: ResourceType, value: ResourceValue, lease: datetime) -> None:
    """Ask the provider, as the holder of ``lease``, and store what it said."""
    source = source_of(value)
    try:
        _store(source, _answer(found, value))
    except ResourceBroken as gone:
        mark_broken(value, gone.reason)
    finally:
        rows = Resource.objects.filter(pk=source.resource_id, refreshing_until=lease)
        rows.update(refreshing_until=None)


def _answer(found: ResourceType, value: ResourceValue) -> ResourceValue:
    """The refreshed value. What goes wrong says nothing of secrets, old or new."""
    assert found.refresh is not None
    known = Redactor(secrets_of(value))
    try:
        return found.value(plain_value(found.refresh(value)))
    except ResourceBroken:
        raise
    except StepFailed as failure:
        raise StepFailed(
            known.text(failure.message),
            permanent=failure.permanent,
            retry_after=failure.retry_after,
        ) from None
    except Exception as error:
        # Not its text: it may quote the provider's answer, with tokens that nobody knows yet.
        raise StepFailed(
            _("Refreshing the resource %(name)s failed: %(error)s in %(place)s.")
            % {
                "name": source_of(value).name,
                "error": type(error).__name__,
                "place": _place(error),
            }
        ) from None


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


def _store(source: Source, value: ResourceValue) -> None:
    stored = _move(
        source,
        "refresh",
        sealed=vault.seal(plain_value(value)),
        expires_at=ends_at(value),
        generation=F("generation") + 1,
        reason="",
        refreshing_until=None,
    )
    logger.info("resource %s: %s", source.name, "refreshed" if stored else "replaced meanwhile")


def mark_broken(value: ResourceValue, reason: str) -> bool:
    """Note that the provider refuses ``value`` for good, for this ``reason``. False when the
    resource has another value by now, or is broken already."""
    text = Redactor(secrets_of(value)).text(storable(reason))[:MAX_REASON]
    return _move(source_of(value), "break", reason=text, refreshing_until=None)


def broken(value: ResourceValue, reason: str) -> StepFailed:
    """Mark the resource of ``value`` broken; the error with which its step fails."""
    source = source_of(value)
    mark_broken(value, reason)
    try:
        _reread(source)
    except StepFailed as failure:
        return failure
    return StepFailed(
        _("The resource %(name)s was reconnected while this step used what it was before.")
        % {"name": source.name}
    )
