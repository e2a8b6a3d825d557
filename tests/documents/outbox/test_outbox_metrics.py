"""What ``/metrics`` tells of the outbox and of storage, and what it costs; and SQLite's log that a reader holds."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from outbox_model import check_ended
from outbox_service import SECRET, Receiver
from support import Browser
from vneid_middleware.exceptions import StorageError
from vneid_middleware.outbox import Outbox
from vneid_middleware.plugins.documents.outbox import wal
from vneid_middleware.storage import outbox_watch

Portal = Any
PERSON = "001204000123"
SQLITE = pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)


def numbers(portal: Portal) -> dict[str, float]:
    """Ask for the metrics as Prometheus does."""
    answer = Browser().get(portal.base + "/vneid/metrics")
    assert answer.status == 200
    return read(answer.text)


def read(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(vneid_\S+) (\S+)$", text, re.MULTILINE)}


def test_what_waits_is_told(portal: Portal, receiver: Receiver) -> None:
    assert numbers(portal)["vneid_outbox_oldest_seconds"] == 0
    receiver.answer = lambda got: (422, {}, {}) if got.document[2] == "DEAD" else (503, {}, {})
    for name in ("DEAD", "A", "B"):
        portal.announce(name)
    portal.work()
    portal.sql("UPDATE vneid_outbox SET state = 'leased' WHERE seq = (SELECT max(seq) FROM vneid_outbox)")
    portal.clock.ahead = 100
    portal.sql("UPDATE vneid_outbox SET created_at = created_at - 100 WHERE state = 'dead'")
    found = numbers(portal)
    assert {state: found[f'vneid_outbox_changes{{state="{state}"}}'] for state in ("ready", "leased", "dead")} == {
        "ready": 1, "leased": 1, "dead": 1}
    assert 'vneid_outbox_changes{state="delivered"}' not in found
    assert 100 <= found["vneid_outbox_oldest_seconds"] < 300
    assert found["vneid_outbox_paused"] == 0
    assert found["vneid_storage_up"] == 1
    assert 'vneid_outbox_deliveries_total{result="retry"}' in found


def test_a_paused_channel_is_told(portal: Portal, receiver: Receiver) -> None:
    receiver.answer = lambda got: (401, {}, {})
    portal.announce("A")
    portal.work()
    assert numbers(portal)["vneid_outbox_paused"] == 1


@SQLITE
@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}])
def test_a_stranger_learns_nothing_and_nothing_is_read_for_him(portal: Portal, headers: dict[str, str],
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(outbox_watch, "backlog", lambda *words, **options: asked.append(words))
    answer = Browser().get(portal.base + "/vneid/metrics", headers)
    assert answer.status == 404
    assert "vneid_" not in answer.text
    assert asked == []


def test_what_was_delivered_is_never_read(portal: Portal) -> None:
    """By the databases' own plans, after three thousand deliveries."""
    columns = "change_id, document_id, version, kind, action, state, reason, submitter, idempotency_hash, content_hash, " \
              "message_hash, attempts, crashes, fence, next_at, touched_at, created_at"
    same = "1, 'GPLX', 'upsert', 'delivered', '', 'm'"
    rows = ", ".join(f"('h-{n}', {1_000_000 + n}, {same}, 'h-{n}', 'c', 'm', 1, 0, 1, {n}, {n}, {n})" for n in range(3000))
    portal.sql(f"INSERT INTO vneid_outbox ({columns}) VALUES {rows}")
    portal.announce("A")
    portal.sql("ANALYZE vneid_outbox")
    engine, asked = portal.services.storage.engine(), []
    listener = lambda connection, cursor, statement, values, *rest: asked.append((statement, values))  # noqa: E731
    event.listen(engine, "before_cursor_execute", listener)
    try:
        assert numbers(portal)['vneid_outbox_changes{state="ready"}'] == 1
    finally:
        event.remove(engine, "before_cursor_execute", listener)
    asked = [(statement, values) for statement, values in asked if "vneid_outbox" in statement and "SELECT" in statement]
    assert len(asked) >= 6
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    for statement, values in asked:
        with engine.connect() as connection:
            plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, values))
        assert "vneid_outbox_due" in plan, plan
        assert "SCAN vneid_outbox" not in plan, plan
        assert "Seq Scan" not in plan, plan


@SQLITE
def test_counting_ends_somewhere(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_watch, "MOST", 3)
    for number in range(5):
        portal.announce(f"A-{number}")
    assert numbers(portal)['vneid_outbox_changes{state="ready"}'] == 3


def test_where_nothing_is_pushed_nothing_is_told_of_it(alone: Callable[..., Any]) -> None:
    found = numbers(alone(documents__transport=None, documents__push_path=None, documents__submitters=None))
    assert found["vneid_storage_up"] == 1
    assert not [name for name in found if name.startswith("vneid_outbox")]


def test_without_storage_the_rest_is_told(alone: Callable[..., Any], tmp_path: Path) -> None:
    portal = alone()
    assert portal.announce("A").status == 202
    assert numbers(portal)["vneid_storage_up"] == 1
    portal.services.storage.close()
    for file in tmp_path.glob("own.db*"):
        file.unlink()
    (tmp_path / "own.db").mkdir()
    found = numbers(portal)
    assert found["vneid_storage_up"] == 0
    assert any(name.startswith("vneid_events_total") for name in found)
    assert any(name.startswith("vneid_info") for name in found)
    assert not [name for name in found if name.startswith("vneid_outbox_changes")]


@pytest.mark.threat("C-F17")
@SQLITE
def test_a_reader_that_holds_the_log_is_told_of_and_the_log_shrinks_when_it_goes(
        portal: Portal, receiver: Receiver, worker_process: Callable[..., Any], tmp_path: Path,
        wait_until: Callable[..., Any]) -> None:
    file = portal.settings["storage"].removeprefix("sqlite:///")
    reader = sqlite3.connect(file, isolation_level=None)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM vneid_outbox").fetchone()
        outbox = Outbox(SECRET)
        with portal.services.storage.begin() as connection:
            outbox.enqueue(connection, "GPLX", PERSON, "A", data={"x": "y" * 300_000})
        assert numbers(portal)["vneid_storage_wal_bytes"] > 300_000
        metrics = tmp_path / "vneid.prom"
        before = ("from vneid_middleware.plugins.documents.outbox import wal\nwal.BOUND, wal.EVERY = 100_000, 0.0\n"
                  "from vneid_middleware.cli import worker_report\nworker_report._METRICS_EVERY = 0.0\n"
                  "from vneid_middleware.storage import wake\nwake.LOOKING = 0.1")
        worker = worker_process(portal, tmp_path, "--metrics-file", str(metrics), before=before)
        wait_until(lambda: portal.rows("state") == [("delivered",)], 20)
        wait_until(lambda: metrics.exists() and read(metrics.read_text())["vneid_storage_wal_bytes"] > 300_000, 20)
        # several looks later it has been told once
        written = metrics.stat().st_mtime_ns
        for _ in range(3):
            written = wait_until(lambda before=written: metrics.stat().st_mtime_ns > before and metrics.stat().st_mtime_ns, 20)
        assert numbers(portal)["vneid_storage_wal_bytes"] > 300_000
    finally:
        reader.close()
    wait_until(lambda: numbers(portal)["vneid_storage_wal_bytes"] < 100_000, 20)
    worker.terminate()
    out, _ = worker.communicate(timeout=30)
    assert out.count("alarm: storage_wal_grows") == 1
    assert "can't be emptied" in out
    check_ended(portal)


@pytest.mark.threat("C-F17")
@SQLITE
def test_a_log_that_grows_again_is_told_of_again(portal: Portal, monkeypatch: pytest.MonkeyPatch,
                                                 caplog: pytest.LogCaptureFixture) -> None:
    storage, now, sizes = portal.services.storage, [1000.0], [0]
    monkeypatch.setattr(type(storage), "wal_bytes", lambda self: sizes[0])
    monkeypatch.setattr(type(storage), "checkpoint", lambda self: None)
    watch = wal.WalWatch(portal.services, lambda: now[0])

    def look(size: int) -> int:
        now[0], sizes[0] = now[0] + wal.EVERY, size
        watch.look()
        watch.look()
        return caplog.text.count("alarm: storage_wal_grows")

    large = wal.BOUND + 1
    # one look is not enough, nor one after it was small
    assert [look(size) for size in (wal.BOUND, large, 0, large, large, large, large, 0, large, large)] == [
        0, 0, 0, 0, 1, 1, 1, 1, 1, 2]


@pytest.mark.threat("C-F17")
@SQLITE
def test_nobody_waits_while_a_held_log_is_emptied(portal: Portal) -> None:
    """A checkpoint that waited for the reader would make every writer wait with it."""
    file = portal.settings["storage"].removeprefix("sqlite:///")
    reader = sqlite3.connect(file, isolation_level=None)
    writer = sqlite3.connect(file, isolation_level=None, timeout=0)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM vneid_outbox").fetchone()
        portal.announce("A")
        began = time.monotonic()
        portal.services.storage.checkpoint()
        assert time.monotonic() - began < 2
        writer.execute("BEGIN IMMEDIATE")
        # and the other way round: a writer is in the way, and nothing fails
        portal.services.storage.checkpoint()
        writer.execute("ROLLBACK")
    finally:
        reader.close()
        writer.close()
    portal.services.storage.checkpoint()
    assert portal.services.storage.wal_bytes() == 0
    with portal.services.storage.read() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000


@pytest.mark.parametrize("_portal", ["postgresql"], indirect=True)
def test_another_database_has_no_such_log(portal: Portal) -> None:
    assert "vneid_storage_wal_bytes" not in numbers(portal)
    portal.services.storage.checkpoint()
    assert portal.services.storage.wal_bytes() is None


@SQLITE
def test_cleaning_empties_the_log(portal: Portal, receiver: Receiver) -> None:
    portal.announce("A")
    assert portal.services.storage.wal_bytes() > 0
    portal.work()
    portal.sql("DELETE FROM vneid_audit")
    checkpoints: list[int] = []
    before = type(portal.services.storage).checkpoint

    def counted(self: Any) -> None:
        before(self)
        checkpoints.append(self.wal_bytes())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(portal.services.storage), "checkpoint", counted)
        portal.work()
    assert checkpoints == [0]


@SQLITE
def test_claims_that_are_given_up_are_counted(portal: Portal, receiver: Receiver) -> None:
    portal.announce("POISON")
    portal.sql("UPDATE vneid_outbox SET state = 'leased', crashes = 9, next_at = 0")
    before = numbers(portal).get("vneid_outbox_given_up_total", 0)
    portal.work()
    assert portal.rows("state, reason") == [("dead", "worker_ended")]
    assert numbers(portal)["vneid_outbox_given_up_total"] == before + 1


@SQLITE
def test_a_database_that_answers_too_late_is_a_warning_and_no_error(portal: Portal, monkeypatch: pytest.MonkeyPatch,
                                                                    caplog: pytest.LogCaptureFixture) -> None:
    def slow(*words: Any, **options: Any) -> None:
        raise StorageError("storage_unavailable", "canceling statement due to statement timeout")

    monkeypatch.setattr(outbox_watch, "backlog", slow)
    found = numbers(portal)
    assert found["vneid_storage_up"] == 1
    assert not [name for name in found if name.startswith("vneid_outbox_changes")]
    assert "the numbers of outbox can't be told" in caplog.text
