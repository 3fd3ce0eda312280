"""Cancel a run, in whatever it waits for."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from windflow.engine.change import Actor, change
from windflow.engine.end import end_cancelled
from windflow.models import Run


def cancel(run: Run, *, by: AbstractBaseUser | Actor | None = None, reason: str = "") -> Run:
    """End ``run`` now. A script that is running is not killed; what it returns is ignored.

    Raises :class:`TransitionRefused` when the run has ended already.
    """
    actor = Actor.of(by, "code")
    with change(run.pk, actor) as tx:
        end_cancelled(tx, by=actor.name, reason=reason)
    return tx.run
