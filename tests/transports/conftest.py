"""A platform on loopback that keeps what it got and answers as a test says, and transports as an ini would make them."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from vneid_middleware.application import Assembly, assemble
from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.models import TransportRequest
from vneid_middleware.outbound import Outbound
from vneid_middleware.plugins.transports import Transports
from vneid_middleware.settings import Source, read_settings

BASE = {"public_url": "https://dichvucong.example.gov.vn", "secret": "marker-of-the-sealing-secret-0123456789",
        "sso.client_id": "id", "sso.client_secret": "marker-of-the-client-secret"}
QUESTION = b'{"qrID":"0123"}'


class Received(NamedTuple):
    """A request as it stood on the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: Any) -> Any:
        """Return the one value of a header; fail where there are several."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, found
        return found[0] if found else None


class Reply(NamedTuple):
    """What a platform answers."""

    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b'{"responseCode":"00"}'


class Platform:
    """Answers every request by ``answer(received)``, and keeps it in ``got``; HEAD is not a question and is not kept."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        platform = self
        self.got: list[Received] = []
        self.heads = 0
        self.date = ""
        self.answer: Callable[[Received], Reply] = lambda received: Reply()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received = Received(self.command, self.path, list(self.headers.items()), body)
                platform.got.append(received)
                self._send(platform.answer(received))

            def do_HEAD(self) -> None:
                platform.heads += 1
                self._send(Reply(404, body=b""))

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                headers = reply.headers or {"Content-Type": "application/json"}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(reply.body)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return platform.date or super().date_time_string(timestamp)

            def log_message(self, *args: Any) -> None:
                """Nothing on the tests' terminal."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that goes away, or is refused, is what some tests want."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @contextmanager
    def running(self) -> Iterator[Platform]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(10)


@pytest.fixture(scope="session")
def make_platform() -> Callable[..., Platform]:
    """``with make_platform(context).running() as platform``: one more, behind TLS."""
    return Platform


@pytest.fixture(scope="module")
def _platform() -> Iterator[Platform]:
    with Platform().running() as platform:
        yield platform


@pytest.fixture
def platform(_platform: Platform) -> Platform:
    """The module's platform, with nothing asked of it yet."""
    _platform.got.clear()
    _platform.heads, _platform.date = 0, ""
    _platform.answer = lambda received: Reply()
    return _platform


class Made:
    """A transport in a middleware of its own."""

    def __init__(self, services: Any, transports: Any) -> None:
        self.services = services
        self.transports = transports
        self.transport = transports["gov"]

    def send(self, path: str = "/lookup", **parts: Any) -> Any:
        """Send a message and wait for the answer."""
        return self.submit(path, **parts).result(20)

    def submit(self, path: str = "/lookup", **parts: Any) -> Any:
        parts = {"body": QUESTION, **parts}
        return self.services.outbound.submit(self.transport.send(TransportRequest(path, **parts)))

    def refusal(self, path: str = "/lookup", **parts: Any) -> UpstreamError:
        """Send a message that must fail, and return the error."""
        with pytest.raises(UpstreamError) as caught:
            self.send(path, **parts)
        return caught.value


@pytest.fixture(scope="module")
def _portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assembly]:
    """A portal without transports: what it is made of is the same for all tests of a module."""
    portal = assemble(Source(BASE, here=str(tmp_path_factory.mktemp("portal"))))
    yield portal
    portal.services.outbound.close()
    portal.services.storage.close()


@pytest.fixture
def transport(_portal: Assembly, tmp_path: Path) -> Iterator[Callable[..., Made]]:
    """``transport(kind="direct", url=…)`` reads settings and makes the transport ``gov`` of them.

    ``clock`` replaces the present, ``proxy`` and ``ca_file`` are those of the portal's ``http``.
    """
    opened: list[Outbound] = []

    def make(*, clock: Any = None, proxy: str | None = None, ca_file: str | None = None, **given: str) -> Made:
        raw = {**BASE, **{f"transport.gov.{key}": value for key, value in given.items()}}
        settings, problems = read_settings(list(_portal.registrations.tables.values()), Source(raw, here=str(tmp_path)))
        assert [str(problem) for problem in problems if problem.severity == "error"] == []
        parts = {"settings": settings, **({"clock": clock} if clock else {})}
        if proxy or ca_file:
            opened.append(Outbound(ca_file=ca_file, proxy=proxy))
            parts["outbound"] = opened[-1]
        services = _portal.services.with_parts(**parts)
        return Made(services, Transports(services))

    yield make
    for outbound in opened:
        outbound.close()


def reply(status: int, content: Any, **headers: str) -> Callable[[Received], Reply]:
    """An answer that is the same for every request."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda received: Reply(status, named, body)


@pytest.fixture(scope="session")
def same() -> Callable[..., Any]:
    """``platform.answer = same(status, content, Header=…)``."""
    return reply
