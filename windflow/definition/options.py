"""The blocks that a step can have besides its work: suspend, retry, sleep and the conditions."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from windflow.definition.document import MAX_PAUSE, Retry, StopAfterIf, Suspend
from windflow.definition.problems import Problem
from windflow.definition.reading import Section, inside
from windflow.definition.schemas import check_object_schema
from windflow.expressions import (
    ExpressionError,
    Predicate,
    Static,
    Transform,
    compile_predicate,
    compile_transform,
)
from windflow.expressions.scope import kind

MAX_SECONDS = 5 * 365 * 24 * 3600
"""The longest deadline and the longest sleep."""
MAX_ATTEMPTS = 100
MAX_APPROVALS = 1_000
MAX_GROUPS = 100


def transform(section: Section, key: str, raw: object) -> Transform | None:
    """The transform at ``key``; None where it is wrong, which is noted."""
    try:
        return compile_transform(raw, inside(section.place, key))
    except ExpressionError as error:
        section.problems.append(Problem(error.place, error.message))
        return None


def sleep(module: Section) -> Transform | None:
    """``sleep``: a transform, or OpenFlow's older number of seconds."""
    if "sleep" not in module:
        return None
    raw = module.raw["sleep"]
    if isinstance(raw, int | float):
        raw = {"type": "static", "value": raw}
    made = transform(module, "sleep", raw)
    if isinstance(made, Static):
        seconds = made.value
        known = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not known or not 0 <= seconds <= MAX_SECONDS:
            module.problem(
                "sleep",
                _("It must be a number of seconds, from 0 to %(most)s.")
                % {"most": f"{MAX_SECONDS:,}"},
            )
    return made


def skip_if(module: Section) -> Predicate | None:
    """``skip_if``: ``{expr}``."""
    section = module.section("skip_if")
    return _predicate(section) if section is not None else None


def stop_after_if(module: Section) -> StopAfterIf | None:
    """``stop_after_if``: ``{expr, skip_if_stopped, error_message}``."""
    section = module.section("stop_after_if")
    if section is None:
        return None
    if section.flag("skip_if_stopped"):
        place = f"{section.place}.skip_if_stopped"
        text = _("A run that stops early counts as succeeded here. Remove skip_if_stopped.")
        section.problems.append(Problem(place, text))
    message = section.text("error_message", longest=1_000) or None
    for key in ("skip_if_stopped", "error_message"):
        section.raw.pop(key, None)
    predicate = _predicate(section)
    return StopAfterIf(predicate, message) if predicate is not None else None


def _predicate(section: Section) -> Predicate | None:
    try:
        return compile_predicate(section.raw, section.place)
    except ExpressionError as error:
        section.problems.append(Problem(error.place, error.message))
        return None


def retry(module: Section) -> Retry:
    """``retry``: ``{constant: {attempts, seconds}, exponential: {attempts, multiplier, seconds,
    random_factor}}``."""
    section = module.section("retry")
    if section is None:
        return Retry()
    section.only(
        ("constant", "exponential"),
        {"retry_if": _("This version cannot run it yet; raise StepFailed(permanent=True).")},
    )
    constant = _block(section, "constant", ("attempts", "seconds"))
    growing = _block(section, "exponential", ("attempts", "multiplier", "seconds", "random_factor"))
    return Retry(
        constant_attempts=constant.whole("attempts", 0, 0, MAX_ATTEMPTS),
        constant_seconds=constant.whole("seconds", 0, 0, MAX_PAUSE),
        exponential_attempts=growing.whole("attempts", 0, 0, MAX_ATTEMPTS),
        multiplier=growing.number("multiplier", 1, 0, MAX_PAUSE),
        base=growing.whole("seconds", 1, 0, MAX_PAUSE),
        random_factor=growing.whole("random_factor", 0, 0, 100),
    )


def _block(section: Section, key: str, known: tuple[str, ...]) -> Section:
    block = section.section(key) or Section({}, inside(section.place, key), section.problems)
    block.only(known)
    return block


_FLAGS = (
    "user_auth_required",
    "self_approval_disabled",
    "hide_cancel",
    "continue_on_disapprove_timeout",
)


def suspend(module: Section) -> Suspend | None:
    """``suspend``: what makes the step an approval step."""
    section = module.section("suspend")
    if section is None:
        return None
    section.only(("required_events", "timeout", "resume_form", "user_groups_required", *_FLAGS))
    return Suspend(
        required_events=section.whole("required_events", 1, 1, MAX_APPROVALS),
        timeout=_timeout(section),
        form_schema=_form_schema(section),
        user_groups_required=_groups(section),
        **{flag: section.flag(flag) for flag in _FLAGS},
    )


def _timeout(section: Section) -> int | None:
    if isinstance(section.raw.get("timeout"), dict):
        section.raw["timeout"] = _static(section, "timeout")
    if section.raw.get("timeout") is None:
        return None
    return section.whole("timeout", 1, 1, MAX_SECONDS)


def _form_schema(section: Section) -> dict[str, Any] | None:
    form = section.section("resume_form")
    if form is None:
        return None
    form.only(("schema",))
    schema = form.section("schema")
    if schema is None:
        return None
    raw: dict[str, Any] = form.raw["schema"]
    section.problems.extend(check_object_schema(raw, schema.place))
    return raw


def _groups(section: Section) -> tuple[str, ...]:
    key = "user_groups_required"
    groups = section.raw.get(key, [])
    if isinstance(groups, dict):
        groups = _static(section, key) or []
    if not isinstance(groups, list) or not all(isinstance(name, str) and name for name in groups):
        section.problem(
            key,
            _('It is %(kind)s, and must be a list of names, e.g. ["finance"].')
            % {"kind": kind(groups)},
        )
        return ()
    if len(groups) > MAX_GROUPS:
        section.problem(key, _("At most %(count)d groups are allowed.") % {"count": MAX_GROUPS})
    return tuple(groups)


def _static(section: Section, key: str) -> Any:
    """The value of a static transform: who may decide, and until when, is fixed at publishing."""
    made = transform(section, key, section.raw[key])
    if made is None or isinstance(made, Static):
        return made.value if made is not None else None
    section.problem(
        key, _('This version takes a fixed value only: {"type": "static", "value": ...}.')
    )
    return None
