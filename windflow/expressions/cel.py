"""CEL expressions: compile once, evaluate on plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cel
from django.utils.translation import gettext as _

from windflow.expressions.cel_cost import check_cost
from windflow.expressions.cel_syntax import FUNCTIONS, METHODS, Node, Variable, outline, paths
from windflow.expressions.errors import ExpressionError
from windflow.expressions.scope import Path, follow, select
from windflow.values import JSON

MAX_TEXT = 1024
"""Bytes of UTF-8 that an expression may have."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression."""

    program: cel.Program
    outline: Node
    paths: frozenset[Path]

    @property
    def path(self) -> Path | None:
        """The path that the whole expression is; None when it does more than read."""
        return self.outline.path if isinstance(self.outline, Variable) and self.paths else None

    def data(self, scope: Mapping[str, JSON]) -> dict[str, JSON]:
        """The part of ``scope`` that the expression reads."""
        return select(scope, self.paths)

    def evaluate(self, data: Mapping[str, JSON]) -> Any:
        """The value, in whatever type CEL gives it. Raises :class:`ExpressionError`."""
        if any(map(callable, data.values())):  # the library would take it for a function
            raise ExpressionError(_("An expression reads plain JSON only."))
        check_cost(self.outline, data)
        try:
            return self.program.execute(dict(data))
        except Exception as error:
            raise ExpressionError(_explained(error)) from None
        except BaseException as error:
            raise without_panic(error) from None

    def read(self, scope: Mapping[str, JSON]) -> Any:
        """The value, read without the library where the expression is a mere path."""
        return follow(scope, self.path) if self.path else self.evaluate(self.data(scope))


def check_length(text: str) -> None:
    """Raise :class:`ExpressionError` for an expression that is too long or has nothing in it."""
    if not text.strip():
        raise ExpressionError(_("The expression is empty; write one, e.g. results.a."))
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ExpressionError(_("The expression holds half a character; write it anew.")) from None
    if size > MAX_TEXT:
        raise ExpressionError(
            _("The expression is %(size)d bytes long; at most %(most)d are allowed.")
            % {"size": size, "most": MAX_TEXT}
        )


@lru_cache(maxsize=2048)
def compile_cel(text: str) -> Program:
    """``text`` as a program. The caller has checked its length.

    Raises :class:`ExpressionError` for what CEL does not allow or windflow bounds.
    """
    try:
        made = outline(text)
        return Program(cel.compile(text), made, frozenset(paths(made)))
    except RecursionError:
        raise ExpressionError(_("The expression nests too deeply; split it.")) from None
    except ValueError as error:
        raise ExpressionError(
            _("CEL cannot read this expression: %(reason)s") % {"reason": _syntax_reason(error)}
        ) from None
    except ExpressionError:
        raise
    except BaseException as error:
        raise without_panic(error) from None


def without_panic(error: BaseException) -> BaseException:
    """A panic of the Rust library as an error of the expression; anything else as it is."""
    if type(error).__module__ != "pyo3_runtime":
        return error
    return ExpressionError(_("CEL broke down over this expression; write it in another way."))


def _syntax_reason(error: ValueError) -> str:
    found = re.search(r"ERROR: <input>:\d+:\d+: (.*)", str(error))
    return (found.group(1) if found else str(error))[:200]


_UNDEFINED = re.compile(r"Undefined variable or function: '([^']*)'")


def _explained(error: Exception) -> str:
    if isinstance(error, KeyError):
        return _("There is no key %(key)s. Where it may be missing, ask has(...) first.") % {
            "key": str(error.args[0]).strip("'")[:100]
        }
    if isinstance(error, IndexError):
        return _("A list is shorter than its index asks for. Compare with size(...) first.")
    if isinstance(error, ZeroDivisionError):
        return _("This divides by zero.")
    if isinstance(error, OverflowError):
        return _("A number becomes too large.")
    if isinstance(error, TypeError):
        return _(
            "The types of the values do not fit what is done with them. CEL converts nothing "
            "by itself; write string(...), int(...) or double(...) where they differ."
        )
    undefined = _UNDEFINED.search(str(error))
    if undefined is not None:
        return _missing(undefined.group(1))
    return _("CEL cannot evaluate this: %(reason)s") % {"reason": str(error)[:200]}


def _missing(name: str) -> str:
    if name in FUNCTIONS | METHODS:
        return _("%(name)s(...) cannot take a value of this type.") % {"name": name}
    return _("%(name)s has no value here.") % {"name": name}
