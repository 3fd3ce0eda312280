"""Row writes whose SQL is worked out once.

The ORM builds the text of a statement anew each time, and that takes longer than running it: a step
boundary, which is five statements, costs a third with these. Names come from the models, and values
go through their fields, as in the ORM; there are no expressions here, no signals and no cascades.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from django.db import connection
from django.db.models import Field, Model

Columns = tuple["Field[Any, Any]", ...]


def insert(rows: Sequence[Model]) -> None:
    """Insert new rows of one model, at least one; of a single row, the primary key is set."""
    text, columns = _insert_text(connection.vendor, type(rows[0]), len(rows))
    values = [column.pre_save(row, add=True) for row in rows for column in columns]
    with connection.cursor() as cursor:
        cursor.execute(text, _params(columns * len(rows), values))
        if len(rows) == 1:
            rows[0].pk = _new_key(cursor, rows[0])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def update(model: type[Model], values: Mapping[str, Any], **where: Any) -> int:
    """Set ``values`` where the fields in ``where`` have these values; how many rows that were."""
    text, columns = _update_text(connection.vendor, model, tuple(values), tuple(where))
    with connection.cursor() as cursor:
        cursor.execute(text, _params(columns, [*values.values(), *where.values()]))
        changed: int = cursor.rowcount
    return changed


def lock(model: type[Model], names: Sequence[str], **where: Any) -> tuple[Any, ...] | None:
    """The columns ``names`` of the row that ``where`` describes, locked; None without one."""
    text, columns = _lock_text(connection.vendor, model, tuple(names), tuple(where))
    with connection.cursor() as cursor:
        cursor.execute(text, _params(columns, where.values()))
        found: tuple[Any, ...] | None = cursor.fetchone()
    return found


# The texts, each kept by vendor: quoting and locking differ. Every name in them is a model's own.


@lru_cache(maxsize=64)
def _insert_text(_vendor: str, model: type[Model], count: int) -> tuple[str, Columns]:
    columns = tuple(field for field in model._meta.local_concrete_fields if not field.primary_key)
    row = f"({', '.join(['%s'] * len(columns))})"
    names = ", ".join(map(_name, columns))
    text = f"INSERT INTO {_table(model)} ({names}) VALUES {', '.join([row] * count)}"  # noqa: S608
    if count == 1 and connection.features.can_return_columns_from_insert:
        text += f" RETURNING {_name(model._meta.pk)}"
    return text, columns


@lru_cache(maxsize=64)
def _update_text(
    _vendor: str, model: type[Model], names: tuple[str, ...], where: tuple[str, ...]
) -> tuple[str, Columns]:
    changed, known = _columns(model, names), _columns(model, where)
    assignments = ", ".join(f"{_name(column)} = %s" for column in changed)
    text = f"UPDATE {_table(model)} SET {assignments} WHERE {_condition(known)}"  # noqa: S608
    return text, changed + known


@lru_cache(maxsize=64)
def _lock_text(
    _vendor: str, model: type[Model], names: tuple[str, ...], where: tuple[str, ...]
) -> tuple[str, Columns]:
    known = _columns(model, where)
    wanted = ", ".join(map(_name, _columns(model, names)))
    text = f"SELECT {wanted} FROM {_table(model)} WHERE {_condition(known)}"  # noqa: S608
    if connection.features.has_select_for_update:
        text += f" {connection.ops.for_update_sql()}"
    return text, known


def _columns(model: type[Model], names: Iterable[str]) -> Columns:
    return cast("Columns", tuple(model._meta.get_field(name) for name in names))


def _name(column: Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(column.column))


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _condition(columns: Columns) -> str:
    return " AND ".join(f"{_name(column)} = %s" for column in columns)


def _params(columns: Columns, values: Iterable[Any]) -> list[Any]:
    return [
        column.get_db_prep_save(value, connection)
        for column, value in zip(columns, values, strict=True)
    ]


def _new_key(cursor: Any, row: Model) -> Any:
    if connection.features.can_return_columns_from_insert:
        return cursor.fetchone()[0]
    return connection.ops.last_insert_id(cursor, row._meta.db_table, str(row._meta.pk.column))
