"""Documents that were announced to VNeID, and what is still to be sent of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zope.interface import implementer

from vneid_middleware.core.outbox import OPEN
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import IPersonalData, IProvisioned
from vneid_middleware.outbox import Outbox
from vneid_middleware.plugins.personal_data.messages import DOCUMENTS
from vneid_middleware.plugins.personal_data.part import Part
from vneid_middleware.storage import outbox_erasure
from vneid_middleware.storage.housekeeping import SETTLED_FOR
from vneid_middleware.text import utc


@implementer(IPersonalData, IProvisioned)
class Papers(Part):
    """The outbox. Erasing tells VNeID, too: each document's last version says that it is gone."""

    kept = DOCUMENTS

    def _documents(self, personal_id: str) -> list[Any]:
        with self._vneid.storage.read() as connection:
            return outbox_erasure.documents_of(connection, self.person_keys(personal_id))

    def export(self, personal_id: str) -> Iterator[dict[str, Any]]:
        box = Outbox(self._vneid.key_ring)
        for row in self._documents(personal_id):
            with self._vneid.storage.read() as connection:
                changes = outbox_erasure.changes_of(connection, row.document_id)
            yield {"loaiGiayTo": row.kind, "maGiayTo": box.document(row.sealed)[2], "version": row.version,
                   "changes": [_told(box, change) for change in changes], "until": None}

    def erase(self, personal_id: str) -> int:
        box, erased, refused, closed = Outbox(self._vneid.key_ring, self._vneid.clock), 0, 0, 0
        for row in self._documents(personal_id):
            try:
                with self._vneid.storage.begin() as connection:
                    wiped = box.erase(connection, row.document_id, row.sealed)
            except VNeIDError as error:
                if error.code != "key_missing":
                    raise
                closed += 1
                continue
            erased += bool(wiped.changes or wiped.needs_tombstone)
            refused += wiped.is_refused
        if closed:
            raise VNeIDError("key_missing", f"{closed} documents were sealed with a secret that is gone; put it back as a "
                                            "further line of secret")
        if refused:
            raise VNeIDError("not_erased", f"VNeID was told of {refused} documents that they are gone, and refused; "
                                           "see: vneid outbox FILE.ini list")
        return erased


def _told(box: Outbox, row: Any) -> dict[str, Any]:
    """Return what is remembered of a change."""
    told = {"change_id": row.change_id, "version": row.version, "action": row.action, "state": row.state, "reason": row.reason,
            "submitter": row.submitter, "created_at": utc(row.created_at),
            "until": None if row.state in OPEN else utc(row.next_at + SETTLED_FOR)}
    if row.sealed is not None:
        change = box.open(row.sealed, row.change_id)
        told |= {"idempotencyKey": change.idempotency_key, "data": change.data}
    return told
