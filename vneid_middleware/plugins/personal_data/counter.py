"""Results of lookups at the counter that wait for their operator: sealed, for two minutes at most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zope.interface import implementer

from vneid_middleware.interfaces import IPersonalData, IProvisioned
from vneid_middleware.plugins.personal_data.messages import LOOKUPS
from vneid_middleware.plugins.personal_data.part import Part, opened
from vneid_middleware.storage import lookups, personal
from vneid_middleware.text import utc

_NUMBER = "soDinhDanh"


@implementer(IPersonalData, IProvisioned)
class Lookups(Part):
    """Results that nobody has fetched yet."""

    kept = LOOKUPS

    def _found(self, personal_id: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        box = self._vneid.key_ring.box("lookup-result")
        with self._vneid.storage.read() as connection:
            rows = personal.results(connection)
        for row in rows:
            data = (opened(box, row.sealed, row.lookup_key) or [None] * 4)[3]
            if data and data.get(_NUMBER) == personal_id:
                yield row, data

    def export(self, personal_id: str) -> Iterator[dict[str, Any]]:
        for row, data in self._found(personal_id):
            yield {"request_id": row.request_id, "status": row.status, "asked_at": utc(row.created_at), "data": data,
                   "until": utc(row.forget_at)}

    def erase(self, personal_id: str) -> int:
        found = [row.lookup_key for row, _ in self._found(personal_id)]
        with self._vneid.storage.begin() as connection:
            return sum(lookups.abandon(connection, key, "erased") for key in found)
