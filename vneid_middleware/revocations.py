"""The list of ended sessions as this process knows it.

A session lives in the browser's cookie, so ending one means remembering that it ended, until its cookie would have idled
out anyway. Each process keeps a copy of the list and asks ``storage`` for what is new at most once a second.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from vneid_middleware.crypto import SealedBox
from vneid_middleware.exceptions import SealError, StorageError
from vneid_middleware.storage import Storage

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

FRESH_FOR = 1.0
"""Seconds that a copy is used without asking."""
WAIT = 0.2
"""Seconds that a request waits for the answer."""
FIRST_WAIT = 5.0
"""Seconds after a process's first request that requests wait: there is no list yet, and the database may have to be made."""
_MARGIN = 120

_ID, _SUBJECT, _ISSUER, _AUTHENTICATED = 1, 2, 3, 10


class Revocations:
    """A copy of the list, brought up to date as requests need it.

    Args:
        storage: where the list is.
        box: opens the subjects on it.
        idle_timeout: seconds after which an unused cookie is dead by itself.
        grace: seconds that the last known list serves when ``storage`` does not answer.
        clock: unix seconds.
    """

    def __init__(self, storage: Storage, box: SealedBox, *, idle_timeout: int, grace: int,
                 clock: Callable[[], float]) -> None:
        self._storage = storage
        self._box = box
        self._grace = grace
        self._keep = idle_timeout + grace + _MARGIN
        self._clock = clock
        self._reset()

    def _reset(self) -> None:
        self._pid = 0
        self._sessions: dict[str, int] = {}
        self._subjects: dict[tuple[str, str], tuple[int, int]] = {}
        self._all_until = -1
        self._seq = 0
        self._synced = float("-inf")
        self._next_try = float("-inf")
        self._pending: threading.Event | None = None
        self._patience = 0.0

    def is_ended(self, record: list[Any]) -> bool:
        """Tell whether a session record is on the copy."""
        if record[_ID] in self._sessions or record[_AUTHENTICATED] <= self._all_until:
            return True
        if not self._subjects:
            return False
        entry = self._subjects.get((record[_ISSUER], record[_SUBJECT]))
        return entry is not None and record[_AUTHENTICATED] <= entry[0]

    def is_current(self, now: float) -> bool:
        """Bring the copy up to date if it is older than a second; tell whether it may be relied on.

        False means: ``storage`` has not answered for longer than the grace, so nobody can say who is still signed in.
        """
        if 0 <= now - self._synced < FRESH_FOR and self._pid == os.getpid():
            return True
        return self._freshen(now)

    def _freshen(self, now: float) -> bool:
        lock: threading.Lock = self.__dict__.setdefault("_lock", threading.Lock())
        with lock:
            if self._pid != os.getpid():
                self._reset()
                self._pid = os.getpid()
            if 0 <= now - self._synced < FRESH_FOR:
                # another request was first
                return True
            pending = self._pending
            if pending is None and (now >= self._next_try or now < self._synced):
                pending = self._pending = threading.Event()
                self._patience = self._patience or time.monotonic() + FIRST_WAIT
                threading.Thread(target=self._fetch, args=(pending, now), name="vneid-revocations", daemon=True).start()
        if pending is not None and now >= self._next_try and not pending.wait(self._wait()):
            # storage hangs: the requests of the next second must not all wait for it
            self._next_try = self._clock() + FRESH_FOR
        return now - self._synced <= max(self._grace, FRESH_FOR)

    def _wait(self) -> float:
        # all who come in a process's first seconds wait for the first list: without one they would seem signed out
        return WAIT if self._synced > 0 else max(WAIT, self._patience - time.monotonic())

    def _fetch(self, done: threading.Event, now: float) -> None:
        from vneid_middleware.storage import sessions

        try:
            with self._storage.read() as connection:
                lines = sessions.ended_after(connection, self._seq)
            for line in lines:
                self._take(line)
            self._drop_old(int(now))
            self._synced = now
        except StorageError:
            self._next_try = now + FRESH_FOR
        finally:
            self._pending = None
            done.set()

    def _take(self, line: Any) -> None:
        if line.scope == "session":
            self._sessions[line.target] = line.expires_at
        elif line.scope == "all":
            self._all_until = max(self._all_until, line.ended_at)
        elif line.scope == "subject":
            try:
                issuer, subject = self._box.open(line.target)
            except SealError:
                # sealed with a secret that is gone, and so are all cookies that it sealed
                self._seq = max(self._seq, line.seq)
                return
            ended_at = max(line.ended_at, self._subjects.get((issuer, subject), (0, 0))[0])
            self._subjects[issuer, subject] = (ended_at, line.expires_at)
        self._seq = max(self._seq, line.seq)

    def _drop_old(self, now: int) -> None:
        for session in [session for session, until in list(self._sessions.items()) if until < now]:
            self._sessions.pop(session, None)
        for subject in [subject for subject, (_, until) in list(self._subjects.items()) if until < now]:
            self._subjects.pop(subject, None)

    def end_session(self, session_id: str, connection: Connection | None = None) -> None:
        """End one session: at once here, within a second in every other process.

        Args:
            connection: in whose transaction it is written down; one of its own by default.

        Raises:
            StorageError: it ended here only, since ``storage`` could not be told.
        """
        now = int(self._clock())
        self._sessions[session_id] = now + self._keep
        self._write("session", session_id, now, connection)

    def end_subject(self, issuer: str, subject: str, connection: Connection | None = None) -> None:
        """End all sessions of one account that began until now."""
        now = int(self._clock())
        self._subjects[issuer, subject] = (now, now + self._keep)
        self._write("subject", self._box.seal([issuer, subject]), now, connection)

    def end_all(self) -> None:
        """End every session that began until now."""
        now = int(self._clock())
        self._all_until = now
        self._write("all", "", now)

    def _write(self, scope: str, target: str, now: int, given: Connection | None = None) -> None:
        from vneid_middleware.storage import sessions

        with nullcontext(given) if given is not None else self._storage.begin() as connection:
            sessions.end(connection, scope, target, now=now, expires_at=now + self._keep)
