"""The outbox's numbers for ``/metrics``: read from storage when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zope.interface import implementer

from vneid_middleware.interfaces import IGauges, IProvisioned
from vneid_middleware.models import Gauge
from vneid_middleware.storage import outbox, outbox_watch


@implementer(IGauges, IProvisioned)
class OutboxGauges:
    """How much waits, for how long, and whether anything may be sent; nothing where changes are not pushed."""

    uses_storage = True

    def provision(self, services: Any) -> None:
        self._vneid = services

    def read(self) -> Iterable[Gauge]:
        if not self._vneid.settings.get("documents.transport"):
            return ()
        with self._vneid.storage.read() as connection:
            now = outbox.present(connection, self._vneid.clock())
            found = outbox_watch.backlog(connection, now=now)
        age = 0.0 if found.oldest_at is None else max(0.0, now - found.oldest_at)
        return [
            *(Gauge("vneid_outbox_changes", "Changes that are not settled, by state", count, {"state": state})
              for state, count in found.changes.items()),
            Gauge("vneid_outbox_oldest_seconds", "Age of the oldest change that is not settled", age),
            Gauge("vneid_outbox_paused", "1 while the channel is paused: a person must open it", bool(found.paused)),
        ]
