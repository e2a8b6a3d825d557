"""What one process has of the lookups at the counter: threads for what blocks, and what it waits for."""

from __future__ import annotations

import secrets
import threading
import time
from concurrent.futures import Future

from vneid_middleware.daemon_threads import DaemonThreads

THREADS = 4
MOST_CALLS = 2_000
"""Answers of VNeID that a process waits for at once; who comes beyond that is told to try again."""
_POLL_EVERY = 1.0
_SEEN_FOR = 10.0
_A_SECOND_EACH = 100
"""Lookups that may be asked after once a second; where there are more, each is asked after less often."""


class Process:
    """Made with the first lookup, so that a server may fork before it.

    Args:
        server_threads: how many threads the server has.
    """

    def __init__(self, server_threads: int) -> None:
        self.owner = secrets.token_hex(16)
        self.pool = DaemonThreads(THREADS, "vneid-lookup")
        self.keeping = DaemonThreads(1, "vneid-lookup-keeper")
        """Apart, so that leases are renewed also while all threads of the pool wait for the signer's keys."""
        self.slots = threading.BoundedSemaphore(max(1, server_threads // 2))
        self.calls: dict[str, Future[None]] = {}
        self.keeper: Future[None] | None = None
        self._failures: dict[str, int] = {}
        self._seen: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def began(self, key: str, call: Future[None]) -> None:
        """Note a call of VNeID about a lookup, until it has ended."""
        self.calls[key] = call
        # the call may have ended by now
        call.add_done_callback(lambda ended: self.calls.pop(key, None) if self.calls.get(key) is ended else None)

    def note(self, key: str) -> bool:
        """Note that an operator asks after a lookup; tell whether VNeID may be: once a second, and one call at a time."""
        now = time.monotonic()
        with self._lock:
            polled = self._seen.get(key, (now, 0.0))[1]
            may = key not in self.calls and now - polled >= _POLL_EVERY
            self._seen[key] = (now, now if may else polled)
            return may

    def retry_after(self) -> int:
        """Return the seconds after which a waiting operator should ask again: longer, the more of them wait."""
        now = time.monotonic()
        with self._lock:
            if len(self._seen) > _A_SECOND_EACH:
                longest = _SEEN_FOR + len(self._seen) / _A_SECOND_EACH
                self._seen = {key: times for key, times in self._seen.items() if now - times[0] < longest}
            return 1 + max(len(self.calls), len(self._seen)) // _A_SECOND_EACH

    def failed(self, key: str) -> int:
        """Count a call about a lookup that got no answer; return how many there were in a row."""
        with self._lock:
            self._failures[key] = self._failures.get(key, 0) + 1
            return self._failures[key]

    def answered(self, key: str) -> None:
        """Forget the calls that got no answer."""
        with self._lock:
            self._failures.pop(key, None)

    def forget(self, key: str) -> None:
        """Drop what is known of a lookup that is over."""
        with self._lock:
            self._seen.pop(key, None)
            self._failures.pop(key, None)
