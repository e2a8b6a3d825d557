"""The outbox: changes of documents are announced, kept, and pushed to VNeID by ``vneid worker`` (the guide's part B)."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from vneid_middleware.events import DeliveryEnded
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import IProvisioned, IReadinessCheck
from vneid_middleware.outbox import Outbox
from vneid_middleware.plugins.documents.outbox import views
from vneid_middleware.plugins.documents.outbox.gauges import OutboxGauges
from vneid_middleware.plugins.documents.outbox.messages import MESSAGES
from vneid_middleware.plugins.documents.outbox.rotation import Rotation
from vneid_middleware.plugins.documents.outbox.settings import TABLE, kinds_of
from vneid_middleware.plugins.documents.outbox.sources import kinds_with_changes, name_of
from vneid_middleware.plugins.documents.outbox.trial import ChangeTrial
from vneid_middleware.plugins.documents.refusals import other_method_view


@implementer(IReadinessCheck, IProvisioned)
class OutboxReadiness:
    """Names the outbox as degraded while its channel is paused, which a person must open, or a source keeps failing."""

    critical = False

    def provision(self, services: Any) -> None:
        self._services = services

    def check(self) -> None:
        from vneid_middleware.storage import change_source, outbox

        with self._services.storage.read() as connection:
            paused = outbox.channel(connection, now=self._services.clock()).paused
            faults = {kind: change_source.fault(connection, name_of(kind))
                      for kind in kinds_with_changes(self._services.settings)}
        if paused:
            raise VNeIDError("channel_paused", paused)
        failing = [f"documents.{kind}.changes: {fault}" for kind, fault in faults.items() if fault]
        if failing:
            raise VNeIDError("changes_failing", "; ".join(failing))


def includeme(config: Any) -> None:
    """Offer ``POST /documents/changes`` and what the worker needs."""
    config.add_vneid_settings(TABLE)
    config.add_vneid_messages("documents.outbox", MESSAGES)
    config.add_vneid_component("outbox", lambda services: Outbox(
        services.key_ring, services.clock, kinds=kinds_of(services.settings)))
    config.add_vneid_component("change_trial", ChangeTrial)
    config.add_vneid_component("outbox_rotation", Rotation)
    config.add_vneid_readiness("outbox", OutboxReadiness())
    config.add_vneid_gauges("outbox", OutboxGauges())
    config.add_subscriber(lambda event: config.registry["vneid.services"]["metrics"].tally(
        "vneid_outbox_deliveries", "Attempts to deliver a change, by what came of them", result=event.result), DeliveryEnded)
    config.add_route("vneid.documents.changes", "/documents/changes")
    config.add_view(views.changes_view, route_name="vneid.documents.changes", request_method="POST")
    config.add_view(other_method_view, route_name="vneid.documents.changes")
