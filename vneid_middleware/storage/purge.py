"""Dropping rows that nobody needs any more, a few along with each write, so that no write pays for a long backlog."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

AT_ONCE = 500


def purge(connection: Connection, key: Any, dated: Any, before: Any, condition: Any = None) -> int:
    """Drop at most ``AT_ONCE`` rows and return how many there were.

    Rows that another connection drops at this moment are passed over, so that two never wait for each other.

    Args:
        key: the table's primary key.
        dated: the column by which rows are over; it has an index, by which those that are over are found however many are not.
        before: rows with a smaller value are over.
        condition: what must hold beside it; None: nothing.
    """
    query = _over(key, dated) if condition is None else _over(key, dated).where(condition)
    keys = connection.execute(query, {"before": before}).scalars().all()
    if keys:
        connection.execute(delete(key.table).where(key.in_(keys)))
    return len(keys)


@cache
def _over(key: Any, dated: Any) -> Any:
    # kept: to make it costs more than to run it. In the order of the index: by the key's order a database would read all rows to
    # find that none is over
    return select(key).where(dated < bindparam("before")).order_by(dated).limit(AT_ONCE).with_for_update(skip_locked=True)
