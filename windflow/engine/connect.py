"""Connect a resource, reconnect it with a new value, and seal all of them with a new key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from windflow import vault
from windflow.engine.resources import open_value
from windflow.exceptions import InvalidInput, StepFailed, VaultLocked
from windflow.models import Resource
from windflow.resources import ResourceType, ResourceValue, ends_at, plain_value, resource_types
from windflow.states import TRANSITIONS
from windflow.values import JSON


def connect(
    type_name: str,
    value: ResourceValue | Mapping[str, JSON],
    *,
    name: str = "",
    owner: AbstractBaseUser | None = None,
    account: str = "",
    resource: Resource | None = None,
) -> Resource:
    """A new resource called ``name``; or, given ``resource``, that one with a new value.

    ``value`` may be fields as plain JSON. For a resource that exists those that are left out stay
    as they are, so a form need not know the secrets. ``account`` says whose it is at the provider.

    Raises :class:`InvalidInput` naming each field that does not fit (also ``name``, and ``account``
    when a resource would go over to another one), :class:`UnknownResourceType` and
    :class:`VaultLocked`.
    """
    found = resource_types.find(type_name)
    if resource is None:
        return _create(found, _typed(found, value), name, owner, account)
    if resource.type != type_name:
        raise InvalidInput(
            {"type": _("%(name)s is of the type %(is)s.") % {"name": resource, "is": resource.type}}
        )
    if account and resource.account and account != resource.account:
        raise InvalidInput(
            {
                "account": _(
                    "%(name)s belongs to %(old)s, but you signed in as %(new)s. Sign in as "
                    "%(old)s, or connect %(new)s as a new resource."
                )
                % {"name": resource, "old": resource.account, "new": account}
            }
        )
    return _reconnect(resource, found, value, account)


def free_name(wanted: str) -> str:
    """``wanted`` as a resource's name, with a number behind it where that is taken."""
    base = slugify(wanted)[:90] or "resource"
    taken = set(Resource.objects.filter(name__startswith=base).values_list("name", flat=True))
    names = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _typed(found: ResourceType, value: ResourceValue | Mapping[str, JSON]) -> ResourceValue:
    if isinstance(value, ResourceValue):
        return found.value(plain_value(value))
    unknown = sorted(set(value) - set(found.model.model_fields))
    if unknown:
        fields = ", ".join(found.model.model_fields)
        text = _("There is no such field. There are: %(fields)s.") % {"fields": fields}
        raise InvalidInput(dict.fromkeys(unknown, text))
    return found.value(value)


def _create(
    found: ResourceType,
    value: ResourceValue,
    name: str,
    owner: AbstractBaseUser | None,
    account: str,
) -> Resource:
    made = Resource(
        name=name,
        type=found.name,
        owner_id=owner.pk if owner is not None else None,
        account=account,
        state=TRANSITIONS["resource"]["connect"][1],
        sealed=vault.seal(plain_value(value)),
        expires_at=ends_at(value),
    )
    try:
        made.full_clean()
        with transaction.atomic():
            made.save(force_insert=True)
    except ValidationError as error:
        faults = {field: " ".join(said) for field, said in error.message_dict.items()}
        raise InvalidInput(faults) from None
    except IntegrityError:  # of two at once, the second
        raise InvalidInput({"name": _("%(name)s is taken.") % {"name": name}}) from None
    return made


def _reconnect(
    resource: Resource,
    found: ResourceType,
    value: ResourceValue | Mapping[str, JSON],
    account: str,
) -> Resource:
    with transaction.atomic():
        locked = Resource.objects.select_for_update().get(pk=resource.pk)
        if not isinstance(value, ResourceValue):
            value = {**_kept(locked), **value}
        typed = _typed(found, value)
        locked.state = TRANSITIONS["resource"]["reconnect"][1]
        locked.reason = ""
        locked.account = account or locked.account
        locked.sealed = vault.seal(plain_value(typed))
        locked.expires_at = ends_at(typed)
        locked.generation += 1
        locked.refreshing_until = None
        locked.save()
    return locked


def _kept(resource: Resource) -> dict[str, JSON]:
    """What a resource holds; nothing where it cannot be opened, so that it can be filled anew."""
    try:
        return plain_value(open_value(resource))
    except (VaultLocked, StepFailed):
        return {}


# Rotating keys


@dataclass(frozen=True, slots=True)
class Resealed:
    """What :func:`reseal` did: how many resources, and the names of those that no key opens."""

    count: int
    locked: list[str]


def reseal() -> Resealed:
    """Seal every resource with the first key. Safe to repeat, and beside running workers."""
    count, locked = 0, []
    for pk, name in list(Resource.objects.order_by("name").values_list("pk", "name")):
        try:
            count += _reseal_one(pk)
        except VaultLocked:
            locked.append(name)
    return Resealed(count, locked)


def _reseal_one(pk: int) -> bool:
    """False when it was deleted meanwhile."""
    while True:
        sealed = Resource.objects.filter(pk=pk).values_list("sealed", flat=True).first()
        if sealed is None:
            return False
        again = vault.reseal(sealed)
        if Resource.objects.filter(pk=pk, sealed=sealed).update(sealed=again):
            return True
