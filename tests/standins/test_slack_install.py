"""Installing an app at the stand-in of Slack, with slack-sdk."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth import AuthorizeUrlGenerator
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation import TokenRotator

from config.standins import control
from config.standins.models import Endpoint
from tests.standins.conftest import CLIENT_SECRET, MARKS, PKCE, VERIFIER, Client, told

pytestmark = MARKS

SCOPE = "chat:write,chat:write.public,channels:read"


def web(slack: Client, token: str | None = None) -> WebClient:
    return WebClient(token=token, base_url=f"{slack.root}/api/")


def access(slack: Client, **more: str) -> Any:
    form = {
        "client_id": slack.app.client_id,
        "client_secret": CLIENT_SECRET,
        "redirect_uri": slack.redirect_uri,
        **more,
    }
    return web(slack).oauth_v2_access(**form)


def refused(slack: Client, **more: str) -> str:
    with pytest.raises(SlackApiError) as caught:
        access(slack, **more)
    assert caught.value.response.status_code == 200
    return str(caught.value.response["error"])


def test_the_sdks_own_address_leads_to_the_install_page(slack: Client) -> None:
    generator = AuthorizeUrlGenerator(
        client_id=slack.app.client_id,
        scopes=SCOPE.split(","),
        redirect_uri=slack.redirect_uri,
        authorization_url=f"{slack.root}/oauth/v2/authorize",
    )
    page = slack.person.get(generator.generate(state="s-1"))
    assert "Send messages in public channels that it is not in" in page.text
    assert told(slack.person.answer(page, decision="allow"))["state"] == "s-1"


def test_the_code_becomes_a_bot_token(slack: Client) -> None:
    reply = access(slack, code=slack.consent(scope=SCOPE)["code"])
    assert reply["access_token"].startswith("xoxb-")
    assert reply["token_type"] == "bot"
    assert reply["scope"] == SCOPE
    assert reply["team"]["name"] == "Acme"
    assert reply["authed_user"]["id"].startswith("U")
    assert "refresh_token" not in reply.data
    assert web(slack, reply["access_token"]).auth_test()["user_id"] == reply["bot_user_id"]


def test_cancelling_sends_the_person_back_with_access_denied(slack: Client) -> None:
    assert slack.consent("deny", scope=SCOPE) == {"error": "access_denied", "state": "the-state"}


def test_pkce_wants_the_verifier_that_made_the_challenge(slack: Client) -> None:
    code = slack.consent(scope=SCOPE, **PKCE)["code"]
    assert access(slack, code=code, code_verifier=VERIFIER)["ok"]
    code = slack.consent(scope=SCOPE, **PKCE)["code"]
    assert refused(slack, code=code, code_verifier="x" * 43) == "invalid_code_verifier"


def test_a_code_works_once(slack: Client) -> None:
    code = slack.consent(scope=SCOPE)["code"]
    assert access(slack, code=code)["ok"]
    assert refused(slack, code=code) == "invalid_code"


def test_each_wrong_parameter_has_its_error(slack: Client) -> None:
    code = slack.consent(scope=SCOPE)["code"]
    assert refused(slack, code=code, client_secret="wrong") == "bad_client_secret"
    assert refused(slack, code=code, client_id="nobody") == "invalid_client_id"
    assert refused(slack, code=code, redirect_uri="http://else.example/") == "bad_redirect_uri"
    assert refused(slack, grant_type="password") == "invalid_grant_type"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": ""}, "no_scopes"),
        ({"scope": SCOPE, "client_id": "nobody"}, "invalid_client_id"),
        ({"scope": SCOPE, "redirect_uri": "https://evil.example/"}, "bad_redirect_uri"),
    ],
)
def test_a_wrong_install_request_is_an_error_page(
    slack: Client, parameters: dict[str, str], code: str
) -> None:
    page = slack.person.get(slack.address(**parameters))
    assert page.status_code == 400
    assert code in page.text


def test_the_sdk_rotates_a_token_that_expires(rotating_slack: Client) -> None:
    reply = access(rotating_slack, code=rotating_slack.consent(scope=SCOPE)["code"])
    assert reply["expires_in"] == 43_200
    rotator = TokenRotator(
        client_id=rotating_slack.app.client_id,
        client_secret=CLIENT_SECRET,
        client=web(rotating_slack),
    )
    bot = Bot(
        bot_token=reply["access_token"],
        bot_id="B1",
        bot_user_id=reply["bot_user_id"],
        bot_refresh_token=reply["refresh_token"],
        bot_token_expires_at=1,
        installed_at=1.0,
    )
    rotated = rotator.perform_bot_token_rotation(bot=bot)
    assert rotated is not None
    assert web(rotating_slack, rotated.bot_token).auth_test()["ok"]


def test_a_refresh_token_works_once(rotating_slack: Client) -> None:
    secrets = control.grant(rotating_slack.app, "bob@example.com", SCOPE.split(","))
    rotation = {"grant_type": "refresh_token", "refresh_token": secrets.refresh}
    assert access(rotating_slack, **rotation)["refresh_token"] != secrets.refresh
    assert refused(rotating_slack, **rotation) == "invalid_refresh_token"
    assert control.count(Endpoint.SLACK_REFRESH, "ok") == 1
