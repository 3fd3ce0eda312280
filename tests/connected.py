"""Resources, people and pages for the tests of the admin's resource pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from tests.documents import step
from windflow import engine
from windflow.models import Resource

CANARY = "canary-5f2a91c7"
SMTP = {"host": "smtp.example.com", "username": "mailer", "password": CANARY}
GRANT = {"endpoint": "http://x.example", "access_token": CANARY, "refresh_token": CANARY}
PERMISSIONS = ("view_resource", "add_resource", "change_resource", "delete_resource")


def staff(user: User, *permissions: str) -> Client:
    """Logged in as a member of staff; with every permission on resources, or with these."""
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(
            codename__in=permissions or PERMISSIONS, content_type__app_label="windflow"
        )
    )
    client = Client()
    client.force_login(user)
    return client


def url(page: str, *args: Any) -> str:
    return reverse(
        f"admin:windflow_resource_{page}", args=[getattr(arg, "pk", arg) for arg in args]
    )


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def smtp(owner: User | None = None, name: str = "office-mail", **fields: Any) -> Resource:
    return engine.connect("smtp", {**SMTP, **fields}, name=name, owner=owner)


def grant(owner: User | None = None, name: str = "grant", reason: str = "") -> Resource:
    """An OAuth grant; broken where there is a reason."""
    made = engine.connect("grant", GRANT, name=name, owner=owner, account="anna@example.com")
    if reason:
        engine.mark_broken(engine.open_value(made), reason)
    return made


def key(name: str = "mine", **fields: Any) -> Resource:
    return engine.connect("vault_key", {"host": "h", "secret": CANARY, **fields}, name=name)


def uses(name: str) -> dict[str, Any]:
    """A step that names a resource of the type ``vault_key``."""
    return step("a", "tests/show_host", {"key": name})


def value(resource: Resource) -> Any:
    return engine.open_value(Resource.objects.get(pk=resource.pk))


def typed(**fields: str) -> dict[str, str]:
    """What a browser sends from the form of a mail server."""
    sent = {"host": "smtp.example.com", "port": "587", "security": "starttls", **fields}
    return {"name": "office-mail", **{f"value.{name}": text for name, text in sent.items()}}


def share(client: Client, made: Resource, **fields: Any) -> Any:
    return client.post(
        url("change", made), {"name": made.name, "shared_with": made.shared_with, **fields}
    )
