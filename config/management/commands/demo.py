"""``manage.py demo``: the whole story on one machine; ``--check`` plays it without a person."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from io import StringIO
from threading import Lock
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from config.demo import sandbox
from config.demo.check import play
from config.demo.parts import processes
from config.demo.ports import LOOPBACK, is_free
from config.demo.story import (
    ADMIN_NAME,
    ADMIN_PASSWORD,
    ensure_admin,
    ensure_apps,
    ensure_flows,
    standins,
)
from windflow.supervisor import Supervisor

BASE_URL = "WINDFLOW_BASE_URL"


class Command(BaseCommand):
    """Sets the demo up, runs it until Ctrl-C, or checks it."""

    help = "Run the demo: web server, cluster and tick together. Ctrl-C stops all of them."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of the web server")
        parser.add_argument(
            "--check",
            action="store_true",
            help="play the whole story without a person, in a database of its own, and exit",
        )

    def handle(self, *, port: int, check: bool, **options: Any) -> None:
        self._lock = Lock()
        if check:
            self._check()
        else:
            self._run(port)

    def _check(self) -> None:
        if not sandbox.inside():
            sandbox.enter()  # starts this command again, and does not return
        with sandbox.cleaned_up():
            failure = play(self._say)
        if failure:
            raise CommandError(failure)

    def _run(self, port: int) -> None:
        if not is_free(port):
            raise CommandError(
                _("Port %(port)d is taken. Choose another: demo --port %(other)d")
                % {"port": port, "other": port + 1}
            )
        if BASE_URL not in os.environ:
            os.environ[BASE_URL] = (
                f"http://{LOOPBACK}:{port}"  # for the processes, which inherit it
            )
        call_command("migrate", verbosity=0)
        call_command("check", databases=["default"], stdout=StringIO())
        flow, by_gmail = ensure_flows(ensure_admin())
        ensure_apps(os.environ[BASE_URL])
        facts = {
            "address": os.environ[BASE_URL],
            "name": ADMIN_NAME,
            "password": ADMIN_PASSWORD,
            "flow": flow.name,
            "by_gmail": by_gmail.name,
        }
        for line in [*_introduction(), *_connecting(), ""]:
            self._say(line % facts)
        Supervisor(processes(port), tell=self._tell).run()
        self._say(_("Stopped. Nothing of the demo runs any more."))

    def _tell(self, name: str, line: str) -> None:
        self._say(f"{name:>7} | {line}")

    def _say(self, line: str) -> None:
        with self._lock:  # the processes' lines come from a thread each
            self.stdout.write(line)
            self.stdout.flush()


def _introduction() -> list[str]:
    """What to click for the first story."""
    return [
        "",
        _("The demo runs at %(address)s/ (Ctrl-C stops it)"),
        _("1. Sign in: %(address)s/admin/ as %(name)s with the password %(password)s"),
        _("2. Open Flows, then %(flow)s, and press Test flow"),
        _("3. Read Bob's and Carol's mails: %(address)s/demo/mails/")
        if settings.DEMO_MAILBOX
        else _("3. Bob's and Carol's mails go to your mail server."),
        _("4. Approve as both; the run page shows how the run goes on"),
    ]


def _connecting() -> list[str]:
    """What to click for the second, with Google and Slack."""
    unreal = standins()
    lines = [
        "",
        _("With Google and Slack:"),
        _("5. Open Resources, press Connect an API, and connect Gmail, then Slack"),
        _("6. Open Flows, then %(by_gmail)s, and press Test flow"),
    ]
    if "google" in unreal:
        lines.append(_("7. Read the mails that Gmail took: %(address)s/standins/mails/"))
    if "slack" in unreal:
        lines.append(_("8. Read who approved in Slack: %(address)s/standins/messages/"))
    if unreal:
        lines.append(_("9. Expire, revoke, slow down: %(address)s/standins/"))
    return lines
