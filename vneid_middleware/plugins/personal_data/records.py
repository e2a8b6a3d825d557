"""Audit records that name a person, by keyed hash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from zope.interface import implementer

from vneid_middleware.interfaces import IPersonalData, IProvisioned
from vneid_middleware.plugins.personal_data.messages import AUDIT
from vneid_middleware.plugins.personal_data.part import Part
from vneid_middleware.storage import personal


@implementer(IPersonalData, IProvisioned)
class Records(Part):
    """The audit in the database. It says who did what and is kept by law; nothing in it is erased before its time."""

    kept = AUDIT

    def export(self, personal_id: str) -> Iterator[dict[str, Any]]:
        lifetime = timedelta(days=self._vneid.settings["audit.retention_days"])
        with self._vneid.storage.read() as connection:
            hashes = sorted({*self.person_keys(personal_id), *self.subject_keys(connection, personal_id)})
            newest = personal.newest_audit(connection)
        for window in personal.audit_windows(newest):
            with self._vneid.storage.read() as connection:
                found = personal.audit_naming(connection, hashes, window)
            for time, record in found:
                until = datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%f%z") + lifetime
                yield {**json.loads(record), "until": until.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def erase(self, personal_id: str) -> int:
        return 0
