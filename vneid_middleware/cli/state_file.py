"""A small file that others read while it is written anew again and again."""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress

log = logging.getLogger("vneid_middleware")


class StateFile:
    """Written whole or not at all. Never raises: what the file tells of is more important than the file.

    Args:
        path: where. Its folder must be there, and writable.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._is_well = True

    def write(self, content: bytes) -> None:
        """Put ``content`` in place of what is there. A fault is logged when it begins, and when it is over."""
        # beside the file, since a rename is whole only within one file system
        beside = f"{self._path}.{os.getpid()}"
        try:
            self._check_place()
            try:
                self._write_beside(beside, content)
                os.replace(beside, self._path)
            except OSError:
                with suppress(OSError):
                    os.unlink(beside)
                raise
        except OSError as error:
            if self._is_well:
                log.error("%s can't be written: %s", self._path, error.strerror or type(error).__name__)
            self._is_well = False
            return
        if not self._is_well:
            log.warning("%s is written again", self._path)
        self._is_well = True

    def _check_place(self) -> None:
        """Refuse to put a file in the place of a device, say."""
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(os.lstat(self._path).st_mode):
                raise FileExistsError(0, "it is there, and no file")

    @staticmethod
    def _write_beside(name: str, content: bytes) -> None:
        # what an earlier process with our id left behind; anything else that comes between is refused
        with suppress(FileNotFoundError):
            os.unlink(name)
        with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            # whoever looks after the worker is another user, and there is nothing personal in it
            os.fchmod(file.fileno(), 0o644)
            file.write(content)

    def remove(self) -> None:
        """Take the file away."""
        with suppress(OSError):
            self._check_place()
            os.unlink(self._path)
