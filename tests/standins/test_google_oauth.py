"""The dance with the stand-in of Google, by google-auth and plain HTTP."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from google.oauth2.credentials import Credentials

from config.standins import control
from config.standins.models import Endpoint, Token
from tests.standins.conftest import (
    CLIENT_SECRET,
    MARKS,
    PKCE,
    SEND,
    VERIFIER,
    Client,
    fields_of,
    told,
)

pytestmark = MARKS

SCOPES = f"openid email {SEND}"
OFFLINE = {"scope": SCOPES, "access_type": "offline", "prompt": "consent"}


def exchange(google: Client, code: str, **more: str) -> requests.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": google.redirect_uri,
        "client_id": google.app.client_id,
        "client_secret": CLIENT_SECRET,
        **more,
    }
    return requests.post(f"{google.root}/token", data=form, timeout=10)


def credentials(google: Client, refresh_token: str) -> Credentials:
    return Credentials(
        token=None,
        refresh_token=refresh_token,
        token_uri=f"{google.root}/token",
        client_id=google.app.client_id,
        client_secret=CLIENT_SECRET,
    )


def refresh(of: Credentials) -> None:
    with requests.Session() as session:
        of.refresh(Request(session))


def userinfo(google: Client, access_token: str, path: str) -> Any:
    headers = {"Authorization": f"Bearer {access_token}"}
    return requests.get(google.root + path, headers=headers, timeout=10).json()


def test_the_consent_page_says_which_app_asks_for_what(google: Client) -> None:
    page = google.person.get(google.address(**OFFLINE))
    assert "windflow asks for access" in page.text
    assert "Send e-mail as you, read nothing" in page.text
    assert "Stand-ins: nothing here leaves this machine." in page.text


def test_allowing_sends_the_person_back_with_a_code_and_the_state(google: Client) -> None:
    back = google.consent(**OFFLINE)
    assert back["state"] == "the-state"
    assert back["code"]


def test_denying_sends_the_person_back_with_access_denied(google: Client) -> None:
    back = google.consent("deny", **OFFLINE)
    assert back == {"error": "access_denied", "state": "the-state"}


def test_the_code_becomes_tokens_for_the_account_that_was_chosen(google: Client) -> None:
    back = google.consent(account="carol@example.com", **OFFLINE)
    tokens = exchange(google, back["code"]).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3599
    assert userinfo(google, tokens["access_token"], "/oauth2/v2/userinfo")["email"] == (
        "carol@example.com"
    )


def test_the_login_hint_chooses_the_account(google: Client) -> None:
    back = google.consent(**OFFLINE, login_hint="bob@example.com")
    tokens = exchange(google, back["code"]).json()
    assert userinfo(google, tokens["access_token"], "/oauth2/v3/userinfo")["email"] == (
        "bob@example.com"
    )


@pytest.mark.parametrize("path", ["/oauth2/v1/userinfo", "/oauth2/v2/userinfo"])
def test_older_userinfo_says_id_and_verified_email(google: Client, path: str) -> None:
    secrets = control.grant(google.app, "bob@example.com", ["email", "profile"])
    info = userinfo(google, secrets.access, path)
    assert info["id"]
    assert info["verified_email"] is True
    assert info["name"] == "Bob Brown"


@pytest.mark.parametrize("path", ["/oauth2/v3/userinfo", "/v1/userinfo"])
def test_openid_userinfo_says_sub_and_email_verified(google: Client, path: str) -> None:
    secrets = control.grant(google.app, "bob@example.com", ["openid", "email"])
    info = userinfo(google, secrets.access, path)
    assert info["sub"]
    assert info["email_verified"] is True
    assert "name" not in info


def test_a_token_without_identity_scopes_has_no_userinfo(google: Client) -> None:
    secrets = control.grant(google.app, "bob@example.com", [SEND])
    assert userinfo(google, secrets.access, "/oauth2/v2/userinfo")["error"]["code"] == 401


def test_a_refresh_token_comes_only_with_offline_access(google: Client) -> None:
    back = google.consent(scope=SCOPES, prompt="consent")
    assert "refresh_token" not in exchange(google, back["code"]).json()


def test_a_refresh_token_is_repeated_only_after_consent(google: Client) -> None:
    first = exchange(google, google.consent(**OFFLINE)["code"]).json()
    again = google.consent(scope=SCOPES, access_type="offline")
    second = exchange(google, again["code"]).json()
    third = exchange(google, google.consent(**OFFLINE)["code"]).json()
    assert first["refresh_token"] != third["refresh_token"]
    assert "refresh_token" not in second


def test_a_refused_box_shows_in_the_granted_scope(google: Client) -> None:
    page = google.person.get(google.address(**OFFLINE))
    (box,) = (name for name in fields_of(page.text) if name.startswith("scope-"))
    back = told(google.person.answer(page, decision="allow", **{box: ""}))
    tokens = exchange(google, back["code"]).json()
    assert tokens["scope"] == "openid https://www.googleapis.com/auth/userinfo.email"


def test_pkce_wants_the_verifier_that_made_the_challenge(google: Client) -> None:
    right = google.consent(**OFFLINE, **PKCE)
    assert exchange(google, right["code"], code_verifier=VERIFIER).status_code == 200
    wrong = google.consent(**OFFLINE, **PKCE)
    answer = exchange(google, wrong["code"], code_verifier="x" * 43)
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "Invalid code verifier.",
    }


def test_pkce_cannot_be_left_out_afterwards(google: Client) -> None:
    back = google.consent(**OFFLINE, **PKCE)
    assert exchange(google, back["code"]).json()["error_description"] == "Missing code verifier."


def test_a_code_works_once(google: Client) -> None:
    code = google.consent(**OFFLINE)["code"]
    assert exchange(google, code).status_code == 200
    assert exchange(google, code).json()["error"] == "invalid_grant"


def test_the_client_may_authenticate_by_basic(google: Client) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": google.consent(**OFFLINE)["code"],
        "redirect_uri": google.redirect_uri,
    }
    basic = (google.app.client_id, CLIENT_SECRET)
    answer = requests.post(f"{google.root}/token", data=form, auth=basic, timeout=10)
    assert answer.json()["access_token"]


def test_a_wrong_client_secret_is_refused(google: Client) -> None:
    answer = exchange(google, google.consent(**OFFLINE)["code"], client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_unregistered_redirect_uri_is_an_error_page(google: Client) -> None:
    page = google.person.get(google.address(**OFFLINE, redirect_uri="https://evil.example/"))
    assert page.status_code == 400
    assert "redirect_uri_mismatch" in page.text


def test_an_unknown_client_is_an_error_page(google: Client) -> None:
    page = google.person.get(google.address(**OFFLINE, client_id="nobody"))
    assert page.status_code == 401
    assert "The OAuth client was not found." in page.text


def test_consent_needs_the_forms_own_csrf_token(google: Client) -> None:
    fields = {"account": "bob@example.com", "decision": "allow"}
    answer = google.person.post(google.address(**OFFLINE), fields)
    assert answer.status_code == 403


def test_google_auth_refreshes_an_expired_token(google: Client) -> None:
    secrets = control.grant(google.app, "bob@example.com", ["email", SEND])
    held = credentials(google, secrets.refresh)
    refresh(held)
    assert held.token != secrets.access
    assert held.refresh_token == secrets.refresh
    assert held.valid
    assert control.count(Endpoint.GOOGLE_REFRESH, "ok") == 1


def test_refreshing_after_revocation_is_an_invalid_grant(google: Client) -> None:
    secrets = control.grant(google.app, "bob@example.com", [SEND])
    assert control.revoke("google", "bob@example.com") == 1
    with pytest.raises(RefreshError) as caught:
        refresh(credentials(google, secrets.refresh))
    assert caught.value.args[1] == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }


def test_google_auth_does_not_retry_a_client_that_is_refused(google: Client) -> None:
    secrets = control.grant(google.app, "bob@example.com", [SEND])
    control.fail(Endpoint.GOOGLE_REFRESH, "invalid_client")
    with pytest.raises(RefreshError) as caught:
        refresh(credentials(google, secrets.refresh))
    assert not caught.value.retryable
    assert control.count(Endpoint.GOOGLE_REFRESH) == 1


def test_the_revoke_endpoint_ends_the_whole_grant(google: Client) -> None:
    secrets = control.grant(google.app, "bob@example.com", [SEND])
    body = {"token": secrets.access}
    assert requests.post(f"{google.root}/revoke", data=body, timeout=10).json() == {}
    with pytest.raises(RefreshError):
        refresh(credentials(google, secrets.refresh))
    again = requests.post(f"{google.root}/revoke", data=body, timeout=10)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_the_id_token_is_signed_by_the_published_certificate(google: Client) -> None:
    tokens = exchange(google, google.consent(**OFFLINE, nonce="n-1")["code"]).json()
    with requests.Session() as session:
        claims = id_token.verify_token(
            tokens["id_token"],
            Request(session),
            audience=google.app.client_id,
            certs_url=f"{google.root}/oauth2/v1/certs",
        )
    assert claims["iss"] == google.root
    assert claims["email"] == "admin@example.com"
    assert claims["nonce"] == "n-1"


def test_no_secret_is_kept_or_logged(google: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    tokens = exchange(google, google.consent(**OFFLINE)["code"]).json()
    kept = caplog.text + str(list(Token.objects.values()))
    assert tokens["access_token"] not in kept
    assert tokens["refresh_token"] not in kept
