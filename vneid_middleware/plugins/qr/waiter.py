"""A request that waits a moment for a result which may come too late for it."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")

_WAITING, _PROMISED, _GONE = range(3)
_DELIVERY = 10.0
"""Seconds that a promised result may take: it is only being written down."""


class Waiter(Generic[T]):
    """Hands a result from one thread to another, or lets it be kept when nobody waits any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = _WAITING
        self._done = threading.Event()
        self._result: T | None = None

    def wait(self, seconds: float) -> T | None:
        """Return the result; None when it does not come, or the waiting is over before it."""
        if not self._done.wait(seconds):
            with self._lock:
                if self._state == _WAITING:
                    self._state = _GONE
                    return None
            self._done.wait(_DELIVERY)
        return self._result

    def promise(self) -> bool:
        """Tell whether somebody waits; then :meth:`give` must follow."""
        with self._lock:
            if self._state == _WAITING:
                self._state = _PROMISED
            return self._state == _PROMISED

    def give(self, result: T | None) -> None:
        """End the waiting, with a result or without; what is given first counts."""
        if not self._done.is_set():
            self._result = result
            self._done.set()
