"""What arrived, for people to read: Gmail's mails, Slack's channels."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from config.standins import control, directory
from config.standins.csp import protect
from config.standins.guard import page
from config.standins.models import Mail, Membership, Message
from config.standins.mrkdwn import blocks_to_html, to_html


@dataclass(frozen=True)
class Room:
    """A channel or a direct conversation as the pages show it."""

    id: str
    title: str
    topic: str
    can_invite: bool
    has_bot: bool
    number: int


@dataclass(frozen=True)
class Shown:
    """A message as the pages show it."""

    message: Message
    pieces: list[SafeString]


@page
@require_GET
def mail_list(request: HttpRequest) -> HttpResponse:
    """The mails that the Gmail stand-in accepted, newest first."""
    context = {"mails": Mail.objects.all()}
    return protect(render(request, "standins/mails.html", context))


@page
@require_GET
def mail(request: HttpRequest, key: str) -> HttpResponse:
    """One mail: headers, HTML in a frame that runs nothing, text, and the MIME as it came."""
    found = get_object_or_404(Mail, key=key)
    context = {
        "mail": found,
        "frame": f'<base target="_top">{found.html}' if found.html else "",
        "raw": bytes(found.raw).decode("utf-8", "replace"),
    }
    return protect(render(request, "standins/mail.html", context), inline_styles=True)


@page
@require_GET
def channels(request: HttpRequest) -> HttpResponse:
    """The channel with the newest message, or the first."""
    newest = Message.objects.order_by("-ts").first()
    return redirect("standins:channel", newest.channel if newest else directory.CHANNELS[0].id)


@page
@require_GET
def channel(request: HttpRequest, channel: str) -> HttpResponse:
    """One channel, newest message last, beside all the others."""
    rooms = _rooms()
    shown = next((room for room in rooms if room.id == channel), None)
    if shown is None:
        raise Http404("There is no such channel.")
    context = {
        "rooms": rooms,
        "room": shown,
        "workspace": directory.WORKSPACE_NAME,
        "messages": [_shown(message) for message in control.messages(channel)],
    }
    return protect(render(request, "standins/channel.html", context))


@page
@require_POST
def invite(request: HttpRequest, channel: str) -> HttpResponse:
    """Let the bots into a channel, or take them out."""
    if directory.channel_named(channel) is None:
        raise Http404("There is no such channel.")
    if "remove" in request.POST:
        control.remove(channel)
    else:
        control.invite(channel)
    return redirect("standins:channel", channel)


def _shown(message: Message) -> Shown:
    pieces = blocks_to_html(message.blocks) if message.blocks else [to_html(message.text)]
    attached = [to_html(str(one.get("text") or one.get("fallback") or "")) for one in
                message.attachments if isinstance(one, dict)]  # fmt: skip
    return Shown(message, pieces + attached)


def _rooms() -> list[Room]:
    """Every channel, and every direct conversation that has messages."""
    inside = set(Membership.objects.values_list("channel", flat=True))
    used = list(Message.objects.values_list("channel", flat=True))
    rooms = [
        Room(one.id, f"#{one.name}", one.topic, not one.is_archived, one.id in inside,
             used.count(one.id))
        for one in directory.CHANNELS
    ]  # fmt: skip
    direct = [
        Room(one.conversation, one.name, one.email, False, True, used.count(one.conversation))
        for one in directory.PEOPLE
        if one.conversation in used
    ]
    return rooms + direct
