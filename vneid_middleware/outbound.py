"""The one HTTP client for all calls the middleware makes.

Every call has one deadline over name resolution, connection, TLS, headers and body; a cap on the body after
decompression; no redirects, no cookies, and nothing from the environment (no proxies, no .netrc). Calls run on one event
loop per process, started with the first of them, because a deadline over all of that can't be had from a blocking socket.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import weakref
import zlib
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from vneid_middleware.exceptions import UpstreamError

T = TypeVar("T")

MAX_BODY = 1_048_576
_CHUNK = 65_536
_CONNECTIONS = 64
_HEADERS = {"Accept-Encoding": "gzip, identity;q=0.5", "User-Agent": "vneid-middleware"}
"""Where the caller has none of that name."""


@dataclass(frozen=True, repr=False)
class Response:
    """An answer. ``headers`` have lower-case names, and repeated ones are joined by commas (RFC 9110 section 5.2);
    ``date`` is the ``Date`` header or an empty string."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def date(self) -> str:
        return self.headers.get("date", "")

    @property
    def is_json(self) -> bool:
        """Whether it says that it is JSON."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "application/json" or kind.endswith("+json")


class Outbound:
    """Calls other servers.

    Args:
        ca_file: certificate authorities to trust instead of the system's.
        proxy: proxy URL for all calls.
        timeout: seconds a call may take unless it says otherwise.
    """

    def __init__(self, *, ca_file: str | None = None, proxy: str | None = None, timeout: float = 10) -> None:
        self._ca_file = ca_file
        self._proxy = proxy
        self.timeout = timeout
        self._running: tuple[int, asyncio.AbstractEventLoop, Callable[[], Any]] | None = None
        self._sessions: dict[tuple[str | None, str | None, int], Any] = {}
        self._own = self.channel()

    def channel(self, *, certificate: str | None = None, key: str | None = None, connections: int = _CONNECTIONS) -> Channel:
        """Return a way out with connections of its own. Nothing is opened before its first call.

        Args:
            certificate: PEM file of the certificate that we show (mutual TLS).
            key: PEM file of its private key; None where it is in the same file.
            connections: how many may be open at once; calls beyond that wait, on their own time.
        """
        return Channel(self, (certificate, key, connections))

    def call(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None,
             timeout: float | None = None, max_body: int = MAX_BODY) -> Response:
        """Send a request and return the whole answer, whatever its status but a redirect.

        Args:
            timeout: seconds for all of it; at most the client's own.
            max_body: bytes accepted after decompression.

        Raises:
            UpstreamError: ``timeout``, ``connection``, ``tls``, ``too_large``, ``redirect`` or ``malformed``. The detail
                names the host, never the path or the query.
        """
        limit = self.timeout if timeout is None else min(timeout, self.timeout)
        if limit <= 0:
            raise UpstreamError("timeout", "no time left for the call")
        future = self.submit(self._own.send(method, url, headers=headers, body=body, timeout=limit, max_body=max_body))
        try:
            return future.result(limit + 1)
        except FutureTimeout as error:
            future.cancel()
            raise UpstreamError("timeout", f"{_host(url)} did not answer within {limit:g} s") from error

    @staticmethod
    def warm_up() -> None:
        """Load what the first call would have to, for those whose first call must be quick. Opens nothing."""
        import aiohttp  # noqa: F401

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on this process's loop, started with the first of them; it must not block."""
        return asyncio.run_coroutine_threadsafe(work, self._loop())

    async def exchange(self, key: tuple[str | None, str | None, int], method: str, url: str, headers: dict[str, str],
                       body: bytes | None, limit: float, connect: float | None, max_body: int) -> Response:
        """Send a request by the connections that ``key`` names; see :meth:`Channel.send`."""
        import aiohttp
        from yarl import URL

        if limit <= 0:
            # to aiohttp this would be no limit at all
            raise UpstreamError("timeout", "no time left for the call")
        given = set(map(str.lower, headers))
        headers.update((name, value) for name, value in _HEADERS.items() if name.lower() not in given)
        times = aiohttp.ClientTimeout(total=limit, sock_connect=connect)
        try:
            # encoded: it goes out as it is written here, which is also what a signature over it is made of
            async with self._session(key).request(method, URL(url, encoded=True), headers=headers, data=body,
                                                  allow_redirects=False, proxy=self._proxy, timeout=times) as answer:
                if 300 <= answer.status < 400:
                    raise UpstreamError("redirect", f"{_host(url)} answered {answer.status}; redirects are not followed")
                content = await _read(answer, max_body)
                found = {name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers}
                return Response(answer.status, found, content)
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise UpstreamError("tls", f"{_host(url)}: {_reason(error)}") from error
        except aiohttp.ConnectionTimeoutError as error:
            raise UpstreamError("connection", f"{_host(url)} did not take the connection within {connect:g} s") from error
        except asyncio.TimeoutError as error:
            raise UpstreamError("timeout", f"{_host(url)} did not answer within {limit:g} s") from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise UpstreamError("connection", f"{_host(url)}: {_reason(error)}") from error
        except (aiohttp.ClientError, ValueError, zlib.error) as error:
            raise UpstreamError("malformed", f"{_host(url)} sent a malformed answer") from error

    def _loop(self) -> asyncio.AbstractEventLoop:
        running = self._running
        if running is None or running[0] != os.getpid():
            lock: threading.Lock = self.__dict__.setdefault("_lock", threading.Lock())
            with lock:
                running = self._running
                if running is None or running[0] != os.getpid():
                    running = self._running = self._start()
        return running[1]

    def _start(self) -> tuple[int, asyncio.AbstractEventLoop, Callable[[], Any]]:
        loop = asyncio.new_event_loop()
        sessions = self._sessions = {}
        thread = threading.Thread(target=_run, args=(loop,), name="vneid-outbound", daemon=True)
        thread.start()
        # also when nobody closes it: at the end of the process, and when the portal that used it is gone
        return os.getpid(), loop, weakref.finalize(self, _stop, os.getpid(), loop, sessions, thread)

    def _session(self, key: tuple[str | None, str | None, int]) -> Any:
        """Return the connections of a channel. On the loop only, so that no lock is needed."""
        session = self._sessions.get(key)
        if session is None:
            session = self._sessions[key] = self._open_session(*key)
        return session

    def _open_session(self, certificate: str | None, private_key: str | None, connections: int) -> Any:
        import aiohttp

        # a certificate of our own must not get into what all share
        context = _trust(self._ca_file) if self._ca_file or certificate else _trust_of_the_system()
        if certificate is not None:
            # without a password of ours OpenSSL would ask for one on the terminal
            context.load_cert_chain(certificate, private_key, password=lambda: "")
        connector = aiohttp.TCPConnector(ssl=context, limit=connections)
        return aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False,
                                     cookie_jar=aiohttp.DummyCookieJar())

    def close(self) -> None:
        """Close the connections and stop the loop of this process; the next call starts another."""
        running, self._running = self._running, None
        if running is not None:
            running[2]()


class Channel:
    """A way out with connections of its own; see :meth:`Outbound.channel`."""

    def __init__(self, outbound: Outbound, key: tuple[str | None, str | None, int]) -> None:
        self._outbound = outbound
        self._key = key

    async def send(self, method: str, url: str, *, timeout: float, headers: Mapping[str, str] | None = None,
                   body: bytes | None = None, connect: float | None = None, max_body: int = MAX_BODY) -> Response:
        """Like :meth:`Outbound.call`, on the loop, and as long as ``timeout`` seconds.

        Args:
            url: goes out as it is: what must be percent-encoded in it already is.
            connect: seconds until the connection stands, where that is less.
        """
        return await self._outbound.exchange(self._key, method, url, dict(headers or {}), body, timeout, connect, max_body)


def _trust(ca_file: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@cache
def _trust_of_the_system() -> ssl.SSLContext:
    # a hundred certificates or more: read once a process, as OpenSSL's other users do
    return _trust()


def _stop(pid: int, loop: asyncio.AbstractEventLoop, sessions: dict[Any, Any], thread: threading.Thread) -> None:
    """Close the connections, stop the loop and wait for its thread; calls that still wait for a server are given up."""
    if pid != os.getpid():
        return

    async def close() -> None:
        try:
            for session in sessions.values():
                await session.close()
        finally:
            loop.stop()

    asyncio.run_coroutine_threadsafe(close(), loop)
    # the garbage collector may call from any thread, the loop's own included
    if threading.current_thread() is not thread:
        thread.join(5)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _read(answer: Any, max_body: int) -> bytes:
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        inflate = None
    elif encoding in ("gzip", "x-gzip", "deflate"):
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)
    else:
        raise ValueError("unknown content encoding")
    content = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK):
        content += chunk if inflate is None else inflate.decompress(chunk, max_body + 1 - len(content))
        if len(content) > max_body:
            raise UpstreamError("too_large", f"the answer is larger than {max_body} bytes")
    if inflate is not None and not inflate.eof:
        raise ValueError("the compressed answer is cut off")
    return bytes(content)


def _host(url: str) -> str:
    return url.split("/")[2] if url.count("/") >= 2 else "the server"


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or type(error).__name__)[:120]
