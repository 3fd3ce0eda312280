"""The demo's front door: what to click, in order."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.demo.story import ADMIN_NAME, ADMIN_PASSWORD, BY_GMAIL, EXPENSE, standins
from windflow.models import Flow, Resource, Run


def index(request: HttpRequest) -> HttpResponse:
    """Tell a newcomer which pages make the two stories."""
    flow = Flow.objects.filter(slug=EXPENSE).first()
    return render(
        request,
        "config/index.html",
        {
            "flow": flow,
            "last_run": Run.objects.filter(flow=flow).first() if flow else None,
            "by_gmail": Flow.objects.filter(slug=BY_GMAIL).first(),
            "connected": Resource.objects.usable_by(request.user).values_list("name", flat=True),
            "standins": standins(),
            "has_mailbox": bool(settings.DEMO_MAILBOX),
            "login": (ADMIN_NAME, ADMIN_PASSWORD) if settings.DEBUG else None,
        },
    )
