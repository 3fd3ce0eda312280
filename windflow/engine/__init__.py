"""The verbs: the only code that changes a status. Each is guard, rows, event; then, after the
commit, signal and queue."""

from __future__ import annotations

from windflow.engine.access import Refusal, refusal
from windflow.engine.advance import advance
from windflow.engine.cancel import cancel
from windflow.engine.change import Actor
from windflow.engine.connect import Resealed, connect, free_name, reseal
from windflow.engine.decide import Receipt, decide
from windflow.engine.expire import expire
from windflow.engine.publish import publish
from windflow.engine.resources import mark_broken, open_value, refresh, use
from windflow.engine.retry import retry
from windflow.engine.seats import await_answer, find, links, record_resent, revoke
from windflow.engine.start import start
from windflow.engine.tick import Ticked, tick
from windflow.engine.verify import verify

__all__ = [
    "Actor",
    "Receipt",
    "Refusal",
    "Resealed",
    "Ticked",
    "advance",
    "await_answer",
    "cancel",
    "connect",
    "decide",
    "expire",
    "find",
    "free_name",
    "links",
    "mark_broken",
    "open_value",
    "publish",
    "record_resent",
    "refresh",
    "refusal",
    "reseal",
    "retry",
    "revoke",
    "start",
    "tick",
    "use",
    "verify",
]
