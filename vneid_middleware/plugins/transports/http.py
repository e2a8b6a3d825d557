"""What all transports have in common: headers, sign-in at the platform, mutual TLS, a total deadline and a circuit breaker."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, NoReturn
from urllib.parse import urlsplit

from zope.interface import implementer

from vneid_middleware.breaker import Breaker
from vneid_middleware.core.jose import JoseError, loads_object
from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.interfaces import IOnlineCheck, ITransport
from vneid_middleware.models import TransportRequest
from vneid_middleware.outbound import Response
from vneid_middleware.plugins.transports.identifiers import path_text
from vneid_middleware.plugins.transports.settings import TIMEOUT

CONNECTIONS = 2_000
"""Open at once: citizens who think about their consent hold one each where the platform answers when they have."""
_ANSWERED = ("redirect", "malformed", "too_large")
_CODE = re.compile(r"[A-Za-z0-9._-]{1,128}")


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


@implementer(ITransport, IOnlineCheck)
class HttpTransport:
    """Sends messages by HTTP POST; the base of the kinds.

    The circuit breaker counts what never reached the service: no answer at all, and the platform's own 5xx. A 5xx of the
    service is an answer that came through, and other services behind the same platform may be well.

    Args:
        name: NAME in ``transport.NAME``.
        services: outbound client, settings and clock.
    """

    def __init__(self, name: str, services: Any) -> None:
        self.name = name
        self.settings = Settings(name, services.settings)
        self.timeout: int = self.settings.get("timeout", TIMEOUT)
        self.clock: Callable[[], float] = services.clock
        self.base: str = self.settings.get("url").rstrip("/")
        self._breaker = Breaker(services.clock)
        self.channel = services.outbound.channel(certificate=self.settings.get("client_certificate"),
                                                 key=self.settings.get("client_key"), connections=CONNECTIONS)

    async def send(self, request: TransportRequest) -> Response:
        """Send a message; see :class:`vneid_middleware.interfaces.ITransport`."""
        limit = request.timeout or self.timeout
        # a time of its own is a person's, who may be slow
        with self._breaker.guard(patient=request.timeout is not None):
            return await self.exchange(request, limit)

    def check(self) -> None:
        """Raise ``UpstreamError`` while the platform is known to be down."""
        if self._breaker.is_open:
            raise UpstreamError("busy", f"transport.{self.name} did not get an answer several times in a row")

    async def check_online(self) -> str:
        """Reach the platform's own address; see :class:`vneid_middleware.interfaces.IOnlineCheck`."""
        origin = "://".join(urlsplit(self.base)[:2])
        try:
            return (await self.channel.send("HEAD", origin + "/", timeout=self.timeout)).date
        except UpstreamError as error:
            if error.code in _ANSWERED:
                return ""
            raise

    async def exchange(self, request: TransportRequest, limit: float) -> Response:
        """Return the service's answer.

        Args:
            limit: seconds for all of it.
        """
        return await self.post(request, limit)

    async def post(self, request: TransportRequest, limit: float, further: Mapping[str, str] | None = None) -> Response:
        """Send a message once.

        Args:
            further: headers that stand over those of the settings.
        """
        url = self.address(request)
        headers = merged({"Accept": "application/json"}, self.settings.get("headers", {}), self.platform_headers(request),
                         self.authorization(url), further or {}, {"Content-Type": request.content_type})
        answer = await self.channel.send("POST", url, headers=headers, body=request.body, timeout=limit,
                                         connect=self.timeout, max_body=request.max_body)
        self.check_platform(answer, headers)
        return answer

    def address(self, request: TransportRequest) -> str:
        """Return the URL that a message goes to."""
        return self.base + path_text(request.path)

    def platform_headers(self, request: TransportRequest) -> dict[str, str]:
        """Return what the platform wants to know of a message."""
        return {}

    def check_platform(self, answer: Response, sent: Mapping[str, str]) -> None:
        """Raise ``UpstreamError`` ``platform`` where an answer is the platform's own and not the service's.

        Args:
            sent: the headers of the message.
        """

    def refused(self, answer: Response, code: str) -> NoReturn:
        """Raise the error of an answer that is the platform's own.

        Args:
            code: the platform's own word; empty for none.
        """
        code = code if _CODE.fullmatch(code) else ""
        raise UpstreamError("platform", f"transport.{self.name}: the platform answered {answer.status} {code}".rstrip(),
                            status=answer.status, platform_code=code)

    def authorization(self, url: str) -> dict[str, str]:
        """Return the headers that sign us in.

        Args:
            url: as it is called.
        """
        kind, user, password = (self.settings.get(key, "") for key in ("auth", "username", "password"))
        if kind == "bearer":
            return {"Authorization": f"Bearer {self.settings.get('bearer')}"}
        if kind == "basic":
            return {"Authorization": basic(user, password)}
        if kind == "c06":
            return connecting_account(url, user, password, int(self.clock() * 1000))
        return {}


def connecting_account(url: str, user: str, password: str, milliseconds: int) -> dict[str, str]:
    """Return the headers of a connecting account at the services of the Ministry of Public Security (C06).

    Args:
        url: as it is called.
        milliseconds: the present, since 1970.
    """
    stamp = str(milliseconds)
    digest = sha256((url + user + stamp + password).encode()).hexdigest()
    return {"Timestamp": stamp, "Authorization": basic(user, digest)}


def basic(user: str, password: str) -> str:
    """Return the value of ``Authorization`` for RFC 7617, in UTF-8."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def merged(*layers: Mapping[str, str]) -> dict[str, str]:
    """Return headers in which each name stands once, whatever its case; the last layer that has it wins."""
    found = {name.lower(): (name, value) for layer in layers for name, value in layer.items()}
    return dict(found.values())


def json_object(answer: Response) -> dict[str, Any] | None:
    """Return the JSON object that an answer is, or None."""
    try:
        return loads_object(answer.body)
    except JoseError:
        return None
