"""What the portal's other pages feel of a provider whose token endpoint hangs, or answers a byte at a time.

A portal of four threads is served by its ini. Rounds in which nobody signs in take turns with rounds in which as many logins
wait for the provider as may, while further ones come and are refused. A refusal costs time by itself, whatever its reason: so
there are also rounds in which as many logins come and are refused since nobody began them, and nothing hangs; these are the
comparable load. Provider, portal and load are processes of their own.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

THREADS = 4
WAITING = THREADS // 2
"""How many logins the portal lets wait."""
ROUNDS = 12
SECONDS = 0.8
"""How long a round is; less than a call to the provider may take, so that the logins wait through all of it."""
CONNECTIONS, PAUSE = 4, 0.01
"""Browsers that load pages, and the seconds each of them looks at one: about 350 pages a second, far from the most."""
SURPLUS_EVERY = 0.2
HOST = '''
BODY = b"<!doctype html><title>Portal</title>" + b"x" * 2000


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(BODY)))])
    return [BODY]
'''


def while_logins_hang(folder: str, settings: Mapping[str, str], cookie: str) -> list[tuple[str, str, str, str]]:
    """Return the rows of the table: milliseconds of a page at the median and at the 99th percentile, and their ratios.

    Args:
        folder: where the ini is written.
        settings: the filter's.
        cookie: of somebody who is signed in under these settings.
    """
    found: dict[str, dict[str, list[list[float]]]] = {state: {"anonymous": [], "signed in": []}
                                                      for state in ("quiet", "refusing", "hangs", "drips")}
    refused: list[float] = []
    with Provider() as provider, served(folder, settings, provider.url) as port:
        logins = iter([Login(port, provider.waiting) for _ in range(WAITING * 2 * ROUNDS + 1)])
        surplus = next(logins)
        coming = {"quiet": None, "refusing": surplus.forget, "hangs": surplus.come_back, "drips": surplus.come_back}
        for _ in range(ROUNDS):
            for state, samples in found.items():
                waiting = [next(logins) for _ in range(WAITING)] if state in ("hangs", "drips") else []
                with provider.keeping(state, waiting):
                    for kind, more in measured(port, cookie, coming[state], refused if waiting else []).items():
                        samples[kind].append(more)
    return [*rows(found), ("a login too many is refused in", milli(median(refused)),
                           f"99th percentile {milli(percentile(refused, 99))}; all {len(refused)} were", "at once")]


def rows(found: Mapping[str, Mapping[str, list[list[float]]]]) -> Iterator[tuple[str, str, str, str]]:
    """Compare round with round and give the middle one: what others do on the machine meets some rounds, and not most."""
    for kind in ("anonymous", "signed in"):
        floor = [(median(taken), percentile(taken, 99)) for taken in found["refusing"][kind]]
        for state, when in (("quiet", "nobody signs in"), ("refusing", "logins are refused"), ("hangs", "the provider hangs"),
                            ("drips", "the provider drips")):
            taken = [(median(taken), percentile(taken, 99)) for taken in found[state][kind]]
            half, most = (median(mine[which] / other[which] for mine, other in zip(taken, floor, strict=True))
                          for which in (0, 1))
            yield (f"page while {when}, {kind}", milli(median(half for half, _ in taken)),
                   f"{half:.2f} x; 99th percentile {milli(median(most for _, most in taken))}, {most:.2f} x",
                   "<= 1.2 x" if state in ("hangs", "drips") else "")


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


def milli(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"


# -- the provider ------------------------------------------------------------------------------------------------------

REFUSAL = b'{"error": "invalid_grant"}'
HEAD = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 10026\r\n\r\n"


class Provider:
    """Listens on loopback and keeps everybody waiting until it is let go; then it refuses, which is an answer."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.waiting = threading.Semaphore(0)
        self._released = threading.Event()
        self._state = "hangs"

    def __enter__(self) -> Provider:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._released.set()
        self._listening.close()

    @contextmanager
    def keeping(self, state: str, logins: list[Login]) -> Iterator[None]:
        """Let ``logins`` wait for as long as the block lasts."""
        self._state, self._released = state, threading.Event()
        for login in logins:
            login.start()
        try:
            yield
        finally:
            self._released.set()
            for login in logins:
                login.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection, self._released), daemon=True).start()

    def _answer(self, connection: socket.socket, released: threading.Event) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            self.waiting.release()
            sent = 0
            if self._state == "drips":
                connection.sendall(HEAD)
                while not released.wait(0.05):
                    connection.sendall(b" ")
                    sent += 1
            else:
                released.wait(60)
                connection.sendall(HEAD)
            connection.sendall(REFUSAL.ljust(10_026 - sent))


# -- the portal --------------------------------------------------------------------------------------------------------

@contextmanager
def served(folder: str, settings: Mapping[str, str], provider: str) -> Iterator[int]:
    """Serve the portal as an administrator does; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    endpoints = {f"sso.{name}_endpoint": f"{provider}/{name}" for name in ("authorization", "token", "userinfo")}
    lines = "".join(f"{key} = {value}\n" for key, value in {**settings, **endpoints}.items())
    ini = Path(folder) / "hanging.ini"
    ini.with_name("hanging_host.py").write_text(HOST, encoding="utf-8")
    ini.write_text(f"[filter:vneid]\nuse = egg:vneid-middleware\n{lines}[app:portal]\nuse = egg:vneid-middleware#wsgi\n"
                   "target = hanging_host:application\n[pipeline:main]\npipeline = vneid portal\n"
                   f"[server:main]\nuse = egg:waitress#main\nlisten = 127.0.0.1:{port}\nthreads = {THREADS}\n", encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "vneid_middleware.cli", "serve", str(ini)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the portal did not start"
        yield port
    finally:
        process.terminate()
        process.wait(10)


class Login:
    """A login that has come back from the provider with a code."""

    def __init__(self, port: int, waiting: threading.Semaphore) -> None:
        self._port, self._waiting = port, waiting
        status, headers = self._get("/vneid/login", {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
        assert status == 303, status
        self._state = parse_qs(urlsplit(headers["Location"]).query)["state"][0]
        self._cookie = headers["Set-Cookie"].split(";")[0]
        self._thread = threading.Thread(target=self.come_back, daemon=True)

    def come_back(self) -> None:
        """Come back; it is one too many, or the provider refuses it in the end."""
        status = self._get(f"/vneid/callback?code=c&state={self._state}", {"Accept": "text/html", "Cookie": self._cookie})[0]
        assert status in (502, 503), status

    def forget(self) -> None:
        """Come back with a browser that has begun no login."""
        status = self._get(f"/vneid/callback?code=c&state={self._state}", {"Accept": "text/html"})[0]
        assert status == 400, status

    def start(self) -> None:
        """Come back, and return when the portal waits for the provider."""
        self._thread.start()
        assert self._waiting.acquire(timeout=20), "the portal did not call the provider"

    def join(self) -> None:
        self._thread.join(20)

    def _get(self, path: str, headers: dict[str, str]) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers
        finally:
            connection.close()


# -- the load ----------------------------------------------------------------------------------------------------------

def measured(port: int, cookie: str, come: Callable[[], None] | None, refused: list[float]) -> dict[str, list[float]]:
    """Return the seconds that each page of one round took.

    Args:
        come: is called again and again meanwhile, when somebody comes; the seconds that it took go to ``refused``.
    """
    with subprocess.Popen([sys.executable, __file__, str(port), cookie], stdout=subprocess.PIPE, text=True) as load:
        assert load.stdout is not None
        while come is not None and load.poll() is None:
            begin = time.perf_counter()
            come()
            refused.append(time.perf_counter() - begin)
            with suppress(subprocess.TimeoutExpired):
                load.wait(SURPLUS_EVERY)
        found: dict[str, list[float]] = json.loads(load.stdout.read())
    return found


async def browse(port: int, cookie: str) -> dict[str, list[float]]:
    """Load pages for the length of a round over connections that stay open, half of them signed in."""
    found: dict[str, list[float]] = {"anonymous": [], "signed in": []}
    end = time.perf_counter() + SECONDS
    await asyncio.gather(*(visit(port, kind, cookie if kind == "signed in" else "", found[kind], end)
                           for kind in found for _ in range(CONNECTIONS // 2)))
    return found


async def visit(port: int, kind: str, cookie: str, taken: list[float], end: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = f"Cookie: {cookie}\r\n" if cookie else ""
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/html\r\n{sent}\r\n".encode()
    while time.perf_counter() < end:
        begin = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), (kind, head[:40])
        await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
        taken.append(time.perf_counter() - begin)
        await asyncio.sleep(random.uniform(0.5, 1.5) * PAUSE)
    writer.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(browse(int(sys.argv[1]), sys.argv[2]))))
