"""What a running worker shows of itself: the health file, which grows old when it hangs, the metrics file, and the bar."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from outbox_service import SECRET, Receiver
from vneid_middleware.cli.state_file import StateFile
from vneid_middleware.outbox import Outbox
from vneid_middleware.plugins.documents.outbox.worker import Turn, Worker

Portal = Any
Start = Callable[..., Any]
Wait = Callable[..., Any]
PERSON = "001204000123"
DOCS = Path(__file__).resolve().parents[3] / "docs"
LOOK = 'test "$(find /run/vneid/worker.json -mmin -1)"'
SQLITE = pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("_portal", ["postgresql"], indirect=True)
AT_ONCE = ("from vneid_middleware.cli import progress, worker_report\n"
           "from vneid_middleware.plugins.documents.outbox import worker\nfrom vneid_middleware.storage import wake\n"
           "worker._TURN = wake.LOOKING = wake.LISTENING = 0.1\n"
           "worker_report._HEALTH_EVERY = worker_report._METRICS_EVERY = worker_report._COUNT_EVERY = 0.0\n"
           "worker_report._COUNT_SHARE = progress._REDRAW = progress._TELL = 0\n")
"""Everything is written at each turn, and there are ten of them a second."""


@pytest.fixture
def health(tmp_path: Path) -> Path:
    """The health file, alone in its folder."""
    folder = tmp_path / "run"
    folder.mkdir()
    return folder / "worker.json"


@pytest.fixture
def watched(portal: Portal, worker_process: Start, health: Path, tmp_path: Path) -> Start:
    """``watched("--once", before="…")`` starts a worker that writes the health file at each turn; ``file`` may name another one,
    and further settings the portal's."""

    def start(*words: str, before: str = "", file: Path = health, settings: dict[str, str] | None = None) -> Any:
        changed = SimpleNamespace(settings={**portal.settings, **(settings or {})})
        return worker_process(changed, tmp_path, "--health-file", str(file), *words, before=AT_ONCE + before)

    return start


def state(file: Path) -> dict[str, Any]:
    """Return what stands in the health file; nothing where there is none. Half of one is an error."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    found: dict[str, Any] = json.loads(text)
    return found


def grow_old(file: Path) -> int:
    """Make the file as old as if it had not been written for an hour; return when it was written."""
    old = time.time_ns() - 3600 * 10**9
    os.utime(file, ns=(old, old))
    return file.stat().st_mtime_ns


def looks_well(file: Path) -> bool:
    """Look as the administrator's guide says."""
    return subprocess.run(["sh", "-c", LOOK.replace("/run/vneid/worker.json", str(file))], timeout=20,
                          stderr=subprocess.DEVNULL).returncode == 0


def is_left_alone(file: Path, was: int, wait_until: Wait) -> bool:
    """Tell whether a file stays as it is for as long as a worker in good health writes it several times."""
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 0.8 or file.stat().st_mtime_ns != was, 10)
    return file.stat().st_mtime_ns == was


def put(portal: Portal, count: int, prefix: str = "D") -> None:
    """Announce documents, all in one transaction."""
    outbox = Outbox(SECRET)
    with portal.services.storage.begin() as connection:
        for number in range(count):
            outbox.enqueue(connection, "GPLX", PERSON, f"{prefix}-{number}", data={"n": number})


def ended_when_delivered(worker: Any, portal: Portal, wait_until: Wait) -> str:
    """Stop a worker when all is delivered; return what it wrote."""
    wait_until(lambda: set(portal.rows("state")) == {("delivered",)}, 60)
    worker.terminate()
    out, _ = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert isinstance(out, str)
    return out


def test_the_guide_s_look_tells_old_and_missing_from_fresh(health: Path) -> None:
    guide = (DOCS / "administrator.md").read_text(encoding="utf-8")
    assert f"```sh\n{LOOK}\n```" in guide
    assert guide.count("worker.json -mmin -1)") == 3
    assert not looks_well(health)
    health.write_text("{}")
    assert looks_well(health)
    grow_old(health)
    assert not looks_well(health)


def test_it_is_written_while_the_worker_runs_and_gone_afterwards(portal: Portal, receiver: Receiver, watched: Start, health: Path,
                                                                 wait_until: Wait) -> None:
    receiver.answer = lambda got: {"DEAD": (422, {}, {}), "LATER": (503, {"Retry-After": "3000"}, {})}.get(got.document[2])
    for name in ("DEAD", "LATER", "A", "DEAD"):
        portal.announce(name)
    worker = watched()
    found = wait_until(lambda: (seen := state(health)).get("backlog") == 2 and seen["under_way"] == 0 and seen, 30)
    assert {name: found[name] for name in ("status", "pid", "delivered", "retry", "dead", "paused")} == {
        "status": "ok", "pid": worker.pid, "delivered": 1, "retry": 1, "dead": 1, "paused": ""}
    assert {name: count for name, count in found["changes"].items() if count} == {"ready": 1, "waiting": 1, "dead": 1}
    assert abs(found["at"] - time.time()) < 30
    assert 0 <= found["oldest_seconds"] < 60
    assert looks_well(health)
    assert stat.S_IMODE(health.stat().st_mode) == 0o644
    text = health.read_text()
    for marker in (PERSON, "DEAD", "LATER", "Nguy", "GPLX"):
        assert marker not in text
    # it goes on being written while there is nothing to do
    old = grow_old(health)
    wait_until(lambda: health.stat().st_mtime_ns != old, 20)
    worker.terminate()
    assert worker.wait(30) == 0
    assert list(health.parent.iterdir()) == []


@SQLITE
def test_it_stays_fresh_while_a_long_delivery_is_under_way(portal: Portal, receiver: Receiver, watched: Start, health: Path,
                                                           wait_until: Wait) -> None:
    goes_on = threading.Event()
    receiver.answer = lambda got: (goes_on.wait(20), None)[1]
    portal.announce("A")
    try:
        worker = watched()
        wait_until(lambda: state(health).get("under_way") == 1, 30)
        for _ in range(2):
            old = grow_old(health)
            wait_until(lambda old=old: health.stat().st_mtime_ns != old and state(health)["under_way"] == 1, 20)
        worker.terminate()
        wait_until(lambda: state(health)["status"] == "stopping", 20)
    finally:
        goes_on.set()
    assert worker.wait(30) == 0
    assert not health.exists()


@SQLITE
def test_it_stays_fresh_while_a_long_reading_is_under_way(watched: Start, health: Path, tmp_path: Path, wait_until: Wait) -> None:
    goes_on = tmp_path / "goes-on"
    worker = watched("--once", settings={"documents.GPLX.changes": "SELECT :since AS since ORDER BY 1"}, before=(
        "from vneid_middleware.plugins.documents.outbox.sources import Source\n"
        "def read(self, most):\n"
        f"    while not os.path.exists({str(goes_on)!r}):\n        time.sleep(0.01)\n"
        "    yield 0\n"
        "Source.read = read\n"))
    wait_until(lambda: state(health).get("status") == "ok", 30)
    old = grow_old(health)
    wait_until(lambda: health.stat().st_mtime_ns != old, 20)
    goes_on.touch()
    assert worker.wait(30) == 0
    assert not health.exists()


@SQLITE
def test_cleaning_up_tells_that_it_goes_on(portal: Portal) -> None:
    turns: list[Turn] = []
    Worker(portal.services, turned=turns.append).run(once=True)
    assert len(turns) > 5, "one for each transaction, and one for the round"
    assert {turn.status for turn in turns} == {"ok"}


@SQLITE
def test_a_worker_that_hangs_grows_old(watched: Start, health: Path, tmp_path: Path, wait_until: Wait) -> None:
    hangs = tmp_path / "hangs"
    worker = watched(before=(
        "import threading\nfrom vneid_middleware.plugins.documents.outbox.delivery import Courier\n"
        "def claim(self, limit, *, alone):\n"
        f"    open({str(hangs)!r}, 'w').close()\n    threading.Event().wait()\n"
        "Courier.claim = claim\n"))
    wait_until(lambda: hangs.exists() and health.exists(), 30)
    old = grow_old(health)
    assert is_left_alone(health, old, wait_until)
    assert not looks_well(health)
    worker.kill()


@SQLITE
def test_a_worker_none_of_whose_deliveries_ends_grows_old(portal: Portal, receiver: Receiver, watched: Start, health: Path,
                                                          tmp_path: Path, wait_until: Wait) -> None:
    goes_on = tmp_path / "goes-on"
    put(portal, 8)
    worker = watched(before=(
        "from vneid_middleware.plugins.documents.outbox import delivery, worker\nworker.STUCK_AFTER = -1000.0\n"
        "attempt = delivery.Courier._attempt\n"
        "def waits(self, lease):\n"
        f"    while not os.path.exists({str(goes_on)!r}):\n        time.sleep(0.01)\n"
        "    return attempt(self, lease)\n"
        "delivery.Courier._attempt = waits\n"))
    wait_until(lambda: state(health).get("status") == "stuck", 30)
    assert state(health)["under_way"] == 8
    old = grow_old(health)
    assert is_left_alone(health, old, wait_until)
    assert not looks_well(health)
    goes_on.touch()
    wait_until(lambda: state(health)["status"] == "ok" and looks_well(health), 30)
    worker.terminate()
    out, _ = worker.communicate(timeout=30)
    assert out.count("nothing that was begun comes to an end") == 1


@SQLITE
def test_a_paused_channel_is_told(portal: Portal, receiver: Receiver, watched: Start, health: Path, wait_until: Wait) -> None:
    receiver.answer = lambda got: (401, {}, {})
    portal.announce("A")
    watched()
    found = wait_until(lambda: (seen := state(health)).get("status") == "paused" and seen, 30)
    assert (found["paused"], found["backlog"]) == ("http_401", 1)
    assert looks_well(health)


@SQLITE
def test_a_storage_that_does_not_answer_is_told_and_the_worker_is_well(portal: Portal, receiver: Receiver, watched: Start,
                                                                       health: Path, wait_until: Wait) -> None:
    portal.announce("A")
    holder = sqlite3.connect(portal.settings["storage"].removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        watched(before="from vneid_middleware import storage\nstorage._TIMEOUT = 1\n")
        wait_until(lambda: state(health).get("status") == "storage_unavailable", 30)
        old = grow_old(health)
        wait_until(lambda: health.stat().st_mtime_ns != old, 20)
        assert looks_well(health)
    finally:
        holder.close()
    wait_until(lambda: state(health)["status"] == "ok" and state(health)["delivered"] == 1, 30)


@SQLITE
@pytest.mark.parametrize("place", ["folder that is missing", "folder", "device", "link"])
def test_a_file_that_can_not_be_written_stops_no_delivery(portal: Portal, receiver: Receiver, watched: Start, tmp_path: Path,
                                                          wait_until: Wait, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "target").write_text("of somebody else")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    path = {"folder that is missing": "missing/worker.json", "device": "/dev/full"}.get(place, place)
    put(portal, 3)
    out = ended_when_delivered(watched(file=tmp_path / path), portal, wait_until)
    assert "3 delivered" in out
    assert out.count("can't be written") == 1
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
    assert (tmp_path / "folder").is_dir()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "of somebody else"
    assert not list(tmp_path.glob("*.json*")) + list(Path("/dev").glob("full.*"))


@POSTGRESQL
def test_a_full_disk_stops_no_delivery_and_leaves_nothing_behind(portal: Portal, receiver: Receiver, watched: Start, health: Path,
                                                                 wait_until: Wait) -> None:
    """The limit is the process's own: not a byte goes into any file."""
    put(portal, 3)
    health.write_text('{"status": "from before"}')
    metrics = health.parent / "vneid.prom"
    # no file either, and so not full
    told = health.parents[1] / "told"
    os.mkfifo(told)
    hears = os.open(told, os.O_RDWR | os.O_NONBLOCK)
    worker = watched("--metrics-file", str(metrics), before=(
        f"told = os.open({str(told)!r}, os.O_WRONLY)\nos.dup2(told, 1)\nos.dup2(told, 2)\n"
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"))
    ended_when_delivered(worker, portal, wait_until)
    out = os.read(hears, 65_536).decode()
    os.close(hears)
    assert "3 delivered" in out
    assert out.count("worker.json can't be written: File too large") == 1
    assert out.count("vneid.prom can't be written: File too large") == 1
    assert list(health.parent.iterdir()) == []


def test_a_disk_that_was_full_is_told_of_once_and_its_end_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = StateFile(str(tmp_path / "run" / "x.json"))
    for _ in range(3):
        file.write(b"1")
    (tmp_path / "run").mkdir()
    left = tmp_path / "run" / f"x.json.{os.getpid()}"
    left.write_bytes(b"of a process that was killed")
    for _ in range(3):
        file.write(b"2")
    assert [path.read_bytes() for path in (tmp_path / "run").iterdir()] == [b"2"]
    assert caplog.text.count("can't be written: No such file or directory") == 1
    assert caplog.text.count("is written again") == 1


@SQLITE
def test_the_metrics_file_has_the_worker_s_numbers_and_stays(portal: Portal, receiver: Receiver, worker_process: Start,
                                                             tmp_path: Path, wait_until: Wait) -> None:
    receiver.answer = lambda got: (422, {}, {}) if got.document[2] == "DEAD" else None
    for name in ("DEAD", "A", "B"):
        portal.announce(name)
    metrics = tmp_path / "vneid.prom"
    old = os.umask(0o077)
    try:
        worker = worker_process(portal, tmp_path, "--metrics-file", str(metrics))
    finally:
        os.umask(old)
    wait_until(lambda: set(portal.rows("state")) == {("delivered",), ("dead",)}, 60)
    worker.terminate()
    assert worker.wait(30) == 0
    text, attempts = metrics.read_text(), float(len(portal.events("delivery.ended")))
    for line in ('vneid_outbox_deliveries_total{result="delivered"} 2.0', 'vneid_outbox_deliveries_total{result="dead"} 1.0',
                 'vneid_outbox_changes{state="dead"} 1.0', 'vneid_outbox_changes{state="ready"} 0.0', "vneid_storage_up 1.0",
                 f'vneid_events_total{{event="delivery.ended",outcome="success"}} {attempts}'):
        assert line in text
    assert re.search(r"^vneid_storage_wal_bytes \d", text, re.MULTILINE)
    assert stat.S_IMODE(metrics.stat().st_mode) == 0o644
    assert PERSON not in text


class Terminal:
    """What a command writes to a terminal."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self.shown = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                got = os.read(self._ours, 65536)
            except OSError:
                return
            if not got:
                return
            self.shown += got.decode()

    def close(self) -> None:
        os.close(self.theirs)
        self._thread.join(10)
        os.close(self._ours)


@SQLITE
def test_on_a_terminal_a_bar_shows_the_backlog_also_of_what_comes_in(portal: Portal, receiver: Receiver, worker_process: Start,
                                                                     tmp_path: Path, wait_until: Wait) -> None:
    goes_on, terminal = threading.Event(), Terminal()
    receiver.answer = lambda got: (goes_on.wait(20), None)[1] if got.document[2] == "D-29" else (
        (401, {}, {}) if got.document[2] == "LAST" else None)
    put(portal, 30)
    try:
        worker = worker_process(portal, tmp_path, before=AT_ONCE, stderr=os.ttyname(terminal.theirs))
        wait_until(lambda: re.search(r"\[#{10,}-+\] \d+ / 30  ", terminal.shown), 30)
        put(portal, 10, "E")
        wait_until(lambda: " / 40  " in terminal.shown, 30)
        goes_on.set()
        wait_until(lambda: " left" in terminal.shown and portal.rows("DISTINCT 1, state")[0][1] == "delivered", 30)
        portal.announce("LAST")
        wait_until(lambda: "alarm: channel_paused" in terminal.shown, 30)
        worker.send_signal(signal.SIGINT)
        assert worker.wait(30) == 0
    finally:
        goes_on.set()
        terminal.close()
    pictures = [picture for picture in re.split(r"[\r\n]+", terminal.shown) if "[" in picture]
    assert all(re.fullmatch(r"\[#*-*\] [\d ]+ / [\d ]+  [\d.]+/s(  \d+:\d\d left)? *", picture) for picture in pictures)
    assert all(len(picture) < 80 for picture in pictures)
    # a line of the log begins where the bar was taken away, and is alone on its line
    assert re.search(r"[\r\n]\d{4}-\d\d-\d\d [^\r\n\[]* alarm: channel_paused reason=http_401 transport=\w+\r\n",
                     terminal.shown)
    assert re.fullmatch(r"40 delivered, \d+ to try again, 0 dead letters\n", worker.out)


@SQLITE
def test_without_a_terminal_there_is_no_bar_but_a_line_now_and_then(portal: Portal, receiver: Receiver, worker_process: Start,
                                                                    tmp_path: Path, wait_until: Wait) -> None:
    put(portal, 30)
    out = ended_when_delivered(worker_process(portal, tmp_path, before=AT_ONCE), portal, wait_until)
    assert re.search(r"INFO vneid_middleware: changes: \d+ / 30  [\d.]+/s", out)
    assert "\r" not in out
    assert "[#" not in out
    assert "[-" not in out
