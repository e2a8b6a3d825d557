"""Documents: VNeID pulls them, and changes go to VNeID (the guide's part B). See docs/administrator.md.

A plugin like any other: it declares settings, adds its routes, and asks providers that the ini names.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from zope.interface import implementer

from vneid_middleware.directives import check_implementation
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import IDocumentProvider, IProvisioned, IReadinessCheck, ITrial
from vneid_middleware.plugins.documents import views
from vneid_middleware.plugins.documents.callers import Callers
from vneid_middleware.plugins.documents.messages import MESSAGES
from vneid_middleware.plugins.documents.pulls import Pulls
from vneid_middleware.plugins.documents.refusals import other_method_view
from vneid_middleware.plugins.documents.settings import make_table
from vneid_middleware.plugins.documents.sql import SqlProviders
from vneid_middleware.readiness import trials

__all__ = ["Documents", "includeme"]

_ALARM_EVERY = 60


@implementer(ITrial)
class Documents:
    """The document providers of the ini, made once, and who may ask them.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        settings = services.settings
        self._vneid = services
        self.pulls = Pulls(settings["server_threads"])
        self.callers = Callers(services, lambda: self.pulls.slots)
        self._alarmed: dict[str, float] = {}
        self._providers: dict[str, Any] = {}
        for key, name in sorted(settings.items()):
            if key.startswith("documents.") and key.endswith(".provider"):
                made = services.roles["document_provider", name](key.split(".")[1], services)
                check_implementation(IDocumentProvider, made, f"{key} = {name}")
                self._providers[key.split(".")[1]] = made

    def kinds(self) -> list[str]:
        """Return the kinds of document that this portal has, sorted."""
        return list(self._providers)

    def provider(self, kind: str) -> Any:
        """Return the :class:`vneid_middleware.interfaces.IDocumentProvider` of a kind; ``KeyError`` where there is none."""
        return self._providers[kind]

    def alarm_rate(self, request_id: str, caller: str) -> None:
        """Tell a person that a caller asks more often than it may; at most once a minute for each caller."""
        now = time.monotonic()
        if now - self._alarmed.get(caller, float("-inf")) >= _ALARM_EVERY:
            self._alarmed[caller] = now
            self._vneid["alarm"].send("too_many_pulls", request_id, caller=caller)

    def check(self) -> None:
        """Raise ``VNeIDError`` when a provider is known not to answer, or a caller's keys can't be had."""
        for provider in self._providers.values():
            provider.check()
        self.callers.check_keys()

    def try_online(self) -> Iterator[tuple[str, ...]]:
        """Try the callers' keys, and the providers as far as they can be tried."""
        try:
            self.callers.check_keys()
            yield "documents.callers", ""
        except VNeIDError as error:
            yield "documents.callers", str(error)
        for kind, provider in self._providers.items():
            if ITrial.providedBy(provider):
                yield from trials(f"documents.{kind}", provider)


@implementer(IReadinessCheck, IProvisioned)
class DocumentsReadiness:
    """Names documents as degraded while a provider does not answer; the portal goes on."""

    critical = False

    def provision(self, services: Any) -> None:
        self._services = services

    def check(self) -> None:
        self._services["documents"].check()


def includeme(config: Any) -> None:
    """Offer the portal's documents to VNeID."""
    config.add_vneid_settings(make_table(config.registry["vneid.registrations"]))
    config.add_vneid_messages("documents", MESSAGES)
    config.add_vneid_component("documents", Documents)
    config.add_vneid_document_provider("sql", SqlProviders())
    config.add_vneid_readiness("documents", DocumentsReadiness())
    config.add_route("vneid.documents.lookup", "/documents/lookup")
    config.add_view(views.lookup_view, route_name="vneid.documents.lookup", request_method="POST")
    config.add_view(other_method_view, route_name="vneid.documents.lookup")
    config.include("vneid_middleware.plugins.documents.outbox")
