"""The measurements. Each runs on the database of the present settings."""

from __future__ import annotations

import http.client
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from config.demo.parts import processes
from tests import documents
from tests.acceptance.processes import eventually
from tests.benchmarks.figures import Figure, Figures
from windflow import engine
from windflow.models import Flow, Run, StepRun
from windflow.states import RunStatus, StepStatus
from windflow.supervisor import Supervisor

STEPS = 40
Post = Callable[[http.client.HTTPConnection, Run], float]


@dataclass(frozen=True, slots=True)
class Effort:
    """How often things are measured."""

    bare: int
    chains: int
    flows: int
    resumes: int


FULL = Effort(bare=2000, chains=10, flows=50, resumes=50)
QUICK = Effort(bare=200, chains=2, flows=10, resumes=8)


def measure(effort: Effort) -> Figures:
    """Everything: first what needs no other process, then what needs the demo's."""
    bare = _bare(effort.bare)
    step = _steps_here(effort.chains)
    with _demo():
        _warm_up()
        in_worker = _steps_in_worker(effort.chains)
        throughput = _throughput(effort.flows)
        by_json = _resume(effort.resumes, _post_json)
        by_page = _resume(effort.resumes, _post_page)
    return Figures(database(), bare, step, in_worker, throughput, by_json, by_page)


def database() -> str:
    """The database's name and version."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT 'SQLite ' || sqlite_version()")
        else:
            cursor.execute("SELECT 'PostgreSQL ' || current_setting('server_version')")
        name: str = cursor.fetchone()[0]
    return " ".join(name.split()[:2])


# What a step costs


def _bare(times: int) -> Figure:
    run = engine.start(_chain("bare", 1))
    samples = []
    for number in range(times):
        began = time.perf_counter()
        with transaction.atomic():
            StepRun.objects.create(
                run=run,
                step_id=f"s{number}",
                position=number % 30_000,
                status=StepStatus.SUCCEEDED,
                started_at=timezone.now(),
            )
            Run.objects.filter(pk=run.pk).update(position=number % 30_000)
        samples.append(1000 * (time.perf_counter() - began))
    run.delete()
    return Figure.of(samples)


def _steps_here(times: int) -> Figure:
    flow = _chain("here", STEPS)
    runs = [engine.start(flow) for _ in range(times + 1)]
    for run in runs:
        engine.advance(run.pk)
    return _a_step(runs[1:])  # the first one fills caches


def _steps_in_worker(times: int) -> Figure:
    flow = _chain("worker", STEPS)
    return _a_step([_finish([engine.start(flow)])[0] for _ in range(times)])


def _a_step(runs: list[Run]) -> Figure:
    """From the start of each step to that of the next, or to the end of the run."""
    samples: list[float] = []
    for run in runs:
        run.refresh_from_db()
        assert run.finished_at is not None, f"the run is {run.status}"
        starts = [step.started_at for step in run.step_runs.order_by("position")]
        samples += [
            1000 * (after - before).total_seconds()
            for before, after in pairwise([*starts, run.finished_at])
        ]
    return Figure.of(samples)


def _throughput(flows: int) -> float:
    flow = _chain("many", 10)
    began = timezone.now()
    runs = _finish([engine.start(flow) for _ in range(flows)])
    ended = max(run.finished_at for run in runs if run.finished_at is not None)
    return 10 * flows / (ended - began).total_seconds()


def _chain(slug: str, steps: int) -> Flow:
    return documents.flow(
        *(documents.step(f"s{number}", inputs={"value": number}) for number in range(steps)),
        slug=slug,
    )


def _finish(runs: list[Run]) -> list[Run]:
    ids = [run.pk for run in runs]
    found = Run.objects.filter(pk__in=ids, status=RunStatus.SUCCEEDED)
    eventually(lambda: found.count() == len(ids), seconds=120)
    return list(found)


# How soon a run goes on


@contextmanager
def _demo() -> Iterator[None]:
    """The demo's web server, cluster and tick; what they said is shown if something goes wrong."""
    said: list[str] = []
    port = urlsplit(settings.WINDFLOW["BASE_URL"]).port
    assert port is not None
    with Supervisor(processes(port), tell=lambda name, line: said.append(f"{name}: {line}")):
        try:
            eventually(_answers)
            yield
        except BaseException:
            print(*said[-30:], sep="\n", file=sys.stderr)
            raise


def _answers() -> bool:
    try:
        _connection().request("GET", "/")
    except OSError:
        return False
    return True


def _connection() -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(settings.WINDFLOW["BASE_URL"]).netloc, timeout=10)


def _warm_up() -> None:
    flow = _chain("warm", 1)
    _finish([engine.start(flow) for _ in range(8)])
    _resume(2, _post_json)
    _resume(2, _post_page)


def _resume(times: int, post: Post) -> Figure:
    """POST the one approval that each of some waiting runs lacks, at moments that keep no time
    with the cluster's own looks at the queue."""
    runs = _waiting(times)
    sent: dict[int, float] = {}
    web = _connection()
    for run in runs:
        time.sleep(random.uniform(0.1, 0.3))  # noqa: S311
        sent[run.pk] = post(web, run)
    done = _finish(runs)
    return Figure.of([1000 * (float(run.result or 0) - sent[run.pk]) for run in done])


def _waiting(times: int) -> list[Run]:
    slug = "resume"
    flow = Flow.objects.filter(slug=slug).first() or documents.flow(
        documents.gate("bob@example.com"), documents.step("next", "tests/clock"), slug=slug
    )
    runs = [engine.start(flow) for _ in range(times)]
    ids = [run.pk for run in runs]
    waiting = Run.objects.filter(pk__in=ids, status=RunStatus.SUSPENDED)
    eventually(lambda: waiting.count() == times, seconds=60)
    return list(waiting)


def _post_json(web: http.client.HTTPConnection, run: Run) -> float:
    path = urlsplit(engine.links(documents.seat(run, "bob")).resume).path
    return _send(web, path, json.dumps({}), {"Content-Type": "application/json"})


def _post_page(web: http.client.HTTPConnection, run: Run) -> float:
    path = urlsplit(engine.links(documents.seat(run, "bob")).approval_page).path
    web.request("GET", path)
    page = web.getresponse()
    cookies = "; ".join(c.split(";")[0] for c in page.headers.get_all("Set-Cookie", []))
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
    assert found is not None, f"the approval page has no form (HTTP {page.status})"
    form = urlencode({"csrfmiddlewaretoken": found[1], "decision": "approve", "comment": ""})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies}
    return _send(web, path, form, headers)


def _send(web: http.client.HTTPConnection, path: str, body: str, headers: dict[str, str]) -> float:
    began = time.time()
    web.request("POST", path, body, headers)
    answer = web.getresponse()
    answer.read()
    assert answer.status in (200, 302, 303), f"HTTP {answer.status} from {path}"
    return began
