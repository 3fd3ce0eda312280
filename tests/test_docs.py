"""What the README says is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands
from django.test import override_settings
from django.urls import reverse

from config import providers
from hub.connect import ConnectProvider
from hub.google.provider import GoogleProvider
from hub.slack.provider import SlackProvider
from windflow.checks import check_queue, check_settings
from windflow.scripts import catalogue

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


@pytest.fixture(autouse=True)
def own_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the README registers must not meet what other tests register."""
    monkeypatch.setattr(catalogue, "_registered", dict(catalogue._registered))
    monkeypatch.setattr(catalogue, "_scripts", None)


def _run(block: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "tests.readme"}
    exec(compile(block, "README.md", "exec"), names)  # noqa: S102 - our own README
    return names


def _block(text: str) -> str:
    (found,) = [block for block in PYTHON if text in block]
    return str(found)


@pytest.mark.parametrize("block", PYTHON, ids=range(len(PYTHON)))
def test_every_python_block_runs(block: str) -> None:
    _run(block)


def test_it_begins_with_exactly_two_commands() -> None:
    run_it, test_it = SHELL[:2]
    assert run_it.strip().endswith(".venv/bin/python manage.py demo")
    assert test_it.strip().endswith(".venv/bin/python -m pytest")
    assert README.index(run_it) < README.index(test_it) < README.index("## ")
    assert all(len(block.strip().splitlines()) == 1 for block in (run_it, test_it))


def test_the_set_up_commands_name_files_and_extras_that_exist() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for block in SHELL[:2]:
        words = shlex.split(block)
        assert (ROOT / words[words.index("-c") + 1]).is_file()
        extra = re.search(r"\.\[(\w+)\]", block)
        assert extra
        assert re.search(rf"^{extra[1]} = \[", project, re.MULTILINE)


def test_every_management_command_it_names_exists() -> None:
    named = set(re.findall(r"manage\.py (\w+)", README))
    assert {"demo", "qcluster", "windflow_tick"} <= named
    assert named <= set(get_commands())


def test_every_file_it_links_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_environment_variable_it_names_is_read() -> None:
    sources = "".join(
        path.read_text() for folder in ("config", "tests") for path in (ROOT / folder).glob("*.py")
    )
    named = set(re.findall(r"`((?:WINDFLOW|EMAIL)_[A-Z_]+|DEFAULT_FROM_EMAIL)", README))
    assert len(named) >= 8
    assert [name for name in named if f'"{name}"' not in sources] == []


def test_its_settings_pass_the_system_checks() -> None:
    settings = _run(_block("WINDFLOW = {"))
    with override_settings(WINDFLOW=settings["WINDFLOW"]):
        assert check_settings() == []
        assert check_queue() == []


def test_its_cluster_waits_long_enough_before_it_repeats_a_task() -> None:
    cluster = _run(_block("Q_CLUSTER = {"))["Q_CLUSTER"]
    waiting = -(-(cluster["queue_limit"] + cluster["bulk"]) // cluster["workers"])
    assert cluster["retry"] > cluster["timeout"] * (1 + waiting) + 3


def test_its_script_is_a_script_that_takes_its_inputs() -> None:
    _run(_block("def pay_invoice"))
    inputs = {"invoice": 7, "approvers": ["bob@example.com"]}
    assert catalogue["tests/pay_invoice"].arguments(inputs) == inputs


@pytest.mark.parametrize("provider", [GoogleProvider, SlackProvider])
def test_its_settings_name_the_app_at_each_provider(
    provider: type[ConnectProvider], monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    monkeypatch.setenv(f"{provider.name.upper()}_CLIENT_ID", "of-the-app")
    settings = _run(_block("SOCIALACCOUNT_PROVIDERS = {"))
    with override_settings(SOCIALACCOUNT_PROVIDERS=settings["SOCIALACCOUNT_PROVIDERS"]):
        assert provider.configured().app.client_id == "of-the-app"


@pytest.mark.parametrize("name", ["GOOGLE", "SLACK"])
def test_the_demo_reads_the_apps_that_it_names(name: str) -> None:
    named = {key: key.lower() for key in (f"{name}_CLIENT_ID", f"{name}_CLIENT_SECRET")}
    assert all(f"`{key}`" in README for key in named)
    read = {"GOOGLE": providers.google, "SLACK": providers.slack}[name](named, "http://x.example")
    app = {"client_id": f"{name.lower()}_client_id", "secret": f"{name.lower()}_client_secret"}
    assert read == {"APP": app}


def test_the_redirect_urls_are_those_that_are_sent_to_the_providers() -> None:
    named = set(re.findall(r"https?://\S+?/callback/", README))
    google, slack = reverse("hub:google_callback"), reverse("hub:slack_callback")
    assert named == {
        f"https://flows.example.com{google}",
        f"http://127.0.0.1:8000{google}",
        f"https://flows.example.com{slack}",
    }


def test_the_scopes_are_those_that_are_asked_for() -> None:
    section = README.partition("## Connect Google and Slack")[2].partition("### What")[0]
    assert {scope for scope in GoogleProvider.scopes if f"`{scope}`" in section} == {
        *GoogleProvider.scopes
    }
    assert set(re.findall(r"`([a-z]+:[a-z.]+)`", section)) == {*SlackProvider.scopes}


def test_every_script_that_it_names_exists() -> None:
    named = set(re.findall(r"`(hub/\w+)`", README))
    assert {"hub/gmail_approval", "hub/slack_notify_approvers"} <= named
    for path in named:
        assert catalogue.find(path)
