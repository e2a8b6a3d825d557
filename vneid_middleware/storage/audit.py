"""Audit records in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from vneid_middleware.storage.purge import purge
from vneid_middleware.storage.tables import audit_records

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_APPEND = insert(audit_records)


def append(connection: Connection, *, time: str, event: str, outcome: str, record: str, oldest: str) -> None:
    """Keep one record; records from before ``oldest`` go. Both times are UTC, ISO 8601."""
    purge(connection, audit_records.c.seq, audit_records.c.time, oldest)
    connection.execute(_APPEND, {"time": time, "event": event, "outcome": outcome, "record": record})


def records(connection: Connection, *, after: int = 0, limit: int = 1000) -> list[tuple[int, str]]:
    """Return sequence number and JSON of records, oldest first."""
    query = select(audit_records.c.seq, audit_records.c.record).where(audit_records.c.seq > after)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(audit_records.c.seq).limit(limit))]
