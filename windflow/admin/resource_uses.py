"""Which flows name a resource: where it stands as a static value in their documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F, OuterRef, Q, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from windflow.models import Flow, FlowVersion, Run
from windflow.scripts import catalogue
from windflow.values import JSON


@dataclass(frozen=True, slots=True)
class Use:
    """One flow that names a resource."""

    flow: Flow
    versions: tuple[int, ...]
    """Numbers of the versions that name it and still run, or will: the newest one, and older ones
    that runs wait in."""
    in_draft: bool

    @property
    def words(self) -> str:
        """Where in the flow: "version 3 and draft"."""
        said = [_("draft")] if self.in_draft else []
        if self.versions:
            numbers = ", ".join(map(str, self.versions))
            text = ngettext("version %(numbers)s", "versions %(numbers)s", len(self.versions))
            said.insert(0, text % {"numbers": numbers})
        return _(" and ").join(said)

    def __str__(self) -> str:
        return f"{self.flow.name} ({self.words})"


def uses_by_name() -> Mapping[str, list[Use]]:
    """Resource name → the flows that name it, by their names. Two queries, however many there are.

    Names that expressions work out while a flow runs cannot be known here.
    """
    flows = {flow.pk: flow for flow in Flow.objects.only("name", "draft").order_by("name", "pk")}
    drafts = {pk: frozenset(named_in(flow.draft)) for pk, flow in flows.items()}
    versions: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for version in _running_or_next():
        assert version.number is not None
        for name in set(named_in(version.document)):
            versions[name][version.flow_id].append(version.number)
    names = {*versions, *(name for named in drafts.values() for name in named)}
    return {
        name: [
            Use(flow, tuple(sorted(versions[name][pk])), name in drafts[pk])
            for pk, flow in flows.items()
            if versions[name][pk] or name in drafts[pk]
        ]
        for name in names
    }


def published(uses: Sequence[Use]) -> list[Use]:
    """Those of ``uses`` that break when the resource goes; drafts can still be edited."""
    return [use for use in uses if use.versions]


def _running_or_next() -> Iterator[FlowVersion]:
    """Each flow's newest version, and those that live runs are pinned to."""
    numbered = FlowVersion.objects.filter(number__isnull=False)
    newest = numbered.filter(flow=OuterRef("flow")).order_by("-number").values("number")[:1]
    live = Run.objects.live().order_by().values("version")
    found = numbered.annotate(newest=Subquery(newest)).filter(
        Q(number=F("newest")) | Q(pk__in=live)
    )
    yield from found.only("flow_id", "number", "document")


def named_in(document: JSON) -> Iterator[str]:
    """The resources that a document names, at whatever depth its steps lie."""
    if isinstance(document, list):
        for item in document:
            yield from named_in(item)
    elif isinstance(document, dict):
        yield from _named_by(document)
        for part in document.values():
            yield from named_in(part)


def _named_by(value: dict[str, JSON]) -> Iterator[str]:
    script = catalogue.get(str(value.get("path")))
    inputs = value.get("input_transforms")
    if script is None or not isinstance(inputs, dict):
        return
    for argument in script.resources:
        transform = inputs.get(argument)
        if isinstance(transform, dict) and transform.get("type") == "static":
            name = transform.get("value")
            if isinstance(name, str) and name:
                yield name
