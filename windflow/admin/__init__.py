"""The admin: flows are edited, published, tested and started; runs are watched; resources are
connected and shared. It holds no rule of its own: every change of state is a verb of
:mod:`windflow.engine`."""

from __future__ import annotations

from windflow.admin.flows import FlowAdmin
from windflow.admin.resources import ResourceAdmin
from windflow.admin.runs import RunAdmin
from windflow.admin.versions import FlowVersionAdmin

__all__ = ["FlowAdmin", "FlowVersionAdmin", "ResourceAdmin", "RunAdmin"]
