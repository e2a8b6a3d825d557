"""A portal with documents, and VNeID as their caller."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from licences import Portal, portals


@pytest.fixture
def make_portal(tmp_path: Path, new_database: Callable[[Path], None]) -> Iterator[Callable[..., Portal]]:
    """A portal of the test's own."""
    with portals(tmp_path, new_database) as make:
        yield make


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], None]) -> Iterator[Portal]:
    """The module's portal, which no test changes."""
    with portals(tmp_path_factory.mktemp("portal"), new_database) as make:
        yield make(documents__rate_limit="100000")


@pytest.fixture(scope="session")
def mariadb(require: Callable[..., str], free_port: Callable[[], int], wait_until: Callable[..., Any]) -> Iterator[str]:
    """The SQLAlchemy URL of a MariaDB of this test session alone, without a database's name."""
    install, server = require("mariadb-install-db"), require("mariadbd")
    folder, port = Path(tempfile.mkdtemp(prefix="vneid-maria-")), free_port()
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "mysql")
    data = f"--datadir={folder / 'data'}"
    try:
        done = subprocess.run([install, "--no-defaults", *user, data, "--auth-root-authentication-method=normal",
                               "--skip-test-db"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([server, "--no-defaults", *user, data, f"--port={port}", "--bind-address=127.0.0.1",
                                        f"--socket={folder / 'socket'}", "--innodb-flush-log-at-trx-commit=0"],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            url = f"mysql+pymysql://root@127.0.0.1:{port}/"
            wait_until(lambda: _answers(url), timeout=60, what="MariaDB")
            yield url
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answers(url: str) -> bool:
    engine = create_engine(url)
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False
    finally:
        engine.dispose()


_names = iter(range(1, 1_000_000))


@pytest.fixture
def mariadb_url(mariadb: str) -> str:
    """The URL of a new, empty database in MariaDB."""
    name = f"licences_{next(_names)}"
    engine = create_engine(mariadb)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    engine.dispose()
    return f"{mariadb}{name}?charset=utf8mb4"
