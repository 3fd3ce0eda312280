"""Text templates: Django's syntax in an engine that can load nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.template import Engine, Template, TemplateSyntaxError
from django.template.base import Lexer, NodeList
from django.utils.translation import gettext as _

from windflow.expressions.errors import ExpressionError
from windflow.expressions.template_nodes import CountingContext, PlainParser
from windflow.values import JSON

MAX_TEXT = 20_000
"""Characters that a template may have."""


class _PlainEngine(Engine):
    default_builtins = [
        "windflow.expressions.template_tags",
        "windflow.expressions.template_filters",
    ]


_ENGINE = _PlainEngine(loaders=[], autoescape=False)


class TextTemplate(Template):
    """A compiled template. ``references`` are the paths that it reads from the scope."""

    references: frozenset[tuple[str, ...]]

    def compile_nodelist(self) -> NodeList:
        """The nodes of the source, made by :class:`PlainParser`."""
        engine: Any = self.engine
        tokens = Lexer(self.source).tokenize()
        parser = PlainParser(tokens, {}, engine.template_builtins, self.origin)
        nodes = parser.parse()
        self.references = frozenset(parser.references)
        self.extra_data: dict[str, Any] = {}
        return nodes

    def text(self, scope: Mapping[str, JSON]) -> str:
        """The template filled from ``scope``. Raises :class:`ExpressionError` for what is missing,
        for a value that is no text, and for too much work or output."""
        read = {reference[0] for reference in self.references}
        try:
            return str(self.render(CountingContext({n: scope[n] for n in read if n in scope})))
        except ExpressionError:
            raise
        except (RecursionError, TypeError, ValueError) as error:
            raise ExpressionError(
                _("The template cannot be filled: %(reason)s") % {"reason": error}
            ) from None


@lru_cache(maxsize=512)
def compile_template(text: str) -> TextTemplate:
    """``text`` as a template.

    Raises :class:`ExpressionError` for a syntax error, for a tag, filter or name that templates
    do not have here, and for a text that is too long or nests too deeply.
    """
    if len(text) > MAX_TEXT:
        raise ExpressionError(
            _("The template is %(size)d characters long; at most %(most)d are allowed.")
            % {"size": len(text), "most": MAX_TEXT}
        )
    try:
        return TextTemplate(text, engine=_ENGINE)
    except TemplateSyntaxError as error:
        raise ExpressionError(
            _("The template cannot be read: %(reason)s") % {"reason": error}
        ) from None
    except RecursionError:
        raise ExpressionError(_("The template nests too deeply; make it simpler.")) from None
