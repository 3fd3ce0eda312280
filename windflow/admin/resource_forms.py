"""The forms of resources. What is typed into a secret field goes one way: no page ever shows it
again, not even the page that refuses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Group
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from windflow.admin.resource_uses import uses_by_name
from windflow.display import is_secret
from windflow.fields import JSONField, LinesField, Schema, TextField, plain
from windflow.forms import SchemaForm, schema_form
from windflow.models import Resource
from windflow.models.resource import Sharing
from windflow.redaction import Redactor
from windflow.resources import ResourceType, ResourceValue, public_fields
from windflow.values import JSON

_REMOVE = ".remove"  # no field of a type has a dot in its name
_PYDANTIC = ("Value error, ", "Assertion failed, ")


class NameForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a new resource is called."""

    class Meta:
        model = Resource
        fields = ("name",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["name"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}


# A value that people fill in


class SecretTextarea(forms.Textarea):
    """Several lines that are never sent back, and not readable on the screen."""

    def __init__(self) -> None:
        super().__init__(attrs={"rows": 4, "class": "wf-secret", "spellcheck": "false"})

    def format_value(self, value: Any) -> None:
        return None


class ValueForm(SchemaForm):
    """The fields of one resource type; given what is ``stored``, an empty secret means to keep it.

    Valid means that every field could be read. Whether they fit is for the type itself to say,
    since only it knows what it checks: put what it refuses into :meth:`refuse`.
    """

    def __init__(
        self,
        made: ResourceType,
        *,
        stored: ResourceValue | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        schema = made.model.model_json_schema(by_alias=False)
        self.known = public_fields(stored) if stored is not None else {}
        super().__init__(schema, prefix="value", data=data, values=self.known, checked=True)
        self.made = made
        self.stored = stored
        parts = schema.get("properties", {})
        self.secrets = {name for name in parts if holds_secret(parts[name], schema)}
        self._arrange()

    def _arrange(self) -> None:
        arranged: dict[str, forms.Field] = {}
        for name, field in self.fields.items():
            arranged[name] = field
            if isinstance(field, TextField) and not _has_lines(self.schema, name):
                field.widget = forms.TextInput(field.widget_attrs(forms.TextInput()))
            field.widget.attrs.setdefault("autocomplete", "off")
            if name in self.secrets:
                removable = self._is_stored(name) and not field.required
                self._hide(name, field)
                if removable:
                    arranged[name + _REMOVE] = _remove_box(str(field.label))
            if self._may_be_empty(name, field):
                field.label = _("%(field)s (optional)") % {"field": field.label}
        self.fields = arranged

    def _hide(self, name: str, field: forms.Field) -> None:
        if isinstance(field, JSONField | LinesField) or _has_lines(self.schema, name):
            field.widget = SecretTextarea()
        else:
            # "new-password": browsers must not fill in the password of this site.
            field.widget = forms.PasswordInput(
                attrs={"autocomplete": "new-password", "class": "vTextField"}
            )
            if isinstance(field, forms.CharField):
                field.strip = False
        if self._is_stored(name):
            field.required = False
            kept = _("Saved, and shown to nobody. Leave it empty to keep it.")
            field.help_text = f"{field.help_text} {kept}".strip()
        field.widget.is_required = field.required

    def _may_be_empty(self, name: str, field: forms.Field) -> bool:
        """Whether to say so: not of a box to tick, nor of what is filled in or saved already."""
        if field.required or isinstance(field, forms.BooleanField) or self._is_stored(name):
            return False
        return field.initial in (None, "", [])

    def _is_stored(self, name: str) -> bool:
        """Whether a secret is stored in this field. An empty one is public: nothing to hide."""
        return self.stored is not None and name in self.secrets and name not in self.known

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data

    def json(self) -> dict[str, JSON]:
        """The fields to connect with: of a stored value only secrets that stay are left out."""
        values: dict[str, JSON] = {}
        for name in self.made.model.model_fields:
            given = plain(self.cleaned_data.get(name))
            if given is not None:
                values[name] = given
            elif self._is_emptied(name):
                default = self.made.model.model_fields[name]
                values[name] = default.get_default(call_default_factory=True)
        return values

    def _is_emptied(self, name: str) -> bool:
        if self.stored is None or self.made.model.model_fields[name].is_required():
            return False
        if self._is_stored(name):
            return bool(self.cleaned_data.get(name + _REMOVE))
        return self.known.get(name) not in (None, "", [], {})

    # Refusals

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Put what a type found wrong beside its fields, and the rest above the form."""
        for place, text in errors.items():
            name, _dot, rest = place.partition(".")
            for prefix in _PYDANTIC:
                text = text.removeprefix(prefix)
            if name in self.fields:
                self.add_error(name, f"{rest}: {text}" if rest else text)
            else:
                self.add_error(None, text if place == self.made.name else f"{place}: {text}")

    def close(self) -> None:
        """Make the form fit to be shown again: no error quotes a secret, and whoever typed one is
        told that it has to be typed again."""
        typed = {name: self._typed(name) for name in self.secrets}
        known = Redactor(text for texts in typed.values() for text in texts)
        for name, errors in self.errors.items():
            quoting = typed.get(name, set())
            said = [_unless_quoting(str(text), quoting) for text in errors]
            errors.data = [ValidationError(known.text(text)) for text in said]
        for name in sorted(self.secrets):
            if typed[name] and name not in self.errors:
                self.add_error(name, _("Type it again: what you type here is never sent back."))

    def _typed(self, name: str) -> set[str]:
        text = str(self.data.get(self.add_prefix(name)) or "")
        return {part for part in (text, text.strip(), *text.split("\n")) if part.strip()}


def _remove_box(label: str) -> forms.Field:
    return forms.BooleanField(
        label=_("Remove %(field)s") % {"field": label.lower()},
        help_text=_("Deletes what is saved."),
        required=False,
    )


def _has_lines(schema: Schema, name: str) -> bool:
    return bool(schema["properties"][name].get("format") == "textarea")


def _unless_quoting(text: str, secrets: set[str]) -> str:
    """What a check of a secret field says, or less where it says the secret, however short."""
    return _("This does not fit.") if any(secret in text for secret in secrets) else text


def holds_secret(part: JSON, root: Schema, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a schema marks something as secret, at whatever depth."""
    if isinstance(part, list):
        return any(holds_secret(item, root, seen) for item in part)
    if not isinstance(part, Mapping):
        return False
    name = str(part.get("$ref", "")).rpartition("/")[2]
    inside = [*part.values(), root.get("$defs", {}).get(name) if name not in seen else None]
    return is_secret(part) or any(holds_secret(item, root, seen | {name}) for item in inside)


# Name and sharing


class UserField(forms.CharField):
    """A user by name: sites may have more of them than a list can show."""

    def clean(self, value: Any) -> AbstractBaseUser | None:
        name, user = super().clean(value), get_user_model()
        found = user._default_manager.filter(**{user.USERNAME_FIELD: name}).first()
        if name and found is None:
            raise ValidationError(_("There is no user called %(name)s.") % {"name": name})
        return found


class ResourceForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a resource is called and who may use it. Its value is none of this form's business."""

    visitor: ClassVar[Any] = AnonymousUser()

    shared_with = forms.ChoiceField(
        label=gettext_lazy("Who may use it"), choices=Sharing, widget=forms.RadioSelect
    )
    groups = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Groups"),
        queryset=Group.objects.none(),
        required=False,
        help_text=gettext_lazy("Whose members may use it, if you chose so above."),
        widget=forms.CheckboxSelectMultiple,
    )
    owner = UserField(
        label=gettext_lazy("Owner"),
        required=False,
        help_text=gettext_lazy("User name of who reconnects, shares and deletes it."),
    )

    class Meta:
        model = Resource
        fields = ("name", "shared_with", "groups", "owner")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if getattr(self.visitor, "is_superuser", False):
            owner = self.instance.owner
            self.initial["owner"] = owner.get_username() if owner is not None else ""
        else:
            del self.fields["owner"]
        field = self.fields["groups"]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = groups = self._groups()
        if not groups.exists():
            field.help_text = _("You are a member of no group that it could be shared with.")

    def _groups(self) -> QuerySet[Group]:
        """Whom the visitor may share with: their own groups, and those it is shared with now."""
        groups = Group.objects.order_by("name")
        if getattr(self.visitor, "is_superuser", False):
            return groups
        own = self.visitor.groups.values("pk") if hasattr(self.visitor, "groups") else []
        now = self.instance.groups.values("pk") if self.instance.pk else []
        return groups.filter(Q(pk__in=own) | Q(pk__in=now))

    def clean_name(self) -> str:
        """Flows name it: a resource that one of them uses keeps its name."""
        name, before = str(self.cleaned_data["name"]), self.initial.get("name")
        if name != before and (uses := uses_by_name().get(str(before))):
            raise ValidationError(
                _(
                    "It cannot be renamed while flows use it by the name %(name)s: %(flows)s. "
                    "Change these first."
                )
                % {"name": before, "flows": ", ".join(map(str, uses))}
            )
        return name

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("shared_with") == Sharing.GROUPS and not cleaned.get("groups"):
            self.add_error("groups", _("Choose at least one group, or another answer above."))
        return cleaned


def titles(made: ResourceType) -> Iterator[str]:
    """What the form of a type asks for, field by field."""
    for field in schema_form(made.model.model_json_schema(by_alias=False)):
        yield str(field.label)
