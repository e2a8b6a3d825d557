"""Which threads may wait for the provider, and how long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vneid_middleware.exceptions import LoginError

LOGIN_DEADLINE = 30.0
SINGLE_THREAD_DEADLINE = 5.0
"""Seconds for all calls of one login; with one thread the whole portal waits for them."""


class Bulkhead:
    """Half of the server's threads may wait for the provider; the others are for the portal's own pages.

    Args:
        server_threads: how many threads the server has.
    """

    def __init__(self, server_threads: int) -> None:
        self._slots = max(1, server_threads // 2)
        self.for_tokens = _One(self)
        """One slot at most: for what anybody may send, and which must not keep logins waiting."""
        self.limit = SINGLE_THREAD_DEADLINE if server_threads == 1 else LOGIN_DEADLINE

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the threads.

        Raises:
            LoginError: all of them wait already.
        """
        if not self.slots.acquire(blocking=False):
            raise LoginError("too_many_logins", "all threads that may wait for the provider are waiting", status=503)
        try:
            yield
        finally:
            self.slots.release()

    @property
    def slots(self) -> threading.BoundedSemaphore:
        """The threads that may wait."""
        # made at the first login and not before the server forks
        found: threading.BoundedSemaphore = self.__dict__.setdefault("_semaphore", threading.BoundedSemaphore(self._slots))
        return found


class _One:
    """Takes one slot of a bulkhead at a time, as a semaphore does."""

    def __init__(self, bulkhead: Bulkhead) -> None:
        self._bulkhead = bulkhead

    def acquire(self, *, blocking: bool) -> bool:
        if not self._mine.acquire(blocking=blocking):
            return False
        if self._bulkhead.slots.acquire(blocking=blocking):
            return True
        self._mine.release()
        return False

    def release(self) -> None:
        self._bulkhead.slots.release()
        self._mine.release()

    @property
    def _mine(self) -> threading.Lock:
        found: threading.Lock = self.__dict__.setdefault("_lock", threading.Lock())
        return found
