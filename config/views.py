"""The demo's front door: what to click, in order."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.demo.story import ADMIN_NAME, ADMIN_PASSWORD, EXPENSE
from windflow.models import Flow, Run


def index(request: HttpRequest) -> HttpResponse:
    """Tell a newcomer which three pages make the story."""
    flow = Flow.objects.filter(slug=EXPENSE).first()
    return render(
        request,
        "config/index.html",
        {
            "flow": flow,
            "last_run": Run.objects.filter(flow=flow).first() if flow else None,
            "has_mailbox": bool(settings.DEMO_MAILBOX),
            "login": (ADMIN_NAME, ADMIN_PASSWORD) if settings.DEBUG else None,
        },
    )
