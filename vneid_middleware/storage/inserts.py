"""INSERTs that do nothing where a unique key is taken, as both databases say it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from vneid_middleware.storage.tables import channels

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def insert_if_absent(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Add a row, unless one of the table's unique keys is taken; tell whether it was added."""
    done = connection.execute(_adding(connection.dialect.name, table), row)
    # not rowcount, where rows come back: SQLAlchemy knows none then
    return done.first() is not None if done.returns_rows else bool(done.rowcount == 1)


def insert_channel(connection: Connection, name: str, *, now: float) -> None:
    """Make a row of ``channels`` that says nothing yet, unless there is one."""
    insert_if_absent(connection, channels, {"name": name, "paused": "", "not_before": 0.0, "touched_at": now})


@cache
def _adding(dialect: str, table: Table) -> Any:
    # kept: to make it costs more than to run it
    made = INSERT[dialect](table).on_conflict_do_nothing()
    return made.returning(*table.primary_key) if dialect == "postgresql" else made
