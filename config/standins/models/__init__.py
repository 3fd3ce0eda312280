"""The stand-ins' rows: web and worker processes share them."""

from __future__ import annotations

from config.standins.models.call import Call, Endpoint, Fault
from config.standins.models.grant import App, Code, Grant, Provider, Token
from config.standins.models.key import SigningKey
from config.standins.models.mail import Mail
from config.standins.models.message import Membership, Message

__all__ = [
    "App",
    "Call",
    "Code",
    "Endpoint",
    "Fault",
    "Grant",
    "Mail",
    "Membership",
    "Message",
    "Provider",
    "SigningKey",
    "Token",
]
