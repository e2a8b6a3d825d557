"""Back-channel logout: the provider tells that a citizen signed out there (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from typing import Any

from vneid_middleware.core.logout_token import LogoutToken, verify_logout_token
from vneid_middleware.events import SessionsRevoked
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.kept import Deadline
from vneid_middleware.models import Who
from vneid_middleware.plugins.sso.bulkhead import Bulkhead
from vneid_middleware.plugins.sso.provider import Provider
from vneid_middleware.plugins.sso.sessions import ProviderSessions
from vneid_middleware.storage import sessions as stored
from vneid_middleware.storage import tokens

_REMEMBER_SID = 3600
"""Seconds that an ended session of the provider's is remembered: longer than any login takes."""


class BackchannelLogout:
    """Ends what a logout token names.

    Args:
        services: everything of the middleware.
        provider: whose tokens count.
        sessions: the sessions of those who signed in with it.
        bulkhead: which threads may wait for the provider's keys.
    """

    def __init__(self, services: Any, provider: Provider, sessions: ProviderSessions, bulkhead: Bulkhead) -> None:
        self._vneid, self._settings = services, services.settings
        self._provider, self._sessions, self._bulkhead = provider, sessions, bulkhead

    def end(self, token: str, who: Who) -> None:
        """End the session, or all sessions of the account, that a logout token names; unknown ones are no error.

        Raises:
            VNeIDError: the token does not hold or was used before; the code says why.
            UpstreamError: the provider's keys can't be had, or another request waits for them already.
            StorageError: nothing has ended.
        """
        verified = self._provider.verified(lambda key_set: verify_logout_token(
            token, key_set=key_set, issuer=self._provider.issuer, client_id=self._settings["sso.client_id"],
            algorithms=self._settings["sso.id_token_algs"], now=self._vneid.now()), Deadline(5), self._bulkhead.for_tokens)
        scope, ended = self._end(verified)
        for target in ended:
            self._vneid.tell_anyway(SessionsRevoked(**who._asdict(), scope=scope, target=target, by="provider"))

    def _end(self, token: LogoutToken) -> tuple[str, list[str]]:
        now, revocations = self._vneid.now(), self._vneid.sessions.revocations
        with self._vneid.storage.begin() as connection:
            if not tokens.use(connection, self._provider.issuer, token.token_id, now=now, expires_at=token.expires_at):
                raise VNeIDError("token_used", "this logout token was used before")
            if not token.session:
                keys = self._sessions.subject_keys(self._provider.issuer, token.subject)
                revocations.end_subject(self._provider.issuer, token.subject, connection)
                stored.forget_subject(connection, keys)
                return "subject", keys[:1]
            keys = self._sessions.sid_keys(token.session)
            # a login of this session may be under way
            stored.end(connection, stored.SID, keys[0], now=now, expires_at=now + _REMEMBER_SID)
            ended = stored.of_provider_session(connection, keys)
            for session_id in ended:
                revocations.end_session(session_id, connection)
        for session_id in ended:
            self._vneid.sessions.store.forget(session_id)
        return "session", ended
