"""Every error of windflow. One root; a class's docstring is its default message."""

from __future__ import annotations

import inspect


class WindflowError(Exception):
    """Something went wrong in windflow."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or inspect.cleandoc(type(self).__doc__ or "")
        super().__init__(self.message)


class StepFailed(WindflowError):
    """The step could not do its work.

    Raised by scripts. ``permanent=True`` says that trying again cannot help, so the step's retries
    are skipped. ``retry_after`` (seconds) asks for at least that pause before the next attempt, and
    for up to five more attempts where the step itself sets no ``retry``.
    """

    def __init__(
        self, message: str, *, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after


class UnknownScript(WindflowError):
    """No installed app registers this script."""


class ScriptRefused(WindflowError):
    """This function cannot be registered as a script."""


class ResourceBroken(WindflowError):
    """The provider no longer accepts this resource.

    Raised by a resource type's ``refresh`` when the grant is gone for good: ``reason`` is what the
    provider said. The resource is marked broken, and somebody has to connect it again.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = self.message


class ResourceTypeRefused(WindflowError):
    """This class cannot be registered or used as a resource type."""


class UnknownResourceType(WindflowError):
    """No installed app registers this resource type."""


class VaultLocked(WindflowError):
    """The keys that resources are encrypted with are missing or of no use."""


class NotPlain(WindflowError):
    """This value is not plain JSON."""


class BadLink(WindflowError):
    """This link is not valid."""


class ExpiredLink(BadLink):
    """This link has expired. Ask the sender for a new one."""


class RevokedLink(BadLink):
    """This link was withdrawn. If you still expect to be asked, ask the sender for a new one."""


class TransitionRefused(WindflowError):
    """This is not possible in the present state."""


class NotAllowed(WindflowError):
    """You may not decide this request."""


class DecisionRefused(WindflowError):
    """This decision can no longer be taken."""


class InvalidInput(WindflowError):
    """What was sent does not fit. ``errors`` maps a field's place to what is wrong with it."""

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{place}: {text}" for place, text in errors.items()))


class NotPublished(WindflowError):
    """This flow has no published version yet. Publish it, then start it."""
