"""The one error of expressions."""

from __future__ import annotations

from windflow.exceptions import WindflowError


class ExpressionError(WindflowError):
    """This expression cannot be used.

    ``message`` is a sentence; ``place`` says where in the flow document the expression stands,
    e.g. ``value.modules[1].input_transforms.approvers.expr``, and may be empty.
    """

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message

    def at(self, place: str) -> ExpressionError:
        """The same error, with its place."""
        return ExpressionError(self.message, place)
