"""A portal that announces, on both databases, before a receiver that does as a test tells it."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from outbox_service import KEYS, Receiver, settings_for, write_ini
from postgresql import Cluster
from support import Answer, Browser, Clock, serving
from vneid_middleware.cli import main
from vneid_middleware.paste import make_filter
from vneid_middleware.plugins.documents.outbox.worker import Worker
from warm import Process

PERSON = "001204000123"


class Portal:
    """A running portal, its receiver and its database."""

    def __init__(self, base: str, services: Any, receiver: Receiver, clock: Clock, settings: dict[str, str]) -> None:
        self.base, self.services, self.receiver, self.clock, self.settings = base, services, receiver, clock, settings

    def announce(self, document: str = "GP-1", *, key: str | None = "mot-cua", headers: dict[str, str] | None = None,
                 body: bytes | None = None, **fields: Any) -> Answer:
        change = {"loaiGiayTo": "GPLX", "soDinhDanh": PERSON, "maGiayTo": document, "action": "upsert",
                  "idempotencyKey": os.urandom(8).hex(), "data": {"HoVaTen": "Nguyễn Thị Ánh Tuyết"}, **fields}
        sent = {"Content-Type": "application/json", "Accept": "application/json", "Sec-Fetch-Mode": "cors", **(headers or {})}
        if key:
            sent["Authorization"] = f"Bearer {KEYS[key]}"
        content = body if body is not None else json.dumps({k: v for k, v in change.items() if v is not None}).encode()
        return Browser().send("POST", self.base + "/vneid/documents/changes", sent, content)

    def work(self, times: int = 1) -> None:
        """Let a worker do what is due; before each further time what waits for another attempt becomes due."""
        for turn in range(times):
            if turn:
                self.hurry()
            Worker(self.services).run(burst=True)

    def hurry(self) -> None:
        # what a worker is at passes: to wait for it with others locked would be a deadlock
        free = " FOR UPDATE SKIP LOCKED" if "postgresql" in self.settings["storage"] else ""
        self.sql("UPDATE vneid_outbox SET next_at = 0 WHERE seq IN "
                 f"(SELECT seq FROM vneid_outbox WHERE state = 'ready'{free})")
        self.sql("UPDATE vneid_channels SET not_before = 0")

    def sql(self, statement: str) -> list[Any]:
        """Run a statement as somebody with the database in their hands would."""
        with self.services.storage.engine().begin() as connection:
            result = connection.exec_driver_sql(statement)
            return list(result.all()) if result.returns_rows else []

    def rows(self, what: str = "version, state, reason, attempts") -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.sql(f"SELECT {what} FROM vneid_outbox ORDER BY seq")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(row[0]) for row in self.sql(f"SELECT record FROM vneid_audit WHERE event = '{name}' ORDER BY seq")]

    def outbox(self) -> Any:
        return self.services["outbox"]


@pytest.fixture(scope="module")
def _receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def receiver(_receiver: Receiver) -> Receiver:
    """The module's receiver, with nothing taken yet."""
    _receiver.reset()
    return _receiver


DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="module")
def make_database(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], None],
                  request: pytest.FixtureRequest) -> Callable[[str], str]:
    """``make_database("sqlite")`` returns the URL of a new database."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            file = tmp_path_factory.mktemp("outbox") / "vneid.db"
            new_database(file)
            return f"sqlite:///{file}"
        cluster: Cluster = request.getfixturevalue("postgresql_cluster")
        return cluster.create(f"outbox_{os.urandom(6).hex()}")

    return make


@contextmanager
def running(settings: dict[str, str], receiver: Receiver) -> Iterator[Portal]:
    clock = Clock()

    def make(base: str) -> Any:
        return make_filter({**settings, "public_url": base}, clock=clock)(lambda environ, start_response: [])

    with serving(make) as (base, middleware):
        try:
            yield Portal(base, middleware.services, receiver, clock, {**settings, "public_url": base})
        finally:
            middleware.services.storage.close()
            middleware.services.outbound.close()


@pytest.fixture(scope="module", params=DATABASES)
def _portal(request: pytest.FixtureRequest, make_database: Callable[[str], str], _receiver: Receiver,
            signing_key: str) -> Iterator[Portal]:
    with running(settings_for(_receiver.url, make_database(request.param), signing_key), _receiver) as found:
        found.services.storage.prepare()
        yield found


@pytest.fixture
def portal(_portal: Portal, receiver: Receiver) -> Portal:
    """The module's portal, with nothing in its tables."""
    with _portal.services.storage.engine().begin() as connection:
        for table in ("outbox", "documents", "channels", "taken_rows", "audit"):
            connection.exec_driver_sql(f"DELETE FROM vneid_{table}")
    _portal.clock.ahead = 0.0
    _portal.services["transports"]["vneid"]._breaker._failures = 0
    return _portal


@pytest.fixture
def alone(tmp_path: Path, signing_key: str, receiver: Receiver,
          new_database: Callable[[Path], None]) -> Iterator[Callable[..., Portal]]:
    """``alone(documents__transport=None)`` starts a portal of its own on a new SQLite, ``own.db``; a key whose value is None is
    left out."""
    with ExitStack() as stack:
        def start(**changed: str | None) -> Portal:
            new_database(tmp_path / "own.db")
            settings = {**settings_for(receiver.url, f"sqlite:///{tmp_path}/own.db", signing_key),
                        **{name.replace("__", "."): value for name, value in changed.items()}}
            return stack.enter_context(running({name: value for name, value in settings.items() if value is not None}, receiver))

        yield start


@pytest.fixture
def portal_on(receiver: Receiver, signing_key: str) -> Callable[[str], AbstractContextManager[Portal]]:
    """``with portal_on(url) as portal`` runs a further portal, on the database of that URL."""
    return lambda url: running(settings_for(receiver.url, url, signing_key), receiver)


@pytest.fixture
def vneid(portal: Portal, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``vneid("outbox", "list")`` runs a command on the portal and returns exit code, output and the rest."""

    def run(command: str, *words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([command, str(write_ini(portal.settings, tmp_path)), *words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return (code, *capsys.readouterr())

    return run


class Forked:
    """A worker in a process of its own that has all of this one's modules already."""

    def __init__(self, portal: Portal, log: Path, before: str, options: dict[str, bool]) -> None:
        self._log = log
        self._ended: int | None = None
        with warnings.catch_warnings():
            # newer Pythons warn of threads: the child starts its own, and takes no lock of the others
            warnings.simplefilter("ignore")
            self.pid = os.fork()
        if not self.pid:
            self._be(portal, before, options)

    def _be(self, portal: Portal, before: str, options: dict[str, bool]) -> None:
        code = 99
        try:
            logger = logging.getLogger("vneid_middleware")
            logger.handlers[:], logger.propagate = [logging.FileHandler(self._log)], False
            exec(before, {"os": os, "time": time})
            worker = Worker(portal.services)
            signal.signal(signal.SIGTERM, lambda number, frame: worker.stop())
            worker.run(**options)
            code = 0
        finally:
            os._exit(code)

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def wait(self) -> int:
        """Return the exit code; that of a process that is killed is negative."""
        end = time.monotonic() + 30
        while self._ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._ended = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                self.kill()
                pytest.fail(f"the worker did not end: {self.output}")
            else:
                time.sleep(0.01)
        return self._ended

    def stop(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        if self._ended is None:
            os.kill(self.pid, signal.SIGKILL)
            self._ended = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def fork(portal: Portal, tmp_path: Path) -> Iterator[Callable[..., Forked]]:
    """``fork(before, burst=True)`` starts a worker as a process of its own, after some Python."""
    started: list[Forked] = []

    def start(before: str = "", **options: bool) -> Forked:
        started.append(Forked(portal, tmp_path / f"worker-{len(started)}.log", before, options))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def start_process() -> Iterator[Callable[..., Process]]:
    """``start_process("worker", ini)`` starts a command as a process of its own, see ``Process``."""
    started: list[Process] = []

    def start(*words: object, **options: Any) -> Process:
        started.append(Process(*words, **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def worker_process(start_process: Callable[..., Process]) -> Callable[..., Process]:
    """``worker_process(portal, "--burst", before="…")`` starts a worker as a process of its own, after some Python."""
    return lambda portal, folder, *words, **options: start_process("worker", write_ini(portal.settings, folder), *words,
                                                                   **{"stderr": "out", **options})
