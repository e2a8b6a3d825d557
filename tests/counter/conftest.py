"""A portal with a counter, before a VNeID that answers as a test tells it to."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import Answer, Browser, serving
from vneid_middleware.paste import make_filter
from vneid_service import VNeID

KEYS = {"quay-1": "key-of-the-first-counter-0123456789", "quay-2": "key-of-the-second-counter-0123456789"}
SECRET = "a-secret-of-the-counter-0123456789-abcdefghijklm"


class Clock:
    """Goes as the tests say."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Portal(NamedTuple):
    """A running portal."""

    base: str
    vneid: VNeID
    clock: Clock
    folder: Path
    host: dict[str, Any]
    middleware: Any

    def send(self, method: str, path: str, body: Any = None, *, key: str | None = "quay-1",
             headers: dict[str, str] | None = None) -> Answer:
        sent = {"Accept": "application/json", "Sec-Fetch-Mode": "cors", **(headers or {})}
        if key:
            sent.setdefault("Authorization", f"Bearer {KEYS[key]}")
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        return Browser().send(method, self.base + path, sent, content)

    def ask(self, qr: str = "", *, key: str | None = "quay-1", headers: dict[str, str] | None = None, **context: Any) -> Answer:
        return self.send("POST", "/vneid/qr/lookup", {"qrID": qr or f"qr-{uuid.uuid4()}", **context}, key=key, headers=headers)

    def look(self, location: str, key: str | None = "quay-1") -> Answer:
        assert location.startswith(self.base + "/vneid/qr/lookup/")
        return self.send("GET", location.removeprefix(self.base), key=key)

    def result(self, first: Answer, key: str | None = "quay-1") -> Answer:
        """Ask after a lookup until it has ended."""
        answer, end = first, time.monotonic() + 20
        while answer.status == 202:
            assert time.monotonic() < end, "the lookup did not end"
            time.sleep(0.05)
            answer = self.look(first.location, key)
        return answer

    def database(self) -> bytes:
        """Return all that is in storage, as it lies on the disk."""
        connection = sqlite3.connect(self.folder / "vneid.db")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        return (self.folder / "vneid.db").read_bytes()

    def audit(self, event: str = "") -> list[dict[str, Any]]:
        connection = sqlite3.connect(self.folder / "vneid.db")
        rows = [json.loads(row[0]) for row in connection.execute("SELECT record FROM vneid_audit ORDER BY seq")]
        connection.close()
        return [row for row in rows if row["event"] == event] if event else rows


@pytest.fixture
def make_portal(tmp_path: Path) -> Iterator[Callable[..., Portal]]:
    """``make_portal(**settings)`` starts a portal; a dot in a name is written as two underscores."""
    with portals(tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Portal]]:
    """``lasting(**settings)`` gives the module's portal with these settings, as good as new."""
    with ExitStack() as stack:
        made: dict[tuple[tuple[str, str], ...], Portal] = {}

        def get(**given: str) -> Portal:
            key = tuple(sorted(given.items()))
            if key not in made:
                make = stack.enter_context(portals(tmp_path_factory.mktemp("portal")))
                made[key] = make(**{"qr__rate_limit": "100000", **given})
            portal = made[key]
            portal.host.update(status="401 Unauthorized", type="application/json", body=b"{}")
            portal.host["asked"].clear()
            portal.vneid.asked.clear()
            portal.vneid.answer = portal.vneid.gives()
            portal.clock.ahead = 0.0
            return portal

        yield get


@contextmanager
def portals(folder: Path) -> Iterator[Callable[..., Portal]]:
    """Give a function that starts portals, and stop them all in the end."""
    open_servers: list[Any] = []

    def make(threads: int = 8, **given: str) -> Portal:
        clock = Clock()
        vneid = VNeID(clock)
        upstream = serving(lambda base: vneid, threads=16)
        address, _ = upstream.__enter__()
        open_servers.append(upstream)
        host: dict[str, Any] = {"status": "401 Unauthorized", "type": "application/json", "body": b"{}", "asked": []}

        def app(environ: dict[str, Any], start_response: Any) -> Any:
            host["asked"].append(environ)
            start_response(host["status"], [("Content-Type", host["type"])])
            return [host["body"]]

        digests = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
        settings = {
            "plugins": "qr", "secret": SECRET, "storage": f"sqlite:///{folder / 'vneid.db'}", "server_threads": str(threads),
            "transport.vneid.kind": "direct", "transport.vneid.url": address, "transport.vneid.timeout": "5",
            "qr.transport": "vneid", "qr.path": "/qr/lookup", "qr.jwks": address + "/jwks",
            "qr.operators": "\n".join(f"{name} = sha256:{digest}" for name, digest in digests.items()),
            **{name.replace("__", "."): value for name, value in given.items()},
        }
        made: list[Any] = []

        def wrap(base: str) -> Any:
            made.append(make_filter({**settings, "public_url": base}, clock=clock)(app))
            return made[0]

        server = serving(wrap, threads=threads)
        base, _ = server.__enter__()
        open_servers.append(server)
        portal = Portal(base, vneid, clock, folder, host, made[0])
        open_servers.append(portal)
        return portal

    try:
        yield make
    finally:
        for opened in reversed(open_servers):
            if isinstance(opened, Portal):
                opened.vneid.released.set()
                opened.middleware.services.outbound.close()
                opened.middleware.services.storage.close()
            else:
                opened.__exit__(None, None, None)
