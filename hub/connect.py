"""Connect an account as a resource: to the provider's consent page, and back with its tokens.

The dance is django-allauth's: its apps, its state in the session, its PKCE, its exchange of the
code, always with ``process=connect``. Where allauth would go on to look for a login, this stops:
the tokens go to the resource and nowhere else. No row of allauth's is written, so nobody can sign
in by what they connected, two people can connect the same workspace, and the setting
``SOCIALACCOUNT_STORE_TOKENS`` changes nothing here. The providers are not in allauth's registry
either, so that its own pages never offer them as a way to sign in.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from allauth.socialaccount import app_settings
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp, SocialToken
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import MultipleObjectsReturned, PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET
from requests import RequestException

from windflow import WindflowError, engine
from windflow.exceptions import InvalidInput
from windflow.links import absolute
from windflow.models import Resource
from windflow.values import JSON

logger = logging.getLogger(__name__)

Reply = Mapping[str, Any]
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}", re.ASCII)
_ERROR = re.compile(r'"error"\s*:\s*"([A-Za-z0-9_.-]{1,60})"', re.ASCII)


class ConnectRefused(WindflowError):
    """The account cannot be connected."""


@dataclass(frozen=True)
class Grant:
    """What a person granted: the fields of the resource's value, whose account it is, and what a
    new resource would be called."""

    fields: dict[str, JSON] = field(repr=False)
    account: str
    name: str


class ConnectProvider(OAuth2Provider):
    """An OAuth 2 provider that connects resources of one type and signs nobody in.

    Its client id and secret are those of ``SOCIALACCOUNT_PROVIDERS[id]["APP"]``; addresses other
    than the provider's own stand beside them, under the names in ``endpoints``.
    """

    slug: str
    """Its part of the URLs, and of their names: ``hub:<slug>_connect``, ``hub:<slug>_callback``."""
    type_name: str
    """The resource type that it connects."""
    scopes: tuple[str, ...]
    """What is asked for, whatever the request's own query says."""
    scope_delimiter = " "
    auth_params: ClassVar[dict[str, str]] = {}
    endpoints: ClassVar[dict[str, str]]
    """Setting → the provider's own address; at least ``AUTHORIZE_URL`` and ``ACCESS_TOKEN_URL``."""

    @classmethod
    def configured(cls, request: HttpRequest | None = None) -> Self:
        """The provider with this site's client id and secret; a worker has no request.

        Raises :class:`ConnectRefused`.
        """
        here: Any = request  # allauth takes None, and says so nowhere
        try:
            return cls(here, app=get_adapter(here).get_app(here, provider=cls.id))
        except SocialApp.DoesNotExist:
            said = _("it has no client id and secret")
        except MultipleObjectsReturned:
            said = _("it has more than one client id")
        raise ConnectRefused(
            _(
                "%(provider)s is not set up on this site: %(said)s. Correct "
                'SOCIALACCOUNT_PROVIDERS["%(id)s"]["APP"].'
            )
            % {"provider": cls.name, "said": said, "id": cls.id}
        )

    @classmethod
    def endpoint(cls, setting: str) -> str:
        """An address of the provider."""
        own = app_settings.PROVIDERS.get(cls.id, {})
        return str(own.get(setting) or cls.endpoints[setting])

    def redirect_url(self) -> str:
        """Where the provider sends people back to, as it is registered there."""
        return absolute(reverse(f"hub:{self.slug}_callback"))

    def get_oauth2_adapter(self, request: HttpRequest) -> ConnectAdapter:
        return ConnectAdapter(request, self)

    def get_scope(self) -> list[str]:
        return list(self.scopes)

    def get_auth_params(self) -> dict[str, str]:
        return dict(self.auth_params)

    def hints(self, account: str) -> dict[str, str]:
        """Parameters that tell the consent page which account is meant."""
        return {}

    def grant(self, reply: Reply, token: SocialToken, account: str) -> Grant:
        """What the token endpoint's ``reply`` grants. ``account`` is that of the resource to
        reconnect, and empty for a new one.

        May ask the provider. Raises :class:`ConnectRefused` when it is not what was asked for.
        """
        raise NotImplementedError


class ConnectAdapter(OAuth2Adapter):
    """The addresses of one provider."""

    def __init__(self, request: HttpRequest, provider: ConnectProvider) -> None:
        super().__init__(request)
        self.provider_id = provider.id
        self.authorize_url = provider.endpoint("AUTHORIZE_URL")
        self.access_token_url = provider.endpoint("ACCESS_TOKEN_URL")
        self.scope_delimiter = provider.scope_delimiter
        self._redirect_url = provider.redirect_url()

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """From ``BASE_URL``, never from the request."""
        return self._redirect_url


def connect_urls(provider_class: type[ConnectProvider]) -> list[URLPattern]:
    """The two URLs of a provider: start (``?resource=<pk>`` to reconnect that one), and back."""
    slug, extra = provider_class.slug, {"provider_class": provider_class}
    return [
        path(f"{slug}/", start, extra, name=f"{slug}_connect"),
        path(f"{slug}/callback/", finish, extra, name=f"{slug}_callback"),
    ]


@require_GET
@never_cache
@transaction.non_atomic_requests
def start(request: HttpRequest, provider_class: type[ConnectProvider]) -> HttpResponse:
    """Send a signed-in person to the consent page."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    resource = _resource(request, provider_class, request.GET.get("resource"))
    try:
        provider = provider_class.configured(request)
    except ConnectRefused as refused:
        return _refuse(request, refused.message, resource)
    hints = provider.hints(resource.account) if resource is not None else {}
    answer: HttpResponse = provider.redirect(
        request,
        process=AuthProcess.CONNECT,
        data={"user": str(request.user.pk), "resource": resource.pk if resource else None},
        auth_params={**provider.get_auth_params(), **hints},
    )
    return answer


@require_GET
@never_cache
@transaction.non_atomic_requests
@sensitive_variables()
def finish(request: HttpRequest, provider_class: type[ConnectProvider]) -> HttpResponse:
    """Back from the consent page. A stranger gets the login page, and nothing is asked or kept."""
    user = request.user
    if not user.is_authenticated:
        return redirect_to_login(reverse("admin:windflow_resource_changelist"))
    resource = None
    try:
        provider = provider_class.configured(request)
        state = _state(request, provider)
        resource = _resource(request, provider_class, state["data"]["resource"])
        grant = _grant(request, provider, state, resource)
        made = _connected(provider, grant, user, resource)
    except WindflowError as refused:
        return _refuse(request, refused.message, resource)
    text = _("Connected %(account)s as the resource %(name)s.")
    messages.success(request, text % {"account": made.account, "name": made.name})
    return redirect("admin:windflow_resource_change", made.pk)


def _refuse(request: HttpRequest, sentence: str, resource: Resource | None) -> HttpResponse:
    messages.error(request, sentence)
    if resource is not None:
        return redirect("admin:windflow_resource_change", resource.pk)
    return redirect("admin:windflow_resource_changelist")


def _resource(
    request: HttpRequest, provider_class: type[ConnectProvider], wanted: object
) -> Resource | None:
    """The resource to reconnect; None for a new one. What a person may not do ends here."""
    if wanted is None:
        if not request.user.has_perm("windflow.add_resource"):
            raise PermissionDenied(_("You may not connect resources on this site."))
        return None
    managed = Resource.objects.managed_by(request.user).filter(type=provider_class.type_name)
    found = managed.filter(pk=str(wanted)).first() if str(wanted).isdecimal() else None
    if found is None:
        raise Http404(_("You manage no such resource."))
    return found


def _state(request: HttpRequest, provider: ConnectProvider) -> dict[str, Any]:
    """What was kept when this person began. It can be had once, within ten minutes."""
    try:
        state = provider.unstash_redirect_state(request, request.GET.get("state", ""))
    except PermissionDenied:
        state = {}
    begun_by = (state.get("data") or {}).get("user")
    if state.get("process") != AuthProcess.CONNECT or begun_by != str(request.user.pk):
        raise ConnectRefused(
            _(
                "This answer of %(provider)s belongs to nothing that you began in this browser "
                "within the last ten minutes. Start again."
            )
            % {"provider": provider.name}
        )
    return dict(state)


@sensitive_variables()
def _grant(
    request: HttpRequest,
    provider: ConnectProvider,
    state: dict[str, Any],
    resource: Resource | None,
) -> Grant:
    _check_answer(request, provider)
    adapter: OAuth2Adapter = provider.get_oauth2_adapter(request)
    reply = _exchange(request, provider, adapter, state.get("pkce_code_verifier"))
    token = adapter.parse_token(reply)
    return provider.grant(reply, token, resource.account if resource is not None else "")


def _connected(
    provider: ConnectProvider, grant: Grant, user: AbstractBaseUser, resource: Resource | None
) -> Resource:
    try:
        made = engine.connect(
            provider.type_name,
            grant.fields,
            name=engine.free_name(grant.name),
            owner=user,
            account=grant.account,
            resource=resource,
        )
    except InvalidInput as error:
        raise ConnectRefused(" ".join(error.errors.values())) from None
    logger.info("resource %s connected by user %s", made.name, user.pk)
    return made


def _check_answer(request: HttpRequest, provider: ConnectProvider) -> None:
    error = request.GET.get("error", "")
    if not error and request.GET.get("code"):
        return
    if error == "access_denied":
        raise ConnectRefused(
            _("You did not allow it at %(provider)s, so nothing was connected.")
            % {"provider": provider.name}
        )
    said = error if _CODE.fullmatch(error) else _("no code")
    raise ConnectRefused(
        _("%(provider)s answered %(said)s, so nothing was connected. Start again.")
        % {"provider": provider.name, "said": said}
    )


@sensitive_variables()
def _exchange(
    request: HttpRequest,
    provider: ConnectProvider,
    adapter: OAuth2Adapter,
    verifier: str | None,
) -> Reply:
    client = adapter.get_client(request, provider.app)
    try:
        reply: Reply = adapter.get_access_token_data(
            request, provider.app, client, pkce_code_verifier=verifier
        )
    except OAuth2Error as error:
        # Never the whole text, which is the provider's answer: it may hold a token of another kind.
        found = _ERROR.search(str(error))
        said = found[1] if found else _("an answer without a token")
        raise ConnectRefused(
            _(
                "%(provider)s did not give a token (%(said)s). Check the client id and secret in "
                "SOCIALACCOUNT_PROVIDERS, and that %(url)s is registered as a redirect URL; then "
                "start again."
            )
            % {"provider": provider.name, "said": said, "url": provider.redirect_url()}
        ) from None
    except (RequestException, ValueError, KeyError):
        raise ConnectRefused(
            _("%(provider)s could not be reached, so nothing was connected. Start again.")
            % {"provider": provider.name}
        ) from None
    return reply
