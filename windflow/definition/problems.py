"""What is wrong with a flow document, all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from windflow.exceptions import WindflowError


class Problem(NamedTuple):
    """One thing that is wrong: where, e.g. ``value.modules[1].input_transforms.approvers``, and a
    sentence that says what, and what would be right. The place of the whole is empty."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class DefinitionError(WindflowError):
    """This flow document cannot run. ``problems`` has everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))
