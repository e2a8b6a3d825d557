"""Hosts in processes of their own, as an administrator starts them: waitress by ``vneid serve``, gunicorn by ``VNEID_INI``."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import serving
from vneid_middleware.simulator import make_simulator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BIN = Path(sys.executable).parent


class Host(NamedTuple):
    """A host that listens."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]
    log: Path


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the processes are started with: nothing of the tests' own import paths."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {**kept, "VNEID_SECRET": "hosts-0123456789-abcdefghijklmnopqrstuvwxyz"}


@pytest.fixture
def simulator() -> Iterator[tuple[str, Any, Callable[[str], None]]]:
    """The simulator's address, the simulator, and a function that registers a portal with it."""
    from vneid_middleware.simulator.state import DEMO_CLIENT, DEMO_SECRET, Client

    with serving(make_simulator) as (url, found):
        def register(portal: str) -> None:
            callbacks = (portal + "/vneid/callback", portal + "/vneid/mobile/callback")
            found.state.clients[DEMO_CLIENT] = Client(DEMO_CLIENT, DEMO_SECRET, callbacks, (portal + "/vneid/logged-out",))

        yield url, found, register
        found.state.stopped.set()


def set_ports(ini: Path, port: int, simulator_port: str) -> None:
    """Give an example's ini the ports of this test."""
    text = re.sub(r"(?m)^port = .*$", f"port = {port}", ini.read_text(encoding="utf-8"))
    ini.write_text(re.sub(r"(?m)^simulator_port = .*$", f"simulator_port = {simulator_port}", text), encoding="utf-8")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Callable[[str], Path]:
    """Return a function that copies an example and prepares it as its ini says, once, and returns the folder."""

    @cache
    def prepare(name: str) -> Path:
        folder = tmp_path_factory.mktemp("examples") / name
        # django's papers are made by that of documents
        for each in {name, "documents"}:
            shutil.copytree(EXAMPLES / each, folder.parent / each, ignore=shutil.ignore_patterns("var", "__pycache__"))
        if (folder / "prepare.py").exists():
            subprocess.run([sys.executable, "prepare.py"], cwd=folder, env=environment, check=True, timeout=100)
        return folder

    return prepare


@pytest.fixture
def example(tmp_path: Path, free_port: Callable[[], int], prepared: Callable[[str], Path], simulator: Any,
            ) -> Callable[[str], tuple[Path, int]]:
    """Return a function that copies a prepared example and returns its folder and port."""

    def place(name: str) -> tuple[Path, int]:
        url, _, register = simulator
        folder = tmp_path / name
        shutil.copytree(prepared(name), folder)
        port = free_port()
        set_ports(folder / "portal.ini", port, url.rpartition(":")[2])
        register(f"http://127.0.0.1:{port}")
        return folder, port

    return place


def answers(url: str) -> bool:
    """Tell whether a server answers at all."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", "/vneid/health/live")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def start(environment: dict[str, str], wait_until: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``start(server, folder, port, *options)``, a context manager that gives a :class:`Host`."""

    def command(server: str, folder: Path, port: int) -> list[str]:
        if server == "waitress":
            return [str(BIN / "vneid"), "serve", str(folder / "portal.ini")]
        return [str(BIN / "gunicorn"), "vneid_middleware.wsgi:application", "--bind", f"127.0.0.1:{port}", "--workers", "2",
                "--threads", "4", "--no-control-socket", "--worker-class", "gthread", "--graceful-timeout", "5"]

    @contextmanager
    def run(server: str, folder: Path, port: int, *options: str, **more: str) -> Iterator[Host]:
        log = folder / f"{server}.log"
        with log.open("ab") as output:
            process = subprocess.Popen([*command(server, folder, port), *options], cwd=folder.parent, stdout=output,
                                       stderr=output, stdin=subprocess.DEVNULL, start_new_session=True,
                                       env={**environment, "VNEID_INI": str(folder / "portal.ini"), **more})
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: process.poll() is not None or answers(url), 60, f"{server} at {url}")
            assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
            yield Host(url, folder, process, log)
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(15)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    return run
