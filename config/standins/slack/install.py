"""Slack's install page: an app's bot joins the workspace."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.standins.consent import Stop, refuse, show
from config.standins.directory import PEOPLE, WORKSPACE_NAME, person_by_slack_id
from config.standins.guard import page
from config.standins.models import App, Provider
from config.standins.oauth import is_challenge, save_code, with_parameters
from config.standins.opaque import digits, hexadecimal
from config.standins.slack import scopes as slack_scopes


@dataclass(frozen=True)
class Wish:
    """A valid install request. ``sent_uri`` is empty when the address named no redirect URI."""

    app: App
    redirect_uri: str
    sent_uri: str
    scopes: list[str]
    state: str
    challenge: str

    def back(self, **parameters: str) -> HttpResponse:
        """Send the person back to the app."""
        target = with_parameters(self.redirect_uri, {**parameters, "state": self.state})
        return HttpResponseRedirect(target)


@page
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Ask (GET), and send the person back with a code or ``access_denied`` (POST)."""
    try:
        wish = read(request.GET)
    except Stop as stop:
        return refuse(request, Provider.SLACK, stop)
    if request.method == "POST":
        return _decide(wish, request.POST)
    return show(
        request,
        Provider.SLACK,
        app=wish.app,
        redirect_uri=wish.redirect_uri,
        accounts=[(person.slack_id, person.name) for person in PEOPLE],
        chosen=PEOPLE[0].slack_id,
        asked=slack_scopes.asked(wish.scopes),
        facts=[_("It joins the workspace %(name)s as a bot.") % {"name": WORKSPACE_NAME}],
    )


def _decide(wish: Wish, form: QueryDict) -> HttpResponse:
    person = person_by_slack_id(form.get("account", ""))
    if form.get("decision") != "allow" or person is None:
        return wish.back(error="access_denied")
    code = f"{digits(12)}.{digits(13)}.{hexadecimal(64)}"
    save_code(
        code,
        app=wish.app,
        account=person.slack_id,
        scopes=wish.scopes,
        redirect_uri=wish.sent_uri,
        challenge=wish.challenge,
        refreshable=wish.app.rotates_tokens,
    )
    return wish.back(code=code)


def read(query: QueryDict) -> Wish:
    """The request in the address. Raises :class:`Stop` with what Slack would say."""
    app = App.objects.filter(provider=Provider.SLACK, client_id=query.get("client_id", "")).first()
    if app is None:
        raise Stop("invalid_client_id", _("No app has this client_id."))
    sent_uri = query.get("redirect_uri", "")
    return Wish(
        app=app,
        redirect_uri=_redirect_uri(app, sent_uri),
        sent_uri=sent_uri,
        scopes=_scopes(query),
        state=query.get("state", ""),
        challenge=_challenge(query),
    )


def _redirect_uri(app: App, sent_uri: str) -> str:
    if not sent_uri and app.redirect_uris:
        return str(app.redirect_uris[0])
    if not app.allows(sent_uri):
        raise Stop(
            "bad_redirect_uri",
            _("redirect_uri did not match any configured URIs. Passed URI: %(address)s")
            % {"address": sent_uri},
        )
    return sent_uri


def _scopes(query: QueryDict) -> list[str]:
    if query.get("user_scope"):
        raise Stop("invalid_scope", _("This stand-in installs bots: leave user_scope out."))
    scopes = slack_scopes.parse(query.get("scope", ""))
    if not scopes:
        raise Stop("no_scopes", _("The request names no bot scope."))
    if unknown := slack_scopes.unknown(scopes):
        raise Stop(
            "invalid_scope",
            _("Invalid permissions requested: %(scopes)s") % {"scopes": ", ".join(unknown)},
        )
    return scopes


def _challenge(query: QueryDict) -> str:
    challenge = query.get("code_challenge", "")
    if challenge and (query.get("code_challenge_method") != "S256" or not is_challenge(challenge)):
        raise Stop(
            "invalid_code_challenge",
            _("code_challenge needs 43 to 128 characters and code_challenge_method=S256."),
        )
    return challenge
