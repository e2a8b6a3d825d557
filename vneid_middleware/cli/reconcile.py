"""Announcing documents anew whose newest change is missing, here or at the receiver."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from vneid_middleware.cli.words import say
from vneid_middleware.core.outbox import REVOKE, UPSERT, Change
from vneid_middleware.exceptions import StorageError, VNeIDError

_AT_ONCE = 500


class Reconciled(NamedTuple):
    """What was done."""

    announced: int
    postponed: int
    """Documents of which a newer change is on its way: only when it has arrived, or not, is it known what is missing."""


def announce_anew(services: Any, *, every: bool, fault: Callable[[str], Any]) -> Reconciled:
    """Announce each document's newest state: what its receiver did not take, or what its provider has.

    Args:
        every: all documents, under a version that none can have got since a backup was made; False: those that miss something.
        fault: told of each document that can't be announced.

    Raises:
        StorageError: storage does not answer.
    """
    from vneid_middleware.storage import outbox_desk

    find, done, after = outbox_desk.everything if every else outbox_desk.lost, [0, 0], 0
    while True:
        with services.storage.read() as connection:
            found = find(connection, after=after, limit=_AT_ONCE)
        if not found:
            return Reconciled(*done)
        for document in found:
            try:
                with services.storage.begin() as connection:
                    what = _announced(services, connection, document, every)
            except StorageError:
                raise
            except VNeIDError as error:
                fault(say("a document can't be announced anew: {reason}", reason=str(error)))
                continue
            if what is not None:
                done[what] += 1
        after = found[-1].document_id


def _announced(services: Any, connection: Any, document: Any, every: bool) -> int | None:
    """Announce a document; return which count it belongs to, or None."""
    from vneid_middleware.storage import outbox_desk
    from vneid_middleware.storage.outbox import lock_document
    from vneid_middleware.storage.outbox_erasure import ERASER

    outbox = services["outbox"]
    lock_document(connection, document.document_id)
    if every:
        outbox_desk.raise_version(connection, document.document_id)
        if not document.sealed:
            # what was erased: if it is announced again, its versions go on
            return None
    elif outbox_desk.is_mended_soon(connection, document.document_id):
        return 1
    kind, personal_id, document_id = outbox.document(document.sealed)
    last = outbox_desk.newest(connection, document.document_id)
    change, submitter = Change(kind, personal_id, document_id, UPSERT, ""), "cli:reconcile"
    if last is not None and last.sealed is not None:
        change = outbox.open(last.sealed, last.change_id)
    elif last is not None and last.version == document.version:
        # of a change that is missing nobody knows what it was
        change = change._replace(action=last.action)
    if last is not None and last.submitter == ERASER:
        # a tombstone stays one, or the provider would be asked for what was erased
        change, submitter = change._replace(action=REVOKE), ERASER
    outbox.put(connection, change._replace(idempotency_key=f"reconcile:{uuid.uuid4()}"), submitter)
    return 0
