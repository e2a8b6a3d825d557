"""A real PostgreSQL in a folder of its own, for tests and for what measures."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import NamedTuple


class PostgreSQLMissing(Exception):
    """The machine lacks a part that is needed."""


class Cluster(NamedTuple):
    """A running server."""

    binaries: Path
    port: int
    run: Callable[..., None]

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Create an empty database and return its URL."""
        # by files: nobody waits for a log of it
        self._do(f'CREATE DATABASE "{database}" STRATEGY file_copy')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._do(f'DROP DATABASE "{database}" WITH (FORCE)')

    def _do(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres", autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Start a server on a free port, as user ``postgres`` where the caller is root, and stop it at the end.

    Args:
        durable: what is committed is on disk, as a portal needs it; tests are faster without.
    """
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="vneid-pg-"))
    as_user = _unprivileged(folder)
    port = free_port()

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run([*as_user, str(binaries / program), *arguments], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"{program} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def control(*arguments: str) -> None:
        # what pg_ctl starts keeps its standard output: it must not be one of our pipes
        log = folder / "pg_ctl.log"
        with log.open("ab") as output:
            done = subprocess.run([*as_user, str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-w", *arguments],
                                  cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        if done.returncode:
            raise AssertionError(f"pg_ctl {arguments[0]} failed: {log.read_text()[-2000:]}")

    try:
        run("initdb", "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=200 -c max_prepared_transactions=10"
        control("-l", str(folder / "server.log"), "-o", options + ("" if durable else " -c fsync=off"), "start")
        try:
            yield Cluster(binaries, port, run)
        finally:
            control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise PostgreSQLMissing("PostgreSQL")
    return Path(on_path).parent


def _unprivileged(folder: Path) -> list[str]:
    """Return what to put before a command so that it doesn't run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    runuser = shutil.which("runuser")
    if runuser is None:
        raise PostgreSQLMissing("runuser")
    shutil.chown(folder, "postgres")
    return [runuser, "-u", "postgres", "--"]


def free_port() -> int:
    """Return a port that nobody listens on, and that nobody gets who lets the system choose: those are above 32767."""
    while True:
        port = next(_ports)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


_OF_OURS = 10_000 + 2_000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10)
"""Tests run in several processes at the same time: each has a range of its own."""
_ports = cycle(random.sample(range(_OF_OURS, _OF_OURS + 2_000), 2_000))
