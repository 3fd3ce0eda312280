"""Input transforms and predicates of flows: CEL, OpenFlow's JavaScript where it means the same,
and text templates. They read a scope of plain JSON and can do nothing else."""

from __future__ import annotations

from windflow.expressions.errors import ExpressionError
from windflow.expressions.scope import SCOPE_NAMES
from windflow.expressions.transforms import (
    Predicate,
    Static,
    Transform,
    compile_predicate,
    compile_transform,
)

__all__ = [
    "SCOPE_NAMES",
    "ExpressionError",
    "Predicate",
    "Static",
    "Transform",
    "compile_predicate",
    "compile_transform",
]
