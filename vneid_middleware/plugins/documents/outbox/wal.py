"""SQLite's write-ahead log: emptied by the worker, and told of where a reader keeps it from getting smaller."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from vneid_middleware.pages import correlation_id
from vneid_middleware.plugins.documents.outbox.delivery import ticks as system_ticks

log = logging.getLogger("vneid_middleware")

BOUND = 64 * 1024 * 1024
"""Bytes up to which the log is left alone: SQLite itself begins it anew when it may."""
EVERY = 30.0
"""Seconds between two looks."""
TELL_AFTER = 2
"""Looks in a row at which it stayed too large after it was to be emptied; then a person is told."""


class WalWatch:
    """Looks after the log's size. Does nothing where the database has none of its own.

    Args:
        services: everything of the middleware.
        ticks: seconds of a clock that nobody sets.
    """

    def __init__(self, services: Any, ticks: Callable[[], float] = system_ticks) -> None:
        self._vneid = services
        self._ticks = ticks
        self._look_at = 0.0
        self._misses = 0

    def look(self) -> None:
        """Empty a log that is too large; an alarm, once, where that does not help.

        Raises:
            StorageError: storage does not answer.
        """
        if self._ticks() < self._look_at:
            return
        self._look_at = self._ticks() + EVERY
        if not self._is_small():
            self._vneid.storage.checkpoint()
        if self._is_small():
            self._misses = 0
            return
        self._misses += 1
        if self._misses == TELL_AFTER:
            size = self._vneid.storage.wal_bytes()
            log.error("the write-ahead log of storage is %s MB and can't be emptied: somebody reads the database without an end",
                      size // 1_000_000)
            self._vneid["alarm"].send("storage_wal_grows", correlation_id(), bytes=size)

    def _is_small(self) -> bool:
        return (self._vneid.storage.wal_bytes() or 0) <= BOUND
