"""The operator's hand on the outbox: what stands in it, and what a person may do about it. Never content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, exists, func, or_, select, update

from vneid_middleware.core.outbox import DEAD, DELIVERED, DISCARDED, NEWER_THERE, OPEN, READY, SUPERSEDED, WAITING
from vneid_middleware.storage.outbox import mend, wake
from vneid_middleware.storage.tables import documents, outbox

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


RAISED_BY = 10_000
"""Versions that are left out after a backup was restored: more than any document may have got since it was made."""


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


def stands_before(connection: Connection, change_id: str) -> Entry | None:
    """Return the oldest change that is not settled and that another one waits for; None where it waits for none."""
    mine = outbox.alias("mine")
    older = and_(mine.c.change_id == change_id, mine.c.state.in_((READY, WAITING)), outbox.c.document_id == mine.c.document_id,
                 outbox.c.version < mine.c.version, outbox.c.state.in_(OPEN))
    row = connection.execute(select(*_COLUMNS).join(mine, older).order_by(outbox.c.version)).first()
    return None if row is None else Entry(*row)


def sealed_document(connection: Connection, change_id: str) -> str | None:
    """Return what says which document a change is about, sealed; empty where it was erased, None where there is no change."""
    same = outbox.c.document_id == documents.c.document_id
    found: str | None = connection.execute(select(documents.c.sealed).join(outbox, same).where(
        outbox.c.change_id == change_id)).scalar()
    return found


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


def everything(connection: Connection, *, after: int, limit: int) -> list[Lost]:
    """Return documents as :func:`lost` does, all of them."""
    query = select(documents.c.document_id, documents.c.sealed, documents.c.version).where(documents.c.document_id > after)
    return [Lost(*row) for row in connection.execute(query.order_by(documents.c.document_id).limit(limit))]


def raise_version(connection: Connection, document_id: int) -> None:
    """Let a document's next change be newer than what its receiver may have got since a backup was made."""
    connection.execute(update(documents).where(documents.c.document_id == document_id).values(
        version=documents.c.version + RAISED_BY))


class Newest(NamedTuple):
    """What is known of a document's newest change."""

    change_id: str
    version: int
    action: str
    submitter: str
    sealed: str | None
    """What its receiver did not take; None where it did, or where the change is still to be sent."""


def newest(connection: Connection, document_id: int) -> Newest | None:
    """Return a document's newest change that was not given up. What was not taken counts as settled from now on."""
    mine = outbox.c.document_id == document_id
    row = connection.execute(select(outbox).where(mine, outbox.c.state.not_in((DISCARDED, SUPERSEDED))).order_by(
        outbox.c.version.desc())).first()
    connection.execute(update(outbox).where(mine, outbox.c.reason == NEWER_THERE).values(sealed=None))
    if row is None:
        return None
    return Newest(row.change_id, row.version, row.action, row.submitter, row.sealed if row.reason == NEWER_THERE else None)


def is_mended_soon(connection: Connection, document_id: int) -> bool:
    """Tell whether a newer change is on its way of a document of which one was not taken."""
    open_one = outbox.alias("open_one")
    query = select(outbox.c.seq).where(
        outbox.c.document_id == document_id, outbox.c.reason == NEWER_THERE, outbox.c.sealed.is_not(None),
        exists().where(open_one.c.document_id == outbox.c.document_id, open_one.c.version > outbox.c.version,
                       open_one.c.state.in_(OPEN)))
    return connection.execute(query.limit(1)).first() is not None
