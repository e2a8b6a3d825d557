"""Through the adapter of the national data exchange platform (NDXP, VDXP), a forward proxy in the agency's own network.

``ADAPTER/XrdAdapter/RestService/forward/PATH?dstcode=…&providerurl=…``; older adapters have ``VXPAdapter`` there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from zope.interface import implementer

from vneid_middleware.interfaces import ISettingsCheck, ITransportFactory
from vneid_middleware.models import TransportRequest
from vneid_middleware.outbound import Response
from vneid_middleware.plugins.transports.http import HttpTransport, json_object
from vneid_middleware.plugins.transports.settings import Described
from vneid_middleware.settings import Problem

_FORWARD = ("/XrdAdapter/RestService/forward", "/VXPAdapter/RestService/forward")
_X_ROAD_FAULTS = ("Client.", "Server.")


class NdxpTransport(HttpTransport):
    """POSTs to the adapter, which finds the service by its ``dstcode``."""

    def address(self, request: TransportRequest) -> str:
        """Return the adapter's URL with the service's path and name."""
        query = {} if self._in_header else {"dstcode": self.settings.get("dstcode")}
        if self.settings.get("providerurl"):
            query["providerurl"] = self.settings.get("providerurl")
        # what a query may hold stays as it is, so that an adapter which does not decode reads the same
        return super().address(request) + ("?" + urlencode(query, safe=":/", quote_via=quote) if query else "")

    def platform_headers(self, request: TransportRequest) -> dict[str, str]:
        """Return ``dstcode`` where it is to be a header."""
        return {"dstcode": self.settings.get("dstcode")} if self._in_header else {}

    def check_platform(self, answer: Response, sent: Mapping[str, str]) -> None:
        """Tell the adapter's own errors by X-Road's marks, on which the platform is built, and by pages of its server.

        A service answers an error with a JSON object too; what is none comes from the adapter or its web server.
        """
        if "x-road-error" in answer.headers:
            self.refused(answer, answer.headers["x-road-error"])
        if answer.status >= 400:
            found = json_object(answer)
            if found is None:
                self.refused(answer, "")
            kind = found.get("type")
            if isinstance(kind, str) and kind.startswith(_X_ROAD_FAULTS) and "message" in found:
                self.refused(answer, kind)

    @property
    def _in_header(self) -> bool:
        return bool(self.settings.get("dstcode_in") == "header")


@implementer(ITransportFactory, ISettingsCheck)
class Ndxp:
    """Makes transports of the kind ``ndxp``."""

    required = ("url", "dstcode")
    optional = ("dstcode_in", "providerurl")

    def __call__(self, name: str, services: Any) -> NdxpTransport:
        return NdxpTransport(name, services)

    def problems(self, transport: Described) -> Iterator[Problem]:
        """Warn of an address that is not an adapter's."""
        address = transport.get("url")
        if address and not urlsplit(address).path.rstrip("/").endswith(_FORWARD):
            yield transport.problem("url", "does not end with /XrdAdapter/RestService/forward, as the adapter's address does",
                                    "Is it the whole address that the adapter forwards from?", severity="warning")
