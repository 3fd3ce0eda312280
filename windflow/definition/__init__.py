"""The flow document: OpenFlow's shape, parsed, checked, and explained where it is wrong."""

from __future__ import annotations

from windflow.definition.document import Definition, Retry, Step, StopAfterIf, Suspend
from windflow.definition.parsing import parse
from windflow.definition.problems import DefinitionError, Problem
from windflow.definition.schemas import schema_problems

__all__ = [
    "Definition",
    "DefinitionError",
    "Problem",
    "Retry",
    "Step",
    "StopAfterIf",
    "Suspend",
    "parse",
    "schema_problems",
]
