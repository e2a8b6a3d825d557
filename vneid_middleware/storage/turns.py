"""Writing to SQLite: one thread of a process at a time, and one commit for all that wait at the same moment.

SQLite has one writer, and its own way of waiting is by chance: under load some would never come to their turn. A commit waits
for the disk; so who ends while others wait leaves the transaction to the next, and returns when the last one has committed it for
all (a group commit). Each part after the first is a savepoint of its own: one that fails takes none of the others along.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from vneid_middleware.exceptions import StorageError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["WriteTurns"]

_MOST = 16
"""Parts of one transaction: none waits for many."""
_LOOK = 0.05
"""Seconds after which somebody who waits for a commit looks whether the one that was to make it has gone."""


class _Group:
    """A transaction of several."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transaction = connection.begin()
        self.parts = 0
        self.done = threading.Event()
        self.error: BaseException | None = None

    def is_open(self) -> bool:
        """Tell whether SQLite has not ended the transaction by itself, as it does when the disk is full."""
        return bool(self.connection.connection.dbapi_connection.in_transaction)  # type: ignore[union-attr]


class WriteTurns:
    """The writers of one process.

    Args:
        connect: returns a new connection.
        before_commit: raises where what was written must not be acknowledged.
        timeout: seconds that a writer waits for its turn.
    """

    def __init__(self, connect: Callable[[], Connection], before_commit: Callable[[], None], timeout: float) -> None:
        self._connect = connect
        self._before_commit = before_commit
        self._timeout = timeout
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._group: _Group | None = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a write transaction that is committed when this returns.

        Raises:
            StorageError: the turn did not come in time.
        """
        group = self._enter()
        is_first = group.parts == 0
        group.parts += 1
        try:
            with nullcontext() if is_first else group.connection.begin_nested():
                yield group.connection
        except BaseException as error:
            self._leave(group, error if is_first or not group.is_open() else None)
            raise
        self._leave(group, None)
        while not group.done.wait(_LOOK):
            self._finish_for_others(group)
        if group.error is not None:
            raise group.error

    def _enter(self) -> _Group:
        with self._counting:
            self._waiting += 1
        try:
            if not self._turn.acquire(timeout=self._timeout):
                raise StorageError("storage_unavailable", f"the database was busy for {self._timeout} s")
        finally:
            with self._counting:
                self._waiting -= 1
        try:
            if self._group is None:
                self._group = self._opened()
            return self._group
        except BaseException:
            self._turn.release()
            raise

    def _opened(self) -> _Group:
        connection = self._connect()
        try:
            return _Group(connection)
        except BaseException:
            connection.close()
            raise

    def _leave(self, group: _Group, error: BaseException | None) -> None:
        """Give the turn on; who is the last commits.

        Args:
            error: what has ended the transaction.
        """
        if error is not None or not self._waiting or group.parts >= _MOST:
            self._end(group, error)
        self._turn.release()

    def _finish_for_others(self, group: _Group) -> None:
        """Commit where whoever waited for the turn has given up meanwhile."""
        if self._turn.acquire(blocking=False):
            try:
                if not group.done.is_set():
                    self._end(group, None)
            finally:
                self._turn.release()

    def _end(self, group: _Group, error: BaseException | None) -> None:
        self._group = None
        try:
            with group.connection:
                if error is None:
                    self._before_commit()
                    group.transaction.commit()
                else:
                    group.transaction.rollback()
        except BaseException as failed:
            error = failed
        group.error = error
        group.done.set()
