"""``make demo``, as its Makefile starts it: three processes that are watched and stopped together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support import Browser

from .conftest import EXAMPLES


class Demo:
    """The demonstration on ports of its own."""

    def __init__(self, folder: Path, environment: dict[str, str], ports: tuple[int, int]) -> None:
        self.port, self.simulator_port = ports
        self._out = folder / "out"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen([sys.executable, str(folder / "demo.py")], stdout=out, stderr=out, cwd=folder,
                                            stdin=subprocess.DEVNULL, start_new_session=True,
                                            env={**environment, "PORT": str(ports[0]), "SIMULATOR_PORT": str(ports[1])})

    @property
    def told(self) -> str:
        return self._out.read_text(encoding="utf-8")

    def children(self) -> dict[str, int]:
        """Return what it started: the command's word that says what it is, and the process id."""
        listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        lines = [line.split(None, 1) for line in listed.stdout.splitlines()]
        return {word: int(pid) for pid, args in lines for word in ("simulator", "serve", "worker") if f"{word} " in args}

    def papers(self) -> int:
        """Return how many papers the wallets hold."""
        return len(Browser().get(f"http://127.0.0.1:{self.simulator_port}/wallet/documents").json()["documents"])

    def ask(self, kind: str) -> str:
        """Let a citizen's wallet ask for a paper; return the answer's status."""
        body = json.dumps({"persona": "nguyet", "loaiGiayTo": kind, "wait": True}).encode()
        answer = Browser().send("POST", f"http://127.0.0.1:{self.simulator_port}/wallet/ask",
                                {"Content-Type": "application/json"}, body)
        return str(answer.json()["status"])

    def is_silent(self) -> bool:
        """Tell whether nobody listens any more."""
        with socket.socket() as one, socket.socket() as other:
            return all(probe.connect_ex(("127.0.0.1", port)) for probe, port in ((one, self.port), (other, self.simulator_port)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, with nothing prepared."""
    place = tmp_path_factory.mktemp("demo")
    for name in ("django", "documents"):
        shutil.copytree(EXAMPLES / name, place / name, ignore=shutil.ignore_patterns("var", "__pycache__"))
    shutil.copy(EXAMPLES / "demo.py", place)
    return place


@pytest.fixture
def start(folder: Path, environment: dict[str, str], free_port: Callable[[], int],
          wait_until: Callable[..., Any]) -> Iterator[Callable[[], Demo]]:
    started: list[Demo] = []

    def run() -> Demo:
        started.append(Demo(folder, environment, (free_port(), free_port())))
        demo = started[-1]
        wait_until(lambda: "Ctrl-C stops" in demo.told or demo.process.poll() is not None, 90, "the demonstration")
        assert demo.process.poll() is None, demo.told
        return demo

    yield run
    for demo in started:
        if demo.process.poll() is None:
            demo.process.terminate()
            demo.process.wait(30)


def test_it_starts_is_stopped_and_starts_again(start, wait_until) -> None:
    for is_first in (True, False):
        demo = start()
        for address in (f"{demo.port}/", f"{demo.simulator_port}/wallet", f"{demo.port}/can-bo/giay-phep-lai-xe/",
                        f"{demo.simulator_port}/phone"):
            assert f"http://127.0.0.1:{address}" in demo.told
        assert set(demo.children()) == {"simulator", "serve", "worker"}
        if is_first:
            wait_until(lambda demo=demo: demo.papers() == 27, 60, "the first papers")
        assert demo.ask("GPLX") == demo.ask("BHYT") == "ok"
        os.kill(demo.process.pid, signal.SIGINT)
        assert demo.process.wait(30) == 0
        assert "Stopping" in demo.told
        assert demo.is_silent()
        for word in ("Traceback", "alembic", "ERROR"):
            assert word not in demo.told


@pytest.mark.parametrize("name", ["worker", "serve", "simulator"])
def test_when_one_dies_all_end(start, name: str) -> None:
    demo = start()
    os.kill(demo.children()[name], signal.SIGKILL)
    assert demo.process.wait(30) == 1
    assert f"{'portal' if name == 'serve' else name} đã dừng / ended by itself (status -9)" in demo.told
    assert demo.is_silent()


@pytest.mark.parametrize(("port", "simulator_port", "words"), [
    ("7", "7", "are both 7"), ("x", "", "PORT=x"), ("", "70000", "SIMULATOR_PORT=70000"), ("{taken}", "", "can't be used"),
])
def test_a_port_that_can_not_be_is_refused(environment, port: str, simulator_port: str, words: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        given = {"PORT": port.format(taken=taken.getsockname()[1]), "SIMULATOR_PORT": simulator_port}
        done = subprocess.run([sys.executable, str(EXAMPLES / "demo.py")], env={**environment, **given}, capture_output=True,
                              text=True, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
