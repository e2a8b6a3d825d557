"""Announcing changes of documents from Python, within the portal's own transaction. See docs/administrator.md.

The portal's tables and the outbox must be in one database: ``storage`` names it, and the tables ``vneid_…`` stand beside the
portal's own. A portal whose data are elsewhere announces by ``POST /documents/changes``, or lets ``documents.KIND.changes`` be
polled.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from vneid_middleware.core.outbox import PYTHON, REVOKE, Change, Receipt, checked
from vneid_middleware.crypto import KeyRing, secret_lines
from vneid_middleware.exceptions import SealError, VNeIDError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from vneid_middleware.storage.outbox_erasure import Wiped

__all__ = ["Change", "Outbox", "Receipt"]


def _lines(secret: str) -> list[str]:
    if secret.strip().startswith(("env:", "file:")):
        raise ValueError("Outbox takes the secret itself: env:NAME and file:PATH are for the ini, so read it from there")
    try:
        return secret_lines(secret)
    except ValueError as error:
        raise ValueError(f"Outbox takes the text of the setting secret, all its lines: it {error}") from None


class Outbox:
    """Takes changes in. Thread-safe; it opens nothing.

    Args:
        secret: the text of the setting ``secret``, all its lines; or the portal's :class:`vneid_middleware.crypto.KeyRing`.
        clock: unix seconds.
        kinds: the kinds of documents that the portal's ini names; another one is then refused. None: not looked at, and the
            worker makes a dead letter of a change of a kind that it does not know.
        notify: whether PostgreSQL wakes the workers at the commit. A transaction that is to be prepared for a two-phase commit
            can't notify; workers then find the change by themselves, within half a minute.

    Raises:
        ValueError: ``secret`` is not what the setting holds.
    """

    def __init__(self, secret: str | KeyRing, clock: Callable[[], float] = time.time, *, kinds: Collection[str] | None = None,
                 notify: bool = True) -> None:
        self._ring = KeyRing(_lines(secret)) if isinstance(secret, str) else secret
        self._box = self._ring.box("outbox")
        self._clock = clock
        self._kinds = None if kinds is None else frozenset(kinds)
        self._notify = notify

    def enqueue(self, connection: Connection, kind: str, personal_id: str, document_id: str, action: str = "upsert", *,
                idempotency_key: str = "", data: Mapping[str, Any] | None = None, submitter: str = PYTHON) -> Receipt:
        """Announce a change within the connection's transaction: rolled back with it, delivered once it is committed.

        Args:
            connection: SQLAlchemy's, of the database that ``storage`` names; of a session ``session.connection()``. It must be
                in a transaction, whose other changes of the same document wait until it ends.
            kind: ``loaiGiayTo``, such as ``GPLX``.
            personal_id: the citizen's 12 digits.
            document_id: ``maGiayTo``.
            action: ``upsert`` or ``revoke``.
            idempotency_key: your own name for this change; announced again under it, it is not sent again. One is made up
                where there is none.
            data: the document; None: its provider is asked when it is delivered.
            submitter: who announces; keys of two submitters never meet.

        Raises:
            VNeIDError: ``change_malformed``, ``change_too_large``, ``idempotency_conflict``, ``transaction_missing``. Roll back.
        """
        change = Change(kind, personal_id, document_id, action, idempotency_key or str(uuid.uuid4()), data)
        return self.put(connection, change, submitter, self._kinds)

    def put(self, connection: Connection, change: Change, submitter: str, kinds: frozenset[str] | None = None) -> Receipt:
        """Announce a change; see :meth:`enqueue`.

        Args:
            kinds: the kinds of documents there are; None where that was looked at, or does not matter.
        """
        from vneid_middleware.storage import outbox, outbox_intake
        from vneid_middleware.storage.transactions import has_transaction

        change = checked(change, kinds)
        if not has_transaction(connection):
            raise VNeIDError("transaction_missing", "the connection commits each statement by itself (AUTOCOMMIT): two changes "
                             "could get the same version, and a change would stay when what it belongs to is rolled back. "
                             "Give one in a transaction")
        hashes = self._ring.keyed_hashes
        keys, person_key, sealed_document = self._named(change.kind, change.personal_id, change.document_id)
        text = change.text()
        announced = outbox_intake.Announced(
            document_keys=keys, person_key=person_key, sealed_document=sealed_document, secrets=self._ring.ids("document"),
            idempotency_hashes=hashes("idempotency", f"{submitter}\n{change.idempotency_key}"),
            content_hashes=hashes("change", text), kind=change.kind, action=change.action, submitter=submitter,
            sealed=lambda change_id: self._box.seal_bytes(text.encode(), change_id.encode()))
        now = outbox.present(connection, self._clock())
        return outbox_intake.enqueue(connection, announced, str(uuid.uuid4()), now=now, wakes=self._notify)

    def erase(self, connection: Connection, document_id: int, sealed: str) -> Wiped:
        """Wipe what is to be sent of a document, and announce by a tombstone that it is gone.

        Args:
            document_id: of the row that says which document it is.
            sealed: what that row says.

        Raises:
            VNeIDError: ``key_missing``. Roll back.
        """
        from vneid_middleware.storage import outbox, outbox_erasure

        kind, personal_id, number = self.document(sealed)
        wiped = outbox_erasure.wipe(connection, document_id, now=outbox.present(connection, self._clock()))
        if wiped.needs_tombstone:
            tombstone = Change(kind, personal_id, number, REVOKE, f"erase:{uuid.uuid4()}")
            self.put(connection, tombstone, outbox_erasure.ERASER)
        return wiped

    def _named(self, kind: str, personal_id: str, document_id: str) -> tuple[list[str], str, str]:
        """Return a document's keyed hashes, its citizen's, and its names sealed."""
        document = f"{kind}\n{personal_id}\n{document_id}"
        return (self._ring.keyed_hashes("document", document), self._ring.keyed_hashes("personal", personal_id)[0],
                self._box.seal_bytes(document.encode()))

    @property
    def mark(self) -> str:
        """What everything begins with that is sealed by the newest secret."""
        return self._box.mark

    def document_anew(self, sealed: str) -> tuple[list[str], str, str]:
        """Return what stands for a document under the newest secret: its hashes, newest first, its citizen's, its sealed names.

        Raises:
            VNeIDError: ``key_missing``.
        """
        return self._named(*self.document(sealed))

    def change_anew(self, sealed: str, change_id: str) -> str:
        """Return a change sealed by the newest secret.

        Raises:
            VNeIDError: ``key_missing``.
        """
        return self._box.seal_bytes(self.open(sealed, change_id).text().encode(), change_id.encode())

    def document(self, sealed: str) -> tuple[str, str, str]:
        """Return kind, personal number and own number of a document.

        Raises:
            VNeIDError: ``key_missing``.
        """
        try:
            kind, personal_id, document_id = self._box.open_bytes(sealed).decode().rstrip(" ").split("\n")
        except SealError as error:
            raise VNeIDError("key_missing", "the document was sealed with a secret that is gone") from error
        return kind, personal_id, document_id

    def open(self, sealed: str, change_id: str) -> Change:
        """Return a change as it was announced.

        Raises:
            VNeIDError: ``key_missing``: it was sealed with a secret that is gone.
        """
        try:
            return Change(**json.loads(self._box.open_bytes(sealed, change_id.encode())))
        except SealError as error:
            raise VNeIDError("key_missing", "the change was sealed with a secret that is gone") from error
