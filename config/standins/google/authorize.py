"""Google's consent page: which app asks for what, of which account."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from config.standins.consent import Stop, refuse, show
from config.standins.directory import PEOPLE, person_by_email
from config.standins.google import scopes as google_scopes
from config.standins.guard import page
from config.standins.models import App, Provider, Token
from config.standins.oauth import is_challenge, save_code, with_parameters
from config.standins.opaque import letters


@dataclass(frozen=True)
class Wish:
    """A valid authorization request."""

    app: App
    redirect_uri: str
    scopes: list[str]
    state: str
    challenge: str
    nonce: str
    offline: bool
    prompts: frozenset[str]
    login_hint: str

    def back(self, **parameters: str) -> HttpResponse:
        """Send the person back to the app."""
        target = with_parameters(self.redirect_uri, {"state": self.state, **parameters})
        return HttpResponseRedirect(target)


@page
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Ask (GET), and send the person back with a code or ``access_denied`` (POST)."""
    try:
        wish = read(request.GET)
    except Stop as stop:
        return refuse(request, Provider.GOOGLE, stop)
    if request.method == "POST":
        return _decide(wish, request.POST)
    chosen = person_by_email(wish.login_hint) or PEOPLE[0]
    return show(
        request,
        Provider.GOOGLE,
        app=wish.app,
        redirect_uri=wish.redirect_uri,
        accounts=[(person.email, person.name) for person in PEOPLE],
        chosen=chosen.email,
        asked=google_scopes.asked(wish.scopes),
        facts=_facts(wish),
    )


def _facts(wish: Wish) -> list[str]:
    if not wish.offline:
        return [_("While you use the app: it gets no refresh token.")]
    if "consent" in wish.prompts:
        return [_("Also while you are away: the app gets a refresh token.")]
    return [_("Also while you are away, the first time that you allow it.")]


def _decide(wish: Wish, form: QueryDict) -> HttpResponse:
    person = person_by_email(form.get("account", ""))
    if form.get("decision") != "allow" or person is None:
        return wish.back(error="access_denied")
    allowed = [
        one.scope for one in google_scopes.asked(wish.scopes) if not one.field or one.field in form
    ]
    if not allowed:
        return wish.back(error="access_denied")
    code = f"4/0A{letters(60)}"
    save_code(
        code,
        app=wish.app,
        account=person.email,
        scopes=allowed,
        redirect_uri=wish.redirect_uri,
        challenge=wish.challenge,
        nonce=wish.nonce,
        refreshable=wish.offline and _is_asked_anew(wish, person.email),
    )
    return wish.back(code=code, scope=" ".join(allowed), authuser="0", prompt="consent")


def _is_asked_anew(wish: Wish, account: str) -> bool:
    """Google repeats no refresh token unless the app made the person consent once more."""
    held = Token.objects.filter(
        grant__app=wish.app,
        grant__account=account,
        kind=Token.Kind.REFRESH,
        revoked_at=None,
    )
    return "consent" in wish.prompts or not held.exists()


def read(query: QueryDict) -> Wish:
    """The request in the address. Raises :class:`Stop` with what Google would say."""
    app, redirect_uri = _read_app(query)
    return Wish(
        app=app,
        redirect_uri=redirect_uri,
        scopes=_read_scopes(query),
        state=query.get("state", ""),
        challenge=_read_challenge(query),
        nonce=query.get("nonce", ""),
        offline=_one_of(query, "access_type", ("online", "offline")) == "offline",
        prompts=_read_prompts(query),
        login_hint=query.get("login_hint", ""),
    )


def _read_app(query: QueryDict) -> tuple[App, str]:
    app = App.objects.filter(
        provider=Provider.GOOGLE, client_id=_required(query, "client_id")
    ).first()
    if app is None:
        raise Stop("invalid_client", _("The OAuth client was not found."), 401)
    redirect_uri = _required(query, "redirect_uri")
    if not app.allows(redirect_uri):
        raise Stop(
            "redirect_uri_mismatch",
            _("%(address)s is not an authorized redirect URI of %(app)s.")
            % {"address": redirect_uri, "app": app.name},
        )
    if _required(query, "response_type") != "code":
        raise Stop("unsupported_response_type", _("Only response_type=code is served here."))
    return app, redirect_uri


def _read_scopes(query: QueryDict) -> list[str]:
    scopes = google_scopes.canonical(_required(query, "scope"))
    if unknown := google_scopes.unknown(scopes):
        raise Stop(
            "invalid_scope",
            _("Some requested scopes were invalid: %(scopes)s") % {"scopes": ", ".join(unknown)},
        )
    return scopes


def _read_challenge(query: QueryDict) -> str:
    challenge = query.get("code_challenge", "")
    if not challenge:
        return ""
    if query.get("code_challenge_method") != "S256" or not is_challenge(challenge):
        raise Stop(
            "invalid_request",
            _("code_challenge needs 43 to 128 characters and code_challenge_method=S256."),
        )
    return challenge


def _read_prompts(query: QueryDict) -> frozenset[str]:
    prompts = frozenset(query.get("prompt", "").split())
    if not prompts <= {"consent", "select_account"}:
        raise Stop("invalid_request", _("prompt is consent, select_account, both or left out."))
    return prompts


def _one_of(query: QueryDict, name: str, choices: tuple[str, ...]) -> str:
    value = query.get(name, choices[0])
    if value not in choices:
        raise Stop(
            "invalid_request",
            _("Invalid %(name)s: use %(choices)s.") % {"name": name, "choices": ", ".join(choices)},
        )
    return value


def _required(query: QueryDict, name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise Stop("invalid_request", _("Missing required parameter: %(name)s") % {"name": name})
    return value
