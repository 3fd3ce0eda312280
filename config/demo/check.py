"""The demo's story, played without a person: real HTTP, real mail, the real cluster.

Pages are reached the way a person reaches them, by links, forms and buttons; the database is read
only to see what must not have changed, and how long things took.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from io import StringIO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command

from config.demo import sandbox
from config.demo.chapters import approve_both, deadline_passes, one_rejects, sign_in
from config.demo.connected import (
    access_is_revoked,
    ask_by_gmail_and_tell_slack,
    connect_both,
    slack_asks_to_wait,
    token_expires,
)
from config.demo.parts import processes
from config.demo.postbox import Postbox
from config.demo.stage import Failed, Stage
from config.demo.story import (
    HURRIED,
    ensure_admin,
    ensure_apps,
    ensure_flow,
    ensure_flows,
    hurried_document,
)
from config.logs import without_tokens
from windflow.supervisor import Supervisor

Say = Callable[[str], None]
CHAPTERS = [
    sign_in,
    approve_both,
    one_rejects,
    deadline_passes,
    connect_both,
    ask_by_gmail_and_tell_slack,
    token_expires,
    access_is_revoked,
    slack_asks_to_wait,
]


def play(say: Say) -> str:
    """Play everything. What failed, in one sentence, or an empty text."""
    output: deque[str] = deque(maxlen=60)

    def tell(name: str, line: str) -> None:
        output.append(f"{name} | {line}")

    stage = Stage(settings.WINDFLOW["BASE_URL"], Postbox(int(os.environ["EMAIL_PORT"])), say)
    try:
        with ExitStack() as running:
            _prepare(stage)
            running.enter_context(stage.postbox)
            port = urlsplit(stage.address).port or 0
            running.enter_context(Supervisor(processes(port), tell=tell))
            for chapter in CHAPTERS:
                chapter(stage)
            with stage.step("stop everything; no process is left"):
                running.close()
                _expect_no_process()
    except Exception as error:  # whatever it was, it is what failed
        for line in output:
            say(f"    {line}")
        return f"FAILED at “{stage.doing}”: {_sentence(error)}"
    say(f"All of it works ({stage.seconds():.1f} s).")
    return ""


def _prepare(stage: Stage) -> None:
    with stage.step("set the demo up in a database of its own"):
        call_command("migrate", verbosity=0)
        call_command("check", databases=["default"], stdout=StringIO())
        ensure_flows(ensure_admin())
        ensure_flow(HURRIED, hurried_document())
        ensure_apps(stage.address)


def _expect_no_process() -> None:
    left: list[str] = []
    for _attempt in range(20):  # the kernel may need a moment to bury the last
        left = sandbox.processes_left()
        if not left:
            return
        time.sleep(0.1)
    raise Failed(f"these processes are left: {left}")


def _sentence(error: BaseException) -> str:
    text = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
    return without_tokens(text)
