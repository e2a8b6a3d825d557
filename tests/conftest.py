"""Shared by all tests: what they need of the machine, and servers on free ports.

A part of the machine that is missing skips a test; where ``CI`` is ``true`` a skip is a failure, so that a green run there
means that everything ran.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest

from support import serving

IN_CI = os.environ.get("CI") == "true"


def missing(what: str) -> NoReturn:
    """Skip the test for want of ``what``."""
    pytest.skip(f"{what} is missing")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Turn skips into failures in CI; an expected failure is no skip."""
    report = yield
    return _judged(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """The same for modules that skip themselves."""
    report = yield
    return _judged(report)


def _judged(report: Any) -> Any:
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"in CI nothing is skipped, and this was: {reason}"
    return report


@pytest.fixture(scope="session", autouse=True)
def english() -> Iterator[None]:
    """Commands speak English to the tests, whatever the language of who starts them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "C.UTF-8")
        yield


@pytest.fixture(scope="session")
def require() -> Callable[..., str]:
    """``require("node", "npm")`` returns the path of the first of some commands that is there, or skips the test."""

    def find(*commands: str) -> str:
        found = next(filter(None, map(shutil.which, commands)), None)
        return found or missing(" or ".join(commands))

    return find


@pytest.fixture(scope="session")
def chromium(require: Callable[..., str]) -> str:
    """The path of a Chromium; the environment variable ``CHROMIUM`` names another than the first on ``PATH``."""
    return os.environ.get("CHROMIUM") or require("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """``free_port()`` returns a port on loopback that nobody listens on. Prefer port 0 where a server can tell its own."""
    return _free_port


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., Any]:
    """``wait_until(predicate, timeout=10)`` returns the predicate's first true value, or fails the test."""
    return _wait_until


def _wait_until(predicate: Callable[[], Any], timeout: float = 10, what: str = "") -> Any:
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"{what or 'what the test waits for'} did not come within {timeout:g} s")
        time.sleep(0.02)


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """``with serve(app) as url`` serves a WSGI application by waitress on a free port of loopback."""
    return _serve


@contextmanager
def _serve(app: Any, **options: Any) -> Iterator[str]:
    with serving(lambda base: app, **options) as (url, _):
        yield url


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """``new_database(file)`` puts an SQLite database there whose tables are this version's, unless there is one already.

    It is a copy: to make the tables anew for each portal would cost more than most of what is tried with them.
    """
    from vneid_middleware.storage import Storage

    model = tmp_path_factory.mktemp("database") / "vneid.db"
    storage = Storage(f"sqlite:///{model}")
    storage.prepare()
    storage.close()

    def put(file: Path) -> None:
        if not file.exists():
            shutil.copyfile(model, file)
            file.chmod(0o600)

    return put


class Cluster(NamedTuple):
    """A PostgreSQL of this test session alone."""

    binaries: Path
    port: int
    run: Callable[..., None]

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    """Start a PostgreSQL in a folder of its own, on a free port; as user ``postgres`` where the tests run as root."""
    binaries = _postgresql_binaries()
    folder = Path(tempfile.mkdtemp(prefix="vneid-pg-"))
    as_user = _unprivileged(folder)
    port = _free_port()

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run([*as_user, str(binaries / program), *arguments], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            pytest.fail(f"{program} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def control(*arguments: str) -> None:
        # what pg_ctl starts keeps its standard output: it must not be one of our pipes
        log = folder / "pg_ctl.log"
        with log.open("ab") as output:
            done = subprocess.run([*as_user, str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-w", *arguments],
                                  cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        if done.returncode:
            pytest.fail(f"pg_ctl {arguments[0]} failed: {log.read_text()[-2000:]}")

    try:
        run("initdb", "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        control("-l", str(folder / "server.log"), "-o", options, "start")
        try:
            yield Cluster(binaries, port, run)
        finally:
            control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgresql_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else missing("PostgreSQL")


def _unprivileged(folder: Path) -> list[str]:
    """Return what to put before a command so that it doesn't run as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres")
    return [shutil.which("runuser") or missing("runuser"), "-u", "postgres", "--"]


_databases = iter(range(1, 1_000_000))


@pytest.fixture
def postgresql_url(postgresql_cluster: Cluster) -> Iterator[str]:
    """The SQLAlchemy URL of a new, empty database."""
    name = f"vneid_{next(_databases)}"
    connection = ("-h", "127.0.0.1", "-p", str(postgresql_cluster.port), "-U", "postgres")
    postgresql_cluster.run("createdb", *connection, name)
    yield postgresql_cluster.url(name)
    postgresql_cluster.run("dropdb", *connection, "--force", name)
