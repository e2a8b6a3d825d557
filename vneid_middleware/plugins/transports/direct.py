"""Straight to the service, with no platform between: for tests, and where the network itself is the platform."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from vneid_middleware.interfaces import ITransportFactory
from vneid_middleware.plugins.transports.http import HttpTransport


@implementer(ITransportFactory)
class Direct:
    """Makes transports of the kind ``direct``: POST to ``url`` and the path."""

    required = ("url",)
    optional = ()

    def __call__(self, name: str, services: Any) -> HttpTransport:
        return HttpTransport(name, services)
