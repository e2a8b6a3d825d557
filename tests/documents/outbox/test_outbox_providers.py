"""Providers that are slow, hang, or come back: of changes that were announced without data."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from outbox_service import SECRET, Receiver, write_ini
from support import Browser
from vneid_middleware.daemon_threads import DaemonThreads
from vneid_middleware.outbox import Outbox
from vneid_middleware.plugins.documents.outbox import present
from vneid_middleware.plugins.documents.outbox.worker import Worker

Portal = Any
PERSON = "001204000123"
HANGS = "def hangs(self, *words):\n    open({!r}, 'w').close()\n    time.sleep(1000)\n"
"""Makes a file of that name, and does not come back."""
SQLITE = pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)


class Citizens:
    """The provider of every kind; a document whose number begins with SLOW waits until ``gate`` is open."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = threading.Event()

    def kinds(self) -> list[str]:
        return ["BHYT", "GPLX"]

    def provider(self, kind: str) -> Citizens:
        return self

    def current(self, personal_id: str, document_id: str) -> Any:
        self.asked.append(document_id)
        if document_id.startswith("SLOW"):
            self.gate.wait(60)
        return {"n": document_id}

    def check(self) -> None:
        """Always well."""


@pytest.fixture
def citizens(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Citizens]:
    found = Citizens()
    monkeypatch.setitem(portal.services.components, "documents", found)
    monkeypatch.setattr(present, "MOMENT", 0.05)
    yield found
    found.gate.set()


def put(portal: Portal, kind: str, *numbers: str) -> None:
    with portal.services.storage.begin() as connection:
        for number in numbers:
            Outbox(SECRET).enqueue(connection, kind, PERSON, number)


@contextmanager
def working(portal: Portal) -> Iterator[Worker]:
    worker = Worker(portal.services)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.threat("C-F38")
def test_a_provider_that_is_slower_than_the_lease_is_waited_for(portal: Portal, receiver: Receiver, citizens: Citizens,
                                                                 wait_until: Callable[..., Any]) -> None:
    put(portal, "GPLX", "SLOW")
    with working(portal):
        # the lease of five seconds has become one for as long as a provider may take
        wait_until(lambda: portal.rows("next_at - touched_at > 30") == [(True,)], 10)
        portal.work()
        assert citizens.asked == ["SLOW"], "nobody else is at it"
        citizens.gate.set()
        wait_until(lambda: portal.rows() == [(1, "delivered", "acknowledged", 1)], 10)
    assert [got.payload["data"] for got in receiver.got] == [{"n": "SLOW"}]


@pytest.mark.threat("C-F38")
@SQLITE
def test_a_document_that_is_never_made_in_time_is_given_up_and_holds_one_thread(
        portal: Portal, receiver: Receiver, citizens: Citizens, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(present, "LONGEST", 0.2)
    put(portal, "GPLX", "SLOW")
    worker = Worker(portal.services)
    for _ in range(12):
        portal.hurry()
        for lease in worker._courier.claim(1, alone=True):  # type: ignore[union-attr]
            worker._courier.deliver(lease)  # type: ignore[union-attr]
    assert portal.rows() == [(1, "dead", "provider_timeout", 12)]
    assert citizens.asked == ["SLOW"]
    assert receiver.got == []
    assert "alarm: dead_letter" in caplog.text


@pytest.mark.threat("A-236")
@pytest.mark.threat("C-F38")
def test_a_kind_whose_provider_hangs_takes_no_other_with_it(portal: Portal, receiver: Receiver, citizens: Citizens,
                                                            wait_until: Callable[..., Any],
                                                            caplog: pytest.LogCaptureFixture) -> None:
    put(portal, "BHYT", *(f"SLOW-{number}" for number in range(12)))
    with working(portal):
        wait_until(lambda: len(citizens.asked) == 4, 10)
        put(portal, "GPLX", *(f"G-{number}" for number in range(5)))
        wait_until(lambda: len(receiver.got) == 5, 10)
        wait_until(lambda: ("provider_unavailable",) in portal.rows("reason"), 10)
        assert {document[0] for document in receiver.effects} == {"GPLX"}
        assert len([number for number in citizens.asked if number.startswith("SLOW")]) == 4
    # what it waited for is given back at once, and is no attempt
    assert "is not sent now: the worker stops" in caplog.text
    assert set(portal.rows("state")[:12]) == {("ready",)}
    citizens.gate.set()
    portal.work(2)
    assert set(portal.rows("state")) == {("delivered",)}


@pytest.mark.threat("C-F41")
@SQLITE
def test_a_worker_whose_provider_hangs_ends_when_it_is_told_to(portal: Portal, receiver: Receiver, tmp_path: Path,
                                                               worker_process: Callable[..., Any],
                                                               wait_until: Callable[..., Any]) -> None:
    mark = tmp_path / "asked"
    put(portal, "GPLX", "A")
    process = worker_process(portal, tmp_path, before=(
        HANGS.format(str(mark)) + "from vneid_middleware.plugins.documents.sql import SqlDocuments\n"
        "SqlDocuments.current = hangs"))
    wait_until(mark.exists, 20)
    process.terminate()
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 0, out
    assert portal.rows("state, attempts") == [("ready", 0)]


@pytest.mark.threat("C-F41")
@SQLITE
def test_a_worker_leaves_what_never_ends(portal: Portal, receiver: Receiver, tmp_path: Path, worker_process: Callable[..., Any],
                                         wait_until: Callable[..., Any]) -> None:
    """A transport of a vendor's, say, that hangs where nothing can end it."""
    mark = tmp_path / "reached"
    portal.announce("A")
    process = worker_process(portal, tmp_path, before=(
        HANGS.format(str(mark)) + "from vneid_middleware.plugins.documents.outbox import delivery, worker\n"
        "worker.GRACE = -1.5\ndelivery.Courier._sent = hangs"))
    wait_until(mark.exists, 20)
    process.terminate()
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 0, out
    assert "1 deliveries have not ended in time and are left to the next worker" in out
    assert portal.rows("state") == [("leased",)]


@pytest.mark.threat("A-236")
@SQLITE
def test_a_server_whose_provider_hangs_ends_when_it_is_told_to(portal: Portal, start_process: Callable[..., Any], tmp_path: Path,
                                                               free_port: Callable[[], int],
                                                               wait_until: Callable[..., Any]) -> None:
    import hashlib

    mark, port = tmp_path / "asked", free_port()
    settings = {**portal.settings, "public_url": f"http://127.0.0.1:{port}",
                "documents.callers": f"vneid = key:sha256:{hashlib.sha256(b'k' * 40).hexdigest()}"}
    ini = write_ini(settings, tmp_path, "[app:portal]\nuse = egg:vneid-middleware#standalone\n[pipeline:main]\n"
                    f"pipeline = vneid portal\n[server:main]\nuse = egg:waitress#main\nlisten = 127.0.0.1:{port}\n", "served.ini")
    process = start_process("serve", ini, stderr="out", before=HANGS.format(str(mark)) + (
        "from vneid_middleware.plugins.documents.sql import SqlDocuments\nSqlDocuments.find = hangs\n"))
    wait_until(lambda: "listening on" in process.out, 20)
    answer = Browser().send("POST", f"http://127.0.0.1:{port}/vneid/documents/lookup",
                            {"Content-Type": "application/json", "Authorization": "Bearer " + "k" * 40},
                            f'{{"requestId": "r-1", "loaiGiayTo": "GPLX", "soDinhDanh": "{PERSON}"}}'.encode())
    assert answer.json()["status"] == "pending"
    assert mark.exists()
    process.terminate()
    assert process.wait(15) == 0


@SQLITE
def test_a_first_failure_is_logged_and_that_it_arrived_after_all(portal: Portal, receiver: Receiver,
                                                                 caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    receiver.answer = lambda got: (503, {}, {})
    change_id = portal.announce("A").json()["changeId"]
    portal.work(4)
    receiver.answer = lambda got: None
    portal.announce("B")
    portal.work(2)
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("change ")]
    assert told == [f"change {change_id} of GPLX is not delivered yet: http_503; it is tried again",
                    f"change {change_id} of GPLX is delivered, at attempt 5"]


def test_threads_are_started_as_they_are_needed_and_go_on_after_a_failure() -> None:
    threads, gate, names = DaemonThreads(2, "test-threads"), threading.Event(), set()

    def note() -> str:
        names.add(threading.current_thread().name)
        return "done"

    for _ in range(3):
        assert threads.submit(note).result(5) == "done"
    with pytest.raises(SystemExit):
        threads.submit(lambda: (_ for _ in ()).throw(SystemExit())).result(5)
    held = [threads.submit(gate.wait, 20) for _ in range(2)]
    waits, given_up = threads.submit(note), threads.submit(note)
    assert given_up.cancel()
    assert not waits.done()
    gate.set()
    assert waits.result(5) == "done"
    assert all(work.result(5) for work in held)
    assert names <= {"test-threads-1", "test-threads-2"}
    assert all(thread.daemon for thread in threading.enumerate() if thread.name in names)
