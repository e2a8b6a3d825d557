"""Ways to a service behind an exchange platform, by name: ``transport.NAME.kind``. Always active; what names one uses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zope.interface import implementer

from vneid_middleware.directives import Registrations, check_implementation
from vneid_middleware.exceptions import UpstreamError, VNeIDError
from vneid_middleware.interfaces import IProvisioned, IReadinessCheck, ITransport
from vneid_middleware.plugins.transports.direct import Direct
from vneid_middleware.plugins.transports.lgsp import LgspToken, LgspWso2
from vneid_middleware.plugins.transports.ndxp import Ndxp
from vneid_middleware.plugins.transports.settings import make_table, names
from vneid_middleware.plugins.transports.xroad import XRoad

__all__ = ["Transports", "includeme"]


class Transports:
    """All transports of the ini, made once.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        settings = services.settings
        self._made: dict[str, Any] = {}
        for name in names(settings):
            kind = settings[f"transport.{name}.kind"]
            made = self._made[name] = services.roles["transport", kind](name, services)
            check_implementation(ITransport, made, f"transport.{name}.kind = {kind}")

    def __getitem__(self, name: str) -> Any:
        """Return the :class:`vneid_middleware.interfaces.ITransport` of ``transport.NAME``."""
        return self._made[name]

    def items(self) -> Iterator[tuple[str, Any]]:
        """Give each name with its transport."""
        yield from self._made.items()

    def failing(self) -> Iterator[tuple[str, UpstreamError]]:
        """Give the transports whose platform does not answer by what is known, with the reason."""
        for name, transport in self._made.items():
            try:
                transport.check()
            except UpstreamError as error:
                yield name, error


@implementer(IReadinessCheck, IProvisioned)
class TransportsReadiness:
    """Tells of platforms that do not answer: the portal goes on without them."""

    critical = False

    def provision(self, services: Any) -> None:
        self._services = services

    def check(self) -> None:
        failing = list(self._services["transports"].failing())
        if failing:
            raise VNeIDError("upstream_unavailable", "; ".join(f"{name}: {error}" for name, error in failing))


def includeme(config: Any) -> None:
    """Offer the kinds of transports."""
    registrations: Registrations = config.registry["vneid.registrations"]
    config.add_vneid_settings(make_table(registrations))
    config.add_vneid_transport("direct", Direct())
    config.add_vneid_transport("ndxp", Ndxp())
    config.add_vneid_transport("xroad", XRoad())
    config.add_vneid_transport("lgsp-wso2", LgspWso2())
    config.add_vneid_transport("lgsp-token", LgspToken())
    config.add_vneid_component("transports", Transports)
    config.add_vneid_readiness("transports", TransportsReadiness())
