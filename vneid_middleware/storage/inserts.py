"""INSERTs that do nothing where a unique key is taken, as both databases say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def insert_if_absent(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Add a row, unless one of the table's unique keys is taken; tell whether it was added."""
    return add(connection, adding(connection.dialect.name, table), row)


def adding(dialect: str, table: Table) -> Any:
    """Return the statement of :func:`add`: to make it costs more than to run it."""
    made = INSERT[dialect](table).on_conflict_do_nothing()
    return made.returning(*table.primary_key) if dialect == "postgresql" else made


def add(connection: Connection, statement: Any, row: Mapping[str, Any]) -> bool:
    """Run what :func:`adding` made; tell whether a row was added."""
    done = connection.execute(statement, row)
    # not rowcount, where rows come back: SQLAlchemy knows none then
    return done.first() is not None if done.returns_rows else bool(done.rowcount == 1)
