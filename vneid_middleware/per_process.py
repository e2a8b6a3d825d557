"""What each process makes for itself when it first needs it: threads, locks and connections don't survive a ``fork``."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Gives this process's own.

    Args:
        make: makes one; called once in a process, by one thread.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: tuple[int, T] | None = None

    def __call__(self) -> T:
        made = self._made
        if made is None or made[0] != os.getpid():
            # a lock of this process's own: one made before the fork may be held by a thread that was left behind
            lock: threading.Lock = self.__dict__.setdefault(f"_lock{os.getpid()}", threading.Lock())
            with lock:
                made = self._made
                if made is None or made[0] != os.getpid():
                    made = self._made = (os.getpid(), self._make())
        return made[1]

    def known(self) -> T | None:
        """Return what this process has made, if it has."""
        made = self._made
        return made[1] if made is not None and made[0] == os.getpid() else None

    def forget(self) -> None:
        """Let the next call make another one."""
        self._made = None
