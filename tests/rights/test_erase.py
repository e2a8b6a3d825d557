"""A person is exported and erased by number: everything that a portal with every plugin keeps, and nothing of anybody else."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mobile.conftest import refused
from outbox_service import write_ini
from vneid_middleware.crypto import KeyRing
from vneid_middleware.exceptions import SealError
from vneid_middleware.simulator.personas import PERSONAS
from warm import Process

from .conftest import DATABASES, Everything, everything

Command = Callable[..., tuple[int, str, str]]
WHO, OTHER = "nguyet", "duc"
NUMBER, NAME = PERSONAS[WHO].personal_id, PERSONAS[WHO].full_name
TABLES = ("sessions", "accounts", "ended_sessions", "login_claims", "used_tokens", "lookups", "kept_forms", "mobile_sign_ons",
          "audit", "documents", "outbox", "channels", "taken_rows")
SEALED = (("lookups", "sealed"), ("kept_forms", "content"), ("mobile_sign_ons", "outcome"), ("login_claims", "outcome"),
          ("documents", "sealed"), ("outbox", "sealed"))
"""Where a person's data lie sealed."""
BOXES = ("session", "bearer", "login-outcome", "mobile-sign-on", "lookup-result", "lookup-question", "outbox", "kept-form",
         "logout-hint", "ended-subject", "mobile-session")


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def sealed(portal: Everything) -> set[str]:
    """Return everything that is sealed in a portal's tables."""
    found = set()
    for table, column in SEALED:
        found |= {row[0] for row in portal.sql(f"SELECT {column} FROM vneid_{table} WHERE {column} IS NOT NULL") if row[0]}
    return found


def openings(portal: Everything) -> Iterator[bytes]:
    """Give whatever opens of all that is in storage, with every box and every context that there could be."""
    ring = KeyRing([portal.settings["secret"]])
    boxes = [ring.box(name) for name in BOXES]
    for table in TABLES:
        for row in portal.sql(f"SELECT * FROM vneid_{table}"):
            texts = [value for value in row if isinstance(value, str)]
            contexts = [b"", *(text.encode() for text in texts if len(text) <= 64),
                        *(f"{one}/{other}".encode() for one in texts[:2] for other in texts[:2])]
            for value in (text for text in texts if len(text) > 40):
                for box in boxes:
                    for context in contexts:
                        try:
                            yield box.open_bytes(value, context)
                            break
                        except SealError:
                            continue


def raw(portal: Everything) -> bytes:
    """Return the bytes of the database's files, as somebody with the disk in their hands would read them."""
    file = Path(portal.settings["storage"].removeprefix("sqlite:///"))
    # by another process: to close the file in this one would drop its connections' locks
    return subprocess.run(["cat", *sorted(file.parent.glob(file.name + "*"))], capture_output=True, check=True).stdout


def lies_in(data: bytes, value: str) -> bool:
    """Tell whether a good part of a value lies in data: long ones are spread over several pages."""
    return any(value[start:start + 40].encode() in data for start in range(0, max(1, len(value) - 40), 60))


# -- export ------------------------------------------------------------------------------------------------------------

def test_everything_that_is_kept_is_given_out(make_portal: Any, vneid: Command, wait_until: Any, database: str) -> None:
    portal = make_portal(database)
    portal.leave_traces(WHO, wait_until)
    portal.announce(OTHER, "GP-9")
    portal.sign_in(OTHER)
    code, out, err = vneid(portal, "export", NUMBER)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["personal_id"], told["missing"]) == (NUMBER, [])
    parts = told["parts"]
    assert {name: len(records) for name, records in parts.items() if name != "audit"} == {
        "documents": 2, "lookups": 1, "forms": 1, "logins": 2, "apps": 2, "accounts": 0, "sessions": 4}
    assert [paper["maGiayTo"] for paper in parts["documents"]] == ["nguyet-GP-1", "nguyet-GP-2"]
    assert parts["documents"][1]["changes"][-1]["data"] == {"HoVaTen": NAME}
    assert [change["state"] for change in parts["documents"][1]["changes"]] == ["delivered", "ready"]
    assert parts["lookups"][0]["data"]["hoVaTen"] == NAME
    assert "Xin+c" in parts["forms"][0]["body"]
    assert parts["forms"][0]["path"] == "/nop/khai-sinh"
    assert {login["identity"]["full_name"] for login in parts["logins"]} == {NAME}
    assert sorted(bool(app["identity"]) for app in parts["apps"]) == [False, True]
    assert {record["event"] for record in parts["audit"]} >= {"login.succeeded", "lookup.answered", "form.kept"}
    for name, records in parts.items():
        assert all("until" in record for record in records), name
    # diacritics as they are, nobody else, and nothing that would let anybody in
    assert NAME in out
    assert PERSONAS[OTHER].personal_id not in out
    assert "GP-9" not in out
    assert not any(value in out for value in sealed(portal))
    assert "vneid=" not in out


def test_what_an_export_was_of_is_in_the_audit_without_the_number(make_portal: Any, vneid: Command) -> None:
    portal = make_portal()
    portal.sign_in(WHO)
    assert vneid(portal, "export", "-", given=f"{NUMBER}\n")[0] == 0
    record = json.loads(portal.sql("SELECT record FROM vneid_audit WHERE event = 'person.exported'")[0][0])
    assert record["who"]["personal_id"] == "********0001"
    assert record["what"]["counts"]["sessions"] == 1
    assert NUMBER not in json.dumps(record)


def test_of_whom_nothing_is_kept_nothing_is_told(make_portal: Any, vneid: Command) -> None:
    portal = make_portal()
    portal.sign_in(OTHER)
    told = json.loads(vneid(portal, "export", NUMBER)[1])
    assert {name for name, records in told["parts"].items() if records} == set()


# -- erase -------------------------------------------------------------------------------------------------------------

@pytest.mark.threat("C-F45")
def test_nothing_of_a_person_is_left(make_portal: Any, vneid: Command, wait_until: Any, database: str) -> None:
    portal = make_portal(database)
    traces = portal.leave_traces(WHO, wait_until)
    theirs = sealed(portal)
    assert len(theirs) == 8
    assert any(NUMBER.encode() in plain for plain in openings(portal)), "the search must be able to find it"
    bystander = portal.sign_in(OTHER)
    portal.announce(OTHER, "GP-9")
    others = sealed(portal) - theirs
    if database == "sqlite":
        assert all(lies_in(raw(portal), value) for value in theirs), "the search must be able to find it"
    code, out, err = vneid(portal, "erase", NUMBER)
    assert (code, err) == (0, "")
    assert NUMBER not in out
    assert [line.split() for line in out.partition("kept:")[0].splitlines()[1:]] == [
        ["documents", "2"], ["lookups", "1"], ["forms", "1"], ["logins", "2"], ["apps", "2"], ["accounts", "0"],
        ["sessions", "4"], ["audit", "0"]]
    assert "kept by law" in out.partition("kept:")[2]
    portal.work()
    assert vneid(portal, "erase", NUMBER)[0] == 0
    for plain in openings(portal):
        assert NUMBER.encode() not in plain
        assert NAME.encode() not in plain
    assert not theirs & sealed(portal)
    assert len(others) == 3
    assert len(others & sealed(portal)) == 2, "their login and their document stay; their change is delivered by now"
    if database == "sqlite":
        left = raw(portal)
        assert not any(lies_in(left, value) for value in theirs)
        assert NUMBER.encode() not in left
    # who is signed in is not, by browser and by app; the officer finds nothing; another one goes on
    assert portal.browser_names(traces["browsers"][0]) == "nobody"
    assert "nobody" in traces["phone"].get().text or traces["phone"].get().status == 401
    assert refused(traces["waiting"].redeem(traces["code"]))
    assert portal.result(traces["lookup"]).status == 404
    assert portal.browser_names(bystander) == PERSONAS[OTHER].personal_id
    assert portal.receiver.contents[("GPLX", PERSONAS[OTHER].personal_id, "GP-9")] is not None
    assert {name: content for name, content in portal.receiver.contents.items() if name[1] == NUMBER} == {
        ("GPLX", NUMBER, "nguyet-GP-1"): None, ("GPLX", NUMBER, "nguyet-GP-2"): None}
    told = json.loads(vneid(portal, "export", NUMBER)[1])["parts"]
    assert {name for name, records in told.items() if records} == {"audit"}


def test_an_account_by_another_name_than_the_number_is_found(make_portal: Any, vneid: Command) -> None:
    portal = make_portal()
    portal.simulator.state.set("sub", "on")
    portal.sign_in(WHO)
    portal.sign_in(OTHER)
    assert len(portal.sql("SELECT * FROM vneid_accounts")) == 2
    # also where the session that told of it is gone
    portal.sql("DELETE FROM vneid_sessions")
    told = json.loads(vneid(portal, "export", NUMBER)[1])["parts"]
    assert len(told["accounts"]) == 1
    assert vneid(portal, "erase", NUMBER)[0] == 0
    assert len(portal.sql("SELECT * FROM vneid_accounts")) == 1
    assert portal.sign_in(WHO)


def test_a_person_may_come_back(make_portal: Any, vneid: Command) -> None:
    portal = make_portal()
    browser = portal.sign_in(WHO)
    assert vneid(portal, "erase", NUMBER)[0] == 0
    assert portal.browser_names(browser) == "nobody"
    portal.sign_in(WHO, browser)
    assert portal.browser_names(browser) == NUMBER
    assert vneid(portal, "erase", NUMBER)[0] == 0


@pytest.mark.parametrize("part", ["forms", "logins", "apps", "accounts", "sessions", "audit"])
def test_an_erasure_that_is_killed_is_ended_by_the_next(make_portal: Any, vneid: Command, wait_until: Any, tmp_path: Path,
                                                        part: str) -> None:
    portal = make_portal()
    portal.leave_traces(WHO, wait_until)
    theirs = sealed(portal)
    killed = Process("erase", write_ini(portal.settings, tmp_path), NUMBER, before=(
        "from vneid_middleware.cli import data_subject, erase\n"
        "class Killed:\n    def erase(self, number):\n        os.kill(os.getpid(), 9)\n"
        f"before = data_subject.parts\nerase.parts = lambda services: {{**before(services), {part!r}: Killed()}}\n"))
    assert killed.wait() == -signal.SIGKILL, killed.err
    assert vneid(portal, "erase", NUMBER)[0] == 0
    portal.work()
    assert vneid(portal, "erase", NUMBER)[0] == 0
    assert not any(NUMBER.encode() in plain for plain in openings(portal))
    assert not any(lies_in(raw(portal), value) for value in theirs)
    began, ended = (portal.sql(f"SELECT count(*) FROM vneid_audit WHERE event = 'erasure.{name}'")[0][0]
                    for name in ("began", "ended"))
    assert (began, ended) == (3, 2)


def test_who_reads_an_older_state_keeps_the_log_and_that_is_told(make_portal: Any, vneid: Command,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vneid_middleware.storage._TIMEOUT", 1)
    portal = make_portal()
    portal.sign_in(WHO)
    reader = sqlite3.connect(portal.settings["storage"].removeprefix("sqlite:///"), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM vneid_sessions").fetchone()
    code, _, err = vneid(portal, "erase", NUMBER)
    reader.close()
    assert (code, "the database's log still holds older pages" in err, "may be run again" in err) == (1, True, True)
    assert vneid(portal, "erase", NUMBER)[0] == 0


# -- what is refused ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", ["", " ", "12345678901", "1001900000011", "10019000000a", "١٠٠١٩٠٠٠٠٠٠١", "--all", "*",
                                    "100190000001 100085000002", "%", "0100100100"])
@pytest.mark.parametrize("command", ["erase", "export"])
def test_what_is_no_number_does_nothing(shared: Everything, vneid: Command, command: str, number: str) -> None:
    before = shared.sql("SELECT count(*) FROM vneid_audit"), sealed(shared)
    for words, given in (([number], ""), (["-"], number + "\n")):
        code, out, err = vneid(shared, command, *words, given=given)
        assert (code, out) == (2, ""), err
    assert "12 digits" in err
    assert before == (shared.sql("SELECT count(*) FROM vneid_audit"), sealed(shared))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, signing_key: str) -> Iterator[Everything]:
    """A portal for what does nothing."""
    folder = tmp_path_factory.mktemp("rights")
    with ExitStack() as stack:
        portal = stack.enter_context(everything(f"sqlite:///{folder}/vneid.db", folder, signing_key))
        portal.sign_in(WHO)
        yield portal


@pytest.mark.parametrize("command", ["erase", "export"])
def test_a_portal_that_does_not_start_is_told(shared: Everything, vneid: Command, command: str) -> None:
    code, out, err = vneid(shared, command, NUMBER, **{"sso.client_ix": "x"})
    assert (code, out, "does not start" in err) == (1, "", True)
    assert NUMBER not in err


@pytest.mark.parametrize("command", ["erase", "export"])
def test_without_an_audit_nothing_is_done_and_nothing_given_out(shared: Everything, vneid: Command, command: str,
                                                                tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    before = sealed(shared)
    code, out, err = vneid(shared, command, NUMBER, **{"audit.sinks": f"file:{tmp_path}/folder"})
    assert (code, out, "audit can't be written" in err) == (1, "", True)
    assert shared.sql("SELECT count(*) FROM vneid_sessions") == [(1,)]
    assert sealed(shared) == before


@pytest.mark.parametrize("command", ["erase", "export"])
def test_a_storage_that_does_not_answer_is_told(shared: Everything, vneid: Command, command: str, tmp_path: Path) -> None:
    (tmp_path / "none.db").mkdir()
    code, out, err = vneid(shared, command, NUMBER, storage=f"sqlite:///{tmp_path}/none.db")
    assert (code, out) == (1, "")
    assert NUMBER not in err


def test_any_subject_of_a_plain_provider_is_a_number(shared: Everything, vneid: Command) -> None:
    plain = {"sso.profile": "oidc", "sso.issuer": "https://id.example.gov.vn", "plugins": "sso"}
    keep = {key: value for key, value in shared.settings.items() if key.split(".")[0] in (
        "public_url", "secret", "storage", "server_threads") or key in ("sso.client_id", "sso.client_secret")}
    before, shared.settings = shared.settings, keep
    try:
        assert vneid(shared, "export", "user-1@example.org", **plain)[0] == 0
        assert vneid(shared, "erase", "user-1@example.org", **plain)[0] == 0
        assert vneid(shared, "erase", "", **plain)[0] == 2
        assert vneid(shared, "erase", "a\u202eb", **plain)[0] == 2
        assert vneid(shared, "erase", "x" * 256, **plain)[0] == 2
    finally:
        shared.settings = before


@pytest.mark.parametrize(("answer", "code", "sessions"), [("no\n", 1, 1), ("\n", 1, 1), ("y\n", 1, 1), ("YES!\n", 1, 1),
                                                          ("yes\n", 0, 0)])
def test_on_a_terminal_it_asks_first(make_portal: Any, tmp_path: Path, answer: str, code: int, sessions: int) -> None:
    portal = make_portal()
    portal.sign_in(WHO)
    master, terminal = pty.openpty()
    os.write(master, answer.encode())
    process = Process("erase", write_ini(portal.settings, tmp_path), NUMBER, stdin=os.ttyname(terminal))
    out, err = process.communicate()
    os.close(terminal)
    os.close(master)
    assert process.returncode == code, err
    assert "Everything that is kept about ********0001 will be erased for good" in err
    assert NUMBER not in out + err
    assert portal.sql("SELECT count(*) FROM vneid_sessions") == [(sessions,)]


def test_yes_says_it_beforehand(make_portal: Any, tmp_path: Path) -> None:
    portal = make_portal()
    portal.sign_in(WHO)
    master, terminal = pty.openpty()
    process = Process("erase", "--yes", write_ini(portal.settings, tmp_path), NUMBER, stdin=os.ttyname(terminal))
    out, err = process.communicate()
    os.close(terminal)
    os.close(master)
    assert (process.returncode, err) == (0, "")
    assert "sessions           1" in out


# -- a vendor's part ---------------------------------------------------------------------------------------------------

VENDOR = """
from zope.interface import implementer
from vneid_middleware.interfaces import IPersonalData, IProvisioned

PEOPLE = {"100190000001": ["Ghi chú của phường"]}

@implementer(IPersonalData, IProvisioned)
class Notes:
    kept = {"vi": "bản sao lưu được giữ ba mươi ngày", "en": "backups are kept for thirty days"}

    def provision(self, services):
        pass

    def export(self, personal_id):
        if FAULT:
            raise FAULT
        return ({"note": note, "until": None} for note in PEOPLE.get(personal_id, []))

    def erase(self, personal_id):
        if FAULT:
            raise FAULT
        return len(PEOPLE.pop(personal_id, []))

FAULT = None

def includeme(config):
    config.add_vneid_personal_data("ward-notes", Notes())
"""


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A vendor's module that keeps notes about people."""
    (tmp_path / "ward_notes.py").write_text(VENDOR, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import importlib

    yield importlib.import_module("ward_notes")
    sys.modules.pop("ward_notes")


def test_a_vendors_part_takes_part(make_portal: Any, vneid: Command, ward: Any) -> None:
    portal = make_portal(plugins="sso mobile qr documents ward_notes")
    assert json.loads(vneid(portal, "export", NUMBER)[1])["parts"]["ward-notes"] == [
        {"note": "Ghi chú của phường", "until": None}]
    code, out, _ = vneid(portal, "erase", NUMBER)
    assert (code, ward.PEOPLE) == (0, {})
    assert "ward-notes" in out.partition("kept:")[0]
    assert "backups are kept for thirty days" in out


@pytest.mark.parametrize("fault", [ZeroDivisionError(NUMBER), "known"])
def test_a_part_that_fails_keeps_the_others_from_nothing(make_portal: Any, vneid: Command, ward: Any, fault: Any) -> None:
    from vneid_middleware.exceptions import VNeIDError

    portal = make_portal(plugins="sso mobile qr documents ward_notes")
    portal.sign_in(WHO)
    ward.FAULT = VNeIDError("not_erased", "the archive is closed") if fault == "known" else fault
    code, out, err = vneid(portal, "export", NUMBER)
    told = json.loads(out)
    assert (code, told["missing"], len(told["parts"]["sessions"])) == (1, ["ward-notes"], 1)
    code, out, err = vneid(portal, "erase", NUMBER)
    assert (code, "sessions           1" in out) == (1, True)
    assert ("the archive is closed" if fault == "known" else "ZeroDivisionError") in err
    assert "may be run again" in err
    assert NUMBER not in out + err
    record = json.loads(portal.sql("SELECT record FROM vneid_audit WHERE event = 'erasure.ended'")[0][0])
    assert record["what"]["failed"] == ["ward-notes"]
    ward.FAULT = None
    assert vneid(portal, "erase", NUMBER)[0] == 0


@pytest.mark.parametrize(("before", "after", "complaint"), [
    ("def erase(self, personal_id)", "def remove(self, personal_id)", "Notes has no erase"),
    ("def export(self, personal_id)", "def export(self)", "Notes.export must take"),
    ("kept = ", "left = ", "Notes has no kept"),
    ("@implementer(IPersonalData, IProvisioned)", "@implementer(IProvisioned)", "does not declare it"),
    ('"ward-notes"', '"sessions"', "two plugins claim the same"),
])
def test_a_part_that_is_none_is_refused_at_start(shared: Everything, vneid: Command, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch, before: str, after: str,
                                                 complaint: str) -> None:
    (tmp_path / "ward_wrong.py").write_text(VENDOR.replace(before, after), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        code, out, err = vneid(shared, "erase", NUMBER, plugins="sso mobile qr documents ward_wrong")
    finally:
        sys.modules.pop("ward_wrong", None)
    assert (code, out, complaint in err) == (1, "", True), err


def test_it_speaks_vietnamese(make_portal: Any, vneid: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    portal = make_portal()
    monkeypatch.setenv("LC_ALL", "vi_VN.UTF-8")
    code, out, _ = vneid(portal, "erase", NUMBER)
    assert (code, "giữ lại:" in out, "nhật ký phải lưu theo luật" in out) == (0, True, True)
    assert "kept" not in out
    assert "12 chữ số" in vneid(portal, "erase", "1")[2]
