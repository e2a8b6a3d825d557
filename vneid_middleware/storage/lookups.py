"""Lookups at the counter: who asked, whether the citizen has answered. What a citizen's data stand in is sealed, and wiped."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, case, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from vneid_middleware.storage.purge import AT_ONCE, purge
from vneid_middleware.storage.tables import lookups

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

WAITING, SETTLING, SETTLED, TAKEN = "waiting", "settling", "settled", "taken"
"""Asked; answered and being written to the audit; ready to be fetched; gone, with only its traces left."""
_OPEN = (WAITING, SETTLING)


class Lookup(NamedTuple):
    """One row."""

    lookup_key: str
    operator_key: str
    qr_key: str
    request_id: str
    state: str
    status: str
    mode: str
    created_at: int
    deadline: int
    lease_until: int | None
    owner: str
    transaction_key: str | None
    sealed: str | None
    settled_at: int | None
    forget_at: int


def key_of(identifier: str) -> str:
    """Return what a lookup's or a transaction's id is known by here; the id itself is a secret."""
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()


def take_turns(connection: Connection, *keys: str) -> None:
    """Let nobody else go on with the same operator, or the same code, before this transaction ends.

    Args:
        keys: hashes as hex; where there are several, in the same order everywhere.
    """
    # SQLite has one writer at a time anyway; what two see of a row that is not there yet no row lock guards
    if connection.dialect.name == "postgresql":
        for key in keys:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({int(key[:15], 16)})")


def add(connection: Connection, row: Lookup, *, now: int) -> None:
    """Keep a lookup that begins; those that everybody is done with go at the same time."""
    purge(connection, lookups.c.lookup_key, lookups.c.forget_at, now)
    connection.execute(insert(lookups).values(**row._asdict()))


def asked_since(connection: Connection, operator_keys: Sequence[str], since: int, now: int) -> tuple[int, int]:
    """Return how many lookups an operator began after ``since``, and when the first of them.

    Those that a clock which was ahead has put into the future don't count: they would for as long as it was ahead.
    """
    query = select(func.count(), func.min(lookups.c.created_at)).where(lookups.c.operator_key.in_(operator_keys),
                                                                       lookups.c.created_at > since,
                                                                       lookups.c.created_at <= now)
    count, oldest = connection.execute(query).one()
    return int(count), int(oldest or since)


def of_qr(connection: Connection, qr_keys: Sequence[str], *, in_vain: str) -> tuple[Lookup, int] | None:
    """Return the newest lookup of a QR code, and when that was first scanned.

    Args:
        in_vain: the status of lookups that come last, however new: two of one second can't be told apart by time.
    """
    of_code = lookups.c.qr_key.in_(qr_keys)
    order = case((lookups.c.status == in_vain, 1), else_=0), lookups.c.created_at.desc()
    newest = _lookup(connection, select(lookups).where(of_code).order_by(*order).limit(1))
    if newest is None:
        return None
    return newest, int(connection.execute(select(func.min(lookups.c.created_at)).where(of_code)).scalar() or 0)


def get(connection: Connection, lookup_key: str) -> Lookup | None:
    """Return a lookup."""
    return _lookup(connection, select(lookups).where(lookups.c.lookup_key == lookup_key))


def of_transaction(connection: Connection, transaction_key: str) -> Lookup | None:
    """Return the lookup of one of VNeID's transactions."""
    return _lookup(connection, select(lookups).where(lookups.c.transaction_key == transaction_key))


def is_any_without_transaction(connection: Connection) -> bool:
    """Tell whether a lookup waits for the answer that will name its transaction."""
    query = select(lookups.c.lookup_key).where(lookups.c.state == WAITING, lookups.c.transaction_key.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def _lookup(connection: Connection, query: Any) -> Lookup | None:
    row = connection.execute(query).first()
    return None if row is None else Lookup(*row)


def remember(connection: Connection, lookup_key: str, transaction_key: str, sealed: str) -> bool:
    """Keep VNeID's transaction of a waiting lookup; False when the lookup is over, or the transaction is another one's."""
    query = update(lookups).where(lookups.c.lookup_key == lookup_key, lookups.c.state == WAITING).values(
        transaction_key=transaction_key, sealed=sealed, lease_until=None)
    try:
        with connection.begin_nested():
            return bool(connection.execute(query).rowcount)
    except IntegrityError:
        return False


def begin_settling(connection: Connection, lookup_key: str, state: str, status: str, *, now: int, lease_until: int) -> bool:
    """Claim the end of a lookup; False when it has ended, or another one is at it and lives.

    Args:
        state: ``SETTLING``, or ``TAKEN`` where the result is handed over at once.
    """
    is_open = or_(lookups.c.state == WAITING, and_(lookups.c.state == SETTLING, lookups.c.lease_until < now))
    query = update(lookups).where(lookups.c.lookup_key == lookup_key, is_open).values(
        state=state, status=status, settled_at=now, lease_until=lease_until if state == SETTLING else None, sealed=None)
    return bool(connection.execute(query).rowcount)


def finish_settling(connection: Connection, lookup_key: str, status: str, sealed: str) -> None:
    """Make a result ready to be fetched."""
    connection.execute(update(lookups).where(lookups.c.lookup_key == lookup_key, lookups.c.state == SETTLING).values(
        state=SETTLED, status=status, sealed=sealed, lease_until=None))


def abandon(connection: Connection, lookup_key: str, status: str) -> bool:
    """End a lookup without a result; False when it has ended."""
    query = update(lookups).where(lookups.c.lookup_key == lookup_key, lookups.c.state != TAKEN).values(
        state=TAKEN, status=status, sealed=None, lease_until=None)
    return bool(connection.execute(query).rowcount)


def take(connection: Connection, lookup_key: str) -> str | None:
    """Return a sealed result and wipe it; None when somebody was first."""
    query = select(lookups.c.sealed).where(lookups.c.lookup_key == lookup_key, lookups.c.state == SETTLED).with_for_update()
    sealed = connection.execute(query).scalar()
    if sealed is not None:
        connection.execute(update(lookups).where(lookups.c.lookup_key == lookup_key).values(state=TAKEN, sealed=None))
    return sealed


def drop(connection: Connection, lookup_key: str) -> None:
    """Drop a lookup that did not come about."""
    connection.execute(lookups.delete().where(lookups.c.lookup_key == lookup_key))


def renew(connection: Connection, lookup_keys: Sequence[str], lease_until: int) -> None:
    """Say that somebody still waits for VNeID's answers to these lookups."""
    waiting = and_(lookups.c.state == WAITING, lookups.c.lease_until.is_not(None))
    for start in range(0, len(lookup_keys), AT_ONCE):
        some = lookups.c.lookup_key.in_(lookup_keys[start:start + AT_ONCE])
        connection.execute(update(lookups).where(some, waiting).values(lease_until=lease_until))


def wipe_unfetched(connection: Connection, before: int) -> None:
    """Wipe results that nobody has fetched since ``before``."""
    connection.execute(update(lookups).where(lookups.c.state == SETTLED, lookups.c.settled_at < before).values(
        state=TAKEN, sealed=None))


def overdue(connection: Connection, now: int) -> list[Lookup]:
    """Return lookups whose time is over, or whose process is gone."""
    query = select(lookups).where(lookups.c.state.in_(_OPEN), or_(lookups.c.deadline < now, lookups.c.lease_until < now))
    return [Lookup(*row) for row in connection.execute(query.limit(AT_ONCE))]


def unfinished(connection: Connection) -> int:
    """Return how many lookups wait, or hold a result."""
    query = select(func.count()).select_from(lookups).where(lookups.c.state != TAKEN)
    return int(connection.execute(query).scalar() or 0)
