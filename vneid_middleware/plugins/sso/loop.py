"""A loop breaker: a browser that does not keep the session cookie would be sent to VNeID and back without end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vneid_middleware.exceptions import LoginError, SealError

ROUNDS = 2
"""Logins right after one another that left no session, before the citizen is told why."""
WITHIN = 20
"""Seconds between two of them."""


class LoopBreaker:
    """Counts in a cookie of its own how often a login has just ended well.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services
        self._names = services.sessions.names
        self._box = services.key_ring.box("login-loop")

    def check(self, cookies: Mapping[str, str]) -> None:
        """Check that a browser without a session has not just signed in several times.

        Raises:
            LoginError: ``login_loop``.
        """
        if self._rounds(cookies) >= ROUNDS:
            raise LoginError("login_loop", "the browser does not keep the session cookie", status=400)

    def count(self, cookies: Mapping[str, str]) -> str:
        """Return the ``Set-Cookie`` value that counts one more login which ended well."""
        sealed = self._box.seal([self._rounds(cookies) + 1, self._vneid.now()])
        return str(self._names.write(self._names.loop, sealed, max_age=WITHIN))

    def forget(self) -> str:
        """Return the ``Set-Cookie`` value that ends the count, for who signed out on purpose."""
        return str(self._names.delete(self._names.loop))

    def _rounds(self, cookies: Mapping[str, str]) -> int:
        try:
            rounds, at = self._box.open(cookies.get(self._names.loop, ""))
        except (SealError, TypeError, ValueError):
            return 0
        return int(rounds) if 0 <= self._vneid.now() - at < WITHIN else 0
