"""A resource: a credential or connection that scripts use by name."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Group
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from windflow.states import ResourceState


class Sharing(models.TextChoices):
    """Who besides its owner may use a resource."""

    OWNER = "owner", _("Only its owner")
    GROUPS = "groups", _("Members of its groups")
    EVERYONE = "everyone", _("Every user")


class ResourceQuerySet(models.QuerySet["Resource"]):
    """The questions that are asked of resources, by name."""

    def usable_by(self, user: AbstractBaseUser | AnonymousUser | None) -> ResourceQuerySet:
        """Resources that flows may use on behalf of ``user``."""
        if user is None or not user.is_authenticated:
            return self.none()
        if getattr(user, "is_superuser", False):
            return self.all()
        allowed = Q(owner_id=user.pk) | Q(shared_with=Sharing.EVERYONE)
        if hasattr(user, "groups"):
            shared = Resource.objects.filter(groups__in=user.groups.all())
            allowed |= Q(shared_with=Sharing.GROUPS, pk__in=shared.values("pk"))
        return self.filter(allowed)

    def managed_by(self, user: AbstractBaseUser | AnonymousUser | None) -> ResourceQuerySet:
        """Resources that ``user`` may reconnect, edit, share and delete."""
        if user is None or not user.is_authenticated:
            return self.none()
        return self.all() if getattr(user, "is_superuser", False) else self.filter(owner_id=user.pk)


class Resource(models.Model):
    """One named value of one resource type. ``sealed`` holds it, encrypted; steps, logs and events
    hold its name alone. Its state and value are changed by :mod:`windflow.engine.resources`."""

    name = models.SlugField(
        _("name"), max_length=100, unique=True, help_text=_("The name that steps use it by.")
    )
    type = models.CharField(_("type"), max_length=50)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="windflow_resources",
        verbose_name=_("owner"),
    )
    shared_with = models.CharField(
        _("who may use it"), max_length=20, choices=Sharing, default=Sharing.OWNER
    )
    groups = models.ManyToManyField(
        Group, blank=True, related_name="windflow_resources", verbose_name=_("groups")
    )
    state = models.CharField(_("state"), max_length=20, choices=ResourceState)
    reason = models.TextField(_("reason"), blank=True, help_text=_("Why it cannot be used."))
    account = models.CharField(
        _("account"), max_length=320, blank=True, help_text=_("Whose it is at the provider.")
    )
    sealed = models.TextField(_("sealed value"))
    generation = models.PositiveIntegerField(
        _("generation"), default=1, help_text=_("Raised whenever the value is replaced.")
    )
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    refreshing_until = models.DateTimeField(_("being refreshed until"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    objects = ResourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
