"""Settings of the demo project: everything that may differ is read from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured

from config.database import parse_database
from config.keys import demo_keys
from config.providers import google, slack


def _flag(name: str, default: bool = False) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("WINDFLOW_VAR", BASE_DIR / "var"))  # all that the demo writes
VAR.mkdir(parents=True, exist_ok=True)  # SQLite makes a file, but not its folder

DEBUG = _flag("DEBUG", default=True)
SECRET_KEY = os.environ.get("SECRET_KEY", "django-insecure-windflow-demo" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY in the environment, or DEBUG=1 for a demo.")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")

INSTALLED_APPS = [
    "windflow",
    "hub",
    "config",
    "config.standins",
    "allauth",
    "allauth.account",  # allauth.socialaccount needs it; nobody signs in by allauth here
    "allauth.socialaccount",
    "django_q",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "config.urls"
LOGIN_URL = "admin:login"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": parse_database(
        os.environ.get("WINDFLOW_DATABASE", f"sqlite:///{VAR / 'demo.sqlite3'}")
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_I18N = True
USE_TZ = True
TIME_ZONE = os.environ.get("TZ") or "UTC"
STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"

X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True

# ------------------------------------------------------------------ windflow
#: Who has no keys gets one of this demo's own. A site that means it must bring its keys: those of a
#: folder that is lost, or copied together with the database, would be of no use.
_KEYS = os.environ.get("WINDFLOW_ENCRYPTION_KEYS", "").split()
WINDFLOW: dict[str, Any] = {
    "BASE_URL": os.environ.get("WINDFLOW_BASE_URL", "http://127.0.0.1:8000"),
    "ENCRYPTION_KEYS": _KEYS or (demo_keys(VAR) if DEBUG else []),
}
CSRF_TRUSTED_ORIGINS = [WINDFLOW["BASE_URL"]]  # also when a proxy stands in front of the demo

# ------------------------------------------------------------------ Google and Slack
#: Without a client id of one's own, the stand-ins of this project answer in the provider's place.
SOCIALACCOUNT_PROVIDERS = {
    "hub_google": google(os.environ, WINDFLOW["BASE_URL"]),
    "hub_slack": slack(os.environ, WINDFLOW["BASE_URL"]),
}

Q_CLUSTER: dict[str, Any] = {
    "name": "windflow",  # signs the messages: another project on this database reads none of them
    "orm": "default",  # broker in our database: a message exists if and only if its change does
    "workers": 2,  # enough to see two runs at once; waiting for people needs none
    "queue_limit": 2,  # messages taken ahead wait for a worker while their retry clock runs
    "bulk": 1,  # the same: take one, so that another cluster can take the next
    "timeout": 70,  # seconds; a step that hangs (60, and a slice of 10) gives its worker back
    "retry": 240,  # seconds; above timeout * (1 + ceil((queue_limit + bulk) / workers)) + 3
    "ack_failures": True,  # windflow records failures and retries them; the queue must not
    "max_attempts": 1,  # the same, said to the queue's own counter
    "poll": 0.01,  # seconds between looks: a run goes on about this long after its last approval
    "save_limit": -1,  # keep no result rows: runs keep their own, and each row costs a commit
    "catch_up": False,  # after downtime one tick does the work of all that were missed
    "log_level": "WARNING",  # run pages tell what went well; the terminal what did not
    "recycle": 500,  # tasks; then a fresh process, so that a leak stays small
}

# ------------------------------------------------------------------ mail
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "windflow demo <windflow@example.com>")

#: Folder of the demo's own mailbox, or None when mails go to a real server.
DEMO_MAILBOX: Path | None = None if os.environ.get("EMAIL_HOST") else VAR / "mails"

if DEMO_MAILBOX:
    _MAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    _MAIL_OPTIONS: dict[str, Any] = {"file_path": str(DEMO_MAILBOX)}
else:
    _MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    _MAIL_OPTIONS = {
        "host": os.environ["EMAIL_HOST"],
        "port": int(os.environ.get("EMAIL_PORT", "25")),
        "username": os.environ.get("EMAIL_HOST_USER", ""),
        "password": os.environ.get("EMAIL_HOST_PASSWORD", ""),
        "use_tls": _flag("EMAIL_USE_TLS"),
        "timeout": 20,
    }
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _MAIL_BACKEND, "OPTIONS": _MAIL_OPTIONS}}
else:
    EMAIL_BACKEND = _MAIL_BACKEND
    EMAIL_FILE_PATH = _MAIL_OPTIONS.get("file_path")
    EMAIL_HOST = _MAIL_OPTIONS.get("host", "localhost")
    EMAIL_PORT = _MAIL_OPTIONS.get("port", 25)
    EMAIL_HOST_USER = _MAIL_OPTIONS.get("username", "")
    EMAIL_HOST_PASSWORD = _MAIL_OPTIONS.get("password", "")
    EMAIL_USE_TLS = _MAIL_OPTIONS.get("use_tls", False)
    EMAIL_TIMEOUT = _MAIL_OPTIONS.get("timeout")

# ------------------------------------------------------------------ logs
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_tokens": {"()": "config.logs.NoTokens"}},
    "formatters": {"plain": {"format": "{asctime} {message}", "datefmt": "%H:%M:%S", "style": "{"}},
    "handlers": {
        "requests": {
            "class": "logging.StreamHandler",
            "filters": ["no_tokens"],
            "formatter": "plain",
        },
    },
    # The development server's own log of requests; each approval link would be in it.
    "loggers": {"django.server": {"handlers": ["requests"], "level": "INFO", "propagate": False}},
}
