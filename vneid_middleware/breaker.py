"""A circuit breaker: a provider that does not answer is not waited for by everybody in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from vneid_middleware.exceptions import UpstreamError

T = TypeVar("T")

FAILURES = 5
"""Calls in a row that fail before others are kept from trying."""
PROBE_EVERY = 15.0
"""Seconds between two calls that try whether it answers again."""
_NO_ANSWER = ("timeout", "connection", "tls")


class Breaker:
    """Guards one endpoint.

    Args:
        clock: unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._probed = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are kept back."""
        return self._failures >= FAILURES

    def call(self, function: Callable[[], T]) -> T:
        """Return what ``function`` returns, if it may be called now.

        Raises:
            UpstreamError: ``busy`` when it was not called; else what ``function`` raised.
        """
        with self.guard():
            return function()

    @contextmanager
    def guard(self, patient: bool = False) -> Iterator[None]:
        """Watch one call: what it raises counts.

        Args:
            patient: the answer waits for a person, who may be slow: a time-out then tells nothing.

        Raises:
            UpstreamError: ``busy`` when it must not be made now.
        """
        if not self._admitted():
            raise UpstreamError("busy", f"{FAILURES} calls in a row failed; one is tried every {PROBE_EVERY:g} s")
        try:
            yield
        except UpstreamError as error:
            if not (patient and error.code == "timeout"):
                self._note(error.code in _NO_ANSWER or error.evidence.get("status", 0) >= 500)
            raise
        self._note(False)

    def _admitted(self) -> bool:
        if not self.is_open:
            return True
        # made at the first call and not before the server forks
        lock: threading.Lock = self.__dict__.setdefault("_guard", threading.Lock())
        with lock:
            now = self._clock()
            if 0 <= now - self._probed < PROBE_EVERY:
                return False
            self._probed = now
            return True

    def _note(self, failed: bool) -> None:
        self._failures = self._failures + 1 if failed else 0
        if failed:
            self._probed = self._clock()
