"""What must hold when processes die, clocks jump, disks fill up and databases restart: a model looks at each run's end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from outbox_model import check_ended
from outbox_service import SECRET, Receiver
from vneid_middleware.exceptions import StorageError
from vneid_middleware.outbox import Outbox
from vneid_middleware.storage.housekeeping import SETTLED_FOR, clean

Portal = Any
PERSON = "001204000123"
SQLITE = pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)

DIES = {
    "after the claim": "from vneid_middleware.plugins.documents.outbox import delivery\n"
                       "delivery.Courier._attempt = lambda self, lease: os._exit(137)",
    "before the answer is read": "from vneid_middleware.plugins.documents.outbox import delivery\n"
                                 "before = delivery.Courier._send\n"
                                 "async def dies(self, lease, request):\n"
                                 "    await before(self, lease, request)\n"
                                 "    os._exit(137)\n"
                                 "delivery.Courier._send = dies",
    "before it is written down": "from vneid_middleware.plugins.documents.outbox import delivery\n"
                                 "delivery.Courier._settle = lambda self, *words: os._exit(137)",
    "while it is written down": "from vneid_middleware.storage import outbox\n"
                                "before = outbox.settle\n"
                                "def dies(*words, **options):\n"
                                "    before(*words, **options)\n"
                                "    os._exit(137)\n"
                                "outbox.settle = dies",
}


@pytest.mark.threat("C-F05")
@pytest.mark.threat("C-F06")
@pytest.mark.threat("C-F07")
@pytest.mark.threat("C-F08")
@pytest.mark.parametrize("where", DIES)
def test_a_worker_dies(portal: Portal, receiver: Receiver, fork: Callable[..., Any], where: str) -> None:
    for number in range(3):
        portal.announce("A", data={"n": number})
    assert fork(DIES[where], burst=True).wait() == 137
    assert portal.rows("version, state, attempts")[0] == (1, "leased", 1)
    began = len(receiver.got)
    portal.work()
    assert len(receiver.got) == began, "the lease is not over"
    portal.sql("UPDATE vneid_outbox SET next_at = 0 WHERE state = 'leased'")
    portal.work()
    check_ended(portal)
    assert receiver.effects[("GPLX", PERSON, "A")] == [1, 2, 3]
    assert len({got.payload["idempotencyKey"] for got in receiver.got if got.version == 1}) == 1
    assert len({(got.payload["changeId"], got.headers.get("X-Road-Id")) for got in receiver.got if got.version == 1}) == 1


@pytest.mark.threat("C-F01")
def test_a_producer_dies_before_its_commit(portal: Portal, receiver: Receiver) -> None:
    code = ("import os, sys\nfrom vneid_middleware.outbox import Outbox\nfrom vneid_middleware.storage import Storage\n"
            f"with Storage({portal.settings['storage']!r}).begin() as connection:\n"
            f"    Outbox({SECRET!r}).enqueue(connection, 'GPLX', {PERSON!r}, 'A', data={{}})\n"
            "    os._exit(137)\n")
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 137
    assert portal.rows() == []
    assert portal.announce("A").json()["version"] == 1
    portal.work()
    check_ended(portal)


@pytest.mark.threat("C-F11")
@SQLITE
@pytest.mark.parametrize("where", ["between claim and sending", "between sending and writing down"])
def test_a_worker_that_was_stopped_longer_than_its_lease_changes_nothing(
        portal: Portal, receiver: Receiver, fork: Callable[..., Any], tmp_path: Path, wait_until: Callable[..., Any],
        where: str) -> None:
    """The process is stopped and goes on; its lease is of half a second, and the call may take a fifth of that."""
    portal.announce("A", data={"n": 1})
    mark = tmp_path / "reached"
    target = "_check_lease" if where == "between claim and sending" else "_settle"
    stopped = fork("from vneid_middleware.plugins.documents.outbox import delivery\nimport signal\n"
                   "from vneid_middleware.core import outbox as rules\n"
                   "rules.lease_seconds = lambda timeout: 2.6 if timeout == 2 else 0\n"
                   f"before = delivery.Courier.{target}\n"
                   f"def stops(self, *words):\n    delivery.Courier.{target} = before\n    open({str(mark)!r}, 'w').close()\n"
                   "    time.sleep(0.3)  # the other threads are at rest then, and none holds the database\n"
                   "    os.kill(os.getpid(), signal.SIGSTOP)\n    return before(self, *words)\n"
                   f"delivery.Courier.{target} = stops", burst=True)
    wait_until(mark.exists, 20)
    sent, began = len(receiver.got), time.monotonic()
    portal.sql("UPDATE vneid_outbox SET next_at = 0 WHERE state = 'leased'")
    portal.announce("A", data={"n": 2})
    portal.work()
    # 2.5 seconds must be left for a call of two: half a second of stopping is too much
    wait_until(lambda: time.monotonic() - began > 0.4, 10)
    os.kill(stopped.pid, signal.SIGCONT)
    assert stopped.wait() == 0
    assert ("another worker's" if target == "_settle" else "lease_over") in stopped.output
    assert receiver.effects[("GPLX", PERSON, "A")] == [1, 2]
    assert receiver.regressions == []
    assert len(receiver.got) == sent + 2, "what was stopped sent nothing more"
    check_ended(portal)


@pytest.mark.threat("C-F37")
def test_clocks_jump(portal: Portal, receiver: Receiver) -> None:
    """Set back by an hour nothing is frozen; set on by an hour nothing is lost."""
    receiver.answer = lambda got: (503, {}, {})
    portal.announce("A")
    portal.announce("B")
    portal.work()
    receiver.answer = lambda got: None
    # what the database holds was written by a clock that was an hour ahead
    portal.sql("UPDATE vneid_outbox SET next_at = next_at + 3600, touched_at = touched_at + 3600")
    portal.sql("UPDATE vneid_outbox SET state = 'leased' WHERE seq = (SELECT min(seq) FROM vneid_outbox)")
    portal.work()
    assert portal.rows("state") == [("delivered",), ("delivered",)]
    portal.announce("C")
    portal.clock.ahead = 3600
    portal.work()
    portal.announce("C")
    portal.clock.ahead = -3600
    portal.work()
    portal.clock.ahead = 0
    portal.work()
    assert receiver.effects[("GPLX", PERSON, "C")] == [1, 2]
    check_ended(portal)


@pytest.mark.threat("C-F16")
@SQLITE
def test_a_database_that_is_locked_for_long(portal: Portal, receiver: Receiver, fork: Callable[..., Any],
                                            wait_until: Callable[..., Any]) -> None:
    portal.announce("A")
    code = ("import sqlite3, sys\nconnection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "connection.execute('BEGIN IMMEDIATE')\nprint('locked', flush=True)\nsys.stdin.read()")
    # a process of its own: a child that is forked from here would take the lock for one that it holds itself
    with subprocess.Popen([sys.executable, "-c", code, portal.settings["storage"].removeprefix("sqlite:///")], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as backup:
        assert backup.stdout is not None
        assert backup.stdout.readline() == "locked\n"
        began = time.monotonic()
        worker = fork()
        answer = portal.announce("B")
        assert (answer.status, answer.json()["error"]) == (503, "change_not_taken")
        assert time.monotonic() - began < 9
        wait_until(lambda: "storage does not answer" in worker.output, 10)
        # killed, since the worker was born with the other end of its pipe
        backup.kill()
    wait_until(lambda: portal.rows("state") == [("delivered",)], 20)
    assert worker.stop() == 0
    check_ended(portal)


@pytest.mark.threat("C-F16")
@SQLITE
@pytest.mark.parametrize("option", ["--burst", "--once"])
def test_who_runs_a_worker_by_the_clock_is_told_that_storage_is_down(portal: Portal, receiver: Receiver, tmp_path: Path,
                                                                     worker_process: Callable[..., Any], option: str) -> None:
    portal.announce("A")
    process = worker_process(portal, tmp_path, option, before=(
        "from vneid_middleware.storage import outbox\nfrom vneid_middleware.exceptions import StorageError\n"
        "def down(*words, **options):\n    raise StorageError('storage_unavailable', 'nobody answers')\n"
        "outbox.channel = down"))
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1, out
    assert out.count("storage does not answer: nobody answers") == 1
    assert receiver.got == []


@pytest.mark.threat("C-F14")
@SQLITE
def test_storage_that_is_down_is_left_alone_as_long_as_was_said(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever rings meanwhile; only that the worker is to stop ends the wait."""
    from vneid_middleware.plugins.documents.outbox import worker as module
    from vneid_middleware.storage.wake import Bell

    asked: list[float] = []
    now = [0.0]

    def claim(*words: Any, **options: Any) -> None:
        asked.append(now[0])
        if len(asked) == 9:
            worker.stop()
        raise StorageError("storage_unavailable", "nobody answers")

    def rest(bell: Bell, longest: float) -> None:
        bell.ring()
        now[0] += min(longest, 0.25)

    monkeypatch.setattr(module, "ticks", lambda: now[0])
    monkeypatch.setattr(Bell, "rest", rest)
    worker = module.Worker(portal.services)
    worker._clean_at = float("inf")
    monkeypatch.setattr(worker._courier, "claim", claim)
    assert worker.run() is False
    assert [later - before for before, later in pairwise(asked)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


@pytest.mark.threat("C-F18")
@pytest.mark.threat("C-F19")
@SQLITE
def test_a_full_disk(portal: Portal, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        assert portal.announce(f"A-{number}").status == 202
    engine = portal.services.storage.engine()
    from sqlalchemy import event

    def fill(connection: Any, record: Any, proxy: Any) -> None:
        cursor = connection.cursor()
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count={pages}")
        cursor.close()

    def empty(connection: Any, record: Any, proxy: Any) -> None:
        connection.execute("PRAGMA max_page_count=1000000")

    event.listen(engine, "checkout", fill)
    refused = portal.announce("BIG", data={"x": "y" * 200_000})
    assert (refused.status, refused.json()["error"]) == (503, "change_not_taken")
    assert ("BIG",) not in portal.rows("kind")
    assert len(portal.rows()) == 3
    assert portal.announce("BIG", data={"x": "y" * 200_000}).status == 503
    event.remove(engine, "checkout", fill)
    event.listen(engine, "checkout", empty)
    assert portal.announce("BIG", data={"x": "y" * 200_000}).json()["version"] == 1
    portal.work()
    event.remove(engine, "checkout", empty)
    check_ended(portal)


@pytest.mark.threat("C-F19")
def test_what_can_not_be_written_down_is_sent_once_more(portal: Portal, receiver: Receiver,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    from vneid_middleware.storage import outbox

    def full(*words: Any, **options: Any) -> None:
        raise StorageError("storage_unavailable", "database or disk is full")

    portal.announce("A")
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "settle", full)
        portal.work()
    assert portal.rows("state") == [("leased",)]
    portal.sql("UPDATE vneid_outbox SET next_at = 0")
    portal.work()
    assert receiver.versions() == [1, 1]
    assert receiver.effects[("GPLX", PERSON, "A")] == [1]
    check_ended(portal)


@pytest.mark.threat("C-F49")
def test_without_an_audit_nothing_is_sent(portal: Portal, receiver: Receiver, monkeypatch: pytest.MonkeyPatch,
                                          caplog: pytest.LogCaptureFixture) -> None:
    from vneid_middleware.exceptions import AuditError

    def unwritable(*words: Any) -> None:
        raise AuditError("audit_unavailable", "file: no space")

    portal.announce("A")
    with monkeypatch.context() as patch:
        patch.setattr(type(portal.services), "tell", unwritable)
        portal.work()
    assert receiver.got == []
    assert portal.rows() == [(1, "ready", "", 0)]
    assert "alarm: audit_unwritable" in caplog.text
    portal.work()
    check_ended(portal)


@pytest.mark.threat("C-F38")
@SQLITE
def test_what_ends_workers_again_and_again_is_given_up_and_takes_nothing_along(portal: Portal, receiver: Receiver,
                                                                              caplog: pytest.LogCaptureFixture) -> None:
    """As if each worker that had it were killed; the others beside it are delivered."""
    from vneid_middleware.plugins.documents.outbox.delivery import Courier

    for name in ("POISON", "B", "C"):
        portal.announce(name)
    poison = portal.rows("change_id")[0][0]
    courier = Courier(portal.services)
    for turn in range(12):
        claims = courier.claim(8, alone=True)
        if turn > 1 and any(lease.claimed.change_id == poison for lease in claims):
            assert len(claims) == 1
        for lease in claims:
            if lease.claimed.change_id != poison:
                courier.deliver(lease)
        portal.sql("UPDATE vneid_outbox SET next_at = 0 WHERE state = 'leased'")
    assert portal.rows("state, reason")[0] == ("dead", "worker_ended")
    assert sorted(document[2] for document in receiver.effects) == ["B", "C"]
    assert "alarm: dead_letter" in caplog.text


@pytest.mark.threat("C-F14")
@pytest.mark.parametrize("_portal", ["postgresql"], indirect=True)
def test_the_database_cuts_connections_off_and_restarts(portal: Portal, receiver: Receiver, fork: Callable[..., Any],
                                                        wait_until: Callable[..., Any]) -> None:
    outbox = Outbox(SECRET)

    def announce(start: int) -> None:
        with portal.services.storage.begin() as connection:
            for number in range(start, start + 20):
                outbox.enqueue(connection, "GPLX", PERSON, f"D-{number % 5}", data={"n": number})

    announce(0)
    worker = fork()
    wait_until(lambda: len(receiver.got) > 3, 30)
    cut = ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() "
           "AND pid <> pg_backend_pid()")
    portal.sql(cut)
    announce(20)
    seen = len(receiver.got)
    wait_until(lambda: _hurried(portal) and len(receiver.got) > seen, 30)
    _restart(portal)
    announce(40)
    wait_until(lambda: _hurried(portal) and set(portal.rows("state")) == {("delivered",)}, 40)
    assert worker.stop() == 0
    check_ended(portal)


def _restart(portal: Portal) -> None:
    """Restart PostgreSQL as after a crash."""
    data = portal.sql("SHOW data_directory")[0][0]
    binaries = next(Path("/usr/lib/postgresql").glob(f"{Path(data, 'PG_VERSION').read_text().strip()}/bin"), None)
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*as_user, str(binaries / "pg_ctl") if binaries else "pg_ctl", "-D", data, "-m", "immediate", "-w", "restart"],
                   cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                   timeout=60)


def _hurried(portal: Portal) -> bool:
    """End the leases that the cut left behind a little earlier than their time."""
    portal.sql("UPDATE vneid_outbox SET next_at = 0 WHERE state = 'leased' AND touched_at < "
               "extract(epoch FROM clock_timestamp()) - 2.5")
    return True


@pytest.mark.threat("C-F36")
@SQLITE
def test_a_platform_that_is_down_is_not_stormed(portal: Portal, receiver: Receiver) -> None:
    outbox = Outbox(SECRET)
    with portal.services.storage.begin() as connection:
        for number in range(200):
            outbox.enqueue(connection, "GPLX", PERSON, f"D-{number}", data={})
    transport = portal.services["transports"]["vneid"]
    base, transport.base = transport.base, "http://127.0.0.1:9"
    try:
        portal.work()
    finally:
        transport.base = base
    # those that were under way when it was found out, and nothing after
    assert sum(row[0] for row in portal.rows("attempts")) <= 8 + 8
    waits = {round(row[0], 3) for row in portal.rows("next_at - touched_at") if row[0] > 0}
    assert len(waits) > 3, "they do not all come back at the same moment"


@pytest.mark.threat("C-F35")
def test_what_came_in_while_the_receiver_was_away_is_delivered_fairly(portal: Portal, receiver: Receiver) -> None:
    """One busy document does not go before the others; ``make storm`` does the same with 100,000."""
    receiver.answer = lambda got: (503, {}, {})
    outbox = portal.outbox()
    with portal.services.storage.begin() as connection:
        for _ in range(60):
            outbox.enqueue(connection, "GPLX", PERSON, "BUSY", data={})
        for turn in range(3):
            for number in range(30):
                outbox.enqueue(connection, "GPLX", PERSON, f"D-{number}", data={"n": turn})
    portal.work(2)
    receiver.answer = lambda got: None
    receiver.got.clear()
    portal.work(2)
    came = [(got.document[2], got.version) for got in receiver.got]
    last = max(came.index((f"D-{number}", 3)) for number in range(30))
    # in its turn with the others, a few at a time
    assert sum(document == "BUSY" for document, _ in came[:last]) < 30
    assert all(seen == list(range(1, len(seen) + 1)) for seen in receiver.effects.values())
    check_ended(portal)


@pytest.mark.threat("C-F34")
def test_one_document_s_changes_are_never_under_way_together(portal: Portal, receiver: Receiver) -> None:
    slow = threading.Event()
    receiver.answer = lambda got: (slow.wait(0.3), None)[1] if got.version == 1 else None
    for _ in range(3):
        portal.announce("A")
    threads = [threading.Thread(target=portal.work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    portal.work()
    assert receiver.versions() == [1, 2, 3]
    assert receiver.together == []


@pytest.mark.threat("C-F29")
@pytest.mark.threat("C-F33")
def test_the_receiver_gets_the_same_twice(portal: Portal, receiver: Receiver) -> None:
    """It took the effect and its answer was lost; and a proxy on the way repeats what we sent."""
    def late(got: Any) -> Any:
        receiver.applied(got)
        receiver.applied(got)
        return 504, {}, {}

    receiver.answer = late
    portal.announce("A", idempotencyKey="k")
    portal.work()
    receiver.answer = lambda got: None
    portal.work(2)
    portal.announce("A")
    portal.work()
    assert receiver.effects[("GPLX", PERSON, "A")] == [1, 2]
    assert [got.payload["idempotencyKey"] for got in receiver.got][:2] == ["k", "k"]
    check_ended(portal)


def test_statistics_change_nothing(portal: Portal, receiver: Receiver) -> None:
    """After ANALYZE some releases of SQLite find rows that a query does not ask for."""
    with portal.services.storage.begin() as connection:
        for number in range(300):
            portal.outbox().enqueue(connection, "GPLX", PERSON, f"D-{number}", data={"n": number})
    portal.work()
    portal.sql("ANALYZE")
    for _ in range(3):
        portal.announce("A")
        portal.announce("D-7")
    portal.work()
    assert receiver.effects[("GPLX", PERSON, "A")] == [1, 2, 3]
    assert receiver.effects[("GPLX", PERSON, "D-7")] == [1, 2, 3, 4]
    check_ended(portal)


def test_what_is_over_is_dropped_but_never_a_document_s_newest(portal: Portal, receiver: Receiver) -> None:
    for _ in range(3):
        portal.announce("A")
    portal.announce("B")
    portal.work()
    portal.sql(f"UPDATE vneid_outbox SET next_at = next_at - {SETTLED_FOR + 10}")
    clean(portal.services.storage, now=portal.services.now(), oldest_audit="2000")
    assert portal.rows("version, state") == [(3, "delivered"), (1, "delivered")]
    assert portal.announce("A").json()["version"] == 4


@pytest.mark.threat("C-F21")
@SQLITE
def test_a_database_that_is_damaged_is_told_and_never_made_anew(portal: Portal, worker_process: Callable[..., Any],
                                                                tmp_path: Path,
                                                                new_database: Callable[[Path], None]) -> None:
    file = tmp_path / "damaged.db"
    new_database(file)
    with file.open("r+b") as database:
        database.write(b"this is no database any more")
    before, portal.settings["storage"] = portal.settings["storage"], f"sqlite:///{file}"
    try:
        process = worker_process(portal, tmp_path, "--once")
        out, _ = process.communicate(timeout=30)
    finally:
        portal.settings["storage"] = before
    assert "not a database" in out
    assert file.read_bytes().startswith(b"this is no database")
