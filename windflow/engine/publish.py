"""Freeze a flow's draft: as a numbered version that new runs get, or as a test run's snapshot."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Max

from windflow import definition
from windflow.models import Flow, FlowVersion
from windflow.models.flow import digest
from windflow.scripts import catalogue


def publish(flow: Flow, *, by: AbstractBaseUser | None = None, note: str = "") -> FlowVersion:
    """Freeze the draft as the next version. Waiting runs keep theirs.

    Raises :class:`windflow.definition.DefinitionError` when the draft cannot run.
    """
    with transaction.atomic():
        locked = Flow.objects.select_for_update().get(pk=flow.pk)
        definition.parse(locked.draft, scripts=catalogue)
        last = locked.versions.aggregate(last=Max("number"))["last"] or 0
        return _freeze(locked, by, number=last + 1, note=note)


def snapshot(flow: Flow, *, by: AbstractBaseUser | None = None) -> FlowVersion:
    """The draft as a version that only a test run uses; the same draft gives the same one.

    Raises :class:`windflow.definition.DefinitionError` when the draft cannot run.
    """
    definition.parse(flow.draft, scripts=catalogue)
    same = flow.versions.filter(number__isnull=True, digest=digest(flow.draft)).first()
    return same or _freeze(flow, by)


def _freeze(
    flow: Flow, by: AbstractBaseUser | None, *, number: int | None = None, note: str = ""
) -> FlowVersion:
    return FlowVersion.objects.create(
        flow=flow,
        number=number,
        document=flow.draft,
        digest=digest(flow.draft),
        note=note,
        created_by_id=by.pk if by is not None else None,
    )
