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
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from functools import cache
from typing import Any

from vneid_middleware.exceptions import UpstreamError

MAX_BODY = 1_048_576
_CHUNK = 65_536
_CONNECTIONS = 64


@dataclass(frozen=True, repr=False)
class Response:
    """An answer. ``headers`` have lower-case names; ``date`` is the ``Date`` header or an empty string."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def date(self) -> str:
        return self.headers.get("date", "")


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
        self._running: tuple[int, asyncio.AbstractEventLoop, Any, Callable[[], Any]] | None = None

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
        loop, session = self._loop()
        work = self._exchange(session, method, url, dict(headers or {}), body, limit, max_body)
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result(limit + 1)
        except (FutureTimeout, asyncio.TimeoutError) as error:
            future.cancel()
            raise UpstreamError("timeout", f"{_host(url)} did not answer within {limit:g} s") from error

    async def _exchange(self, session: Any, method: str, url: str, headers: dict[str, str], body: bytes | None,
                        limit: float, max_body: int) -> Response:
        import aiohttp

        headers.setdefault("Accept-Encoding", "gzip, identity;q=0.5")
        headers.setdefault("User-Agent", "vneid-middleware")
        try:
            async with session.request(method, url, headers=headers, data=body, allow_redirects=False, proxy=self._proxy,
                                       timeout=aiohttp.ClientTimeout(total=limit)) as answer:
                if 300 <= answer.status < 400:
                    raise UpstreamError("redirect", f"{_host(url)} answered {answer.status}; redirects are not followed")
                content = await _read(answer, max_body)
                found = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, found, content)
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise UpstreamError("tls", f"{_host(url)}: {_reason(error)}") from error
        except asyncio.TimeoutError:
            raise
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise UpstreamError("connection", f"{_host(url)}: {_reason(error)}") from error
        except (aiohttp.ClientError, ValueError, zlib.error) as error:
            raise UpstreamError("malformed", f"{_host(url)} sent a malformed answer") from error

    def _loop(self) -> tuple[asyncio.AbstractEventLoop, Any]:
        running = self._running
        if running is None or running[0] != os.getpid():
            lock: threading.Lock = self.__dict__.setdefault("_lock", threading.Lock())
            with lock:
                running = self._running
                if running is None or running[0] != os.getpid():
                    running = self._running = self._start()
        return running[1], running[2]

    def _start(self) -> tuple[int, asyncio.AbstractEventLoop, Any, Callable[[], Any]]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=_run, args=(loop,), name="vneid-outbound", daemon=True)
        thread.start()
        session = asyncio.run_coroutine_threadsafe(self._open_session(), loop).result(10)
        # also when nobody closes it: at the end of the process, and when the portal that used it is gone
        return os.getpid(), loop, session, weakref.finalize(self, _stop, os.getpid(), loop, session, thread)

    async def _open_session(self) -> Any:
        import aiohttp

        context = _trust(self._ca_file) if self._ca_file else _trust_of_the_system()
        connector = aiohttp.TCPConnector(ssl=context, limit=_CONNECTIONS)
        return aiohttp.ClientSession(connector=connector, trust_env=False, auto_decompress=False,
                                     cookie_jar=aiohttp.DummyCookieJar())

    def close(self) -> None:
        """Close the connections and stop the loop of this process; the next call starts another."""
        running, self._running = self._running, None
        if running is not None:
            running[3]()


def _trust(ca_file: str | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@cache
def _trust_of_the_system() -> ssl.SSLContext:
    # a hundred certificates or more: read once a process, as OpenSSL's other users do
    return _trust()


def _stop(pid: int, loop: asyncio.AbstractEventLoop, session: Any, thread: threading.Thread) -> None:
    """Close the connections, stop the loop and wait for its thread; calls that still wait for a server are given up."""
    if pid != os.getpid():
        return

    async def close() -> None:
        try:
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
