"""Ways to a service behind an exchange platform, by name: ``transport.NAME.kind``. Always active; what names one uses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vneid_middleware.directives import Registrations
from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.plugins.transports.direct import Direct
from vneid_middleware.plugins.transports.settings import make_table, names

__all__ = ["Transports", "includeme"]


class Transports:
    """All transports of the ini, made once.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        settings = services.settings
        self._made = {name: services.roles["transport", settings[f"transport.{name}.kind"]](name, services)
                      for name in names(settings)}

    def __getitem__(self, name: str) -> Any:
        """Return the :class:`vneid_middleware.interfaces.ITransport` of ``transport.NAME``."""
        return self._made[name]

    def failing(self) -> Iterator[tuple[str, UpstreamError]]:
        """Give the transports whose platform does not answer by what is known, with the reason."""
        for name, transport in self._made.items():
            try:
                transport.check()
            except UpstreamError as error:
                yield name, error


def includeme(config: Any) -> None:
    """Offer the kinds of transports."""
    registrations: Registrations = config.registry["vneid.registrations"]
    config.add_vneid_settings(make_table(registrations))
    config.add_vneid_transport("direct", Direct())
    config.add_vneid_component("transports", Transports)
