"""Changes that nobody announces: rows of a SELECT, read into the outbox again and again, none missed and none taken twice."""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress
from typing import Any

from vneid_middleware.core.change_cursor import Cursor
from vneid_middleware.exceptions import StorageError, VNeIDError
from vneid_middleware.pages import correlation_id
from vneid_middleware.plugins.documents.outbox.settings import OVERLAP, POLL_INTERVAL
from vneid_middleware.plugins.documents.outbox.source_rows import DAY, Page, Told, check_page, content_of, further, read_row
from vneid_middleware.storage import change_source
from vneid_middleware.storage.outbox import present

log = logging.getLogger("vneid_middleware")

MOST = 2_000
"""Rows that are read at once."""
RATE = 200
"""Changes a second that a worker takes in from one source, and a backfill that is told nothing else: others write meanwhile."""
BEING_READ = "changes_being_read"
"""Another process is at the source now."""
_BATCH = 100
"""Rows that come into the outbox in one transaction, so that nobody waits long for it."""
_FAILURES = 3
"""Readings that fail one after the other until a person is told."""
_NEVER = 1e300
"""The position of a row that has none: remembered for good, since it may come at each reading."""


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
        self.name = f"again:{run}:{kind}"[:64] if run else name_of(kind)
        self.interval = float(settings.get(prefix + "poll_interval", POLL_INTERVAL))
        self._overlap: int = settings.get(prefix + "changes_overlap", OVERLAP)
        self._run = run
        self._reader = uuid.uuid4().hex
        self._failures = 0
        self._alarmed: set[str] = set()
        self._faults: Counter[str] = Counter()
        self._ahead = 0
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

    def read(self, most: int = MOST) -> Iterator[int]:
        """Read what there is to its end; give how many changes each batch of rows brought.

        Args:
            most: rows that a batch may have.

        Raises:
            StorageError: one of the two databases does not answer. What came in stays; the next reading goes on there.
            VNeIDError: ``changes_being_read``: another process reads it now; ``changes_malformed``.
        """
        self._alarmed.clear()
        with self._reading():
            known, since = self._since()
            while True:
                page, size = self._page(since), min(most, _BATCH)
                try:
                    for start in range(0, len(page.rows), size):
                        batch = page.rows[start:start + size]
                        known, brought = self._take(batch, known, page.is_ordered)
                        self.rows_read += len(batch)
                        yield brought
                finally:
                    self._tell()
                if page.is_last:
                    return
                # without the overlap, which has been read by now
                since = page.rows[-1]["since"]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Be the only one who reads this source: two would wait for each other's rows until the database gives up."""
        with self._vneid.storage.begin() as connection:
            if not change_source.begin_reading(connection, self.name, self._reader, now=self._now(connection)):
                raise VNeIDError(BEING_READ, f"another process is reading documents.{self.kind}.changes now")
        try:
            yield
        finally:
            try:
                with self._vneid.storage.begin() as connection:
                    change_source.end_reading(connection, self.name, self._reader)
            except StorageError:
                log.debug("documents.%s.changes can be read again in %s s", self.kind, change_source.LEASE)

    def _keep(self, connection: Any) -> None:
        if not change_source.keep_reading(connection, self.name, self._reader, now=self._now(connection)):
            raise VNeIDError(BEING_READ, f"another process reads documents.{self.kind}.changes by now: this one was stopped for "
                             "too long")

    def _now(self, connection: Any) -> float:
        return present(connection, self._vneid.clock())

    def _page(self, since: Any) -> Page:
        """Return rows; those that share a cursor are never parted. The lease was written just before, with a batch or as the
        first thing."""
        rows = self.database.rows(since, MOST)
        is_ordered = self._checked(rows)
        if len(rows) < MOST:
            return Page(rows, True, is_ordered)
        whole = [row for row in rows if row["since"] != rows[-1]["since"]]
        if whole and whole[-1]["since"] != since:
            return Page(whole, False, is_ordered)
        # so many rows share a cursor that a page brings nothing new
        rows = self.database.rows(since, None)
        return Page(rows, True, self._checked(rows))

    def _checked(self, rows: list[dict[str, Any]]) -> bool:
        try:
            return check_page(self.kind, rows)
        except VNeIDError:
            # what was read in the wrong order left rows behind: once it is mended all are read; those that were taken are known
            with self._vneid.storage.begin() as connection:
                change_source.advance(connection, self.name, None, now=self._now(connection))
            raise

    def _take(self, rows: Sequence[Mapping[str, Any]], known: Cursor | None, is_ordered: bool) -> tuple[Cursor | None, int]:
        """Take a batch of rows in, and with them how far that is."""
        found = [self.told(row, is_ordered=is_ordered) for row in rows]
        brought = 0
        with self._vneid.storage.begin() as connection:
            self._keep(connection)
            now = self._now(connection)
            ordered = sorted(found, key=lambda told: told.order)
            are_new = change_source.take(connection, self.name, list(map(_placed, ordered)))
            for told in compress(ordered, are_new):
                brought += self._put(connection, told, now)
            for told in found:
                if told.change is not None and told.cursor is not None and not told.is_ahead(now):
                    # behind one that is ahead nothing would be read until that time has come
                    known = further(known, told.cursor)
            if known is not None and known.position is not None:
                # far more than the overlap, since rows may be committed late by a clock that is behind
                change_source.forget_taken(connection, self.name, known.position - 2 * self._overlap - DAY)
            change_source.advance(connection, self.name, known.store() if known else None, now=now)
        return known, brought

    def _put(self, connection: Any, told: Told, now: float) -> int:
        """Take a row in; return how many changes that is."""
        if told.change is None:
            self._faults[told.fault] += 1
            return 0
        self._vneid["outbox"].put(connection, told.change, self.name)
        self._ahead += told.is_ahead(now)
        return 1

    def _tell(self) -> None:
        """Tell of rows that are wrong, of each once."""
        name = f"documents.{self.kind}.changes"
        if self._faults:
            words = "; ".join(f"{fault} ({count} rows)" for fault, count in self._faults.most_common())
            log.error("%s: rows can't be taken: %s", name, words)
            self._alarm("change_rows_malformed", count=self._faults.total(), reason=words)
        if self._ahead:
            log.error("%s: since lies more than a day ahead in %s rows: they were taken, and are read again at each reading "
                      "until that is mended", name, self._ahead)
            self._alarm("change_rows_ahead", count=self._ahead)
        self._faults.clear()
        self._ahead = 0

    def _alarm(self, word: str, **facts: Any) -> None:
        """Send an alarm, once in a reading."""
        if word not in self._alarmed:
            self._alarmed.add(word)
            self._vneid["alarm"].send(word, correlation_id(), kind=self.kind, **facts)

    def told(self, row: Mapping[str, Any], *, is_ordered: bool = False) -> Told:
        """Return what a row tells."""
        keys = self._keys(row)
        return read_row(self.kind, row, keys, f"{self._run or 'changes'}:{keys[0]}", is_ordered=is_ordered)

    def _keys(self, row: Mapping[str, Any]) -> list[str]:
        keys: list[str] = self._vneid.key_ring.keyed_hashes("changes", f"{self.name}\n{content_of(row)}")
        return keys

    # -- a source that fails -------------------------------------------------------------------------------------------

    def note_end(self, error: VNeIDError | None = None) -> None:
        """Write down that a reading came to its end, or what it failed with: a person is told once of one that keeps failing.

        Args:
            error: None: it was read.
        """
        if error is not None:
            log.error("documents.%s.changes: %s", self.kind, error)
        self._failures = self._failures + 1 if error else 0
        if error is not None and self._failures < _FAILURES and error.code != "changes_malformed":
            return
        code = error.code if error else ""
        try:
            with self._vneid.storage.read() as connection:
                if change_source.fault(connection, self.name) == code:
                    return
            with self._vneid.storage.begin() as connection:
                is_new = change_source.note_fault(connection, self.name, code, now=self._now(connection))
        except StorageError:
            # the worker's round meets it, too
            return
        if is_new and code:
            self._vneid["alarm"].send("changes_failing", correlation_id(), kind=self.kind, reason=code)
        elif is_new:
            log.info("documents.%s.changes is read again", self.kind)


def _placed(told: Told) -> tuple[Sequence[str], float]:
    unplaced = 0.0 if told.cursor else _NEVER
    return told.keys, unplaced if told.position is None else told.position


def name_of(kind: str) -> str:
    """Return what the source of a kind is called in storage."""
    return f"changes:{kind}"[:64]


def kinds_with_changes(settings: Mapping[str, Any]) -> list[str]:
    """Return the kinds whose changes are read from a table."""
    return [key.split(".")[1] for key in settings if key.startswith("documents.") and key.endswith(".changes")
            and key.count(".") == 2]


def sources(services: Any) -> list[Source]:
    """Return the sources that the ini names."""
    return [Source(kind, services) for kind in kinds_with_changes(services.settings)]


def paced(batches: Iterator[int], rate: int) -> Generator[int, None, None]:
    """Give batches no faster than ``rate`` changes a second, but for those of the first second."""
    began, total = time.monotonic(), 0
    for brought in batches:
        total += brought
        yield brought
        early = began + total / rate - 1 - time.monotonic()
        if early > 0:
            time.sleep(early)
