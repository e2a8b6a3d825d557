"""Changes come into the outbox, within the transaction that they belong to.

Those of one document come in one after the other by the lock of its row; SQLite has one writer at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, select, update

from vneid_middleware.core.outbox import READY, Receipt
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.storage import secrets_in_use
from vneid_middleware.storage.inserts import INSERT, insert_if_absent
from vneid_middleware.storage.outbox import wake
from vneid_middleware.storage.tables import documents, outbox

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


class Announced(NamedTuple):
    """A change as it comes in. Hashes are under each secret, newest first."""

    document_keys: Sequence[str]
    person_key: str
    sealed_document: str
    """Sealed: kind, personal number and the document's own."""
    secrets: Sequence[str]
    """What the secrets are called."""
    idempotency_hashes: Sequence[str]
    content_hashes: Sequence[str]
    kind: str
    action: str
    submitter: str
    sealed: Callable[[str], str]
    """Returns the sealed change for its id."""


def enqueue(connection: Connection, announced: Announced, change_id: str, *, now: float, wakes: bool = True) -> Receipt:
    """Take a change in, within the connection's transaction: it is there when that is committed.

    Whoever announces a change of the same document meanwhile waits until then by the row of the document, so that versions
    follow the order of the commits.

    Args:
        change_id: a new UUID.
        wakes: whether workers are woken at the commit.

    Returns:
        the change's id and version; of one that was announced before those that it got then.

    Raises:
        VNeIDError: ``idempotency_conflict``: another change was announced under the same key. Roll back.
        StorageError: ``secret_missing``: documents are hashed under a secret that is not among these. Roll back.
    """
    if len(announced.document_keys) > 1:
        # before: who has the older secrets only must not take the document for a new one
        secrets_in_use.note(connection, announced.secrets[0], now=now)
        # hashed anew under the newest secret, so that it is found when the older ones are gone
        connection.execute(update(documents).where(documents.c.document_key.in_(announced.document_keys[1:])).values(
            document_key=announced.document_keys[0]))
        if (known := _known(connection, announced)) is not None:
            return known
    document_id, version = _next_version(connection, announced)
    if version == 1:
        secrets_in_use.check(connection, announced.secrets, now=now)
    row = {
        "change_id": change_id, "document_id": document_id, "version": version, "kind": announced.kind,
        "action": announced.action, "state": READY, "reason": "", "submitter": announced.submitter,
        "idempotency_hash": announced.idempotency_hashes[0], "content_hash": announced.content_hashes[0],
        "message_hash": "", "attempts": 0, "crashes": 0, "fence": 0, "next_at": now, "touched_at": now,
        "created_at": int(now), "sealed": announced.sealed(change_id)}
    if not insert_if_absent(connection, outbox, row):
        return _announced_before(connection, announced, document_id)
    if wakes:
        wake(connection)
    return Receipt(change_id, version)


def _next_version(connection: Connection, announced: Announced) -> tuple[int, int]:
    """Return a document's id and its next version, which is the caller's until the transaction ends."""
    row = {"document_key": announced.document_keys[0], "kind": announced.kind, "version": 1,
           "person_key": announced.person_key, "sealed": announced.sealed_document}
    found = connection.execute(_ADVANCE[connection.dialect.name], row)
    if not found.returns_rows:
        # not RETURNING, which SQLite has had for a few years only
        found = connection.execute(_VERSION, row)
    document_id, version = found.one()
    return document_id, version


def _announced_before(connection: Connection, announced: Announced, document_id: int) -> Receipt:
    known = _known(connection, announced)
    if known is None:
        raise _conflict()
    connection.execute(update(documents).where(documents.c.document_id == document_id).values(version=documents.c.version - 1))
    return known


def _known(connection: Connection, announced: Announced) -> Receipt | None:
    query = select(outbox.c.change_id, outbox.c.version, outbox.c.content_hash)
    row = connection.execute(query.where(outbox.c.idempotency_hash.in_(announced.idempotency_hashes))).first()
    if row is None:
        return None
    if row.content_hash not in announced.content_hashes:
        raise _conflict()
    return Receipt(row.change_id, row.version)


def _conflict() -> VNeIDError:
    return VNeIDError("idempotency_conflict", "another change was announced under this idempotency key")


def _advance(dialect: str) -> Any:
    add = INSERT[dialect](documents)
    newer = {name: add.excluded[name] for name in ("person_key", "sealed")}
    advanced = add.on_conflict_do_update(index_elements=[documents.c.document_key],
                                         set_={"version": documents.c.version + 1, **newer})
    return advanced.returning(documents.c.document_id, documents.c.version) if dialect == "postgresql" else advanced


# made once: to make them costs more than to run them
_ADVANCE = {dialect: _advance(dialect) for dialect in INSERT}
_VERSION = select(documents.c.document_id, documents.c.version).where(
    documents.c.document_key == bindparam("document_key"))
