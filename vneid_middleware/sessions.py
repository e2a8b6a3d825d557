"""Sessions as requests see them: from the Cookie header to a living record, and back into a cookie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vneid_middleware.core import session as rules
from vneid_middleware.core.bearer import PREFIX, challenge, token_of
from vneid_middleware.core.cookies import CookieNames
from vneid_middleware.models import Identity
from vneid_middleware.revocations import Revocations


class Sessions:
    """Opens, makes and ends sessions.

    Args:
        store: the ``ISessionStore``.
        names: our cookies.
        revocations: the list of ended sessions.
        idle_timeout: seconds.
        max_age: seconds.
        clock: unix seconds.
        keep_claims: claims that access rules ask for and that must stay in the record.
        bearer: the ``IBearerSessions``, or None.
    """

    def __init__(self, store: Any, names: CookieNames, revocations: Revocations, *, idle_timeout: int, max_age: int,
                 clock: Callable[[], float], keep_claims: frozenset[str] = frozenset(), bearer: Any = None) -> None:
        self.store = store
        self.names = names
        self.revocations = revocations
        self.idle_timeout = idle_timeout
        self.max_age = max_age
        self.clock = clock
        self._keep = keep_claims
        self._load = store.loader()
        self.bearer = bearer
        self._load_bearer = bearer.loader() if bearer is not None else None

    def open(self, values: list[str], now: float) -> rules.Record | None:
        """Return the record in the first valid one of the session cookies, or None.

        The list of ended sessions is not asked here whether it is up to date: see ``Revocations.is_current``.
        """
        for value in values:
            try:
                record = self._load(value)
                if (rules.is_record(record) and rules.is_live(record, now=now, idle_timeout=self.idle_timeout,
                                                              max_age=self.max_age)
                        and not self.revocations.is_ended(record)):
                    return record
            except Exception:  # noqa: S112  whatever a client sends, the answer is: not signed in
                continue
        return None

    def bearer_token(self, environ: Mapping[str, Any]) -> str | None:
        """Return what a request's Authorization header holds of ours, see :func:`vneid_middleware.core.bearer.token_of`.

        Where it is not None, the session cookie does not count: two credentials in one request could be two people's.
        """
        return token_of(environ.get("HTTP_AUTHORIZATION", "")) if self.bearer is not None else None

    def challenge(self, environ: Mapping[str, Any]) -> dict[str, str]:
        """Return the headers that tell an app that its access token is dead; none for a browser."""
        return {} if self.bearer_token(environ) is None else {"WWW-Authenticate": challenge("invalid_token")}

    def open_bearer(self, token: str, now: float) -> rules.Record | None:
        """Return the living record of an access token, or None; as :meth:`open` does for cookies."""
        try:
            record = self._load_bearer(token)  # type: ignore[misc]
            if (rules.is_bearer(record) and rules.is_live(record, now=now, idle_timeout=self.bearer.max_age,
                                                          max_age=self.bearer.max_age)
                    and not self.revocations.is_ended(record)):
                return record
        except Exception:
            return None
        return None

    def from_environ(self, environ: Mapping[str, Any]) -> rules.Record | None:
        """Return the living record of a request; None also when nobody can say which sessions have ended."""
        token, now = self.bearer_token(environ), self.clock()
        if token is not None:
            return self.open_bearer(token, now) if self.revocations.is_current(now) else None
        values, _, _ = self.names.split(environ.get("HTTP_COOKIE", ""))
        if not values:
            return None
        return self.open(values, now) if self.revocations.is_current(now) else None

    def known(self, values: list[str]) -> rules.Record | None:
        """Return the record in the first authentic one of the session cookies, whether it is living or has ended.

        Tells whose session it was, and lets nobody in.
        """
        for value in values:
            try:
                record = self._load(value)
            except Exception:  # noqa: S112  whatever a client sends
                continue
            if rules.is_record(record):
                return record
        return None

    def begin(self, identity: Identity, now: int, account: str | None = None) -> tuple[rules.Record, str]:
        """Return the record of a new session and its ``Set-Cookie`` value.

        Args:
            account: the name of the host's own account; None for none asked for, empty for none found.
        """
        record = rules.new_record(identity, now=now, max_age=self.max_age, keep=self._keep, account=account)
        return record, self.cookie(record)

    def begin_bearer(self, identity: Identity, now: int, account: str | None = None) -> tuple[rules.Record, str]:
        """Return the record of a new session and its access token; as :meth:`begin` does for cookies."""
        record = rules.new_record(identity, now=now, max_age=self.bearer.max_age, keep=self._keep, account=account, bearer=True)
        return record, PREFIX + self.bearer.save(record)

    def cookie(self, record: rules.Record) -> str:
        """Return the ``Set-Cookie`` value for a record."""
        return self.names.write(self.names.session, self.store.save(record))

    def refreshed_cookie(self, record: rules.Record, now: float) -> str:
        """Return the ``Set-Cookie`` value for a session that was used now."""
        return self.cookie(rules.refreshed(record, now))

    def is_extendable(self, record: rules.Record) -> bool:
        """Tell whether it is the idle limit that ends a session next, so that it goes on if something more is asked with it."""
        return self.expires_at(record) < rules.expires_at(record, idle_timeout=self.max_age, max_age=self.max_age)

    def expires_at(self, record: rules.Record) -> int:
        """Return the unix second at which a session ends if nothing more is asked with it."""
        if rules.is_bearer(record):
            return rules.expires_at(record, idle_timeout=self.bearer.max_age, max_age=self.bearer.max_age)
        return rules.expires_at(record, idle_timeout=self.idle_timeout, max_age=self.max_age)
