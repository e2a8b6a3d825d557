"""Sources of changes: a SELECT in the agency's own database, and how far it was read into the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, insert, or_, select, text, update

from vneid_middleware.storage.explain import Trial, try_query
from vneid_middleware.storage.foreign import ForeignDatabase
from vneid_middleware.storage.inserts import insert_channel
from vneid_middleware.storage.tables import channels, taken_rows

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

TIMEOUT = 60
COUNT_TIMEOUT = 5
"""Seconds in which a database must have counted the rows: what is shown with the number is not worth more."""
LEASE = 180
"""Seconds that a source belongs to its reader after a sign of life: more than one question may take."""
_SET_BACK = 5
_NAMES = {name.lower(): name for name in ("soDinhDanh", "maGiayTo", "since", "action")}
"""Columns as we know them; databases differ in what they make of upper and lower case."""
_TAKEN = select(taken_rows.c.row_key).where(taken_rows.c.row_key.in_(bindparam("row_keys", expanding=True)))


class ChangeDatabase:
    """The database named by ``documents.KIND.url``, as it is asked for changes.

    Args:
        url: SQLAlchemy URL; a file's name is absolute.
        query: a SELECT with ``:since``.
    """

    def __init__(self, url: str, query: str) -> None:
        self._database = ForeignDatabase(url, "changes", timeout=TIMEOUT)
        self._counting = ForeignDatabase(url, "changes", timeout=COUNT_TIMEOUT)
        self._query = query

    def rows(self, since: Any, most: int | None) -> list[dict[str, Any]]:
        """Return rows, in the order of the SELECT.

        Args:
            since: what ``:since`` is bound to; None for NULL.
            most: how many; None for all.

        Raises:
            StorageError: ``changes_unavailable``.
        """
        return self.asked(since, most)[1]

    def asked(self, since: Any, most: int | None) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
        """Return the columns, which are known without rows, too, and the rows as :meth:`rows` does."""
        with self._database.reading([since]) as connection:
            # of many rows the database is to send only those that are taken
            given = connection.execution_options(stream_results=most is not None)
            found = given.execute(text(self._query), {"since": since})
            columns = tuple(_NAMES.get(name.lower(), name) for name in tuple(found.keys()))
            rows = found.fetchall() if most is None else found.fetchmany(most)
            found.close()
            return columns, [dict(zip(columns, row, strict=True)) for row in rows]

    def try_query(self, since: Any) -> Trial:
        """Ask how the database finds its rows.

        Raises:
            StorageError: ``changes_unavailable``.
        """
        return try_query(self._database, self._query, {"since": since})

    def count(self, since: Any) -> int:
        """Return how many rows there are.

        Raises:
            StorageError: ``changes_unavailable``; also where counting takes longer than ``COUNT_TIMEOUT``.
        """
        with self._counting.reading([since]) as connection:
            query = f"SELECT count(*) FROM ({self._query}) counted"  # noqa: S608  the administrator's own, checked to be one SELECT
            return int(connection.execute(text(query), {"since": since}).scalar_one())


def take_turn(connection: Connection, name: str, *, now: float, interval: float) -> bool:
    """Tell whether a source is due, and make it the caller's for as long as the interval is."""
    insert_channel(connection, name, now=now)
    due = or_(channels.c.not_before <= now, channels.c.touched_at > now + _SET_BACK)
    return bool(connection.execute(update(channels).where(channels.c.name == name, due).values(
        not_before=now + interval, touched_at=now)).rowcount)


def is_turn(connection: Connection, name: str, *, now: float) -> bool:
    """Tell whether a source is due. A read."""
    row = connection.execute(select(channels).where(channels.c.name == name)).first()
    return row is None or row.not_before <= now or row.touched_at > now + _SET_BACK


def begin_reading(connection: Connection, name: str, reader: str, *, now: float) -> bool:
    """Make a source the caller's to read; False while another one reads it. Two would wait for each other's rows.

    Args:
        reader: a name that nobody else has.
    """
    lease = _lease(name)
    row = connection.execute(select(channels).where(channels.c.name == lease)).first()
    if row is not None and row.paused and row.not_before > now and row.touched_at <= now + _SET_BACK:
        # not tried by an UPDATE, which would wait for whoever keeps it within a transaction
        return False
    insert_channel(connection, lease, now=now)
    free = or_(channels.c.paused == "", channels.c.not_before <= now, channels.c.touched_at > now + _SET_BACK)
    return bool(connection.execute(update(channels).where(channels.c.name == lease, free).values(
        paused=reader, not_before=now + LEASE, touched_at=now)).rowcount)


def keep_reading(connection: Connection, name: str, reader: str, *, now: float) -> bool:
    """Give a sign of life; False where another one reads the source by now."""
    return bool(connection.execute(update(channels).where(channels.c.name == _lease(name), channels.c.paused == reader).values(
        not_before=now + LEASE, touched_at=now)).rowcount)


def end_reading(connection: Connection, name: str, reader: str) -> None:
    """Let others read the source."""
    connection.execute(update(channels).where(channels.c.name == _lease(name), channels.c.paused == reader).values(
        paused="", not_before=0.0))


def _lease(name: str) -> str:
    return f"reads:{name}"[:64]


def fault(connection: Connection, name: str) -> str:
    """Return the code of what keeps a source from being read; empty while it is read."""
    return str(connection.execute(select(channels.c.paused).where(channels.c.name == name)).scalar() or "")


def note_fault(connection: Connection, name: str, code: str, *, now: float) -> bool:
    """Write down what keeps a source from being read, or "" when it is read again; tell whether that is new."""
    insert_channel(connection, name, now=now)
    return bool(connection.execute(update(channels).where(channels.c.name == name, channels.c.paused != code).values(
        paused=code)).rowcount)


def cursor(connection: Connection, name: str) -> str | None:
    """Return how far a source was read."""
    found: str | None = connection.execute(select(channels.c.cursor).where(channels.c.name == name)).scalar()
    return found


def advance(connection: Connection, name: str, to: str | None, *, now: float) -> None:
    """Keep how far a source was read, in the transaction that its rows came into the outbox by."""
    insert_channel(connection, name, now=now)
    connection.execute(update(channels).where(channels.c.name == name).values(cursor=to))


def take(connection: Connection, kind: str, rows: Sequence[tuple[Sequence[str], float]]) -> list[bool]:
    """Note that rows were taken, in a transaction that keeps the source; tell of each whether it had not been.

    Args:
        rows: of each the keyed hashes of all of it, newest secret first, and its cursor as a number.
    """
    known = set(connection.execute(_TAKEN, {"row_keys": [key for keys, _ in rows for key in keys]}).scalars())
    found, new = [], []
    for keys, position in rows:
        before = known.intersection(keys)
        if before and keys[0] not in known:
            # so that it is known when the older secret is gone
            connection.execute(update(taken_rows).where(taken_rows.c.row_key == min(before)).values(row_key=keys[0]))
        elif not before:
            new.append({"row_key": keys[0], "kind": kind, "position": position})
        found.append(not before)
        known.add(keys[0])
    if new:
        connection.execute(insert(taken_rows), new)
    return found


def forget_taken(connection: Connection, kind: str, before: float) -> None:
    """Drop what will not be read again."""
    connection.execute(delete(taken_rows).where(and_(taken_rows.c.kind == kind, taken_rows.c.position < before)))
