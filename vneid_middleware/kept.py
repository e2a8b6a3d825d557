"""What another server publishes and we keep, its keys say: one fetch at a time, and the last good one while it is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from vneid_middleware.core.jose import JoseError, KeySet
from vneid_middleware.exceptions import UpstreamError, VNeIDError

T = TypeVar("T")

MAX_STALE = 86_400
"""Seconds past its time that a value serves while the server does not answer."""
COOL_DOWN = 30
"""Seconds between forced fetches, and between attempts while the server is down."""


class Slots(Protocol):
    """Which threads may wait: a semaphore, or what works like one."""

    def acquire(self, *, blocking: bool) -> bool:
        """Take a slot; False where there is none."""

    def release(self) -> None:
        """Give it back."""


class Deadline:
    """A point in time that several calls share.

    Args:
        seconds: from now, by the monotonic clock.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left, at least 0."""
        return max(0.0, self._end - time.monotonic())


class Kept(Generic[T]):
    """A value fetched from another server and kept: the last good one while that is down, one fetch at a time.

    Nobody waits longer than their own deadline, also not for a fetch that somebody else began with a later one. Who gives
    ``slots`` (those of the server's threads that may wait) waits only while it holds one of them, and goes by what is kept where
    there is none: what anybody may send must not hold all threads.

    Args:
        fetch: gets a new value within a deadline; raises ``VNeIDError``.
        ttl: seconds until a new one is fetched.
        clock: unix seconds.
    """

    def __init__(self, fetch: Callable[[Deadline], T], ttl: int, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._ttl = ttl
        self._clock = clock
        self._value: tuple[T, float] | None = None
        self._failed: tuple[VNeIDError, float] | None = None
        self._forced = float("-inf")

    def get(self, deadline: Deadline, slots: Slots | None = None) -> T:
        """Return the value, fetched now if it is too old; the last good one for a while if that fails.

        Raises:
            VNeIDError: there is no value that may be used. It is not asked for again within the cool-down.
        """
        kept, now = self._value, self._clock()
        if kept is not None and 0 <= now - kept[1] < self._ttl:
            return kept[0]
        with self._turn(0 if self._serves(kept) else deadline.left(), slots) as is_ours:
            if not is_ours:
                return self._meanwhile()
            kept, now = self._value, self._clock()
            if kept is not None and 0 <= now - kept[1] < self._ttl:
                return kept[0]
            failed = self._failed
            if failed is None or not 0 <= now - failed[1] < COOL_DOWN:
                try:
                    return self._refetch(deadline)
                except VNeIDError as error:
                    failed = self._failed = (error, self._clock())
            if kept is not None and self._serves(kept):
                return kept[0]
            raise failed[0]

    def force(self, deadline: Deadline, seen: T, slots: Slots | None = None) -> T:
        """Return a newer value than ``seen``, or ``seen`` itself within the cool-down or when the server is down.

        The first forced fetch is made at once, so that a key that was changed a moment ago is found; those after it wait
        for the cool-down, so that a stream of unknown key ids is no stream of requests.
        """
        with self._turn(deadline.left(), slots) as is_ours:
            if not is_ours:
                return seen
            kept = self._value
            if kept is not None and kept[0] is not seen:
                return kept[0]
            if 0 <= self._clock() - self._forced < COOL_DOWN:
                return seen
            self._forced = self._clock()
            try:
                return self._refetch(deadline)
            except VNeIDError:
                return seen

    def _refetch(self, deadline: Deadline) -> T:
        value = self._fetch(deadline)
        self._value, self._failed = (value, self._clock()), None
        return value

    def _serves(self, kept: tuple[T, float] | None) -> bool:
        return kept is not None and self._clock() - kept[1] < self._ttl + MAX_STALE

    def _meanwhile(self) -> T:
        """Return the last good value while somebody else fetches a new one."""
        kept = self._value
        if kept is None or not self._serves(kept):
            raise UpstreamError("timeout", "other requests wait for it already, and it has not come in time")
        return kept[0]

    @contextmanager
    def _turn(self, seconds: float, slots: Slots | None) -> Iterator[bool]:
        if slots is not None and not slots.acquire(blocking=False):
            yield False
            return
        try:
            lock: threading.Lock = self.__dict__.setdefault("_guard", threading.Lock())
            is_ours = lock.acquire(timeout=seconds)
            try:
                yield is_ours
            finally:
                if is_ours:
                    lock.release()
        finally:
            if slots is not None:
                slots.release()


def verified(keys: Kept[KeySet], verify: Callable[[KeySet], T], deadline: Deadline, slots: Slots | None = None) -> T:
    """Return what ``verify`` makes of a signer's keys, and of newer ones where these may be stale.

    Args:
        slots: see :class:`Kept`.

    Raises:
        JoseError: what ``verify`` raised.
        VNeIDError: the keys can't be had.
    """
    key_set = keys.get(deadline, slots)
    try:
        return verify(key_set)
    except JoseError as error:
        if not error.key_set_may_be_stale:
            raise
        # the keys may have been changed a moment ago: look once more
        newer = keys.force(deadline, key_set, slots)
        if newer is key_set:
            raise
        return verify(newer)
