"""Dropping rows that nobody needs any more, a few along with each write, so that no write pays for a long backlog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

AT_ONCE = 500


def purge(connection: Connection, column: Any, condition: Any) -> int:
    """Drop at most ``AT_ONCE`` rows and return how many there were.

    Rows that another connection drops at this moment are passed over, so that two never wait for each other.

    Args:
        column: the table's primary key.
        condition: which rows are over.
    """
    query = select(column).where(condition).order_by(column).limit(AT_ONCE).with_for_update(skip_locked=True)
    keys = connection.execute(query).scalars().all()
    if keys:
        connection.execute(delete(column.table).where(column.in_(keys)))
    return len(keys)
