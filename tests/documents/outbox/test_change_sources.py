"""Sources of changes whose rows, order, values or readers are not as they should be: nothing is lost, a person is told once."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licences import run_sql
from outbox_service import Receiver, write_ini
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.plugins.documents.outbox import sources
from vneid_middleware.plugins.documents.outbox.sources import Source
from vneid_middleware.storage import change_source

Portal = Any
PERSON = "001204000123"
QUERY = "SELECT a AS soDinhDanh, b AS maGiayTo, t AS since FROM d WHERE t >= COALESCE(:since, {first}) ORDER BY t"
TIMES = QUERY.format(first="''")
NUMBERS = QUERY.format(first="-1")


class Agency:
    """A table of the agency's in SQLite, and the portal that reads it."""

    def __init__(self, file: Path, start: Callable[..., Portal]) -> None:
        self._url, self._start = f"sqlite:///{file}", start
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.execute("CREATE TABLE d (a TEXT, b TEXT, t, v)")

    def portal(self, query: str) -> Portal:
        return self._start(documents__GPLX__url=self._url, documents__GPLX__changes=query, documents__GPLX__poll_interval="1")

    def put(self, number: str, since: Any, person: Any = PERSON, version: Any = None) -> None:
        self._connection.execute("INSERT INTO d VALUES (?, ?, ?, ?)", (person, number, since, version))

    def sql(self, statement: str) -> None:
        self._connection.execute(statement)

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def agency(tmp_path: Path, alone: Callable[..., Portal]) -> Iterator[Agency]:
    found = Agency(tmp_path / "d.db", alone)
    yield found
    found.close()


def read(portal: Portal) -> int:
    return sum(Source("GPLX", portal.services).read())


def poll(portal: Portal, times: int = 1) -> None:
    for _ in range(times):
        portal.sql("UPDATE vneid_channels SET not_before = 0 WHERE name = 'changes:GPLX'")
        portal.work()


def day(ahead: float) -> str:
    return (datetime.now() + timedelta(days=ahead)).strftime("%Y-%m-%d %H:%M:%S")


def test_a_row_that_comes_twice_is_taken_once(agency: Agency) -> None:
    """A join gives one a second time."""
    portal = agency.portal(NUMBERS)
    for number in (1, 1, 2, 2, 2, 3):
        agency.put(f"D-{number}", number)
    assert [read(portal), read(portal)] == [3, 0]
    assert portal.rows("version") == [(1,)] * 3


# -- values that stopped a source for good ---------------------------------------------------------------------------------

def test_a_time_far_ahead_stops_nothing_and_is_told_once(agency: Agency, caplog: pytest.LogCaptureFixture) -> None:
    portal = agency.portal(TIMES)
    agency.put("A", day(-2))
    agency.put("B", "2206-11-27 10:00:00")
    assert read(portal) == 2
    agency.put("C", day(-1))
    assert [read(portal), read(portal)] == [1, 0]
    assert caplog.text.count("alarm: change_rows_ahead") == 1
    assert "since lies more than a day ahead in 1 rows" in caplog.text


def test_a_time_of_another_zone_is_not_far_ahead(agency: Agency, caplog: pytest.LogCaptureFixture) -> None:
    portal = agency.portal(TIMES)
    agency.put("A", day(0.9))
    assert [read(portal), read(portal)] == [1, 0]
    assert "ahead" not in caplog.text
    assert day(0.9)[:16] in portal.sql("SELECT cursor FROM vneid_channels WHERE name = 'changes:GPLX'")[0][0]


@pytest.mark.parametrize("first", ["0001-01-01 00:00:00", "0001-01-01"])
def test_the_first_day_that_there_is_stops_nothing(agency: Agency, first: str) -> None:
    portal = agency.portal(TIMES)
    agency.put("A", first)
    assert read(portal) == 1
    agency.put("B", day(-1))
    assert read(portal) == 1


def test_an_infinite_number_is_told_and_stops_nothing(agency: Agency, caplog: pytest.LogCaptureFixture) -> None:
    portal = agency.portal(NUMBERS)
    agency.put("A", 1.5)
    agency.put("B", float("inf"))
    assert read(portal) == 1
    agency.put("C", 2.5)
    assert [read(portal), read(portal)] == [1, 0]
    assert caplog.text.count("since must be finite") == 1
    assert caplog.text.count("alarm: change_rows_malformed") == 1


def test_text_among_numbers_is_told_and_stops_nothing(agency: Agency, caplog: pytest.LogCaptureFixture) -> None:
    portal = agency.portal(NUMBERS)
    agency.put("A", 5)
    agency.put("B", "x")
    assert read(portal) == 1
    agency.put("C", 6)
    assert [read(portal), read(portal)] == [1, 0]
    assert caplog.text.count("since must be of one kind") == 1


def test_a_since_that_is_null_at_each_reading_is_told_once(agency: Agency, caplog: pytest.LogCaptureFixture) -> None:
    portal = agency.portal(TIMES.replace("WHERE", "WHERE t IS NULL OR"))
    agency.put("A", day(-1))
    agency.put("B", None)
    assert [read(portal) for _ in range(4)] == [1, 0, 0, 0]
    assert caplog.text.count("alarm: change_rows_malformed") == 1


def test_the_fault_of_a_row_is_named_and_no_value(agency: Agency, caplog: pytest.LogCaptureFixture) -> None:
    portal = agency.portal(TIMES.replace("t AS since", "t AS since, v AS action"))
    for number in range(104):
        agency.put(f"X-{number}", day(-1), version="thu hồi")
    agency.put("A", day(-1), person="12345")
    agency.put("B\nC", day(-1))
    agency.put("C", day(-1))
    assert read(portal) == 1
    assert ("rows can't be taken: action must be upsert or revoke (104 rows); " in caplog.text)
    assert "soDinhDanh must be 12 digits (1 rows)" in caplog.text
    assert not {"thu hồi", "12345"} & set(caplog.text.split())


def test_a_number_that_the_table_holds_in_nfd_is_found(agency: Agency, receiver: Receiver) -> None:
    number = "12/Huế"
    portal = agency._start(documents__GPLX__url=agency._url, documents__GPLX__changes=TIMES, documents__GPLX__id="so",
                           documents__GPLX__lookup="SELECT b AS so, b AS ten FROM d WHERE a = :soDinhDanh")
    agency.put(unicodedata.normalize("NFD", number), day(-1))
    portal.work()
    assert list(receiver.effects) == [("GPLX", PERSON, number)]


@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_document_that_is_announced_in_nfd_is_the_same(portal: Portal) -> None:
    for form in ("NFC", "NFD"):
        assert portal.announce(unicodedata.normalize(form, "12/Huế")).status == 202
    assert portal.rows("version") == [(1,), (2,)]


# -- order -----------------------------------------------------------------------------------------------------------------

def test_rows_out_of_order_are_refused_and_none_is_lost_once_it_is_mended(
        agency: Agency, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(sources, "MOST", 10)
    portal = agency.portal(NUMBERS.replace("ORDER BY t", "ORDER BY b"))
    for number in range(40):
        # a page is in order by chance
        agency.put(f"D-{number:02}", number if number < 15 else 100 - number)
    with pytest.raises(VNeIDError, match="changes_malformed: since goes down") as caught:
        read(portal)
    assert "ORDER BY the column that is since" in str(caught.value)
    assert portal.sql("SELECT cursor FROM vneid_channels WHERE name = 'changes:GPLX'") == [(None,)]
    mended = Source("GPLX", portal.services)
    mended.database = change_source.ChangeDatabase(agency._url, NUMBERS)
    assert sum(mended.read()) == 31
    assert portal.sql("SELECT count(DISTINCT document_id), count(*) FROM vneid_outbox") == [(40, 40)]


def test_many_rows_of_one_moment_after_another_come_to_an_end(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST", 10)
    portal = agency.portal(NUMBERS)
    for number in range(60):
        agency.put(f"D-{number}", 1 if number < 5 else 2 if number < 40 else 3)
    assert [read(portal), read(portal)] == [60, 0]


def test_a_select_that_does_not_look_at_since_comes_to_an_end(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST", 10)
    portal = agency.portal("SELECT a AS soDinhDanh, b AS maGiayTo, t AS since FROM d WHERE :since IS NULL OR 1 ORDER BY t")
    for number in range(35):
        agency.put(f"D-{number}", number)
    assert [read(portal), read(portal)] == [35, 0]


# -- the same row again ----------------------------------------------------------------------------------------------------

def test_of_two_changes_in_one_second_a_version_tells(agency: Agency) -> None:
    for query, second in ((TIMES, 0), (TIMES.replace("t AS since", "t AS since, v AS phien_ban"), 1)):
        portal = agency.portal(query)
        agency.sql("DELETE FROM d")
        agency.put("A", "2026-11-02 09:30:00", version=1)
        assert read(portal) == 1
        agency.sql("UPDATE d SET v = 2")
        assert read(portal) == second


# -- a source that fails ---------------------------------------------------------------------------------------------------

def test_a_source_that_keeps_failing_is_told_once_and_names_itself(agency: Agency, caplog: pytest.LogCaptureFixture) -> None:
    from support import Browser
    from vneid_middleware.plugins.documents.outbox.worker import Worker

    portal = agency.portal(TIMES)
    agency.put("A", day(-1))
    agency.sql("ALTER TABLE d RENAME TO e")
    worker = Worker(portal.services)

    def round_() -> None:
        portal.sql("UPDATE vneid_channels SET not_before = 0")
        worker._read(worker._sources[0])

    def degraded() -> Any:
        return Browser().get(portal.base + "/vneid/health/ready").json().get("degraded")

    round_()
    round_()
    assert "alarm" not in caplog.text
    for _ in range(4):
        round_()
    assert caplog.text.count("alarm: changes_failing") == 1
    assert "no such table: d" in caplog.text
    assert degraded() == ["outbox"]
    agency.sql("ALTER TABLE e RENAME TO d")
    round_()
    assert portal.sql("SELECT count(*) FROM vneid_outbox") == [(1,)]
    assert not degraded()


def test_a_failure_now_and_then_is_not_told(agency: Agency, caplog: pytest.LogCaptureFixture) -> None:
    portal = agency.portal(TIMES)
    source = Source("GPLX", portal.services)
    for _ in range(3):
        source.note_end(VNeIDError("changes_unavailable", "away"))
        source.note_end(VNeIDError("changes_unavailable", "away"))
        source.note_end()
    assert "alarm" not in caplog.text


# -- readers ---------------------------------------------------------------------------------------------------------------

def test_two_never_read_one_source_at_once(portal: Portal, tmp_path: Path) -> None:
    url = _table(tmp_path, 30)
    first, second = (_source(portal, url) for _ in range(2))
    with closing(first.read(10)) as reading:
        assert next(reading) == 10
        with pytest.raises(VNeIDError, match="changes_being_read"):
            next(second.read())
    assert sum(second.read()) == 20
    assert sum(first.read()) == 0


def test_a_reader_that_died_holds_a_source_for_a_while(portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = _table(tmp_path, 30)
    dead, other = (_source(portal, url) for _ in range(2))
    monkeypatch.setattr(change_source, "LEASE", -1)
    reading = dead.read(10)
    assert next(reading) == 10
    monkeypatch.undo()
    assert sum(other.read()) == 20
    # it was only stopped for long: what it has is not its own any more
    with pytest.raises(VNeIDError, match="stopped for too long"):
        next(reading)


def test_a_backfill_waits_for_the_worker_and_says_so(agency: Agency, tmp_path: Path, start_process: Callable[..., Any],
                                                     wait_until: Callable[..., Any]) -> None:
    portal = agency.portal(NUMBERS)
    for number in range(30):
        agency.put(f"D-{number}", number)
    ini = write_ini(portal.settings, tmp_path)
    with closing(Source("GPLX", portal.services).read(10)) as reading:
        assert next(reading) == 10
        process = start_process("documents", ini, "backfill", "GPLX")
        wait_until(lambda: "is reading documents.GPLX.changes now: this one goes on when it is done" in process.err)
    assert process.communicate()[0] == "20 changes taken in\n"
    assert process.returncode == 0


def test_a_backfill_says_how_far_it_is_where_there_is_no_terminal(agency: Agency, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                                  capsys: pytest.CaptureFixture[str]) -> None:
    from vneid_middleware.cli import main, progress

    monkeypatch.setattr(progress, "_TELL", 0.0)
    monkeypatch.setattr(sources, "_BATCH", 10)
    portal = agency.portal(NUMBERS)
    for number in range(30):
        agency.put(f"D-{number}", number)
    ini = write_ini(portal.settings, tmp_path)
    assert main(["documents", str(ini), "backfill", "GPLX"]) == 0
    told = capsys.readouterr()
    assert told.out == "30 changes taken in\n"
    assert [line.partition("  ")[0] for line in told.err.splitlines() if " / " in line] == ["10 / 30", "20 / 30", "30 / 30"]


def test_a_worker_leaves_a_source_alone_that_is_being_read(agency: Agency, caplog: pytest.LogCaptureFixture) -> None:
    portal = agency.portal(NUMBERS)
    for number in range(30):
        agency.put(f"D-{number}", number)
    with closing(Source("GPLX", portal.services).read(10)) as reading:
        next(reading)
        poll(portal, 4)
        assert portal.sql("SELECT count(*) FROM vneid_outbox") == [(10,)]
    poll(portal)
    assert portal.sql("SELECT count(*) FROM vneid_outbox") == [(30,)]
    assert "changes_being_read" not in caplog.text


def test_batches_are_paced_but_for_the_first_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        now[0] += seconds

    monkeypatch.setattr(sources.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sources.time, "sleep", sleep)
    assert list(sources.paced(iter([100, 100, 100, 50]), 200)) == [100, 100, 100, 50]
    assert slept == [0.5, 0.25]


def test_a_worker_reads_at_the_pace_of_a_backfill(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    from vneid_middleware.plugins.documents.outbox import worker

    portal = agency.portal(NUMBERS)
    rates: list[int] = []
    monkeypatch.setattr(worker, "paced", lambda batches, rate: rates.append(rate) or batches)
    agency.put("A", 1)
    portal.work()
    assert rates == [200]


# -- PostgreSQL's own ------------------------------------------------------------------------------------------------------

POSTGRESQL = ('SELECT a AS "soDinhDanh", b AS "maGiayTo", t AS since FROM d WHERE t >= COALESCE(:since, '
              "CAST('-infinity' AS timestamp)) ORDER BY t")


@pytest.mark.parametrize("_portal", ["postgresql"], indirect=True)
def test_padded_columns_and_infinity_stop_nothing(portal: Portal, postgresql_url: str, caplog: pytest.LogCaptureFixture) -> None:
    run_sql(postgresql_url, "CREATE TABLE d (a char(15), b char(20), t timestamp)",
            f"INSERT INTO d VALUES ('{PERSON}', 'A', '2026-11-02'), ('{PERSON}', 'B', 'infinity'), "
            f"('{PERSON}', 'C', '-infinity'), ('{PERSON}', 'D', '0044-03-15 BC')")
    source = _source(portal, postgresql_url, POSTGRESQL)
    assert sum(source.read()) == 1
    run_sql(postgresql_url, f"INSERT INTO d VALUES ('{PERSON}', 'E', '2026-11-03')")
    assert [sum(source.read()), sum(source.read())] == [1, 0]
    assert portal.outbox().document(portal.sql("SELECT sealed FROM vneid_documents ORDER BY document_id")[0][0])[2] == "A"
    assert caplog.text.count("since must be finite") == 1


def _table(folder: Path, rows: int) -> str:
    url = f"sqlite:///{folder}/readers.db"
    run_sql(url, "CREATE TABLE d (a TEXT, b TEXT, t INTEGER)",
            *(f"INSERT INTO d VALUES ('{PERSON}', 'D-{number}', {number})" for number in range(rows)))
    return url


def _source(portal: Portal, url: str, query: str = NUMBERS) -> Source:
    settings = dict(portal.services.settings) | {"documents.GPLX.url": url, "documents.GPLX.changes": query}
    return Source("GPLX", _With(portal.services, settings))


class _With:
    """Services with other settings."""

    def __init__(self, services: Any, settings: dict[str, Any]) -> None:
        self._services, self.settings = services, settings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._services, name)

    def __getitem__(self, name: str) -> Any:
        return self._services[name]
