"""Shared by all tests: what they need of the machine, and servers on free ports.

A part of the machine that is missing skips a test; where ``CI`` is ``true`` a skip is a failure, so that a green run there
means that everything ran.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

from postgresql import Cluster, PostgreSQLMissing, cluster
from postgresql import free_port as a_free_port

# for make mutants: one process runs a test again and again, and a mutant must not be found or missed by chance
hypothesis.settings.register_profile("mutants", derandomize=True, deadline=None, database=None, max_examples=50,
                                     suppress_health_check=list(hypothesis.HealthCheck))

IN_CI = os.environ.get("CI") == "true"
MEMORY, ROOM = Path("/dev/shm"), 3 << 30
"""Where the tests' files are where there is so much room: a database waits for the disk at each commit. Those tests that are
about what a disk keeps bring their own, see power_disk.py."""


def pytest_configure() -> None:
    """Choose where temporary files are, unless ``TMPDIR`` says so."""
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what stays: thousands of tests, and all that they import."""
    gc.collect()
    gc.freeze()


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


@pytest.fixture(scope="session", autouse=True)
def rsa_keys_in_turn() -> Iterator[None]:
    """Hand out the same RSA keys again after a while: to make one takes longer than most tests, and far fewer are in use at
    the same time. Processes of their own make theirs."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    make, turns = rsa.generate_private_key, {}

    @wraps(make)
    def next_key(public_exponent: int, key_size: int, backend: Any = None) -> Any:
        made, turn = turns.setdefault((public_exponent, key_size), ([], count()))
        place = next(turn) % (32 if key_size <= 2_048 else 8)
        if place == len(made):
            made.append(make(public_exponent, key_size, backend))
        return made[place % len(made)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", next_key)
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


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    """Playwright; ended with the module, since its event loop would be in the way of other tests' loops."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def headless_shell(require: Callable[..., str], chromium: str) -> str:
    """The path of Chromium without its windows, which draws the same pages in half the time; else ``chromium``."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or chromium


@pytest.fixture(scope="module")
def chrome(playwright: Any, headless_shell: str) -> Iterator[Any]:
    """One browser for all tests of a module; each test has a context, which is a profile, of its own."""
    browser = playwright.chromium.launch(executable_path=headless_shell, args=["--no-sandbox"])
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """``free_port()`` returns a port on loopback that nobody listens on. Prefer port 0 where a server can tell its own."""
    return a_free_port


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
    from support import serving

    with serving(lambda base: app, **options) as (url, _):
        yield url


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a file with a portal's key."""
    from vneid_middleware.cli import main

    file = tmp_path_factory.mktemp("keys") / "signing.pem"
    assert main(["keys", "new", "signing", "--out", str(file)]) == 0
    return str(file)


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


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    """A PostgreSQL of this test session alone."""
    try:
        with cluster() as found:
            yield found
    except PostgreSQLMissing as error:
        missing(str(error))


_databases = iter(range(1, 1_000_000))


@pytest.fixture
def postgresql_url(postgresql_cluster: Cluster) -> Iterator[str]:
    """The SQLAlchemy URL of a new, empty database."""
    name = f"vneid_{next(_databases)}"
    yield postgresql_cluster.create(name)
    postgresql_cluster.drop(name)
