"""The exchange platforms in front of VNeID: the national one's adapter, and X-Road, on which it is built.

Each is strict about its own rules and has errors of its own. A message that a platform lets through is answered by the service
behind it, as if it had come straight.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from urllib.parse import unquote
from uuid import UUID, uuid4

from webob import Request, Response

from vneid_middleware.simulator.answers import json_answer
from vneid_middleware.simulator.faults import misbehaviour
from vneid_middleware.simulator.state import State

Service = Callable[[Request, str], Response]
"""What stands behind a platform; told the request and who the platform says has sent it."""

NDXP = ("/XrdAdapter/RestService/forward", "/VXPAdapter/RestService/forward")
XROAD = "/r1"

_NOT_ALLOWED = ("Server.ServerProxy.AccessDenied", "Request is not allowed")
_NOT_REACHED = ("Server.ServerProxy.ServiceFailed.HttpError", "Connection refused")
_NO_SERVICE = ("Server.ServerProxy.UnknownService", "Unknown service")


class Refusal(Exception):
    """A platform does not let a message through.

    Args:
        response: what it says instead.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Platform(ABC):
    """What all platforms have in common.

    Args:
        state: the simulator's memory.
        services: path to service.
    """

    def __init__(self, state: State, services: Mapping[str, Service]) -> None:
        self.state, self._services = state, services

    @abstractmethod
    def answer(self, request: Request, path: str) -> Response:
        """Answer a message.

        Args:
            request: as it came.
            path: what follows the platform's own path, percent-encoded as it came.

        Raises:
            Refusal: the platform does not let it through.
        """

    def fail_as_told(self, name: str, own: Response, down: Response) -> None:
        """Refuse as ``fault.NAME`` says.

        Args:
            name: of the fault.
            own: the platform's own error.
            down: the one for a service that it can't reach.
        """
        fault = self.state.faults[name]
        response = {"own-error": own, "down": down}.get(fault) or misbehaviour(self.state, name)
        if response is not None:
            raise Refusal(response)

    def forward(self, request: Request, path: str, client: str, unknown: Response) -> Response:
        """Return the service's answer; ``unknown`` where there is no such service."""
        if path not in self._services or request.method != "POST":
            raise Refusal(unknown)
        return self._services[path](request, client)


class Ndxp(Platform):
    """The adapter in the agency's own network: finds the service by ``dstcode``, in the query or as a header.

    Args:
        state: the simulator's memory.
        services: path to service.
        issuer: the simulator's own base URL, which ``providerurl`` may name.
    """

    def __init__(self, state: State, services: Mapping[str, Service], issuer: str) -> None:
        super().__init__(state, services)
        self._issuer = issuer

    def answer(self, request: Request, path: str) -> Response:
        """Answer a message to the path of a service."""
        if self.state.faults["ndxp"] == "own-error-200":
            return json_answer({"error_code": "-1", "message": "Không kết nối được hệ thống cung cấp dịch vụ"})
        self.fail_as_told("ndxp", _adapter_error(*_NOT_ALLOWED), _adapter_error(*_NOT_REACHED))
        given = [code for code in (request.GET.get("dstcode"), request.headers.get("dstcode")) if code is not None]
        if len(given) != 1:
            raise Refusal(_adapter_error("Client.BadRequest", "dstcode must be given once", 400))
        if given[0] != self.state.agency.dstcode:
            raise Refusal(_adapter_error("Server.ClientProxy.UnknownMember", "Unknown dstcode"))
        if request.GET.get("providerurl", self._issuer).rstrip("/") != self._issuer:
            raise Refusal(_adapter_error(*_NO_SERVICE))
        return self.forward(request, path, "ndxp", _adapter_error(*_NO_SERVICE))


class XRoad(Platform):
    """A security server (X-Road: Message Protocol for REST, version 1; PR-REST)."""

    def answer(self, request: Request, path: str) -> Response:
        """Answer a message to the service's identifier and the path behind it; the headers tell the message's id again."""
        message_id = request.headers.get("X-Road-Id", "")
        try:
            response = self._checked(request, path, message_id)
        except Refusal as refusal:
            response = refusal.response
        echoed = str(uuid4()) if self.state.faults["xroad"] == "other-id" else message_id or str(uuid4())
        response.headers.update({"X-Road-Id": echoed, "X-Road-Client": request.headers.get("X-Road-Client", ""),
                                 "X-Road-Service": self.state.agency.x_road_service, "X-Road-Request-Id": str(uuid4())})
        return response

    def _checked(self, request: Request, path: str, message_id: str) -> Response:
        self.fail_as_told("xroad", _x_road_error(*_NOT_ALLOWED), _x_road_error(*_NOT_REACHED))
        client = request.headers.get("X-Road-Client", "")
        if not client:
            raise Refusal(_x_road_error("Client.BadRequest", "X-Road-Client is missing", 400))
        if message_id and not _is_uuid(message_id):
            raise Refusal(_x_road_error("Client.BadRequest", "X-Road-Id is not a UUID", 400))
        if not _is(client.split("/"), self.state.agency.x_road_client):
            raise Refusal(_x_road_error(*_NOT_ALLOWED))
        service, parts = self.state.agency.x_road_service, path.split("/")[1:]
        length = service.count("/") + 1
        if not _is(parts[:length], service):
            raise Refusal(_x_road_error(*_NO_SERVICE))
        return self.forward(request, "/" + "/".join(parts[length:]), client, _x_road_error(*_NO_SERVICE))


def _is(parts: list[str], identifier: str) -> bool:
    """Compare an identifier's parts, each percent-encoded, so that a slash inside one parts nothing (PR-REST 4.2)."""
    return [unquote(part) for part in parts] == identifier.split("/")


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _x_road_error(kind: str, message: str, status: int = 500) -> Response:
    """X-Road's own error (PR-REST 4.6): known by the header."""
    response = _adapter_error(kind, message, status)
    response.headers["X-Road-Error"] = kind
    return response


def _adapter_error(kind: str, message: str, status: int = 500) -> Response:
    """What an adapter makes of X-Road's error. Nobody outside knows its form, and the header may be lost on the way."""
    return json_answer({"type": kind, "message": message, "detail": str(uuid4())}, status)
