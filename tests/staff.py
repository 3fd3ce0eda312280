"""What tests of the admin share: who is logged in, and what a reader sees."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from windflow.models import Run


def staff(client: Client, user: User, *permissions: str) -> Client:
    """``client`` as a member of staff with these permissions of windflow."""
    user.is_staff = True
    user.save()
    for name in permissions:
        user.user_permissions.add(
            Permission.objects.get(codename=name, content_type__app_label="windflow")
        )
    client.force_login(user)
    return client


def flow_url(page: str, *rows: Any) -> str:
    """The path of a page about flows."""
    return reverse(f"admin:windflow_flow_{page}", args=[row.pk for row in rows])


def run_url(page: str, *rows: Any) -> str:
    """The path of a page about runs; of a run and its seat where a page is about both."""
    return reverse(f"admin:windflow_run_{page}", args=[row.pk for row in rows])


def text(response: HttpResponse) -> str:
    """What a reader sees: no tags, single spaces."""
    html = re.sub(r"<(script|style|head)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def shown(client: Client, made: Run) -> str:
    """What a reader sees on the page of a run."""
    return text(client.get(run_url("change", made)))


def said(response: HttpResponse) -> str:
    """The messages of a response, one after the other."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))
