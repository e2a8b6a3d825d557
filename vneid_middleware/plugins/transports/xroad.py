"""Through an X-Road security server: "X-Road: Message Protocol for REST", version 1 (PR-REST)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from zope.interface import implementer

from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.interfaces import ISettingsCheck, ITransportFactory
from vneid_middleware.models import TransportRequest
from vneid_middleware.outbound import Response
from vneid_middleware.plugins.transports.http import HttpTransport, json_object
from vneid_middleware.plugins.transports.identifiers import header_text, joined, path_text
from vneid_middleware.plugins.transports.settings import Described
from vneid_middleware.settings import Problem


class XRoadTransport(HttpTransport):
    """POSTs to ``/r1/SERVICE/PATH`` of the security server."""

    def address(self, request: TransportRequest) -> str:
        """Return the security server's URL with the service's identifier and path (PR-REST 4.1)."""
        return f"{self.base}/r1/{joined(self.settings.get('service'))}{path_text(request.path)}"

    def platform_headers(self, request: TransportRequest) -> dict[str, str]:
        """Return who asks, the message's id, and the officer and the dossier where they are known (PR-REST 4.3)."""
        told = {"X-Road-UserId": header_text(request.officer_id), "X-Road-Issue": header_text(request.dossier)}
        return {"X-Road-Client": joined(self.settings.get("client")),
                "X-Road-Id": header_text(request.request_id) or str(uuid4()),
                **{name: value for name, value in told.items() if value}}

    def check_platform(self, answer: Response, sent: Mapping[str, str]) -> None:
        """Tell X-Road's own errors by ``X-Road-Error`` (PR-REST 4.6), and refuse the answer to another message."""
        if "x-road-error" in answer.headers:
            kind = (json_object(answer) or {}).get("type")
            self.refused(answer, kind if isinstance(kind, str) else answer.headers["x-road-error"])
        if answer.headers.get("x-road-id", sent["X-Road-Id"]) != sent["X-Road-Id"]:
            raise UpstreamError("malformed", f"transport.{self.name}: the answer has the X-Road-Id of another message")


@implementer(ITransportFactory, ISettingsCheck)
class XRoad:
    """Makes transports of the kind ``xroad``."""

    required = ("url", "client", "service")
    optional = ()

    def __call__(self, name: str, services: Any) -> XRoadTransport:
        return XRoadTransport(name, services)

    def problems(self, transport: Described) -> Iterator[Problem]:
        """Refuse an address that holds the protocol's version already."""
        if "r1" in (transport.get("url") or "").split("/")[3:]:
            yield transport.problem("url", "must be the security server's address alone; /r1 and the service are added to it",
                                    f"Name the service by {transport.key('service')}.")
