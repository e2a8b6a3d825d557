"""What a person's sign-ons leave: sessions, accounts, forms that wait, logins and sign-ons of apps that have just ended."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from typing import Any

from zope.interface import implementer

from vneid_middleware.core import session as records
from vneid_middleware.core.kept_form import KeptForm
from vneid_middleware.exceptions import SealError
from vneid_middleware.interfaces import IPersonalData, IProvisioned
from vneid_middleware.models import Identity, MappedClaims
from vneid_middleware.plugins.personal_data.messages import FORMS, SESSIONS
from vneid_middleware.plugins.personal_data.part import Part, opened
from vneid_middleware.storage import logins, personal
from vneid_middleware.text import utc


@implementer(IPersonalData, IProvisioned)
class SignedIn(Part):
    """Sessions on record. What a session itself holds is in the browser's cookie, and dies with it."""

    kept = SESSIONS

    def export(self, personal_id: str) -> Iterator[dict[str, Any]]:
        box = self._vneid.key_ring.box("logout-hint")
        with self._vneid.storage.read() as connection:
            rows = personal.sessions_of(connection, self.person_keys(personal_id))
        for row in rows:
            hint = opened(box, row.hint, row.session_id) or {}
            yield {"session_id": row.session_id, "account": row.account, "account_type": row.account_type, "level": row.level,
                   "started_at": utc(row.started_at), "id_token_claims": _claims(hint.get("id_token", "")),
                   "until": utc(row.expires_at)}

    def erase(self, personal_id: str) -> int:
        sessions = self._vneid.sessions
        with self._vneid.storage.read() as connection:
            found = [row.session_id for row in personal.sessions_of(connection, self.person_keys(personal_id))]
        for session_id in found:
            # the store first: once a session is no longer on record, nothing leads there
            sessions.store.forget(session_id)
            sessions.revocations.end_session(session_id)
        return len(found)


def _claims(id_token: str) -> Any:
    """Return what an id_token says of the person, without what makes it one."""
    try:
        return json.loads(urlsafe_b64decode(id_token.split(".")[1] + "=="))
    except (IndexError, ValueError):
        return None


@implementer(IPersonalData, IProvisioned)
class Accounts(Part):
    """Which subject came with which number: two keyed hashes."""

    def export(self, personal_id: str) -> Iterator[dict[str, Any]]:
        with self._vneid.storage.read() as connection:
            rows = personal.accounts_of(connection, self.number_keys(personal_id), self.subject_keys(connection, personal_id))
        for row in rows:
            yield {"subject_hash": row.subject_key, "number_hash": row.personal_key, "first_seen": utc(row.first_seen),
                   "until": None}

    def erase(self, personal_id: str) -> int:
        with self._vneid.storage.begin() as connection:
            return personal.drop_accounts(connection, self.subject_keys(connection, personal_id))


@implementer(IPersonalData, IProvisioned)
class Forms(Part):
    """Forms that wait for their sender to sign in again."""

    kept = FORMS

    def export(self, personal_id: str) -> Iterator[dict[str, Any]]:
        box = self._vneid.key_ring.box("kept-form")
        with self._vneid.storage.read() as connection:
            rows = personal.forms_of(connection, self.subject_keys(connection, personal_id))
        for row in rows:
            told = {"kept_at": utc(row.kept_at), "is_sent": row.content is None, "until": utc(row.expires_at)}
            try:
                packed = box.open_bytes(row.content or "", f"{row.form_key}/{row.browser_key}".encode())
            except SealError:
                yield told
                continue
            form = KeptForm.unpack(packed)
            yield {**told, "path": form.shown_path(), "query": form.query, "content_type": form.content_type,
                   "body": form.body.decode("utf-8", "replace")}

    def erase(self, personal_id: str) -> int:
        with self._vneid.storage.begin() as connection:
            return personal.drop_forms(connection, self.subject_keys(connection, personal_id))


@implementer(IPersonalData, IProvisioned)
class Logins(Part):
    """Where logins ended, sealed for a second callback with the same answer."""

    def _found(self, personal_id: str) -> Iterator[tuple[Any, list[Any], Identity]]:
        box = self._vneid.key_ring.box("login-outcome")
        with self._vneid.storage.read() as connection:
            rows = personal.ended_logins(connection)
        for row in rows:
            content = opened(box, row.outcome, row.state_key)
            if content and content[0] == "session":
                cookie = str(content[3]).partition(";")[0].partition("=")[2]
                record = self._vneid.sessions.known([cookie])
                if record is not None and records.identity_of(record).personal_id == personal_id:
                    yield row, content, records.identity_of(record)

    def export(self, personal_id: str) -> Iterator[dict[str, Any]]:
        for row, content, identity in self._found(personal_id):
            yield {"return_to": content[1], "session_id": content[2], "settled_at": utc(content[4]),
                   "identity": {**identity.public(), "claims": dict(identity.claims)}, "until": utc(row.expires_at)}

    def erase(self, personal_id: str) -> int:
        # the claim stays: the provider's answer must not be used once more
        over = ["failure", "login_used", 400]
        found, box = [row.state_key for row, *_ in self._found(personal_id)], self._vneid.key_ring.box("login-outcome")
        for key in found:
            with self._vneid.storage.begin() as connection:
                logins.settle(connection, key, box.seal(over, key.encode()))
        return len(found)


@implementer(IPersonalData, IProvisioned)
class Apps(Part):
    """Sign-ons of apps that have ended: who signed in, for a minute, and the session that it led to, for an hour."""

    def _found(self, personal_id: str) -> Iterator[tuple[Any, list[Any], MappedClaims | None]]:
        box = self._vneid.key_ring.box("mobile-sign-on")
        with self._vneid.storage.read() as connection:
            rows = personal.sign_ons(connection)
            mine = {row.session_id for row in personal.sessions_of(connection, self.person_keys(personal_id))}
        for row in rows:
            outcome = opened(box, row.outcome, row.transaction_key)
            mapped = MappedClaims(*outcome[1][0]) if outcome else None
            if (mapped is not None and mapped.personal_id == personal_id) or row.session_id in mine:
                yield row, outcome, mapped

    def export(self, personal_id: str) -> Iterator[dict[str, Any]]:
        box = self._vneid.key_ring.box("mobile-sign-on")
        for row, outcome, mapped in self._found(personal_id):
            asked = (opened(box, row.content, row.transaction_key) or [[None, None]])[0]
            yield {"app": asked[0], "callback": asked[1], "started_at": utc(row.started_at), "session_id": row.session_id,
                   "identity": mapped and mapped._asdict(), "claims": outcome[1][1] if outcome else None,
                   "until": utc(row.expires_at)}

    def erase(self, personal_id: str) -> int:
        found = [row.transaction_key for row, *_ in self._found(personal_id)]
        with self._vneid.storage.begin() as connection:
            return personal.drop_sign_ons(connection, found)
