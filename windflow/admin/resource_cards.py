"""How a resource is said to people, and what they can do about it: never what it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from windflow.admin.resource_uses import Use, uses_by_name
from windflow.models import Flow, Resource
from windflow.models.resource import Sharing
from windflow.resources import ResourceType, resource_types
from windflow.states import ResourceState


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever looks at resources."""

    managed: frozenset[int]
    """The keys of those that are theirs to edit."""
    details: Callable[[Resource], str]
    """Path of the form of a resource that people fill in."""
    flow_page: Callable[[Flow], str]
    """Path of a flow's page; empty where the visitor has none."""


@dataclass(frozen=True, slots=True)
class Card:
    """One resource in words."""

    resource: Resource
    type: ResourceType | None
    """None when no installed app has it any more."""
    state: ResourceState
    reason: str
    """Why it cannot be used; empty when it can."""
    uses: list[tuple[Use, str]]
    """The flows that name it, each with the path of its page, empty where the visitor has none."""
    shared_with: str
    reconnect: str
    """Where the visitor connects it again; empty for whoever may not, or cannot."""

    @property
    def type_title(self) -> str:
        """The type in the words of whoever made it."""
        return self.type.title if self.type is not None else self.resource.type

    @property
    def is_filled_in(self) -> bool:
        """Whether people type its value, rather than sign in at a provider."""
        return self.type is not None and not self.type.connect

    @property
    def is_usable(self) -> bool:
        """Whether flows can use it now."""
        return self.state == ResourceState.CONNECTED

    @property
    def renews_itself(self) -> bool:
        """Whether its end is of no concern to people."""
        return self.type is not None and self.type.refresh is not None


def cards(resources: Sequence[Resource], visitor: Visitor) -> list[Card]:
    """The cards of ``resources`` for ``visitor``. Asks the database as much of fifty of them as of
    one; their owners and groups have to be there already."""
    uses = uses_by_name()
    return [_card(resource, uses.get(resource.name, ()), visitor) for resource in resources]


def _card(resource: Resource, uses: Sequence[Use], visitor: Visitor) -> Card:
    found = resource_types.get(resource.type)
    state, reason = _state(resource, found)
    reconnect = ""
    if resource.pk in visitor.managed and found is not None:
        reconnect = connect_url(found, resource) if found.connect else visitor.details(resource)
    return Card(
        resource=resource,
        type=found,
        state=state,
        reason=reason,
        uses=[(use, visitor.flow_page(use.flow)) for use in uses],
        shared_with=_shared(resource),
        reconnect=reconnect,
    )


def _state(resource: Resource, found: ResourceType | None) -> tuple[ResourceState, str]:
    """What is true now: that a value has ended is stored when it is used next."""
    if found is None:
        return ResourceState.BROKEN, _(
            "The resource type %(name)s is not installed here. Install the app that has it."
        ) % {"name": resource.type}
    state = ResourceState(resource.state)
    ends = resource.expires_at if found.refresh is None else None
    if state == ResourceState.CONNECTED and ends is not None and ends <= timezone.now():
        return ResourceState.EXPIRED, _("Its time is over.")
    return state, resource.reason


def _shared(resource: Resource) -> str:
    """Who besides its owner may use it."""
    if resource.shared_with == Sharing.GROUPS:
        names = ", ".join(group.name for group in resource.groups.all()) or _("no group")
        return _("Members of %(groups)s") % {"groups": names}
    return str(Sharing(resource.shared_with).label)


def connect_url(made: ResourceType, resource: Resource | None = None) -> str:
    """Where a person consents at the provider; empty where this site has no such URL."""
    try:
        page = reverse(made.connect)
    except NoReverseMatch:
        return ""
    return f"{page}?resource={resource.pk}" if resource is not None else page
