"""Services that the hub connects to, one folder each, and which of them this site can use.

A folder says in ``MODULES`` and ``APPS`` which modules and Django apps it needs. One whose needs
are not met contributes nothing; one that is deleted is missed by nobody.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType

from django.apps import apps

import hub


def installed() -> list[str]:
    """The dotted names of the folders that can be used."""
    names = [f"hub.{found.name}" for found in iter_modules(hub.__path__) if found.ispkg]
    return [name for name in names if _can_be_used(import_module(name))]


def _can_be_used(folder: ModuleType) -> bool:
    modules, needed_apps = getattr(folder, "MODULES", None), getattr(folder, "APPS", ())
    if modules is None:
        return False
    return all(map(find_spec, modules)) and all(map(apps.is_installed, needed_apps))
