"""The counter under attack and in trouble: races, clocks that jump, key sets that hang, storage that fails, restarts."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from vneid_middleware.exceptions import StorageError
from vneid_middleware.plugins.qr import calls, keeper
from vneid_middleware.storage import lookups
from vneid_service import CITIZEN, SECRET


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(keeper, "_KEEP_EVERY", 0.1)


def row_of(portal, location):
    with portal.middleware.services.storage.read() as connection:
        return lookups.get(connection, lookups.key_of(location.rpartition("/")[2]))


def ended(answer):
    return answer if answer.status != 202 else None


# -- one code, one question --------------------------------------------------------------------------------------------

@pytest.mark.threat("A-214")
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_code_that_two_counters_scan_at_once_is_asked_about_once(make_portal, request, monkeypatch, database) -> None:
    url = {"storage": request.getfixturevalue("postgresql_url")} if database == "postgresql" else {}
    portal, both, plain = make_portal(**url), threading.Barrier(2), lookups.of_qr

    def slow(*arguments, **options):
        found = plain(*arguments, **options)
        with suppress(threading.BrokenBarrierError):
            both.wait(0.3)  # if the other one may look too, it does so now
        return found

    monkeypatch.setattr(lookups, "of_qr", slow)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda key: portal.ask("QR-1", key=key), ("quay-1", "quay-2")))
    statuses = [portal.result(answer, key).json()["status"] for answer, key in zip(answers, ("quay-1", "quay-2"), strict=True)]
    assert sorted(statuses) == ["expired_qr", "ok"]
    assert len(portal.vneid.asked) == 1


@pytest.mark.threat("A-214")
def test_a_code_that_was_answered_is_used_also_in_the_second_of_a_failure(make_portal, monkeypatch) -> None:
    portal, second = make_portal(), time.time()
    monkeypatch.setattr(type(portal.clock), "__call__", lambda clock: second)
    for number in range(8):
        portal.vneid.answer = lambda question: ("503 Busy", [], b"")
        assert portal.result(portal.ask(f"QR-{number}")).json()["status"] == "upstream_unavailable"
        portal.vneid.answer = portal.vneid.gives()
        assert portal.result(portal.ask(f"QR-{number}")).json()["status"] == "ok"
        assert portal.result(portal.ask(f"QR-{number}")).json()["status"] == "expired_qr"


@pytest.fixture
def settled(make_portal, wait_until):
    """A portal, and the 202 of a lookup whose result waits to be fetched."""
    portal = make_portal(qr__consent="blocking")
    portal.vneid.answer = portal.vneid.holds(portal.vneid.gives())
    first = portal.ask()
    portal.vneid.released.set()
    wait_until(lambda: row_of(portal, first.location).state == "settled")
    return portal, first


# -- results -----------------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-154")
def test_asking_for_the_head_of_a_result_does_not_take_it(settled) -> None:
    portal, first = settled
    answer = portal.send("HEAD", first.location.removeprefix(portal.base))
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET")
    assert portal.look(first.location).json()["data"] == CITIZEN


@pytest.mark.threat("A-214")
def test_two_that_fetch_a_result_at_once_get_it_once(settled) -> None:
    portal, first = settled
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: portal.look(first.location), range(6)))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 5


@pytest.mark.threat("A-219")
def test_a_result_that_a_restart_left_behind_is_wiped_though_nobody_asks(settled, make_portal, wait_until) -> None:
    before, first = settled
    before.middleware.services.outbound.close()  # nothing of it runs any more
    after = make_portal()
    after.clock.ahead = 121
    after.send("GET", "/")
    wait_until(lambda: row_of(after, first.location).sealed is None)


# -- key sets that hang ------------------------------------------------------------------------------------------------

@pytest.fixture
def hung(make_portal, wait_until):
    """A portal with one lookup that waits for its citizen, and others whose answers wait for a key set that does not come."""
    portal, gate = make_portal(qr__consent="blocking"), threading.Event()
    there = portal.vneid.jwks
    portal.vneid.jwks = lambda: (gate.wait(20), there())[1]
    portal.vneid.answer = portal.vneid.holds(portal.vneid.gives())
    waits = portal.ask("QR-waits")
    portal.vneid.answer = portal.vneid.gives()
    others = [portal.ask(f"QR-{number}") for number in range(6)]
    assert {answer.status for answer in others} == {202}
    yield portal, waits, others
    gate.set()


@pytest.mark.threat("A-215")
def test_a_key_set_that_hangs_ends_no_lookup_that_waits(hung, wait_until) -> None:
    portal, waits, _ = hung
    portal.clock.ahead = 5
    # this process goes on saying that it lives, and other processes believe it
    wait_until(lambda: row_of(portal, waits.location).lease_until >= portal.clock() + 4, 5)
    portal.clock.ahead = 12
    assert portal.look(waits.location).status == 202


@pytest.mark.threat("A-048")
def test_known_keys_serve_while_newer_ones_do_not_come(make_portal) -> None:
    portal, gate = make_portal(), threading.Event()
    assert portal.result(portal.ask()).json()["status"] == "ok"
    portal.clock.ahead, there = 3_601, portal.vneid.jwks
    portal.vneid.jwks = lambda: (gate.wait(20), there())[1]
    try:
        first = portal.ask()
        assert (first.status, portal.ask().json()["status"]) == (202, "ok")
    finally:
        gate.set()
    assert portal.result(first).json()["status"] == "ok"


# -- storage that fails ------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-220")
def test_a_lookup_whose_end_could_not_be_kept_does_not_wait_on(make_portal, monkeypatch, wait_until) -> None:
    portal, plain = make_portal(qr__consent="blocking"), lookups.begin_settling
    portal.vneid.answer = portal.vneid.holds(portal.vneid.gives())
    waits = portal.ask("QR-waits")
    portal.vneid.answer = portal.vneid.gives()

    def full(*arguments, **options):
        raise StorageError("storage_unavailable", "no space left")

    monkeypatch.setattr(lookups, "begin_settling", full)
    lost = portal.ask("QR-lost")
    assert lost.status == 202
    monkeypatch.setattr(lookups, "begin_settling", plain)
    portal.clock.ahead = 5
    # while the other one goes on waiting, and this process says that it lives
    wait_until(lambda: row_of(portal, waits.location).lease_until >= portal.clock() + 4, 5)
    answer = wait_until(lambda: ended(portal.look(lost.location)), 5)
    assert (answer.status, answer.json()["status"]) == (503, "upstream_unavailable")
    assert portal.look(waits.location).status == 202


# -- clocks that jump --------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-213")
def test_a_clock_that_was_ahead_stops_nobody_when_it_is_set_right(make_portal) -> None:
    portal = make_portal(qr__rate_limit="3")
    portal.clock.ahead = 86_400
    for _ in range(3):
        assert portal.result(portal.ask()).json()["status"] == "ok"
    assert portal.ask().status == 429
    portal.clock.ahead = 0
    assert portal.result(portal.ask()).json()["status"] == "ok"


# -- a secret that is changed ------------------------------------------------------------------------------------------

@pytest.mark.threat("A-214")
def test_a_scanner_that_fires_again_after_the_secret_was_rotated_gets_the_lookup_under_way(make_portal) -> None:
    before = make_portal()
    before.vneid.answer = before.vneid.pends()
    first = before.ask("QR-1")
    after = make_portal(secret="another-secret-of-the-counter-0123456789-abcdef\n" + SECRET)
    again = after.ask("QR-1")
    assert (again.status, again.location.rpartition("/")[2]) == (202, first.location.rpartition("/")[2])
    assert after.vneid.asked == []


# -- the webhook -------------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-217")
def test_vneid_is_told_to_come_again_when_its_keys_cannot_be_had(make_portal) -> None:
    portal, there = make_portal(qr__consent="webhook"), None
    portal.vneid.answer = portal.vneid.pends(transaction="T-secret-1")
    first, there = portal.ask(), portal.vneid.jwks
    portal.vneid.jwks = lambda: {"keys": []}
    envelope = {**portal.vneid.gives()({}), "transactionId": "T-secret-1"}
    answer = portal.send("POST", "/vneid/qr/webhook", envelope, key=None)
    assert (answer.status, bool(answer.headers["Retry-After"])) == (503, True)
    portal.vneid.jwks = there
    portal.clock.ahead = 31
    envelope = {**portal.vneid.gives()({}), "transactionId": "T-secret-1"}
    assert portal.send("POST", "/vneid/qr/webhook", envelope, key=None).status == 200
    assert portal.result(first).json()["data"] == CITIZEN


# -- what looks after them ---------------------------------------------------------------------------------------------

def test_what_looks_after_lookups_survives_its_own_faults(make_portal, monkeypatch, wait_until) -> None:
    portal, faults, plain = make_portal(qr__consent="blocking"), [], lookups.renew
    portal.vneid.answer = portal.vneid.holds(portal.vneid.gives())

    def broken(*arguments, **options):
        faults.append(1)
        raise ValueError("a driver's own fault")

    monkeypatch.setattr(lookups, "renew", broken)
    first = portal.ask()
    wait_until(lambda: faults, 5)
    monkeypatch.setattr(lookups, "renew", plain)
    portal.clock.ahead = 5
    wait_until(lambda: row_of(portal, first.location).lease_until >= portal.clock() + 4, 5)


def test_who_waits_goes_on_waiting_while_there_is_no_room_for_another_call(make_portal, monkeypatch) -> None:
    portal = make_portal()
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives())
    monkeypatch.setattr("vneid_middleware.plugins.qr.process._POLL_EVERY", 0)
    first = portal.ask()
    monkeypatch.setattr(calls, "MOST_CALLS", 0)
    assert [portal.look(first.location).status for _ in range(4)] == [202] * 4
    assert portal.ask().json()["status"] == "upstream_unavailable"
    monkeypatch.undo()
    assert portal.result(first).json()["status"] == "ok"
