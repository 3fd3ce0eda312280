"""What the templates of the admin ask of :mod:`windflow.presentation`."""

from __future__ import annotations

from django import template

from windflow import presentation

register = template.Library()
register.filter("moment", presentation.moment)
register.filter("shown", presentation.shown)
register.filter("legible", presentation.legible)
register.filter("redacted", presentation.redacted)
register.filter("event_words", presentation.event_words)
register.filter("event_details", presentation.event_details)
