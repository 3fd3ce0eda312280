"""Who and what there is at the stand-ins: people, one Slack workspace, its channels."""

from __future__ import annotations

from dataclasses import dataclass

WORKSPACE_ID = "T0ACME0001"
WORKSPACE_NAME = "Acme"
WORKSPACE_DOMAIN = "acme"


@dataclass(frozen=True)
class Person:
    """One person, with an account at both providers."""

    email: str
    given_name: str
    family_name: str
    google_id: str
    slack_id: str

    @property
    def name(self) -> str:
        """Full name."""
        return f"{self.given_name} {self.family_name}"

    @property
    def handle(self) -> str:
        """Slack's short name."""
        return self.email.partition("@")[0]

    @property
    def conversation(self) -> str:
        """The id of the direct conversation with this person."""
        return f"D{self.slack_id[1:]}"


@dataclass(frozen=True)
class Channel:
    """One channel of the workspace. A private one exists only for its members."""

    id: str
    name: str
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False
    is_general: bool = False


def _person(number: int, given_name: str, family_name: str, email: str = "") -> Person:
    return Person(
        email=email or f"{given_name.lower()}@example.com",
        given_name=given_name,
        family_name=family_name,
        google_id=f"1040000000000000000{number:02d}",
        slack_id=f"U0ACME{number:04d}",
    )


PEOPLE = (
    _person(1, "Ada", "Admin", "admin@example.com"),
    _person(2, "Alice", "Archer"),
    _person(3, "Bob", "Brown"),
    _person(4, "Carol", "Clark"),
    _person(5, "Dan", "Diaz"),
    _person(6, "Finance", "Team", "finance@example.com"),
)

CHANNELS = (
    Channel("C0ACME0001", "general", "Company-wide news", is_general=True),
    Channel("C0ACME0002", "approvals", "Who approved what"),
    Channel("C0ACME0003", "finance", "Money in, money out"),
    Channel("C0ACME0004", "random"),
    Channel("C0ACME0005", "old-plans", is_archived=True),
    Channel("C0ACME0006", "board", "Members only", is_private=True),
)


def person_by_email(email: str) -> Person | None:
    """The person with this address, in any case."""
    return next((person for person in PEOPLE if person.email == email.strip().lower()), None)


def person_by_slack_id(slack_id: str) -> Person | None:
    """The person with this Slack user id."""
    return next((person for person in PEOPLE if person.slack_id == slack_id), None)


def person_by_conversation(conversation: str) -> Person | None:
    """The person at the other end of a direct conversation."""
    return next((person for person in PEOPLE if person.conversation == conversation), None)


def channel_named(reference: str) -> Channel | None:
    """The channel with this id, ``name`` or ``#name``."""
    name = reference.removeprefix("#")
    return next((one for one in CHANNELS if reference == one.id or name == one.name), None)
