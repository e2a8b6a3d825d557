"""A portal with a counter, before a VNeID that answers as a test tells it to."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import Answer, Browser, Clock, serving
from vneid_middleware.paste import make_filter
from vneid_middleware.storage import audit
from vneid_service import KEYS, VNeID, settings_for

ANONYMOUS = {"status": "401 Unauthorized", "type": "application/json", "body": b"{}"}


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
        with self.middleware.services.storage.read() as connection:
            rows = [json.loads(record) for _, record in audit.records(connection)]
        return [row for row in rows if row["event"] == event] if event else rows


@contextmanager
def portals(folder: Path) -> Iterator[Callable[..., Portal]]:
    """Give ``make(**settings)``, which starts a portal; a dot in a name is written as two underscores."""
    with ExitStack() as stack:
        def make(threads: int = 8, service: Any = None, **given: str) -> Portal:
            clock = Clock()
            vneid = VNeID(clock)
            address, _ = stack.enter_context(serving(lambda base: vneid, threads=16))
            host: dict[str, Any] = {**ANONYMOUS, "asked": []}

            def app(environ: dict[str, Any], start_response: Any) -> Any:
                host["asked"].append(environ)
                start_response(host["status"], [("Content-Type", host["type"])])
                return [host["body"]]

            settings = {**settings_for(folder, address, service or address, threads),
                        **{name.replace("__", "."): value for name, value in given.items()}}
            base, middleware = stack.enter_context(serving(
                lambda base: make_filter({**settings, "public_url": base}, clock=clock)(app), threads=threads))
            stack.callback(middleware.services.storage.close)
            stack.callback(middleware.services.outbound.close)
            stack.callback(vneid.released.set)
            return Portal(base, vneid, clock, folder, host, middleware)

        yield make


@pytest.fixture
def make_portal(tmp_path: Path, new_database: Callable[[Path], None]) -> Iterator[Callable[..., Portal]]:
    """A portal of the test's own."""
    new_database(tmp_path / "vneid.db")
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
            portal.host.update(ANONYMOUS)
            portal.host["asked"].clear()
            portal.vneid.asked.clear()
            portal.vneid.requests.clear()
            portal.vneid.answer = portal.vneid.gives()
            portal.clock.ahead = 0.0
            return portal

        yield get
