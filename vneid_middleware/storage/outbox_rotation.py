"""What of the outbox is under an older secret: found a few rows at a time, and written anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select, update

from vneid_middleware.core.outbox import OPEN
from vneid_middleware.storage.tables import documents, outbox

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


class Older(NamedTuple):
    """A row under an older secret."""

    number: int
    """``document_id`` or ``seq``."""
    change_id: str
    """Of a change; empty of a document."""
    sealed: str


def documents_but(connection: Connection, mark: str, *, after: int, limit: int) -> list[Older]:
    """Return documents that are not sealed by the secret of a mark. Of an erased one nothing is left to seal."""
    query = select(documents.c.document_id, documents.c.sealed).where(
        documents.c.document_id > after, documents.c.sealed != "", func.substr(documents.c.sealed, 1, len(mark)) != mark)
    rows = connection.execute(query.order_by(documents.c.document_id).limit(limit))
    return [Older(row.document_id, "", row.sealed) for row in rows]


def changes_but(connection: Connection, mark: str, *, after: int, limit: int) -> list[Older]:
    """Return changes with content that is not sealed by the secret of a mark."""
    query = select(outbox.c.seq, outbox.c.change_id, outbox.c.sealed).where(
        outbox.c.seq > after, outbox.c.state.in_(OPEN), func.substr(outbox.c.sealed, 1, len(mark)) != mark)
    return [Older(*row) for row in connection.execute(query.order_by(outbox.c.seq).limit(limit))]


def write_document(connection: Connection, older: Older, document_keys: Sequence[str], person_key: str, sealed: str) -> None:
    """Write a document anew, unless it was meanwhile.

    Args:
        document_keys: its hashes, newest first.
    """
    connection.execute(update(documents).where(
        documents.c.document_id == older.number, documents.c.sealed == older.sealed).values(
            document_key=document_keys[0], person_key=person_key, sealed=sealed))


def write_change(connection: Connection, older: Older, sealed: str) -> None:
    """Write a change's content anew, unless it was settled meanwhile."""
    connection.execute(update(outbox).where(outbox.c.seq == older.number, outbox.c.sealed == older.sealed).values(sealed=sealed))
