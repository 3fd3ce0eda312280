"""Start a run."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from windflow import signals
from windflow.conf import conf
from windflow.definition import schema_problems
from windflow.engine.change import Actor, Change
from windflow.engine.publish import snapshot
from windflow.exceptions import InvalidInput, NotPlain, NotPublished
from windflow.models import Flow, FlowVersion, Run
from windflow.states import RunStatus
from windflow.values import JSON, plain


def start(
    flow: Flow | str,
    inputs: Mapping[str, JSON] | None = None,
    *,
    by: AbstractBaseUser | Actor | None = None,
    idempotency_key: str | None = None,
    test: bool = False,
) -> Run:
    """A new run of ``flow`` (or of the flow with that slug), at its published version.

    Works inside the caller's transaction: the run exists, and a worker hears of it, if and only if
    that commits. A repeated start with the same ``idempotency_key`` returns the run of the first.
    ``test=True`` runs the draft as it is now.

    Raises :class:`InvalidInput` naming each input that does not fit the flow's schema,
    :class:`NotPublished`, ``Flow.DoesNotExist``, and for a draft that cannot run
    :class:`windflow.definition.DefinitionError`.
    """
    if isinstance(flow, str):
        flow = Flow.objects.get(slug=flow)
    if idempotency_key is not None:
        earlier = flow.runs.filter(idempotency_key=idempotency_key).first()
        if earlier is not None:
            return earlier
    actor = Actor.of(by, "code")
    version = snapshot(flow, by=actor.user) if test else flow.published
    if version is None:
        raise NotPublished
    checked = _checked(version, inputs or {})
    try:
        with transaction.atomic():
            return _create(flow, version, checked, actor, idempotency_key, test)
    except IntegrityError:
        if idempotency_key is None:
            raise
        return flow.runs.get(idempotency_key=idempotency_key)


def _checked(version: FlowVersion, inputs: Mapping[str, JSON]) -> dict[str, JSON]:
    schema = version.definition.schema
    declared = schema.get("properties", {})
    defaults = {name: field["default"] for name, field in declared.items() if "default" in field}
    try:
        filled: dict[str, JSON] = plain(
            {**defaults, **inputs}, what="the run's inputs", max_bytes=conf.MAX_JSON_BYTES
        )
    except NotPlain as error:
        raise InvalidInput({"inputs": error.message}) from None
    problems = schema_problems(schema, filled, "inputs")
    if problems:
        raise InvalidInput({problem.place: problem.message for problem in problems})
    return filled


def _create(
    flow: Flow,
    version: FlowVersion,
    inputs: dict[str, JSON],
    actor: Actor,
    idempotency_key: str | None,
    test: bool,
) -> Run:
    now = timezone.now()
    run = Run.objects.create(
        flow=flow,
        version=version,
        status=RunStatus.QUEUED,
        inputs=inputs,
        is_test=test,
        started_by_id=actor.user.pk if actor.user is not None else None,
        idempotency_key=idempotency_key,
        created_at=now,
        enqueued_at=now,
    )
    change = Change(run, actor)
    change.record("run.started", flow=flow.slug, version=version.number, digest=version.digest)
    change.wake()
    change.announce(signals.run_started, run=run)
    change.flush()
    return run
