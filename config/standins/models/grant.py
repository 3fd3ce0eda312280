"""Who may do what: apps, grants, codes, tokens. Of every secret only a digest is kept."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from config.standins.opaque import digest


class Provider(models.TextChoices):
    """Whom a stand-in stands in for."""

    GOOGLE = "google", "Google"
    SLACK = "slack", "Slack"


class App(models.Model):
    """An OAuth client, as registered in a provider's console."""

    provider = models.CharField(_("provider"), max_length=10, choices=Provider)
    client_id = models.CharField(_("client id"), max_length=200, unique=True)
    secret_digest = models.CharField(_("digest of the client secret"), max_length=64)
    name = models.CharField(_("name"), max_length=100)
    redirect_uris = models.JSONField(_("redirect URIs"), default=list)
    rotates_tokens = models.BooleanField(_("token rotation (Slack)"), default=False)

    class Meta:
        verbose_name = _("app")
        verbose_name_plural = _("apps")

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        """Slack's id of the app."""
        return f"A{self.pk:010d}"

    @property
    def bot_id(self) -> str:
        """Slack's id of the app's bot."""
        return f"B{self.pk:010d}"

    @property
    def bot_user_id(self) -> str:
        """Slack's id of the user as whom the app's bot posts."""
        return f"U9{self.pk:09d}"

    def has_secret(self, secret: str) -> bool:
        """Whether this is the client secret."""
        return constant_time_compare(self.secret_digest, digest(secret))

    def allows(self, redirect_uri: str) -> bool:
        """Whether a person may be sent back there: Google wants the same address, Slack allows
        addresses below a registered one."""
        if urlsplit(redirect_uri).scheme not in {"http", "https"}:
            return False
        if self.provider == Provider.GOOGLE:
            return redirect_uri in self.redirect_uris
        return any(_is_below(redirect_uri, registered) for registered in self.redirect_uris)


def _is_below(address: str, registered: str) -> bool:
    return address == registered or address.startswith(registered.rstrip("/") + "/")


class Grant(models.Model):
    """What one account (Google: an e-mail address; Slack: who installed) allowed one app."""

    app = models.ForeignKey(App, models.CASCADE, related_name="grants", verbose_name=_("app"))
    account = models.CharField(_("account"), max_length=320)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["app", "account"],
                condition=models.Q(revoked_at=None),
                name="standins_one_live_grant",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.app} · {self.account}"

    @property
    def live_access_tokens(self) -> int:
        """How many access tokens work now."""
        tokens = self.tokens.filter(kind=Token.Kind.ACCESS, revoked_at=None)
        return tokens.exclude(expires_at__lte=timezone.now()).count()

    @property
    def can_refresh(self) -> bool:
        """Whether a refresh token works now."""
        return self.tokens.filter(kind=Token.Kind.REFRESH, revoked_at=None).exists()


class Code(models.Model):
    """An authorization code: what the person allowed, to be exchanged once, soon."""

    app = models.ForeignKey(App, models.CASCADE, related_name="codes", verbose_name=_("app"))
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    account = models.CharField(_("account"), max_length=320)
    scopes = models.JSONField(_("scopes"), default=list)
    redirect_uri = models.CharField(_("redirect URI"), max_length=2000, blank=True)
    challenge = models.CharField(_("PKCE challenge"), max_length=200, blank=True)
    nonce = models.CharField(_("nonce"), max_length=500, blank=True)
    refreshable = models.BooleanField(_("comes with a refresh token"), default=False)
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True, blank=True)

    class Meta:
        verbose_name = _("code")
        verbose_name_plural = _("codes")

    def __str__(self) -> str:
        return f"{self.app} · {self.account}"


class Token(models.Model):
    """An access or refresh token."""

    class Kind(models.TextChoices):
        ACCESS = "access", _("access token")
        REFRESH = "refresh", _("refresh token")

    grant = models.ForeignKey(Grant, models.CASCADE, related_name="tokens", verbose_name=_("grant"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    digest = models.CharField(_("digest"), max_length=64, unique=True)
    tail = models.CharField(_("ends with"), max_length=4)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} …{self.tail}"

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= timezone.now()
