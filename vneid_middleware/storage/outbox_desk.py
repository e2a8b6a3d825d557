"""The operator's hand on the outbox: what stands in it, and what a person may do about it. Never content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, exists, func, or_, select, update

from vneid_middleware.core.outbox import DEAD, DELIVERED, DISCARDED, READY, SUPERSEDED, WAITING
from vneid_middleware.storage.outbox import NEWER_THERE, mend, wake
from vneid_middleware.storage.tables import documents, outbox

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

class Entry(NamedTuple):
    """A change, without what it is about."""

    change_id: str
    kind: str
    version: int
    action: str
    state: str
    reason: str
    attempts: int
    submitter: str
    created_at: int
    next_at: float
    message_hash: str


_COLUMNS = tuple(getattr(outbox.c, name) for name in Entry._fields)


def entries(connection: Connection, states: Sequence[str], *, limit: int) -> list[Entry]:
    """Return changes in some states, oldest first."""
    query = select(*_COLUMNS).where(outbox.c.state.in_(states)).order_by(outbox.c.seq).limit(limit)
    return [Entry(*row) for row in connection.execute(query)]


def entry(connection: Connection, change_id: str) -> Entry | None:
    """Return a change."""
    row = connection.execute(select(*_COLUMNS).where(outbox.c.change_id == change_id)).first()
    return None if row is None else Entry(*row)


def counts(connection: Connection) -> dict[str, int]:
    """Return how many changes are in each state."""
    query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def retry(connection: Connection, change_id: str | None, *, now: float) -> tuple[int, int]:
    """Let dead letters be tried again, and what waits for another attempt at once; never one whose document's newer version
    was delivered.

    Args:
        change_id: one; None: all dead letters.

    Returns:
        how many are tried again, and how many are superseded instead.
    """
    newer = outbox.alias("newer")
    passed = exists().where(newer.c.document_id == outbox.c.document_id, newer.c.version > outbox.c.version,
                            newer.c.state == DELIVERED)
    which = outbox.c.state == DEAD if change_id is None else and_(outbox.c.change_id == change_id,
                                                                  outbox.c.state.in_((DEAD, READY)))
    superseded = connection.execute(update(outbox).where(which, passed).values(
        state=SUPERSEDED, reason="newer_delivered", sealed=None, touched_at=now, next_at=now)).rowcount
    again = connection.execute(update(outbox).where(which).values(
        state=READY, next_at=now, touched_at=now, attempts=0, crashes=0)).rowcount
    mend(connection, now=now)
    wake(connection)
    return again, superseded


def discard(connection: Connection, change_id: str | None, *, now: float) -> int:
    """Give up dead letters, or one change that is not under way; what waited behind them goes on.

    Args:
        change_id: one; None: all dead letters.
    """
    which = outbox.c.state == DEAD if change_id is None else and_(outbox.c.change_id == change_id,
                                                                  outbox.c.state.in_((DEAD, READY, WAITING)))
    count = connection.execute(update(outbox).where(which).values(
        state=DISCARDED, sealed=None, touched_at=now, next_at=now)).rowcount
    mend(connection, now=now)
    wake(connection)
    return count


class Lost(NamedTuple):
    """A document of which a change is missing here, or at the receiver."""

    document_id: int
    sealed: str
    version: int
    """The newest that is known to have been given out."""


def lost(connection: Connection, *, after: int, limit: int) -> list[Lost]:
    """Return documents whose newest change is not in the outbox, or was not taken because the receiver knows a newer version
    than was ever made here: a backup was restored, or rows were lost.

    What was erased is not lost: nothing says any more which document it was.

    Args:
        after: those with a larger ``document_id``.
    """
    same = and_(outbox.c.document_id == documents.c.document_id, outbox.c.version == documents.c.version)
    behind = and_(outbox.c.document_id == documents.c.document_id, outbox.c.reason == NEWER_THERE)
    newer = outbox.alias("newer")
    unmended = exists().where(behind, ~exists().where(newer.c.document_id == outbox.c.document_id,
                                                      newer.c.version > outbox.c.version))
    query = select(documents.c.document_id, documents.c.sealed, documents.c.version).where(
        documents.c.document_id > after, documents.c.sealed != "", or_(~exists().where(same), unmended))
    return [Lost(*row) for row in connection.execute(query.order_by(documents.c.document_id).limit(limit))]


class Untaken(NamedTuple):
    """A change that its receiver did not take."""

    change_id: str
    sealed: str
    submitter: str


def untaken(connection: Connection, document_id: int) -> Untaken | None:
    """Return a document's newest change, where the receiver did not take it for a version of its own;
    from now on it counts as settled."""
    mine = and_(outbox.c.document_id == document_id, outbox.c.reason == NEWER_THERE, outbox.c.sealed.is_not(None))
    row = connection.execute(select(outbox.c.change_id, outbox.c.sealed, outbox.c.submitter).where(mine).order_by(
        outbox.c.version.desc())).first()
    connection.execute(update(outbox).where(mine).values(sealed=None))
    return None if row is None else Untaken(*row)
