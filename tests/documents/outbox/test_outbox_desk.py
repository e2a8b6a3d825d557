"""``vneid outbox``, ``vneid documents`` and sources of changes, on both databases."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from outbox_service import Receiver
from support import Browser
from vneid_middleware.core.change_cursor import Cursor

Portal = Any
PERSON = "001204000123"
NOW = datetime(2026, 11, 1, 8, 0, 0)


class Citizens:
    """The provider of a kind, as the plugin's other half would make it."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], Any] = {}

    def kinds(self) -> list[str]:
        return ["GPLX"]

    def provider(self, kind: str) -> Citizens:
        return self

    def current(self, personal_id: str, document_id: str) -> Any:
        return self.documents.get((personal_id, document_id))


@pytest.fixture
def citizens(portal: Portal) -> Iterator[Citizens]:
    """The portal's provider of every kind."""
    found = Citizens()
    before = portal.services.components.get("documents")
    portal.services.components["documents"] = found
    yield found
    portal.services.components.pop("documents")
    if before is not None:
        portal.services.components["documents"] = before


def test_a_list_without_content(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    receiver.answer = lambda got: (400, {}, {}) if got.document[2] == "MARKER-A" else None
    change_id = portal.announce("MARKER-A", data={"HoVaTen": "marker-name"}).json()["changeId"]
    portal.announce("MARKER-A")
    portal.announce("MARKER-B")
    portal.work()
    code, out, err = vneid("outbox", "list")
    assert code == 0
    assert next(line.split() for line in out.splitlines()[1:]) == [change_id, "GPLX", "1", "dead", "1", "http_400"]
    assert len(out.partition("\n\n")[0].splitlines()) == 3
    shown = vneid("outbox", "show", change_id)[1]
    assert "state = dead" in shown
    assert "message_hash = " in shown
    listed = [json.loads(line) for line in vneid("outbox", "list", "--json", "--state", "delivered")[1].splitlines()]
    assert [row["version"] for row in listed] == [1]
    for marker in ("MARKER", "marker", PERSON):
        assert marker not in out + err + shown + json.dumps(listed)
    assert vneid("outbox", "show", "no-such-change")[0] == 1


def test_a_list_says_how_much_there_is_and_when_it_is_cut(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    receiver.answer = lambda got: (400, {}, {}) if got.document[2] == "A" else None
    for name in ("A", "B", "C", "D"):
        portal.announce(name)
    portal.work()
    for name in ("A", "A", "E"):
        portal.announce(name)
    portal.sql("UPDATE vneid_outbox SET created_at = created_at - 180000 WHERE state = 'dead'")
    # the states of what is not settled, delivered ones apart
    totals = re.compile(r"not settled: ready 3, waiting 0, leased 0, dead 1\nthe oldest came in 2 d 02:\d\d:\d\d ago\n")
    code, out, err = vneid("outbox", "list")
    assert (code, err) == (0, "")
    assert totals.fullmatch(out.partition("\n\n")[2])
    code, out, err = vneid("outbox", "list", "--limit", "2")
    assert len(out.partition("\n\n")[0].splitlines()) == 3
    assert err == "only the oldest 2 are listed, and there are more; --limit N shows more of them\n"
    code, out, err = vneid("outbox", "list", "--json", "--limit", "3")
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["dead", "ready", "ready"]
    assert "only the oldest 3 are listed" in err
    assert totals.search(err)
    assert vneid("outbox", "list", "--json", "--limit", "4")[2].startswith("not settled"), "four are all"
    for wrong in ("0", "-1", "1e3", "many", "1000001"):
        assert vneid("outbox", "list", "--limit", wrong)[0] == 2
    portal.sql("UPDATE vneid_outbox SET state = 'delivered'")
    assert "not settled: ready 0" in vneid("outbox", "list")[1]
    assert "oldest" not in vneid("outbox", "list")[1]


def test_one_change_is_shown_in_the_reader_s_language(portal: Portal, vneid: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    change_id = portal.announce("A").json()["changeId"]
    assert [line.partition(" = ")[0] for line in vneid("outbox", "show", change_id)[1].splitlines()] == [
        "change_id", "kind", "version", "action", "state", "reason", "attempts", "submitter", "created_at", "next_at",
        "message_hash"]
    monkeypatch.setenv("LC_ALL", "vi_VN.UTF-8")
    shown = vneid("outbox", "show", change_id)[1]
    assert shown.startswith(f"mã thay đổi = {change_id}\nloại = GPLX\nphiên bản = 1\nthao tác = upsert\n")
    for english in ("created", "attempt", "hash", "submitter"):
        assert english not in shown
    assert "chưa xong: ready 1, " in vneid("outbox", "list")[1]


@pytest.mark.threat("C-F39")
def test_dead_letters_are_tried_again_or_given_up(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    receiver.answer = lambda got: (422, {}, {})
    ids = {name: portal.announce(name).json()["changeId"] for name in ("A", "B", "C")}
    for name in ids:
        portal.announce(name)
    portal.work()
    receiver.answer = lambda got: None
    assert vneid("outbox", "retry", ids["A"])[:2] == (0, "1 change will be tried again\n")
    assert vneid("outbox", "discard", ids["B"])[:2] == (0, "1 change was given up\n")
    portal.work()
    assert {name[2]: seen for name, seen in receiver.effects.items()} == {"A": [1, 2], "B": [2]}
    assert vneid("outbox", "retry", ids["B"])[0] == 1, "what was given up is gone"
    assert vneid("outbox", "discard", ids["A"])[0] == 1, "what was delivered is too"
    assert vneid("outbox", "retry", "--all")[1] == "1 change will be tried again\n"
    portal.work()
    assert receiver.effects[("GPLX", PERSON, "C")] == [1, 2]
    assert portal.rows("sealed") == [(None,)] * 6
    assert [record["what"]["action"] for record in portal.events("outbox.handled")] == ["retry", "discard", "retry"]


@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_what_is_no_dead_letter_is_not_given_up_by_mistake(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    receiver.answer = lambda got: (503, {}, {})
    first, second = (portal.announce("A").json()["changeId"] for _ in range(2))
    portal.work()
    for change_id in (first, second):
        code, out, err = vneid("outbox", "discard", change_id)
        assert (code, out) == (1, "")
        assert "is no dead letter (" in err
        assert "add --yes" in err
    code, out, err = vneid("outbox", "retry", second)
    assert (code, out) == (1, "")
    assert f"waits for an older one of its document, {first} (ready)" in err
    assert vneid("outbox", "retry", first)[:2] == (0, "1 change will be tried again\n")
    assert vneid("outbox", "discard", "--yes", first)[:2] == (0, "1 change was given up\n")
    receiver.answer = lambda got: None
    portal.work(2)
    assert receiver.effects[("GPLX", PERSON, "A")] == [2]
    assert vneid("outbox", "discard", "--all")[:2] == (0, "0 changes were given up\n")


@pytest.mark.threat("A-190")
def test_an_operator_learns_which_document_a_dead_letter_is_about_and_the_audit_who_asked(
        portal: Portal, receiver: Receiver, vneid: Any, caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch) -> None:
    from vneid_middleware.exceptions import AuditError

    receiver.answer = lambda got: (422, {}, {})
    change_id = portal.announce("GP-79-1").json()["changeId"]
    portal.work()
    assert f"alarm: dead_letter change_id={change_id} kind=GPLX version=1 reason=http_422" in caplog.text
    plain = vneid("outbox", "show", change_id)[1]
    assert "GP-79-1" not in plain + caplog.text
    code, out, _ = vneid("outbox", "show", change_id, "--document")
    assert (code, out) == (0, plain + f"soDinhDanh = ********{PERSON[-4:]}\nmaGiayTo = GP-79-1\n")
    assert PERSON not in out
    what = [record["what"] for record in portal.events("outbox.handled")]
    assert [(one["action"], one["target"], one["by"].startswith("cli:")) for one in what] == [("show-document", change_id, True)]

    def unwritable(*words: Any) -> None:
        raise AuditError("audit_unavailable", "file: no space")

    with monkeypatch.context() as patch:
        patch.setattr(type(portal.services), "tell", unwritable)
        code, out, err = vneid("outbox", "show", change_id, "--document")
    assert (code, out) == (1, "")
    assert "the audit can't be written, so the document is not shown: file: no space" in err
    portal.sql("UPDATE vneid_documents SET sealed = 'AAAA' || sealed")
    assert vneid("outbox", "show", change_id, "--document")[:2] == (1, "")
    portal.sql("UPDATE vneid_documents SET sealed = ''")
    assert "the document was erased" in vneid("outbox", "show", change_id, "--document")[2]
    assert vneid("outbox", "show", "unknown", "--document")[0] == 1


@pytest.mark.threat("C-F40")
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_redrive_never_goes_backwards(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    receiver.answer = lambda got: (422, {}, {})
    change_id = portal.announce("A").json()["changeId"]
    portal.work()
    receiver.answer = lambda got: None
    # as if the newer one had been let past it
    portal.sql("UPDATE vneid_outbox SET state = 'discarded'")
    portal.announce("A")
    portal.work()
    portal.sql(f"UPDATE vneid_outbox SET state = 'dead' WHERE change_id = '{change_id}'")
    code, _, err = vneid("outbox", "retry", change_id)
    assert (code, "1 is not sent again: a newer version was delivered" in err) == (1, True)
    portal.sql(f"UPDATE vneid_outbox SET state = 'ready', sealed = 'x' WHERE change_id = '{change_id}'")
    portal.work()
    assert receiver.effects[("GPLX", PERSON, "A")] == [2]
    assert portal.rows("state")[0] == ("superseded",)


@pytest.mark.threat("C-F24")
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_paused_channel_is_opened_by_hand(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    receiver.answer = lambda got: (401, {}, {})
    portal.announce("A")
    portal.work()
    receiver.answer = lambda got: None
    portal.work(2)
    assert len(receiver.got) == 1
    assert "the channel is paused: http_401" in vneid("outbox", "list")[2]
    assert "outbox" in Browser().get(portal.base + "/vneid/health/ready").json().get("degraded", [])
    assert vneid("outbox", "resume")[:2] == (0, "the channel is open\n")
    portal.work()
    assert receiver.versions() == [1, 1]
    assert vneid("outbox", "resume")[1] == "the channel was not paused\n"


@pytest.mark.threat("C-F15")
@pytest.mark.threat("C-F46")
def test_after_an_older_backup_is_restored_nothing_goes_backwards_and_nothing_is_lost(
        portal: Portal, receiver: Receiver, vneid: Any, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(4):
        portal.announce("A", data={"n": number})
    portal.work()
    # the backup is from before the last two
    portal.sql("DELETE FROM vneid_outbox WHERE version > 2")
    portal.sql("UPDATE vneid_documents SET version = 2")
    portal.announce("A", data={"n": "new"})
    portal.work()
    assert portal.rows("version, state, reason")[-1] == (3, "delivered", "newer_there")
    assert receiver.contents[("GPLX", PERSON, "A")] == {"n": 3}
    assert "alarm: outbox_behind" in caplog.text
    assert vneid("outbox", "reconcile")[1] == "1 document was announced anew\n"
    assert vneid("outbox", "reconcile")[1] == "0 documents were announced anew\n"
    portal.work()
    assert receiver.effects[("GPLX", PERSON, "A")] == [1, 2, 3, 4, 5]
    assert receiver.contents[("GPLX", PERSON, "A")] == {"n": "new"}
    assert set(portal.rows("sealed")) == {(None,)}


@pytest.mark.threat("C-F15")
@pytest.mark.threat("C-F46")
@pytest.mark.parametrize("lacks", [1, 2, 5])
def test_the_newest_of_several_changes_wins_after_a_restore(portal: Portal, receiver: Receiver, vneid: Any, lacks: int) -> None:
    """Also where the restored database lacks exactly what it then makes, so that the versions meet."""
    receiver.answer = lambda got: _conflict(receiver, got)
    for number in range(1 + lacks):
        portal.announce("A", data={"n": number})
        portal.work()
    portal.sql("DELETE FROM vneid_outbox WHERE version > 1")
    portal.sql("UPDATE vneid_documents SET version = 1")
    for name in ("older", "newer"):
        portal.announce("A", data={"n": name})
    portal.work()
    for _ in range(2):
        vneid("outbox", "reconcile")
        portal.work()
    assert receiver.contents[("GPLX", PERSON, "A")] == {"n": "newer"}
    assert receiver.regressions == []
    assert set(portal.rows("state")) == {("delivered",)}
    assert vneid("outbox", "reconcile")[1] == "0 documents were announced anew\n"


def _conflict(receiver: Receiver, got: Any) -> Any:
    """What a receiver says that takes no version twice."""
    held = receiver.effects[got.document][-1:]
    return (409, {}, {"version": held[0], "changeId": got.payload["changeId"]}) if held and got.version <= held[0] else None


@pytest.mark.threat("C-F46")
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_reconcile_waits_for_what_is_on_its_way(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    receiver.answer = lambda got: (409, {}, {"version": 7}) if got.version == 1 else (503, {}, {}) if got.version == 2 else None
    portal.announce("A", data={"n": "older"})
    portal.announce("A", data={"n": "newer"})
    portal.work()
    assert portal.rows("version, reason") == [(1, "newer_there"), (2, "http_503")]
    code, out, err = vneid("outbox", "reconcile")
    assert (code, out) == (0, "0 documents were announced anew\n")
    assert "1 documents have a newer change on its way" in err
    receiver.answer = lambda got: (409, {}, {"version": 7}) if got.version < 8 else None
    portal.work(2)
    assert vneid("outbox", "reconcile")[1] == "1 document was announced anew\n"
    portal.work()
    assert receiver.contents[("GPLX", PERSON, "A")] == {"n": "newer"}


@pytest.mark.threat("C-F46")
def test_every_document_is_announced_under_a_version_that_none_had(portal: Portal, receiver: Receiver, vneid: Any,
                                                                   citizens: Citizens) -> None:
    """For receivers that say nothing of a version that they have: the restored backup lacks all that came after it."""
    citizens.documents = {(PERSON, "A"): {"n": "now"}, (PERSON, "B"): {"n": "b"}}
    for name in ("A", "B", "ERASED"):
        portal.announce(name)
    portal.announce("GONE", data=None, action="revoke")
    portal.work()
    vneid("erase", PERSON)
    portal.work()
    receiver.reset()
    for name in ("A", "B"):
        portal.announce(name)
    portal.announce("GONE", data=None, action="revoke")
    vneid("outbox", "reconcile", "--all")
    assert vneid("outbox", "reconcile", "--all")[1] == "3 documents were announced anew\n"
    portal.work(2)
    newest = {document[2]: seen[-1] for document, seen in receiver.effects.items()}
    assert set(newest) == {"A", "B", "GONE"}, "what was erased is not told of again"
    assert min(newest.values()) > 20_000
    assert {document[2]: content for document, content in receiver.contents.items()} == {
        "A": {"n": "now"}, "B": {"n": "b"}, "GONE": None}
    assert {got.payload["action"] for got in receiver.got if got.document[2] == "GONE"} == {"revoke"}
    assert portal.announce("ERASED").json()["version"] > 20_000


@pytest.mark.threat("C-F46")
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_tombstone_that_is_announced_anew_stays_one(portal: Portal, receiver: Receiver, vneid: Any, citizens: Citizens) -> None:
    citizens.documents = {(PERSON, "A"): {"n": "still here"}}
    portal.announce("A")
    portal.work()
    vneid("erase", PERSON)
    vneid("outbox", "reconcile", "--all")
    portal.work()
    assert receiver.contents[("GPLX", PERSON, "A")] is None
    assert portal.sql("SELECT sealed FROM vneid_documents") == [("",)]


@pytest.mark.threat("C-F04")
def test_reconcile_makes_what_was_lost_again(portal: Portal, receiver: Receiver, vneid: Any, citizens: Citizens) -> None:
    citizens.documents = {(PERSON, "A"): {"n": "now"}, (PERSON, "B"): {"n": "b"}}
    portal.announce("A")
    portal.announce("B")
    portal.sql("DELETE FROM vneid_outbox WHERE seq = (SELECT min(seq) FROM vneid_outbox)")
    portal.work()
    assert vneid("outbox", "reconcile")[1] == "1 document was announced anew\n"
    portal.work()
    assert {document[2]: content for document, content in receiver.contents.items()} == {
        "A": {"n": "now"}, "B": {"HoVaTen": "Nguyễn Thị Ánh Tuyết"}}


@pytest.mark.threat("C-F38")
def test_without_data_the_provider_is_asked_when_it_is_delivered(portal: Portal, receiver: Receiver, citizens: Citizens) -> None:
    portal.announce("A", data=None)
    portal.announce("GONE", data=None, action="revoke")
    portal.announce("MISSING", data=None)
    portal.announce("OTHER")
    citizens.documents[PERSON, "A"] = {"n": "at delivery"}
    portal.work()
    assert {document[2]: content for document, content in receiver.contents.items()} == {
        "A": {"n": "at delivery"}, "GONE": None, "OTHER": {"HoVaTen": "Nguyễn Thị Ánh Tuyết"}}
    assert ("ready", "document_missing") in portal.rows("state, reason")
    portal.work(12)
    assert ("dead", "document_missing") in portal.rows("state, reason")


@pytest.mark.threat("C-F38")
@pytest.mark.parametrize(("content", "end"), [
    (ZeroDivisionError(), "provider_failed"), ({"n": object()}, "change_malformed"), ({"n": "\ud800"}, "change_malformed"),
    ({"x": "y" * 10_500_000}, "change_too_large"), ({"n": float("nan")}, "change_malformed"), ("no mapping", "provider_failed"),
])
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_poisonous_document_stops_only_itself(portal: Portal, receiver: Receiver, citizens: Citizens, content: Any,
                                                end: str) -> None:
    def current(personal_id: str, document_id: str) -> Any:
        if isinstance(content, Exception):
            raise content
        return content

    citizens.current = current  # type: ignore[method-assign]
    portal.announce("A", data=None)
    portal.announce("B")
    portal.work(12)
    assert portal.rows("state, reason") == [("dead", end), ("delivered", "acknowledged")]


@pytest.fixture
def agency(portal: Portal, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The agency's own table, and the portal reading it."""
    file = tmp_path / "agency.db"
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("CREATE TABLE licences (owner TEXT, number TEXT, changed TEXT, what TEXT)")
    given = {
        "documents.GPLX.url": f"sqlite:///{file}", "documents.GPLX.poll_interval": "1",
        "documents.GPLX.changes": "SELECT owner AS soDinhDanh, number AS maGiayTo, changed AS since, what AS action "
                                  "FROM licences WHERE (:since IS NULL OR changed > :since) ORDER BY changed"}
    before = dict(portal.settings), portal.services.settings
    portal.settings.update(given)
    values = dict(portal.services.settings) | {**given, "documents.GPLX.poll_interval": 1, "documents.GPLX.changes_overlap": 300}
    object.__setattr__(portal.services, "settings", _Settings(before[1], values))
    yield connection
    connection.close()
    portal.settings.clear()
    portal.settings.update(before[0])
    object.__setattr__(portal.services, "settings", before[1])


class _Settings(dict[str, Any]):
    def __init__(self, read: Any, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.source = read.source


def put(agency: sqlite3.Connection, number: str, seconds: float, what: str = "upsert", person: str = PERSON) -> None:
    when = (NOW + timedelta(seconds=seconds)).isoformat()
    agency.execute("INSERT INTO licences VALUES (?, ?, ?, ?)", (person, number, when, what))


def poll(portal: Portal) -> None:
    portal.sql("UPDATE vneid_channels SET not_before = 0")
    portal.work()


def test_rows_are_read_once_and_late_ones_are_not_missed(portal: Portal, receiver: Receiver, citizens: Citizens,
                                                         agency: sqlite3.Connection) -> None:
    citizens.documents = {(PERSON, name): {"n": name} for name in "ABCD"}
    put(agency, "A", 0)
    put(agency, "B", 100)
    poll(portal)
    poll(portal)
    assert sorted(got.document[2] for got in receiver.got) == ["A", "B"]
    # committed late: before the cursor, within the overlap
    put(agency, "C", 50)
    put(agency, "D", 100)
    put(agency, "A", 150, "revoke")
    poll(portal)
    poll(portal)
    assert sorted(got.document[2] for got in receiver.got) == ["A", "A", "B", "C", "D"]
    assert receiver.got[-1].payload["action"] in ("revoke", "upsert")
    assert receiver.effects[("GPLX", PERSON, "A")] == [1, 2]


def test_a_row_that_can_not_be_read_is_told_once_and_stops_nothing(portal: Portal, receiver: Receiver, citizens: Citizens,
                                                                   agency: sqlite3.Connection,
                                                                   caplog: pytest.LogCaptureFixture) -> None:
    citizens.documents[PERSON, "B"] = {}
    put(agency, "A", 0, person="12345")
    put(agency, "B", 1)
    put(agency, "C", 2, "delete")
    poll(portal)
    poll(portal)
    assert [got.document[2] for got in receiver.got] == ["B"]
    assert caplog.text.count("alarm: change_rows_malformed") == 1
    assert "12345" not in caplog.text


def test_who_runs_a_worker_by_the_clock_is_told_of_a_source_that_can_not_be_read(
        alone: Any, receiver: Receiver, tmp_path: Path, worker_process: Any) -> None:
    agency = sqlite3.connect(tmp_path / "agency.db", isolation_level=None)
    agency.execute("CREATE TABLE elsewhere (owner TEXT, so TEXT, changed TEXT)")
    portal = alone(documents__GPLX__url=f"sqlite:///{tmp_path}/agency.db", documents__GPLX__poll_interval="1",
                   documents__GPLX__changes="SELECT owner AS soDinhDanh, so AS maGiayTo, changed AS since FROM licences "
                                            "WHERE changed > COALESCE(:since, '') ORDER BY changed")
    assert portal.announce("OTHER").status == 202
    for option in ("--burst", "--once"):
        portal.sql("UPDATE vneid_channels SET not_before = 0")
        process = worker_process(portal, tmp_path, option)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 1, out
        assert "documents.GPLX.changes: " in out
    assert len(receiver.got) == 1, "all else is done"
    agency.execute("ALTER TABLE elsewhere RENAME TO licences")
    portal.sql("UPDATE vneid_channels SET not_before = 0")
    assert worker_process(portal, tmp_path, "--burst").wait(60) == 0
    agency.close()


def test_a_long_table_is_read_in_parts_that_never_part_one_moment(portal: Portal, receiver: Receiver, citizens: Citizens,
                                                                  agency: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch,
                                                                  vneid: Any) -> None:
    from vneid_middleware.plugins.documents.outbox import sources

    monkeypatch.setattr(sources, "MOST", 10)
    monkeypatch.setattr(sources, "_BATCH", 4)
    for number in range(60):
        put(agency, f"D-{number}", number // 7)
    put(agency, "far", 100)
    for number in range(12):
        put(agency, f"E-{number}", 200)
    code, out, _ = vneid("documents", "backfill", "GPLX", "--rate", "100000")
    assert (code, out) == (0, "73 changes taken in\n")
    assert vneid("documents", "backfill", "GPLX")[1] == "0 changes taken in\n"
    assert vneid("documents", "backfill", "GPLX", "--again", "2026-11", "--rate", "100000")[1] == "73 changes taken in\n"
    assert vneid("documents", "backfill", "GPLX", "--again", "2026-11")[1] == "0 changes taken in\n"
    assert len(set(portal.rows("document_id, version"))) == 146
    assert vneid("documents", "backfill", "BHYT")[0] == 1


def test_a_load_that_breaks_off_goes_on_where_it_was(portal: Portal, citizens: Citizens, agency: sqlite3.Connection,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    from vneid_middleware.plugins.documents.outbox import sources

    monkeypatch.setattr(sources, "_BATCH", 4)
    for number in range(20):
        put(agency, f"D-{number}", number * 1000)
    source = sources.Source("GPLX", portal.services)
    reading = source.read()
    assert [next(reading), next(reading)] == [4, 4]
    reading.close()
    assert sum(sources.Source("GPLX", portal.services).read()) == 12
    assert len(portal.rows()) == 20


@pytest.mark.parametrize(("value", "back"), [
    (1000, 700), (10.5, -289.5), ("2026-11-01 08:00:00", "2026-11-01 07:55:00"), ("2026-11-01T08:00:00", "2026-11-01T07:55:00"),
    ("2026-11-01T08:00:00Z", "2026-11-01T07:55:00Z"), ("2026-11-01 08:00:00.120", "2026-11-01 07:55:00.120"),
    ("2026-11-01 08:00:00.123456", "2026-11-01 07:55:00.123456"), ("2026-11-01T08:00:00+07:00", "2026-11-01T07:55:00+07:00"),
    (NOW, NOW - timedelta(minutes=5)), (NOW.astimezone(timezone.utc), NOW.astimezone(timezone.utc) - timedelta(minutes=5)),
    (NOW.date(), NOW.date() - timedelta(days=1)), ("abc", "abc"), ("20261101", "20261101"),
])
def test_how_far_back_a_reading_goes(value: Any, back: Any) -> None:
    kept = Cursor.stored(Cursor.of(value).store())
    assert kept == Cursor.of(value)
    assert kept.back(300) == back


@pytest.mark.parametrize("value", [None, True, b"x", []])
def test_what_is_no_cursor(value: Any) -> None:
    with pytest.raises(ValueError, match="since must be"):
        Cursor.of(value)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_first_load_shows_how_far_it_is(portal: Portal, citizens: Citizens, agency: sqlite3.Connection, vneid: Any,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    from vneid_middleware.cli import progress
    from vneid_middleware.plugins.documents.outbox import sources

    monkeypatch.setattr(progress, "_REDRAW", 0.0)
    monkeypatch.setattr(sources, "_BATCH", 4)
    for number in range(20):
        put(agency, f"D-{number}", number)
    terminal = _Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    assert vneid("documents", "backfill", "GPLX", "--rate", "100000")[:2] == (0, "20 changes taken in\n")
    shown = [re.search(r"\] (\d+) / (\d+) ", picture) for picture in terminal.getvalue().split("\r") if "[" in picture]
    assert [found.groups() for found in shown if found] == [(str(count), "20") for count in (4, 8, 12, 16, 20)]
    # gone through once more it comes to its end, too, though nothing is new
    terminal = _Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    put(agency, "NEW", 30)
    assert vneid("documents", "backfill", "GPLX", "--rate", "100000")[1] == "1 changes taken in\n"
    assert " 21 / 21 " in terminal.getvalue()


@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_rows_that_can_not_be_counted_in_time_are_taken_in_all_the_same(
        portal: Portal, citizens: Citizens, agency: sqlite3.Connection, vneid: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vneid_middleware.cli import progress
    from vneid_middleware.storage import change_source

    monkeypatch.setattr(progress, "_REDRAW", 0.0)
    monkeypatch.setattr(change_source, "COUNT_TIMEOUT", -1)
    agency.execute("BEGIN")
    agency.executemany("INSERT INTO licences VALUES (?, ?, ?, NULL)",
                       [(PERSON, f"D-{number}", (NOW + timedelta(seconds=number)).isoformat()) for number in range(30_000)])
    agency.execute("COMMIT")
    monkeypatch.setattr("sys.stderr", terminal := _Terminal())
    monkeypatch.setattr("vneid_middleware.plugins.documents.outbox.sources.paced", lambda batches, rate: islice(batches, 2))
    assert vneid("documents", "backfill", "GPLX")[:2] == (0, "200 changes taken in\n")
    assert " / " not in terminal.getvalue()
    assert re.search(r"\r200  ", terminal.getvalue())
