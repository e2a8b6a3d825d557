"""Changes that nobody announces: rows of a SELECT, read into the outbox again and again, none missed and none taken twice."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from vneid_middleware.core.change_cursor import Cursor
from vneid_middleware.core.outbox import UPSERT, Change, checked
from vneid_middleware.exceptions import StorageError, VNeIDError
from vneid_middleware.pages import correlation_id
from vneid_middleware.plugins.documents.outbox.settings import OVERLAP, POLL_INTERVAL
from vneid_middleware.storage import change_source
from vneid_middleware.storage.outbox import present

log = logging.getLogger("vneid_middleware")

MOST = 2_000
"""Rows that are read at once."""
_BATCH = 200
"""Rows that come into the outbox in one transaction, so that nobody waits long for it."""


class Source:
    """One ``documents.KIND.changes``.

    Args:
        kind: KIND.
        services: everything of the middleware.
        run: of a backfill that begins anew, what tells its changes from those of others.
    """

    def __init__(self, kind: str, services: Any, run: str = "") -> None:
        settings = services.settings
        prefix = f"documents.{kind}."
        url = settings[prefix + "url"]
        self.kind = kind
        self.name = f"again:{run}:{kind}"[:64] if run else f"changes:{kind}"[:64]
        self.interval = float(settings.get(prefix + "poll_interval", POLL_INTERVAL))
        self._overlap: int = settings.get(prefix + "changes_overlap", OVERLAP)
        self._run = run
        self.rows_read = 0
        """Rows that were looked at, also those that had been taken before."""
        self._vneid = services
        self.database = change_source.ChangeDatabase(url.reveal() if hasattr(url, "reveal") else url,
                                                     settings[prefix + "changes"])

    def is_due(self) -> bool:
        """Tell whether it is time, and take the turn: one worker of all reads a source."""
        clock = self._vneid.clock()
        with self._vneid.storage.read() as connection:
            if not change_source.is_turn(connection, self.name, now=present(connection, clock)):
                return False
        with self._vneid.storage.begin() as connection:
            return change_source.take_turn(connection, self.name, now=present(connection, clock), interval=self.interval)

    def expected(self) -> int | None:
        """Return how many rows :meth:`read` will read; None where the database does not tell it in a few seconds.

        Raises:
            StorageError: storage does not answer.
        """
        try:
            return self.database.count(self._since()[1])
        except StorageError as error:
            if error.code != "changes_unavailable":
                raise
            log.info("documents.%s.changes: the rows can't be counted: %s", self.kind, error)
            return None

    def _since(self) -> tuple[Cursor | None, Any]:
        """Return how far it was read, and what ``:since`` is bound to first."""
        with self._vneid.storage.read() as connection:
            stored = change_source.cursor(connection, self.name)
        known = Cursor.stored(stored) if stored else None
        return known, known.back(self._overlap) if known else None

    def read(self) -> Iterator[int]:
        """Read what there is to its end; give how many changes each batch of rows brought.

        Raises:
            StorageError: one of the two databases does not answer. What came in stays; the next reading goes on there.
        """
        known, since = self._since()
        while True:
            rows, is_last = self._rows(since)
            for start in range(0, len(rows), _BATCH):
                batch = rows[start:start + _BATCH]
                known, brought = self._take(batch, known)
                self.rows_read += len(batch)
                yield brought
            if is_last:
                return
            # without the overlap, which has been read by now
            since = rows[-1]["since"]

    def _rows(self, since: Any) -> tuple[list[dict[str, Any]], bool]:
        """Return rows, and whether they are the last; rows that share a cursor are never parted."""
        rows = self.database.rows(since, MOST)
        for row in rows[:1]:
            missing = {"soDinhDanh", "maGiayTo", "since"} - set(row)
            if missing:
                raise VNeIDError("changes_malformed", f"the SELECT of documents.{self.kind}.changes has no column "
                                                      f"{' and no column '.join(sorted(missing))}")
        if len(rows) < MOST:
            return rows, True
        whole = [row for row in rows if row["since"] != rows[-1]["since"]]
        return (whole, False) if whole else (self.database.rows(since, None), True)

    def _take(self, rows: list[dict[str, Any]], known: Cursor | None) -> tuple[Cursor | None, int]:
        """Take a batch of rows in, and with them how far that is."""
        brought, malformed, clock = 0, 0, self._vneid.clock()
        with self._vneid.storage.begin() as connection:
            for row in rows:
                try:
                    found = Cursor.of(row["since"])
                    change = self.change(row)
                except (VNeIDError, ValueError):
                    malformed += self._note_malformed(connection, row)
                    continue
                brought += self._put(connection, row, change, found.position)
                known = _further(known, found)
            now = present(connection, clock)
            change_source.advance(connection, self.name, known.store() if known else None, now=now)
            if known is not None and known.position is not None:
                # far more than the overlap, since rows may be committed late by a clock that is behind
                change_source.forget_taken(connection, self.name, known.position - 2 * self._overlap - 86_400)
        if malformed:
            log.error("documents.%s.changes: %s rows can't be read: soDinhDanh, maGiayTo, since or action is wrong", self.kind,
                      malformed)
            self._vneid["alarm"].send("change_rows_malformed", correlation_id(), kind=self.kind, count=malformed)
        return known, brought

    def _note_malformed(self, connection: Any, row: Mapping[str, Any]) -> int:
        """Return 1 for a row that was not seen before, so that a person is told once."""
        return int(change_source.take(connection, self.name, self._keys(row), _position_of(row["since"])))

    def change(self, row: Mapping[str, Any]) -> Change:
        """Return the change that a row tells.

        Raises:
            VNeIDError: ``change_malformed``, with evidence ``field``.
        """
        action = row.get("action") or UPSERT
        key = f"{self._run or 'changes'}:{self._keys(row)[0]}"
        number, document = ("" if row[name] is None else str(row[name]) for name in ("soDinhDanh", "maGiayTo"))
        return checked(Change(self.kind, number, document, action, key))

    def _put(self, connection: Any, row: Mapping[str, Any], change: Change, position: float | None) -> int:
        if not change_source.take(connection, self.name, self._keys(row), position or 0.0):
            return 0
        self._vneid["outbox"].put(connection, change, self.name)
        return 1

    def _keys(self, row: Mapping[str, Any]) -> list[str]:
        text = "\n".join(f"{name}={_text(value)}" for name, value in sorted(row.items()))
        keys: list[str] = self._vneid.key_ring.keyed_hashes("changes", f"{self.name}\n{text}")
        return keys


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, (datetime, date)) else repr(value)


def _position_of(value: Any) -> float:
    try:
        return Cursor.of(value).position or 0.0
    except ValueError:
        return 0.0


def _further(known: Cursor | None, found: Cursor) -> Cursor:
    """Return the larger one; of two that can't be compared the one that came later."""
    if known is None or known.position is None or found.position is None:
        return found
    return found if found.position >= known.position else known


def sources(services: Any) -> list[Source]:
    """Return the sources that the ini names."""
    return [Source(key.split(".")[1], services) for key in services.settings
            if key.startswith("documents.") and key.endswith(".changes") and key.count(".") == 2]


def paced(batches: Iterator[int], rate: int) -> Iterator[int]:
    """Give batches no faster than ``rate`` changes a second."""
    began, total = time.monotonic(), 0
    for brought in batches:
        total += brought
        yield brought
        early = began + total / rate - time.monotonic()
        if early > 0:
            time.sleep(early)
