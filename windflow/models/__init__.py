"""The rows. Statuses are changed by :mod:`windflow.engine` alone."""

from __future__ import annotations

from windflow.models.event import Event
from windflow.models.flow import Flow, FlowVersion
from windflow.models.heartbeat import Heartbeat
from windflow.models.resource import Resource
from windflow.models.run import Run, StepRun
from windflow.models.suspension import Approval, Suspension

__all__ = [
    "Approval",
    "Event",
    "Flow",
    "FlowVersion",
    "Heartbeat",
    "Resource",
    "Run",
    "StepRun",
    "Suspension",
]
