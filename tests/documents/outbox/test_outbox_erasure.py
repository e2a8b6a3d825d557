"""A person is erased while their documents wait, are under way, dead or delivered: nothing of them stays, VNeID hears of it, and
nothing goes backwards."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outbox_service import Receiver, write_ini
from vneid_middleware.cli import main

Portal = Any
PERSON, OTHER = "001204000123", "001204000999"
DATA = {"HoVaTen": "Nguyễn Thị Ánh Tuyết"}
pytestmark = pytest.mark.threat("C-F45")


class Asked:
    """A provider that still has every document, and notes that it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def provider(self, kind: str) -> Asked:
        return self

    def current(self, personal_id: str, document_id: str) -> Any:
        self.asked.append(document_id)
        return DATA


@pytest.fixture
def provider(portal: Portal) -> Iterator[Asked]:
    found, before = Asked(), portal.services.components.get("documents")
    portal.services.components["documents"] = found
    yield found
    portal.services.components["documents"] = before


def names(portal: Portal) -> list[tuple[bool, bool]]:
    """Tell of each document whether its names and its person are still there."""
    return [(bool(row[0]), bool(row[1])) for row in portal.sql("SELECT sealed, person_key FROM vneid_documents "
                                                               "ORDER BY document_id")]


def is_clean(portal: Portal, receiver: Receiver, *documents: str) -> bool:
    """Tell whether VNeID's last word on documents is that they are gone, and nothing is left to be opened here."""
    assert {receiver.contents[("GPLX", PERSON, name)] for name in documents} == {None}
    assert portal.sql("SELECT count(*) FROM vneid_outbox WHERE sealed IS NOT NULL") == [(0,)]
    assert receiver.regressions == []
    assert receiver.together == []
    return set(names(portal)) == {(False, False)}


def refusing(*documents: str, status: int = 422) -> Callable[[Any], Any]:
    """Refuse documents, but for their tombstones."""
    return lambda got: (status, {}, {}) if got.document[2] in documents and got.payload["data"] is not None else None


# -- what waits, is dead, was delivered --------------------------------------------------------------------------------

def test_whatever_state_a_change_is_in_it_is_wiped_and_a_tombstone_goes_out(portal: Portal, receiver: Receiver, vneid: Any,
                                                                            provider: Asked) -> None:
    receiver.answer = refusing("DEAD")
    for name in ("DONE", "DEAD", "DEAD"):
        portal.announce(name)
    portal.work()
    portal.announce("NEW", data=None)
    portal.announce("NEW")
    portal.announce("THEIRS", soDinhDanh=OTHER)
    code, out, err = vneid("erase", PERSON)
    assert (code, err) == (0, "")
    assert "documents          3" in out
    assert PERSON not in out
    states = portal.rows("version, action, state, reason, submitter")
    assert [row for row in states if row[4] != "cli:erase" and row[3] == "erased"] == [
        (1, "upsert", "superseded", "erased", "mot-cua"), (2, "upsert", "superseded", "erased", "mot-cua"),
        (1, "upsert", "superseded", "erased", "mot-cua"), (2, "upsert", "superseded", "erased", "mot-cua")]
    assert sorted(row[:2] for row in states if row[4] == "cli:erase") == [(2, "revoke"), (3, "revoke"), (3, "revoke")]
    before = len(receiver.got)
    portal.work()
    sent = receiver.got[before:]
    assert sorted(got.document[2] for got in sent) == ["DEAD", "DONE", "NEW", "THEIRS"]
    for got in sent:
        if got.document[1] == PERSON:
            assert (got.payload["action"], got.payload["data"]) == ("revoke", None)
            assert got.payload["idempotencyKey"].startswith("erase:")
    assert provider.asked == [], "the provider would have told what was erased"
    assert receiver.contents[("GPLX", OTHER, "THEIRS")] == DATA
    assert names(portal) == [(False, False)] * 3 + [(True, True)]
    assert portal.sql("SELECT count(*) FROM vneid_outbox WHERE sealed IS NOT NULL") == [(0,)]


def test_erasing_twice_sends_one_tombstone(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    portal.announce("A")
    assert "documents          1" in vneid("erase", PERSON)[1]
    assert "documents          0" in vneid("erase", PERSON)[1]
    portal.work()
    code, out, _ = vneid("erase", PERSON)
    assert (code, "documents          0" in out) == (0, True)
    portal.work()
    assert receiver.versions() == [2]
    assert is_clean(portal, receiver, "A")


def test_nobody_can_send_what_was_erased(portal: Portal, receiver: Receiver, vneid: Any, provider: Asked) -> None:
    receiver.answer = refusing("A")
    first = portal.announce("A").json()["changeId"]
    waiting = portal.announce("A").json()["changeId"]
    portal.work()
    receiver.answer = lambda got: None
    vneid("erase", PERSON)
    for change_id in (first, waiting):
        assert vneid("outbox", "retry", change_id)[0] == 1
        assert vneid("outbox", "discard", change_id)[0] == 1
    assert vneid("outbox", "retry", "--all")[1] == "0 changes will be tried again\n"
    assert vneid("outbox", "reconcile")[1] == "0 documents were announced anew\n"
    portal.work()
    assert vneid("outbox", "reconcile")[1] == "0 documents were announced anew\n"
    # also where the tombstone's own row is gone
    portal.sql("DELETE FROM vneid_outbox")
    assert vneid("outbox", "reconcile") == (0, "0 documents were announced anew\n", "")
    portal.work()
    assert provider.asked == []
    assert [got.payload["data"] for got in receiver.got[1:]] == [None]


def test_what_is_announced_again_later_goes_on_with_its_versions(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    portal.announce("A")
    portal.work()
    vneid("erase", PERSON)
    portal.work()
    assert is_clean(portal, receiver, "A")
    assert portal.announce("A").json()["version"] == 3
    assert names(portal) == [(True, True)]
    portal.work()
    assert receiver.effects[("GPLX", PERSON, "A")] == [1, 2, 3]
    assert receiver.contents[("GPLX", PERSON, "A")] == DATA
    assert "documents          1" in vneid("erase", PERSON)[1]
    portal.work()
    assert receiver.effects[("GPLX", PERSON, "A")] == [1, 2, 3, 4]
    assert is_clean(portal, receiver, "A")


def test_what_is_announced_before_the_tombstone_arrived_keeps_its_names(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    portal.announce("A")
    vneid("erase", PERSON)
    portal.announce("A")
    portal.work()
    assert receiver.versions() == [2, 3]
    assert receiver.contents[("GPLX", PERSON, "A")] == DATA
    assert names(portal) == [(True, True)]


def test_a_tombstone_that_is_refused_is_told_and_can_be_tried_again(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    receiver.answer = lambda got: (422, {}, {})
    portal.announce("A")
    vneid("erase", PERSON)
    portal.work()
    code, out, err = vneid("erase", PERSON)
    assert code == 1
    assert "VNeID was told of 1 documents that they are gone, and refused" in err
    assert "may be run again" in err
    assert "sessions           0" in out, "the other parts go on"
    assert PERSON not in out + err
    receiver.answer = lambda got: None
    assert vneid("outbox", "retry", "--all")[1] == "1 change will be tried again\n"
    portal.work()
    assert is_clean(portal, receiver, "A")


def test_a_receiver_that_knows_more_gets_a_newer_tombstone_and_nothing_else(portal: Portal, receiver: Receiver, vneid: Any,
                                                                            provider: Asked) -> None:
    for number in range(4):
        portal.announce("A", data={"n": number})
    portal.work()
    # the backup is from before the last two
    portal.sql("DELETE FROM vneid_outbox WHERE version > 2")
    portal.sql("UPDATE vneid_documents SET version = 2")
    vneid("erase", PERSON)
    portal.work()
    assert portal.rows("version, reason")[-1] == (3, "newer_there")
    assert names(portal) == [(True, True)], "it is not gone there"
    assert vneid("outbox", "reconcile")[1] == "1 document was announced anew\n"
    portal.work()
    assert receiver.versions()[-1] == 5
    assert (provider.asked, receiver.contents[("GPLX", PERSON, "A")]) == ([], None)
    assert is_documents_clean(portal)


def is_documents_clean(portal: Portal) -> bool:
    assert portal.sql("SELECT count(*) FROM vneid_outbox WHERE sealed IS NOT NULL") == [(0,)]
    return names(portal) == [(False, False)]


def test_what_the_receiver_did_not_take_is_wiped_too(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    receiver.answer = lambda got: (409, {}, {"version": 7}) if got.version < 8 else None
    portal.announce("A")
    portal.work()
    assert portal.rows("state, reason")[0] == ("delivered", "newer_there")
    assert vneid("erase", PERSON)[0] == 0
    portal.work()
    assert receiver.versions() == [1, 8]
    assert is_clean(portal, receiver, "A")


# -- what is under way -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("answer", [None, (503, {}, {}), (422, {}, {}), (429, {"Retry-After": "1"}, {}), (401, {}, {}),
                                    (409, {}, {"version": 1}), (409, {}, {"version": 9})])
def test_a_change_under_way_is_its_workers_and_is_never_sent_again(portal: Portal, receiver: Receiver, vneid: Any,
                                                                   answer: Any) -> None:
    ended: list[tuple[int, str, str]] = []
    knows_more = answer == (409, {}, {"version": 9})

    def meanwhile(got: Any) -> Any:
        if got.payload["data"] is None:
            return (409, {}, {"version": 9}) if knows_more and got.version < 9 else None
        ended.append(vneid("erase", PERSON))
        assert portal.rows("version, state")[0] == (1, "leased")
        return answer

    receiver.answer = meanwhile
    portal.announce("A")
    portal.announce("A")
    portal.work()
    assert [code for code, *_ in ended] == [0]
    assert portal.rows("sealed")[:2] == [(None,), (None,)]
    if answer and answer[0] == 401:
        vneid("outbox", "resume")
    if knows_more:
        assert names(portal) == [(True, True)], "VNeID has not taken it"
        assert portal.rows("version, reason")[-1] == (3, "newer_there")
        assert vneid("outbox", "reconcile")[1] == "1 document was announced anew\n"
    portal.work(3)
    assert [got.payload["data"] for got in receiver.got].count(DATA) == 1, "once, by the worker that was at it"
    assert receiver.got[-1].payload["data"] is None
    assert receiver.versions() == sorted(receiver.versions())
    assert is_documents_clean(portal)


def test_what_an_ended_worker_left_is_not_sent(portal: Portal, receiver: Receiver, vneid: Any, fork: Any) -> None:
    receiver.answer = lambda got: os.kill(worker.pid, signal.SIGKILL) or (503, {}, {})  # type: ignore[func-returns-value]
    portal.announce("A")
    worker = fork(burst=True)
    assert worker.wait() == -signal.SIGKILL
    receiver.answer = lambda got: None
    assert portal.rows("state") == [("leased",)]
    assert vneid("erase", PERSON)[0] == 0
    assert portal.rows("version, state")[0] == (1, "leased"), "who could tell whether it is still under way"
    portal.clock.ahead = 60
    portal.sql("UPDATE vneid_outbox SET next_at = 0 WHERE state = 'leased'")
    portal.work(2)
    assert [got.payload["data"] for got in receiver.got] == [DATA, None]
    assert portal.rows("version, state, reason")[0] == (1, "superseded", "erased")
    assert is_documents_clean(portal)


def test_what_ended_many_workers_is_not_kept_as_a_dead_letter(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    portal.announce("A")
    portal.sql("UPDATE vneid_outbox SET state = 'leased', crashes = 9, next_at = 1e12")
    vneid("erase", PERSON)
    portal.sql("UPDATE vneid_outbox SET next_at = 0 WHERE state = 'leased'")
    portal.work(2)
    assert portal.rows("version, state")[0] == (1, "discarded")
    assert [got.payload["data"] for got in receiver.got] == [None]
    assert is_documents_clean(portal)


@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_an_old_workers_answer_changes_nothing_any_more(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    """A row that came back to ready by hand, say: its payload is there, its document is erased."""
    portal.announce("A")
    vneid("erase", PERSON)
    kept = portal.sql("SELECT sealed FROM vneid_outbox WHERE version = 2")[0][0]
    portal.sql(f"UPDATE vneid_outbox SET state = 'ready', sealed = '{kept}' WHERE version = 1")
    portal.work()
    assert receiver.versions() == [2]
    assert is_clean(portal, receiver, "A")


def test_workers_announcers_and_erasers_at_the_same_time(portal: Portal, receiver: Receiver, tmp_path: Path) -> None:
    """Whoever comes when: in the end nothing is sealed, and the last word is a tombstone."""
    turn = iter(range(10_000))
    receiver.answer = lambda got: (503, {}, {}) if next(turn) % 3 == 0 else None
    ini, errors = write_ini(portal.settings, tmp_path), []
    stop = threading.Event()

    def repeat(step: Callable[[], Any]) -> None:
        try:
            while not stop.is_set():
                step()
        except BaseException as error:
            errors.append(error)

    steps = [lambda: portal.work(2), lambda: portal.work(1), lambda: portal.announce("A"), lambda: portal.announce("B")]
    threads = [threading.Thread(target=repeat, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    codes = [main(["erase", str(ini), PERSON]) for _ in range(12)]
    stop.set()
    for thread in threads:
        thread.join(60)
    assert (errors, set(codes)) == ([], {0})
    receiver.answer = lambda got: None
    assert main(["erase", str(ini), PERSON]) == 0
    # a lease of which nobody could write down in time what came of it
    portal.sql("UPDATE vneid_outbox SET next_at = 0 WHERE state = 'leased'")
    portal.work(4)
    assert is_clean(portal, receiver, "A", "B")
    for seen in receiver.effects.values():
        assert seen == sorted(seen)


# -- broken off, and found under an older secret -----------------------------------------------------------------------

@pytest.mark.parametrize("where", ["vneid_middleware.outbox.Outbox.put", "vneid_middleware.storage.outbox_intake.wake",
                                   "vneid_middleware.plugins.personal_data.counter.Lookups.erase",
                                   "vneid_middleware.storage.Storage.checkpoint"])
def test_an_erasure_that_is_killed_goes_on_when_it_is_run_again(portal: Portal, receiver: Receiver, vneid: Any, tmp_path: Path,
                                                                start_process: Any, where: str) -> None:
    for name in ("A", "B", "C"):
        portal.announce(name)
    module, _, attribute = where.rpartition(".")
    at = 2 if where.endswith(("put", "wake")) else 1
    code = ("import pkgutil\n"
            f"owner = pkgutil.resolve_name({module!r})\nbefore, turns = getattr(owner, {attribute!r}), []\n"
            "def killed(*given, **named):\n    turns.append(1)\n"
            f"    if len(turns) == {at}:\n        os.kill(os.getpid(), 9)\n"
            "    return before(*given, **named)\n"
            f"setattr(owner, {attribute!r}, killed)\n")
    killed = start_process("erase", write_ini(portal.settings, tmp_path), PERSON, before=code)
    assert killed.wait() == -signal.SIGKILL, killed.err
    halfway = portal.rows("state")
    assert ("ready",) in halfway
    assert len(portal.events("erasure.began")) == 1
    assert portal.events("erasure.ended") == []
    code_again, _, err = vneid("erase", PERSON)
    assert (code_again, err) == (0, "")
    portal.work()
    assert sorted(receiver.versions()) == [2, 2, 2], "one tombstone each"
    assert is_clean(portal, receiver, "A", "B", "C")


def test_who_was_known_under_an_older_secret_is_found(portal: Portal, receiver: Receiver, tmp_path: Path,
                                                      worker_process: Any) -> None:
    portal.announce("A")
    portal.announce("B")
    portal.work()
    newest = "a-newer-secret-0123456789-abcdefghijklmnopqrstu"
    settings = {**portal.settings, "secret": newest + "\n" + portal.settings["secret"]}
    assert main(["erase", str(write_ini(settings, tmp_path)), PERSON]) == 0
    before, portal.settings = portal.settings, settings
    try:
        process = worker_process(portal, tmp_path, "--burst")
        assert process.wait(60) == 0
    finally:
        portal.settings = before
    assert is_clean(portal, receiver, "A", "B")


@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_what_no_secret_opens_is_told_and_the_rest_is_erased(portal: Portal, receiver: Receiver, vneid: Any) -> None:
    portal.announce("A")
    portal.sql("UPDATE vneid_documents SET sealed = 'AAAA' || sealed")
    portal.announce("B")
    code, _, err = vneid("erase", PERSON)
    assert (code, "documents: something is left: " in err, "a secret that is gone" in err) == (1, True, True), err
    assert PERSON not in err
    portal.sql("UPDATE vneid_documents SET sealed = substr(sealed, 5) WHERE sealed LIKE 'AAAA%'")
    assert vneid("erase", PERSON)[0] == 0
    portal.work()
    assert receiver.versions() == [2, 2]
    assert is_clean(portal, receiver, "A", "B")
