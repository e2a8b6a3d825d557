"""The command line: in this process where that is enough, as a process of its own where signals and ports matter."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from support import Browser
from vneid_middleware.cli import main

VNEID = str(Path(sys.executable).with_name("vneid"))
SECRET = "marker-of-the-sealing-secret-0123456789"
CLIENT_SECRET = "marker-of-the-client-secret"
PASSWORD = "marker-of-the-password"
HOST = "use = egg:vneid-middleware#wsgi\ntarget = wsgiref.simple_server:demo_app\n"
PIPELINE = "pipeline = vneid portal\n"
SERVER = "use = egg:waitress#main\nlisten = 127.0.0.1:6543\n"


@pytest.fixture(scope="session")
def markers() -> tuple[str, ...]:
    """What must never be printed."""
    return SECRET, CLIENT_SECRET, PASSWORD


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


@pytest.fixture
def vneid(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """``vneid("check", ini)`` runs a command in this process."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(os, "environ", os.environ.copy())

    def run(*words: Any, given: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        capfd.readouterr()
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        return Done(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def command() -> Callable[..., Done]:
    """``command("check", ini)`` runs the installed command as a process of its own."""

    def run(*words: Any, given: str = "", folder: Path | None = None) -> Done:
        done = subprocess.run([VNEID, *map(str, words)], input=given, capture_output=True, text=True, cwd=folder, timeout=60)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


class Process:
    """A command that runs until it is stopped."""

    def __init__(self, words: list[Any], folder: Path) -> None:
        self._log = folder / f"output-{words[0]}.log"
        with self._log.open("ab") as log:
            self.popen = subprocess.Popen([VNEID, *map(str, words)], cwd=folder, stdout=log, stderr=log)

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def stop(self) -> int:
        self.popen.terminate()
        return self.popen.wait(20)


@pytest.fixture(scope="session")
def running() -> Callable[..., Any]:
    """``with running(url, folder, "serve", ini) as process`` runs a command until the block ends."""
    return _running


@contextmanager
def _running(url: str, folder: Path, *words: Any) -> Iterator[Process]:
    process = Process(list(words), folder)
    try:
        _wait_for(lambda: _answers(Browser(), url) or process.popen.poll() is not None)
        assert process.popen.poll() is None, process.output
        yield process
    finally:
        process.stop()


def _wait_for(predicate: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(600):
        if predicate():
            return
        pause.wait(0.05)
    pytest.fail("the command did not come up")


def _answers(browser: Browser, url: str) -> bool:
    try:
        return browser.get(url).status < 500
    except OSError:
        return False


@pytest.fixture
def ini(tmp_path: Path) -> Callable[..., Path]:
    """``ini({"key": "value"}, host=…, rest=…)`` writes a portal.ini that is right but for what is given.

    A key whose value is None is left out.
    """

    def write(settings: dict[str, str | None] | None = None, *, host: str = HOST, pipeline: str = PIPELINE,
              server: str = SERVER, top: str = "", rest: str = "", lines: str = "") -> Path:
        folder = tmp_path / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, text in (("secret", SECRET), ("vneid", CLIENT_SECRET)):
            (folder / name).write_text(text + "\n", encoding="utf-8")
            (folder / name).chmod(0o600)
        keys: dict[str, str | None] = {
            "public_url": "https://dichvucong.example.gov.vn", "secret": "file:%(here)s/secrets/secret", "sso.client_id": "id",
            "sso.client_secret": "file:secrets/vneid", **(settings or {})}
        section = "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None)
        path = tmp_path / "portal.ini"
        path.write_text(f"{top}[filter:vneid]\nuse = egg:vneid-middleware\n{section}{lines}\n{rest}\n"
                        f"{'[app:portal]' if host else ''}\n{host}\n{'[pipeline:main]' if pipeline else ''}\n{pipeline}\n"
                        f"{'[server:main]' if server else ''}\n{server}", encoding="utf-8")
        return path

    return write


class Portal(NamedTuple):
    """A portal made by ``vneid init``, served before a simulator."""

    ini: Path
    url: str
    provider: str
    serve: Process
    simulator: Process


def _set_ports(ini: Path, portal: int, simulator: int) -> None:
    """Change the ports of an ini that ``vneid init --simulator`` wrote."""
    text = ini.read_text(encoding="utf-8")
    assert "6543" in text
    ini.write_text(text.replace("6543", str(portal)).replace("8765", str(simulator)), encoding="utf-8")


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int],
           command: Callable[..., Done]) -> Iterator[Portal]:
    """The whole way of the administrator's guide, on free ports."""
    folder = tmp_path_factory.mktemp("portal")
    assert command("init", folder, "--simulator").code == 0
    ports = free_port(), free_port()
    _set_ports(folder / "portal.ini", *ports)
    url, provider = (f"http://127.0.0.1:{port}" for port in ports)
    with ExitStack() as stack:
        simulator = stack.enter_context(_running(provider + "/", folder, "simulator", "--port", ports[1], "--portal", url))
        serve = stack.enter_context(_running(url + "/", folder, "serve", folder / "portal.ini"))
        yield Portal(folder / "portal.ini", url, provider, serve, simulator)
