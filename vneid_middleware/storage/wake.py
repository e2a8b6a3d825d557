"""Being woken when something came into the outbox: by PostgreSQL's NOTIFY, or by looking after it now and then."""

from __future__ import annotations

import os
import select
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vneid_middleware.exceptions import StorageError
from vneid_middleware.storage.outbox import NOTIFY

if TYPE_CHECKING:
    from vneid_middleware.storage import Storage

LISTENING, LOOKING = 5.0, 0.5
"""Seconds that a worker sleeps at most: NOTIFY is a hint and may get lost, and SQLite has none."""


class Bell:
    """Wakes who waits: rung by other threads and by signals, and by PostgreSQL.

    Args:
        storage: where the outbox is.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._hears, self._rings = ends = os.pipe()
        for end in ends:
            os.set_blocking(end, False)
        # not in close(): a thread may ring then, and would write into whatever has got the number of a closed end
        weakref.finalize(self, _close, ends)
        self._listening: Any = None

    def ring(self) -> None:
        """Wake who waits, or who waits next. May be called from a signal's handler."""
        # it is full: who waits is woken already
        with suppress(BlockingIOError):
            os.write(self._rings, b".")

    def rest(self, longest: float) -> None:
        """Return after ``longest`` seconds, or when somebody of this process rings; the database is not asked."""
        if select.select([self._hears], [], [], longest)[0]:
            self._hush()

    def wait(self, longest: float) -> None:
        """Return when somebody rings, something came in, or after ``longest`` seconds; see ``LISTENING`` and ``LOOKING``."""
        driver = self._driver()
        sources = [self._hears] if driver is None else [self._hears, driver.pgconn.socket]
        found, _, _ = select.select(sources, [], [], min(longest, LOOKING if driver is None else LISTENING))
        if self._hears in found:
            self._hush()
        if driver is not None and driver.pgconn.socket in found:
            self._hear(driver)

    def _hush(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._hears, 4096)

    def _driver(self) -> Any:
        """Return psycopg's connection that listens; None where there is none, or it is gone and the database with it."""
        try:
            if self._storage.engine().dialect.name != "postgresql":
                return None
        except StorageError:
            # an SQLite file that can't be opened: the next round tells it
            return None
        if self._listening is None:
            # whatever the driver says: who can't listen looks
            with suppress(Exception):
                self._listening = self._listen()
        return self._listening

    def _listen(self) -> Any:
        connection = self._storage.engine().raw_connection()
        driver: Any = connection.driver_connection
        # it is ours from now on, and not the pool's
        connection.detach()
        try:
            driver.autocommit = True
            driver.execute(f"LISTEN {NOTIFY}")
        except BaseException:
            driver.close()
            raise
        return driver

    def _hear(self, driver: Any) -> None:
        try:
            driver.pgconn.consume_input()
            while driver.pgconn.notifies() is not None:
                """One waking is enough for all of them."""
        except Exception:
            # the server went away: the next call listens anew
            self._stop_listening()

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.close()

    def close(self) -> None:
        """Listen no more."""
        self._stop_listening()


def _close(ends: tuple[int, int]) -> None:
    for end in ends:
        os.close(end)
