"""What all transports have in common: headers, sign-in at the platform, mutual TLS, a total deadline and a circuit breaker."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from vneid_middleware.breaker import Breaker
from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.models import TransportRequest
from vneid_middleware.outbound import Response
from vneid_middleware.plugins.transports.settings import TIMEOUT

CONNECTIONS = 2_000
"""Open at once: citizens who think about their consent hold one each where the platform answers when they have."""


class Settings:
    """The settings of one transport.

    Args:
        name: NAME in ``transport.NAME``.
        settings: all settings.
    """

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self._prefix = f"transport.{name}."
        self._settings = settings

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value; of a secret its text."""
        value = self._settings.get(self._prefix + key, default)
        return value.reveal() if hasattr(value, "reveal") else value


class HttpTransport:
    """Sends messages by HTTP POST; the base of the kinds.

    Args:
        name: NAME in ``transport.NAME``.
        services: outbound client, settings and clock.
    """

    def __init__(self, name: str, services: Any) -> None:
        self.name = name
        self.settings = Settings(name, services.settings)
        self._clock: Callable[[], float] = services.clock
        self._url: str = self.settings.get("url").rstrip("/")
        self._timeout: int = self.settings.get("timeout", TIMEOUT)
        self._breaker = Breaker(services.clock)
        self.channel = services.outbound.channel(certificate=self.settings.get("client_certificate"),
                                                 key=self.settings.get("client_key"), connections=CONNECTIONS)

    async def send(self, request: TransportRequest) -> Response:
        """Send a message; see :class:`vneid_middleware.interfaces.ITransport`."""
        url = self.address(request)
        headers = {**self.settings.get("headers", {}), **self.platform_headers(request), **self.authorization(url),
                   "Content-Type": request.content_type, "Accept": "application/json"}
        limit = request.timeout or self._timeout
        with self._breaker.guard():
            answer = await self.channel.send("POST", url, headers=headers, body=request.body, timeout=limit,
                                             max_body=request.max_body)
            self.check_platform(answer)
        return answer

    def check(self) -> None:
        """Raise ``UpstreamError`` while the platform is known to be down."""
        if self._breaker.is_open:
            raise UpstreamError("busy", f"transport.{self.name} did not get an answer several times in a row")

    def address(self, request: TransportRequest) -> str:
        """Return the URL that a message goes to."""
        return self._url + request.path

    def platform_headers(self, request: TransportRequest) -> dict[str, str]:
        """Return what the platform wants to know of a message."""
        return {}

    def check_platform(self, answer: Response) -> None:
        """Raise ``UpstreamError`` ``platform`` where an answer is the platform's own and not the service's."""

    def authorization(self, url: str) -> dict[str, str]:
        """Return the headers that sign us in.

        Args:
            url: as it is called.
        """
        kind = self.settings.get("auth", "none")
        if kind == "bearer":
            return {"Authorization": f"Bearer {self.settings.get('bearer')}"}
        if kind == "basic":
            return {"Authorization": _basic(self.settings.get("username"), self.settings.get("password"))}
        return {}


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")
