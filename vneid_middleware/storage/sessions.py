"""Sessions that began, and sessions that ended before their time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, or_, select

from vneid_middleware.storage.purge import purge
from vneid_middleware.storage.tables import ended_sessions, sessions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

SESSION, SUBJECT, SID, ALL = "session", "subject", "sid", "all"
_ADVISORY_LOCK = 0x564E6545


class Ended(NamedTuple):
    """One line of the list of ended sessions."""

    seq: int
    scope: str
    target: str
    ended_at: int
    expires_at: int


def add(connection: Connection, row: dict[str, Any], *, now: int) -> bool:
    """Keep a session that begins; rows of sessions that are long over go at the same time.

    Returns:
        False when the provider has ended its own session meanwhile: nothing is kept then.
    """
    _in_order(connection)
    purge(connection, sessions.c.session_id, sessions.c.expires_at, now)
    over = select(ended_sessions.c.seq).where(ended_sessions.c.scope == SID, ended_sessions.c.target == row.get("sid_key"))
    if connection.execute(over).first() is not None:
        return False
    connection.execute(insert(sessions).values(**row))
    return True


def hint(connection: Connection, session_id: str) -> str | None:
    """Return the sealed logout hint of a session."""
    return connection.execute(select(sessions.c.hint).where(sessions.c.session_id == session_id)).scalar()


def end(connection: Connection, scope: str, target: str, *, now: int, expires_at: int) -> None:
    """Put a line on the list of ended sessions and drop the lines that nobody needs any more.

    On PostgreSQL the lines get their numbers in the order they are committed in, or a reader that has seen number 6
    would never ask for a number 5 that comes after it. SQLite has one writer at a time anyway.
    """
    _in_order(connection)
    purge(connection, ended_sessions.c.seq, ended_sessions.c.expires_at, now)
    connection.execute(insert(ended_sessions).values(scope=scope, target=target, ended_at=now, expires_at=expires_at))
    if scope == SESSION:
        connection.execute(delete(sessions).where(sessions.c.session_id == target))


def _in_order(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")


def of_provider_session(connection: Connection, sid_keys: Sequence[str]) -> list[str]:
    """Return the ids of the sessions that began with one of the provider's.

    Args:
        sid_keys: its keyed hashes.
    """
    return list(connection.execute(select(sessions.c.session_id).where(sessions.c.sid_key.in_(sid_keys))).scalars())


def forget_subject(connection: Connection, subject_keys: Sequence[str]) -> None:
    """Drop the record of all sessions of one account."""
    connection.execute(delete(sessions).where(sessions.c.subject_key.in_(subject_keys)))


def ended_after(connection: Connection, seq: int) -> list[Ended]:
    """Return the lines after number ``seq``, in order."""
    query = select(ended_sessions).where(ended_sessions.c.seq > seq).order_by(ended_sessions.c.seq)
    return [Ended(*row) for row in connection.execute(query)]


def live(connection: Connection, *, now: int, subject_keys: Sequence[str] = (), limit: int = 1000) -> list[dict[str, Any]]:
    """Return sessions that have not reached their end, newest first.

    Args:
        subject_keys: keyed hashes of a subject or a personal number; empty for everybody.
    """
    query = select(sessions).where(sessions.c.expires_at >= now).order_by(sessions.c.started_at.desc()).limit(limit)
    if subject_keys:
        query = query.where(or_(sessions.c.subject_key.in_(subject_keys), sessions.c.personal_key.in_(subject_keys)))
    return [dict(row._mapping) for row in connection.execute(query)]


def drop(connection: Connection, session_id: str) -> None:
    """Drop the record of a session that did not come about."""
    connection.execute(delete(sessions).where(sessions.c.session_id == session_id))


def exists(connection: Connection, session_id: str) -> bool:
    """Tell whether a session is on record."""
    query = select(sessions.c.session_id).where(sessions.c.session_id == session_id)
    return connection.execute(query).first() is not None


def forget_all(connection: Connection) -> int:
    """Drop the record of every session; return how many there were."""
    count = connection.execute(select(func.count()).select_from(sessions)).scalar() or 0
    connection.execute(delete(sessions))
    return int(count)
