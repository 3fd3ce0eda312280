"""The demo project's settings, made fast and separate for tests.

``WINDFLOW_TEST_DATABASE`` names another database (``postgres://user@host:port/name``); Django
then makes ``test_<name>`` there. Without it each test process has an SQLite file of its own.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import django

from config.database import parse_database
from config.settings import *

_FOLDER = Path(tempfile.mkdtemp(prefix="windflow-tests-"))
_OWNER = os.getpid()


@atexit.register
def _remove_folder() -> None:
    if os.getpid() == _OWNER:  # not in a forked worker
        shutil.rmtree(_FOLDER, ignore_errors=True)


SECRET_KEY = "only-for-tests"
DEBUG = False
INSTALLED_APPS = [*INSTALLED_APPS, "tests"]  # scripts and a table that only tests have
VAR = _FOLDER

_FILE = f"sqlite:///{VAR / 'tests.sqlite3'}"
DATABASES = {"default": parse_database(os.environ.get("WINDFLOW_TEST_DATABASE") or _FILE)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads and worker processes of a test share it as they would in a shop.
    DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}
DATABASES["default"]["CONN_MAX_AGE"] = 0

WINDFLOW = {
    "BASE_URL": "https://flows.example.com",
    "ENCRYPTION_KEYS": ["only-for-tests-only-for-tests-only-for-tes0="],
    "EXECUTOR": os.environ.get("WINDFLOW_TEST_EXECUTOR", "windflow.executor.InlineExecutor"),
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

DEMO_MAILBOX = None
_MEMORY = "django.core.mail.backends.locmem.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _MEMORY}}
else:
    EMAIL_BACKEND = _MEMORY
