"""``python -m tests.benchmarks [--quick]``: measure on SQLite, and on PostgreSQL if there is one.

Each database is made for this, measured by a process of its own (settings are read once), and
removed; no process is left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from config.demo.ports import LOOPBACK, free_port
from tests.benchmarks import report, scratch
from tests.benchmarks.figures import Figure, Figures

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples: is it alive?")
    quick = parser.parse_args().quick
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that all is cleaned up
    print(*report.machine(), sep="\n", flush=True)
    columns, cluster = [], {}
    for name, made in (("SQLite", scratch.sqlite()), ("PostgreSQL", scratch.postgres())):
        with made as address:
            if address is None:
                print(f"{name}: no server answers, so it is not measured.")
                continue
            found = _measure(address, ["--quick"] if quick else [])
            columns.append(_figures(found["figures"]))
            cluster = found["cluster"]
    print(report.settings(cluster), "", *report.table(columns), sep="\n")


def _measure(address: str, options: list[str]) -> Any:
    """What the command ``benchmark`` finds on the database at ``address``."""
    with subprocess.Popen(
        [sys.executable, str(MANAGE), "benchmark", *options],
        env={**os.environ, **_environment(address)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            found, _ = child.communicate()
        except BaseException:
            child.terminate()  # whatever it started ends with it: its supervisor sees to that
            raise
    if child.returncode:
        sys.exit(f"The benchmark ended with exit code {child.returncode}.")
    return json.loads(found)


def _environment(address: str) -> dict[str, str]:
    options = {
        "BASE_URL": f"http://{LOOPBACK}:{free_port()}",
        "EXECUTOR": "windflow.executor.QClusterExecutor",
    }
    return {
        "DJANGO_SETTINGS_MODULE": "tests.acceptance.settings",
        "DEBUG": "0",
        "SECRET_KEY": "only-for-benchmarks",
        "WINDFLOW_DATABASE": address,
        "WINDFLOW_TEST_OPTIONS": json.dumps(options),
    }


def _figures(found: dict[str, Any]) -> Figures:
    durations = {name: Figure(**value) for name, value in found.items() if isinstance(value, dict)}
    return Figures(**{**found, **durations})


if __name__ == "__main__":
    main()
