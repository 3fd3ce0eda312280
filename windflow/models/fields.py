"""A field for flow documents."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from windflow.values import JSON


class DocumentField(models.JSONField):
    """JSON in a text column: what an author wrote comes back in the author's order.

    PostgreSQL's ``jsonb`` sorts the keys of objects, and with them the fields of a form.
    """

    def get_internal_type(self) -> str:
        return "TextField"

    def get_db_prep_value(
        self, value: JSON, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        return None if value is None else json.dumps(value, allow_nan=False)
