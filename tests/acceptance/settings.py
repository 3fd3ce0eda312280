# ruff: noqa: F403, F405 - they are the demo project's, with two changes
"""The demo project's settings for a real process that works beside a test, on its database.

``WINDFLOW_DATABASE`` names that database and ``WINDFLOW_TEST_OPTIONS`` holds its ``WINDFLOW``, as
JSON; :mod:`tests.acceptance.processes` sets both.
"""

from __future__ import annotations

import json
import os

from config.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests"]  # scripts and a table that only tests have
WINDFLOW = json.loads(os.environ["WINDFLOW_TEST_OPTIONS"])
