"""A login ends once: the first callback claims it in storage, every further one learns where that ended."""

from __future__ import annotations

import logging
import time
from typing import Any, NamedTuple

from vneid_middleware.core import session as records
from vneid_middleware.exceptions import LoginError, SealError, StorageError
from vneid_middleware.storage import logins

log = logging.getLogger("vneid_middleware")

REPLAY_FOR = 60
"""Seconds in which a second callback of the same login is given the first one's session."""
_POLL = 0.05


class Outcome(NamedTuple):
    """Where a login ended: what every callback with its ``state`` answers."""

    return_to: str
    session_id: str
    session_cookie: str
    settled_at: int


class Settlement:
    """The claims and outcomes of logins.

    Args:
        services: everything of the middleware.
        limit: seconds that a callback waits for the one before it.
    """

    def __init__(self, services: Any, limit: float) -> None:
        self._vneid = services
        self._limit = limit
        self._outcomes = services.key_ring.box("login-outcome")

    def known_outcome(self, state: str, record: records.Record) -> Outcome | None:
        """Return where the login of ``state`` ended, if it ended in the session that this browser has now."""
        key = logins.state_key(state)
        with self._vneid.storage.read() as connection:
            _, sealed = logins.outcome(connection, key)
        kind, *rest = self._open_outcome(key, sealed) if sealed else ("none",)
        if kind != "session":
            return None
        outcome = Outcome(*rest)
        return outcome if outcome.session_id == records.session_id(record) else None

    def claim(self, key: str) -> bool:
        """Claim a login.

        Args:
            key: :func:`vneid_middleware.storage.logins.state_key` of its ``state``.

        Returns:
            whether it is the caller's; otherwise another callback has it, see :meth:`wait`.
        """
        now = self._vneid.now()
        with self._vneid.storage.begin() as connection:
            return logins.claim(connection, key, now=now, expires_at=now + self._vneid.settings["sso.login_ttl"])

    def wait(self, key: str) -> Outcome:
        """Return where the callback that claimed the login ended.

        Raises:
            LoginError: it ended without a session, a while ago, or not yet.
        """
        end = time.monotonic() + self._limit
        while True:
            with self._vneid.storage.read() as connection:
                _, sealed = logins.outcome(connection, key)
            if sealed:
                return self._replayed(self._open_outcome(key, sealed))
            if time.monotonic() >= end:
                raise LoginError("provider_timeout", "another callback of this login has not ended", status=504)
            time.sleep(_POLL)

    def settle(self, key: str, outcome: Outcome) -> None:
        """Keep where a login ended."""
        self._settle(key, ["session", *outcome])

    def settle_failure(self, key: str, error: BaseException) -> None:
        """Keep that a login ended without a session; where even that can't be kept, further callbacks wait in vain."""
        code, status = (error.code, error.status) if isinstance(error, LoginError) else ("internal_error", 500)
        try:
            self._settle(key, ["failure", code, status])
        except StorageError:
            log.warning("the end of a failed login could not be kept")

    def _settle(self, key: str, content: list[Any]) -> None:
        with self._vneid.storage.begin() as connection:
            logins.settle(connection, key, self._outcomes.seal(content, key.encode()))

    def _replayed(self, content: list[Any]) -> Outcome:
        kind, *rest = content
        if kind != "session":
            code, status = rest
            raise LoginError(code, "another callback of this login ended so", status=status)
        outcome = Outcome(*rest)
        if not 0 <= self._vneid.now() - outcome.settled_at <= REPLAY_FOR:
            raise LoginError("login_used", "this login was finished a while ago", status=400)
        return outcome

    def _open_outcome(self, key: str, sealed: str) -> list[Any]:
        try:
            return list(self._outcomes.open(sealed, key.encode()))
        except SealError:
            return ["failure", "login_used", 400]
