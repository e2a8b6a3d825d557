"""Erasing a person from the outbox: what was to be sent is wiped, and a tombstone tells the receiver that it is gone.

A tombstone is a change like any other, a ``revoke`` without data by the submitter ``ERASER``: it has the document's next version
and goes out when everything older is settled. What a worker is at while a document is erased stays that worker's; its content is
wiped when the attempt has ended, however it ended.

Locks are taken in one order, here as everywhere: the document's own, its row, its changes by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, bindparam, select, update

from vneid_middleware.core.outbox import DEAD, LEASED, NEWER_THERE, OPEN, SUPERSEDED
from vneid_middleware.storage import outbox_desk
from vneid_middleware.storage.outbox import ERASED, Claimed, lock_document, next_turn, supersede
from vneid_middleware.storage.tables import documents, outbox

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

ERASER = "cli:erase"
"""Who announces tombstones; no key of ``documents.submitters`` can have a name with a colon."""


class Wiped(NamedTuple):
    """What became of a document's changes."""

    changes: int
    """How many lost their content."""
    needs_tombstone: bool
    """The receiver is still to be told; False: a tombstone is on its way already."""
    is_refused: bool
    """That tombstone is a dead letter: only a person can go on."""


def documents_of(connection: Connection, person_keys: Sequence[str]) -> list[Any]:
    """Return the documents of a person, those whose erasure the receiver has acknowledged not among them."""
    query = select(documents).where(documents.c.person_key.in_(person_keys)).order_by(documents.c.document_id)
    return list(connection.execute(query).all())


def changes_of(connection: Connection, document_id: int) -> list[Any]:
    """Return the changes of a document that are remembered, oldest first."""
    query = select(outbox).where(outbox.c.document_id == document_id).order_by(outbox.c.version)
    return list(connection.execute(query).all())


def wipe(connection: Connection, document_id: int, *, now: float) -> Wiped:
    """Wipe the changes of a document that are not under way, and keep everybody else from it until the transaction ends."""
    lock_document(connection, document_id)
    query = select(outbox).where(outbox.c.document_id == document_id).order_by(outbox.c.seq)
    rows = connection.execute(query.with_for_update()).all()
    newest = max(rows, key=lambda row: row.version, default=None)
    on_its_way = newest is not None and newest.submitter == ERASER and newest.state in OPEN
    count = sum(_wipe(connection, row, now) for row in rows if not (on_its_way and row is newest))
    if on_its_way and count and not any(row.state == LEASED for row in rows if row is not newest):
        # it may have waited for what is settled now
        next_turn(connection, document_id, now)
    return Wiped(count, not on_its_way, on_its_way and newest is not None and newest.state == DEAD)


def _wipe(connection: Connection, row: Any, now: float) -> int:
    if row.state == LEASED:
        # its worker finds out by this
        connection.execute(update(outbox).where(outbox.c.seq == row.seq).values(reason=ERASED))
        return 0
    if row.sealed is None and row.state not in OPEN:
        return 0
    values: dict[str, Any] = {"sealed": None}
    if row.state in OPEN:
        values |= {"state": SUPERSEDED, "reason": ERASED, "touched_at": now, "next_at": now}
    connection.execute(update(outbox).where(outbox.c.seq == row.seq).values(**values))
    return 1


# -- while changes are delivered ---------------------------------------------------------------------------------------

_REASON = select(outbox.c.reason).where(outbox.c.seq == bindparam("its_seq"))
_LOCKED_REASON = _REASON.with_for_update()


def is_tombstone(claimed: Claimed) -> bool:
    """Tell whether a claim says that a document was erased: nothing but its names may go out."""
    return claimed.submitter == ERASER


def is_erased(connection: Connection, claimed: Claimed) -> bool:
    """Tell whether the document of a claim was erased while a worker was at it."""
    return bool(connection.execute(_REASON, {"its_seq": claimed.seq}).scalar() == ERASED)


def settle_erased(connection: Connection, claimed: Claimed, *, now: float) -> bool:
    """Settle a claim for good whose document was erased meanwhile, so that its content waits for no further attempt.

    Returns:
        False where the document was not erased, and nothing is changed.
    """
    if not _was_erased(connection, claimed):
        return False
    supersede(connection, claimed, now=now, reason=ERASED)
    return True


def give_up_erased(connection: Connection, claimed: Claimed, *, now: float) -> bool:
    """Give up a dead letter whose document was erased; False where it was not."""
    if not is_erased(connection, claimed):
        return False
    outbox_desk.discard(connection, claimed.change_id, now=now)
    return True


def before_delivery(connection: Connection, claimed: Claimed, reason: str) -> bool:
    """Take the locks of what is settled now, in their order; tell whether its document was erased.

    Args:
        reason: what the attempt came to.
    """
    if is_tombstone(claimed) or reason == NEWER_THERE:
        lock_document(connection, claimed.document_id)
    return _was_erased(connection, claimed)


def _was_erased(connection: Connection, claimed: Claimed) -> bool:
    # whoever erases it at this moment has the row locked
    reason = connection.execute(_LOCKED_REASON, {"its_seq": claimed.seq}).scalar()
    return bool(reason == ERASED)


def after_delivery(connection: Connection, claimed: Claimed, told: str | None, *, was_erased: bool) -> None:
    """Forget which document a tombstone was about, once the receiver has it; wipe what an erased one has kept.

    The document's keyed hash and version stay: if it is announced again, its versions go on, and its names are written anew.

    Args:
        told: what :func:`vneid_middleware.storage.outbox.settle` returned.
        was_erased: what :func:`before_delivery` returned.
    """
    if told == NEWER_THERE and was_erased:
        connection.execute(update(outbox).where(outbox.c.seq == claimed.seq).values(sealed=None))
    if told in (None, NEWER_THERE) or not is_tombstone(claimed):
        # a tombstone that the receiver has not taken is still to be told
        return
    same = and_(documents.c.document_id == claimed.document_id, documents.c.version == claimed.version)
    connection.execute(update(documents).where(same).values(sealed="", person_key=""))
