"""Where sign-on meets sessions: what a login leaves behind, and what a logout takes away."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from vneid_middleware import text
from vneid_middleware.core import oidc
from vneid_middleware.core import session as records
from vneid_middleware.events import LoggedOut, LoginSucceeded
from vneid_middleware.exceptions import AuditError, LoginError, SealError, StorageError, VNeIDError
from vneid_middleware.kept import Deadline
from vneid_middleware.models import Identity, SignedIn, Who
from vneid_middleware.plugins.sso.provider import Provider
from vneid_middleware.storage import sessions as stored

log = logging.getLogger("vneid_middleware")


class ProviderSessions:
    """Begins and ends the sessions of those who signed in with the provider.

    Args:
        services: everything of the middleware.
        provider: whom they signed in with.
    """

    def __init__(self, services: Any, provider: Provider) -> None:
        self._vneid = services
        self._settings = services.settings
        self._provider = provider
        self._hints = services.key_ring.box("logout-hint")

    def begin(self, found: SignedIn, who: Who, *, replaced: str = "", app: str = "") -> tuple[Identity, str]:
        """Begin a session, once its start is in storage and in the audit; the session ``replaced`` ends with that.

        Args:
            found: who signed in.
            replaced: id of the session that the browser had before.
            app: the app that they signed in with; empty for a browser.

        Returns:
            the identity, and the ``Set-Cookie`` value or the app's access token.

        Raises:
            LoginError: the provider has ended its own session meanwhile.
            StorageError, AuditError: nothing can be kept, so nobody is let in.
        """
        vneid, now, mapped = self._vneid, self._vneid.now(), found.mapped
        identity = Identity(mapped.subject, self._provider.issuer_or_origin(), mapped.personal_id, mapped.full_name,
                            mapped.birth_date, mapped.account_type, mapped.level, found.claims, found.began,
                            secrets.token_hex(16))
        begin = vneid.sessions.begin_bearer if app else vneid.sessions.begin
        record, value = begin(identity, now, found.account)
        row = self._row(identity, now, records.ends_at(record), found)
        with vneid.storage.begin() as connection:
            if not stored.add(connection, row, now=now):
                raise LoginError("logged_out_meanwhile", "the provider has ended the session meanwhile", status=403)
        try:
            vneid.tell(LoginSucceeded(**who._asdict(), who=described(row), level=identity.level, app=app,
                                      session_id=identity.session_id, replaced_session_id=replaced))
        except AuditError:
            with suppress(StorageError), vneid.storage.begin() as connection:
                stored.drop(connection, identity.session_id)
            raise
        if replaced:
            vneid.sessions.revocations.end_session(replaced)
            vneid.sessions.store.forget(replaced)
        return identity, value

    def _row(self, identity: Identity, now: int, expires_at: int, found: SignedIn) -> dict[str, Any]:
        ring, sid = self._vneid.key_ring, found.claims.get("sid") if self._provider.reads_id_tokens else None
        hint = {"id_token": found.id_token} if found.id_token and self._provider.reads_id_tokens else {}
        return {
            "session_id": identity.session_id,
            "subject_key": self.subject_keys(identity.issuer, identity.subject)[0],
            "personal_key": ring.keyed_hashes("personal", identity.personal_id)[0],
            "account": text.mask(identity.personal_id),
            "account_type": identity.account_type,
            "level": identity.level,
            "started_at": now,
            "expires_at": expires_at,
            "hint": self._hints.seal(hint, identity.session_id.encode()) if hint else None,
            "sid_key": self.sid_keys(sid)[0] if isinstance(sid, str) else None,
        }

    def subject_keys(self, issuer: str, subject: str) -> list[str]:
        """Return the keyed hashes that an account is found by."""
        return list(self._vneid.key_ring.account_keys(issuer, subject))

    def sid_keys(self, sid: str) -> list[str]:
        """Return the keyed hashes that a session of the provider's is found by."""
        return list(self._vneid.key_ring.keyed_hashes("provider-session", f"{self._provider.issuer}\n{sid}"))

    def end(self, record: records.Record, who: Who) -> str | None:
        """End a session here and return the URL that ends it at the provider, or None where there is none.

        An app's session ends here only: VNeID's logout is for browsers.

        Raises:
            StorageError: it has ended in this process only.
        """
        vneid, session_id = self._vneid, records.session_id(record)
        identity = records.identity_of(record)
        url = None if records.is_bearer(record) else self._logout_url(session_id)
        vneid.sessions.revocations.end_session(session_id)
        vneid.sessions.store.forget(session_id)
        row = {"subject_key": self.subject_keys(identity.issuer, identity.subject)[0],
               "account": text.mask(identity.personal_id), "account_type": identity.account_type}
        vneid.tell_anyway(LoggedOut(**who._asdict(), who=described(row), session_id=session_id))
        return url

    def _logout_url(self, session_id: str) -> str | None:
        try:
            endpoint = self._provider.endpoint("logout_endpoint", Deadline(3))
        except VNeIDError as error:
            log.warning("the provider's logout endpoint is not known: %s", error)
            return None
        if not endpoint:
            return None
        parameters = [("client_id", self._settings["sso.client_id"]),
                      (self._settings["sso.logout_redirect_parameter"], self._vneid.links.own("/logged-out"))]
        hint = self._hint(session_id).get("id_token")
        if hint:
            parameters.insert(0, ("id_token_hint", hint))
        return oidc.logout_url(endpoint, parameters)

    def _hint(self, session_id: str) -> Mapping[str, Any]:
        try:
            with self._vneid.storage.read() as connection:
                sealed = stored.hint(connection, session_id)
            return dict(self._hints.open(sealed, session_id.encode())) if sealed else {}
        except (StorageError, SealError) as error:
            log.warning("the logout hint of a session can't be read: %s", error.code)
            return {}


def described(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says of an account."""
    return {"subject_hash": row["subject_key"], "personal_id": row["account"], "account_type": row["account_type"]}
