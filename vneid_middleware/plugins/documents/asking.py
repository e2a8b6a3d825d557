"""Document providers are asked on threads of their own, so that one that hangs holds up nothing else, and no process's end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from vneid_middleware.daemon_threads import DaemonThreads

T = TypeVar("T")

THREADS = 4
"""Questions that a provider is asked at once."""


class Asking:
    """The questions of one process. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: dict[str, DaemonThreads] = {}
        self._stuck: dict[str, set[Future[Any]]] = {}

    def begin(self, kind: str, call: Callable[..., T], *given: Any) -> Future[T] | None:
        """Ask; None where all threads of the kind hang.

        Args:
            kind: each has threads of its own, so that a back end that hangs takes no other kind with it.
        """
        with self._lock:
            stuck = self._stuck.setdefault(kind, set())
            stuck.difference_update({asked for asked in stuck if asked.done()})
            if len(stuck) >= THREADS:
                return None
            if kind not in self._threads:
                self._threads[kind] = DaemonThreads(THREADS, f"vneid-{kind}")
            return self._threads[kind].submit(call, *given)

    def note_slow(self, kind: str, asked: Future[Any]) -> None:
        """Count a question as one that hangs until it has ended. One that has not begun is given up; one that has can't be
        stopped, and holds its thread."""
        with self._lock:
            if not asked.done() and not asked.cancel():
                self._stuck.setdefault(kind, set()).add(asked)
