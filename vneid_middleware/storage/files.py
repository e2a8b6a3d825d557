"""The SQLite file behind ``storage``: made once, and never again in silence when it is gone."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

from vneid_middleware.exceptions import StorageError

__all__ = ["DatabaseFile"]

MARK = "-made"
"""Put behind the database's name: the file beside it which says that the database was made."""

_MARK_SAYS = """{name} was made here. If it is gone or empty, it is not made anew while this file is here: restore it from a
backup. To begin with an empty database, remove this file, too: changes that were not delivered are lost then.
"""


class DatabaseFile:
    """An SQLite database as a file that one process has open.

    SQLite goes on reading and writing a file that was deleted, and makes a missing one anew: what was acknowledged would be
    gone with the last process. So the file is compared with what was opened, and a mark beside it outlives it.

    Args:
        path: absolute.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._opened = (-1, -1)
        self.was_made = False
        """Whether the database had its tables before it was opened here."""

    def open(self) -> None:
        """Make the file if there never was one, with rights for its owner only; note which file it is.

        Raises:
            StorageError: the file is gone or empty, or no file.
            OSError: it can't be made, read or written.
        """
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        # the mark is looked for first: another process that makes the database now writes it after the tables
        self.was_made = os.path.exists(self._path + MARK)
        if not self.was_made:
            with suppress(FileExistsError):
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        # never opened where it is there: to close it would drop the locks of all connections of this process (POSIX), and a
        # process that ends would take the write-ahead log away under them
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            raise _lost(self._path, "is gone") from None
        if not stat.S_ISREG(status.st_mode):
            raise StorageError("storage_unavailable", f"{self._path} is not a file: name one that is, or that does not exist "
                               "yet, in storage")
        if not os.access(self._path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), self._path)
        if self.was_made and not status.st_size:
            # not left to SQLite, which would throw away what its log still holds
            raise _lost(self._path, "is empty")
        self._opened = _identity(status)

    def check(self) -> None:
        """Compare what lies under the name now with what was opened. Takes a microsecond.

        Raises:
            StorageError: the file was deleted, moved or replaced.
        """
        try:
            is_same = _identity(os.stat(self._path)) == self._opened
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise StorageError("storage_unavailable", f"the database file {self._path} was deleted or replaced while it was "
                               "in use: stop the portal and its workers, restore the file, then start them again")

    def refuse_empty(self) -> None:
        """Raise ``StorageError`` where a database without tables had them before."""
        if self.was_made:
            raise _lost(self._path, "has no tables")

    def mark(self) -> None:
        """Write down that the tables were made. Call when they are committed."""
        try:
            marked = os.open(self._path + MARK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        with open(marked, "w", encoding="utf-8") as file:
            file.write(_MARK_SAYS.format(name=os.path.basename(self._path)))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _lost(path: str, what: str) -> StorageError:
    return StorageError("storage_unavailable", f"the database file {path} {what}, and it was made before: restore it from a "
                        f"backup, or remove {path}{MARK} to begin with an empty one")
