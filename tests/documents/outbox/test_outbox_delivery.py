"""Announced, kept, delivered, settled: through the front door, on both databases."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from outbox_service import KEYS, SECRET, Receiver, verified
from support import Browser
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.outbox import Outbox

Portal = Any
PERSON = "001204000123"


def test_a_change_is_on_disk_then_delivered_signed_and_wiped(portal: Portal, receiver: Receiver) -> None:
    answer = portal.announce("GP-1", idempotencyKey="k-1")
    assert answer.status == 202
    change_id = answer.json()["changeId"]
    assert answer.json() == {"changeId": change_id, "version": 1}
    assert portal.rows() == [(1, "ready", "", 0)]
    portal.work()
    assert portal.rows() == [(1, "delivered", "acknowledged", 1)]
    got = receiver.got[0]
    assert got.headers["Content-Type"] == "application/jose"
    assert time.time() - got.payload.pop("iat") < 60
    assert got.payload == {"changeId": change_id, "idempotencyKey": "k-1", "loaiGiayTo": "GPLX", "soDinhDanh": PERSON,
                           "maGiayTo": "GP-1", "version": 1, "action": "upsert", "data": {"HoVaTen": "Nguyễn Thị Ánh Tuyết"},
                           "iss": portal.base}
    jwks = json.loads(Browser().get(portal.base + "/vneid/.well-known/jwks.json").text)
    assert verified(got, jwks["keys"][0])
    assert portal.rows("sealed") == [(None,)]
    portal.work()
    assert len(receiver.got) == 1


def test_the_same_key_is_the_same_change(portal: Portal, receiver: Receiver) -> None:
    first = portal.announce("GP-1", idempotencyKey="k-1")
    assert portal.announce("GP-1", idempotencyKey="k-1").json() == first.json()
    other = portal.announce("GP-1", idempotencyKey="k-1", data={"HoVaTen": "Khác"})
    assert (other.status, other.json()["error"]) == (409, "idempotency_conflict")
    assert portal.announce("GP-2", idempotencyKey="k-1").status == 409
    assert portal.announce("GP-1", idempotencyKey="k-1", key="khac").json()["version"] == 2
    portal.work()
    assert receiver.versions() == [1, 2]
    # also when it was delivered long ago
    assert portal.announce("GP-1", idempotencyKey="k-1").json() == first.json()


@pytest.mark.threat("C-F13")
def test_one_key_for_two_documents_at_the_same_moment(portal: Portal) -> None:
    """Whoever is told that a change is taken finds it there."""
    for turn in range(4):
        answers: list[Any] = []
        together = threading.Barrier(6)

        def announce(number: int, turn: int = turn, answers: list[Any] = answers, together: Any = together) -> None:
            together.wait()
            answers.append(portal.announce(f"D-{number}", idempotencyKey=f"one-{turn}"))

        threads = [threading.Thread(target=announce, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [202, 409, 409, 409, 409, 409]
        taken, = (answer.json() for answer in answers if answer.status == 202)
        assert portal.rows("change_id")[turn:] == [(taken["changeId"],)]


@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_who_may_not_and_what_is_malformed(portal: Portal) -> None:
    assert portal.announce(key=None).status == 401
    assert portal.announce(key=None, headers={"Authorization": "Bearer wrong"}).headers["WWW-Authenticate"].startswith("Bearer")
    assert portal.announce(key=None, headers={"Authorization": f"Basic {KEYS['khac']}"}).status == 401
    assert portal.announce(headers={"Content-Type": "text/plain"}).status == 415
    for field, value in (("loaiGiayTo", "CCCD"), ("soDinhDanh", "12"), ("soDinhDanh", 1), ("maGiayTo", ""), ("maGiayTo", "a\n"),
                         ("action", "delete"), ("idempotencyKey", None), ("idempotencyKey", "x" * 129), ("data", [1])):
        answer = portal.announce(**{field: value})
        assert (answer.status, answer.json().get("field")) == (400, field)
    for body in (b"", b"[]", b"{", b'{"a":1,"a":2}', b"\xff"):
        assert portal.announce(body=body).status == 400
    assert portal.announce(data={"x": "y" * 70_000}).status == 202
    assert portal.announce(more="y" * 70_000).status == 400
    assert portal.announce(data={"x": "y" * 10_500_000}).status == 413
    assert Browser().get(portal.base + "/vneid/documents/changes").status == 405
    assert len(portal.rows()) == 1
    assert {record["what"]["code"] for record in portal.events("change.refused")} == {
        "submitter_unknown", "change_malformed", "change_too_large", "change_type_unsupported"}


def test_versions_come_in_order_and_one_at_a_time(portal: Portal, receiver: Receiver) -> None:
    for number in range(4):
        for document in ("A", "B", "C"):
            assert portal.announce(document).json()["version"] == number + 1
    first = iter([(500, {}, {}), (503, {}, {})])
    receiver.answer = lambda got: next(first, None) if got.payload["maGiayTo"] == "B" else None
    portal.work(3)
    assert {document[2]: seen for document, seen in receiver.effects.items()} == {name: [1, 2, 3, 4] for name in "ABC"}
    assert receiver.together == []
    assert receiver.regressions == []


@pytest.mark.threat("C-F10")
def test_many_workers_never_do_the_same(portal: Portal, receiver: Receiver) -> None:
    outbox = Outbox(SECRET)
    with portal.services.storage.begin() as connection:
        for number in range(60):
            outbox.enqueue(connection, "GPLX", PERSON, f"D-{number % 20}", data={"n": number})
    with ThreadPoolExecutor(4) as pool:
        for ended in [pool.submit(portal.work) for _ in range(4)]:
            ended.result(60)
    assert len(receiver.got) == 60
    assert all(seen == [1, 2, 3] for seen in receiver.effects.values())
    assert receiver.together == []


@pytest.mark.threat("C-F12")
def test_two_producers_of_one_document_are_in_the_order_of_their_commits(portal: Portal, receiver: Receiver) -> None:
    """PostgreSQL would let the one that began later commit first; the lock of the document does not."""
    outbox, storage = Outbox(SECRET), portal.services.storage
    inside, may_end, order = threading.Event(), threading.Event(), []

    def slow() -> None:
        with storage.begin() as connection:
            outbox.enqueue(connection, "GPLX", PERSON, "A", data={"who": "slow"})
            inside.set()
            may_end.wait(10)
            order.append("slow")

    def quick() -> None:
        inside.wait(10)
        with storage.begin() as connection:
            outbox.enqueue(connection, "GPLX", PERSON, "A", data={"who": "quick"})
            order.append("quick")

    with ThreadPoolExecutor(2) as pool:
        ended = [pool.submit(slow), pool.submit(quick)]
        inside.wait(10)
        assert not ended[1].done()
        may_end.set()
        for one in ended:
            one.result(10)
    portal.work()
    assert order == ["slow", "quick"]
    assert [got.payload["data"]["who"] for got in receiver.got] == order


@pytest.mark.threat("C-F03")
def test_what_was_rolled_back_is_never_sent(portal: Portal, receiver: Receiver) -> None:
    outbox, storage = Outbox(SECRET), portal.services.storage

    def fails() -> None:
        with storage.begin() as connection:
            outbox.enqueue(connection, "GPLX", PERSON, "A", data={"n": 1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with storage.begin() as connection:
        assert outbox.enqueue(connection, "GPLX", PERSON, "A", data={"n": 2}).version == 1
    portal.work()
    assert [got.payload["data"] for got in receiver.got] == [{"n": 2}]


@pytest.mark.threat("C-F13")
def test_a_change_that_is_enqueued_twice_is_one(portal: Portal) -> None:
    outbox, storage = Outbox(SECRET), portal.services.storage

    def put(number: int) -> Any:
        with storage.begin() as connection:
            return outbox.enqueue(connection, "GPLX", PERSON, "A", data={"n": 1}, idempotency_key="same")

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(put, range(8)))) == 1
    with pytest.raises(VNeIDError, match="idempotency_conflict"), storage.begin() as connection:
        outbox.enqueue(connection, "GPLX", PERSON, "B", data={"n": 1}, idempotency_key="same")
    assert len(portal.rows()) == 1


@pytest.mark.threat("C-F22")
@pytest.mark.threat("C-F26")
@pytest.mark.threat("C-F28")
@pytest.mark.threat("C-F31")
@pytest.mark.parametrize("answer", [
    (500, {}, {}), (502, {}, {}), (504, {}, b"<html>"), (302, {"Location": "http://127.0.0.1/"}, {}), (408, {}, {}),
    (425, {}, {}), (200, {}, {"responseCode": "99"}), (200, {}, b"not json"), (200, {}, {}),
    (200, {}, {"status": "error", "responseCode": "00"}),
    (200, {}, {"status": "ok", "changeId": "another"}), (200, {}, b"x" * 300_000), None,
], ids=lambda answer: str(answer)[:30])
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_what_may_pass_is_tried_again(portal: Portal, receiver: Receiver, answer: Any) -> None:
    change = portal.announce("A").json()
    portal.announce("B")
    first = [answer]

    def fails(got: Any) -> Any:
        if got.payload["maGiayTo"] == "B" or not first:
            return None
        first.clear()
        return answer

    receiver.answer = fails
    if answer is None:
        # the connection ends without an answer, and after the effect
        receiver.take, plain = lambda token, headers: (plain(token, headers), None)[1] if first and not first.clear() else plain(
            token, headers), receiver.take
        receiver.answer = lambda got: None
    try:
        portal.work()
        states = dict(zip(("A", "B"), portal.rows("state"), strict=True))
        assert sorted(states.values()) == [("delivered",), ("ready",)]
        assert next(row for row in portal.rows("next_at - touched_at") if row[0] > 0)[0] <= 1
        portal.work(2)
    finally:
        receiver.__dict__.pop("take", None)
    assert portal.rows("state") == [("delivered",), ("delivered",)]
    assert {got.payload["changeId"] for got in receiver.got if got.document[2] == "A"} == {change["changeId"]}
    assert all(seen == [1] for seen in receiver.effects.values())


@pytest.mark.threat("C-F22")
@pytest.mark.threat("C-F25")
def test_a_server_that_asks_for_time_gets_it(portal: Portal, receiver: Receiver) -> None:
    portal.announce("A")
    receiver.answer = lambda got: (503, {"Retry-After": "120"}, {})
    portal.work()
    assert 119 < portal.rows("next_at - touched_at")[0][0] < 122
    assert portal.rows() == [(1, "ready", "http_503", 1)]
    receiver.answer = lambda got: (429, {"Retry-After": "77"}, {})
    portal.announce("B")
    portal.work()
    portal.announce("C")
    portal.work()
    assert len(receiver.got) == 2, "429 holds for every document"
    receiver.answer = lambda got: None
    portal.work(2)
    assert portal.rows("state") == [("delivered",)] * 3


@pytest.mark.threat("C-F23")
@pytest.mark.threat("C-F27")
@pytest.mark.threat("C-F39")
@pytest.mark.parametrize("status", [400, 404, 409, 410, 413, 422])
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_dead_letter_blocks_its_own_document_only(portal: Portal, receiver: Receiver, status: int,
                                                    caplog: pytest.LogCaptureFixture) -> None:
    receiver.answer = lambda got: (status, {}, {"responseCode": "07"}) if got.document[2] == "A" and got.version == 2 else None
    for _ in range(3):
        portal.announce("A")
        portal.announce("B")
    with caplog.at_level(logging.ERROR):
        portal.work(3)
    assert {d[2]: seen for d, seen in receiver.effects.items()} == {"A": [1], "B": [1, 2, 3]}
    assert sorted(portal.rows("state, reason")) == [
        ("dead", f"http_{status}"), *[("delivered", "acknowledged")] * 4, ("waiting", "")]
    assert "alarm: dead_letter" in caplog.text
    assert len([got for got in receiver.got if got.version == 2 and got.document[2] == "A"]) == 1


@pytest.mark.threat("C-F23")
@pytest.mark.parametrize(("body", "reason"), [
    ({"version": 1}, "already_there"), ({"data": {"version": 1}}, "already_there"), ({"version": 7}, "newer_there"),
    ({"version": 1, "changeId": "another"}, "newer_there"), ({"data": {"version": 1, "changeId": "another"}}, "newer_there"),
    ({"version": 1_000_001}, "newer_there"),
])
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_409_that_names_this_version_is_an_acknowledgement_where_it_was_sent_before(portal: Portal, receiver: Receiver,
                                                                                    body: Any, reason: str) -> None:
    portal.announce("A")
    receiver.answer = lambda got: (409, {}, body) if receiver.got[1:] else (500, {}, {})
    portal.work(2)
    assert portal.rows() == [(1, "delivered", reason, 2)]
    assert portal.rows("sealed IS NULL") == [(reason == "already_there",)], "what was not taken is kept"
    assert portal.announce("A").json()["version"] == body.get("version", 1) + 1


@pytest.mark.threat("C-F46")
@pytest.mark.parametrize("body", [{"version": 1}, {"data": {"version": 1}}, {"version": 2}, {"version": 1, "changeId": None}])
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_409_that_names_what_was_never_sent_acknowledges_nothing(portal: Portal, receiver: Receiver, body: Any,
                                                                 caplog: pytest.LogCaptureFixture) -> None:
    """Also not where it repeats the change's id, as it may do with whatever it was sent."""
    portal.announce("A")
    receiver.answer = lambda got: (409, {}, {"changeId": got.payload["changeId"], **body})
    portal.work()
    assert portal.rows("state, reason, sealed IS NULL") == [("delivered", "newer_there", False)]
    assert re.search(r"alarm: outbox_behind change_id=\S{36} kind=GPLX version=1 there=\d", caplog.text)


@pytest.mark.threat("C-F46")
@pytest.mark.parametrize("there", [1_000_002, 2**53 + 1, 2**63 - 1, 2**63, 10**400])
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_version_beyond_all_belief_breaks_nothing(portal: Portal, receiver: Receiver, there: int,
                                                    caplog: pytest.LogCaptureFixture) -> None:
    portal.announce("A")
    receiver.answer = lambda got: (409, {}, f'{{"version": {there}}}'.encode())
    portal.work()
    assert portal.rows("state")[0] == ("dead",)
    assert "alarm: dead_letter" in caplog.text
    assert portal.announce("A").json()["version"] == 2


@pytest.mark.parametrize("body", [{"version": 0}, {"version": "1"}, {"version": True}, {}, {"version": 1.0}])
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_any_other_409_is_a_dead_letter(portal: Portal, receiver: Receiver, body: Any) -> None:
    portal.announce("A")
    receiver.answer = lambda got: (409, {}, body)
    portal.work()
    assert portal.rows() == [(1, "dead", "http_409", 1)]


@pytest.mark.threat("C-F24")
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_portal_stops_at_once(portal: Portal, receiver: Receiver, status: int,
                                        caplog: pytest.LogCaptureFixture) -> None:
    for number in range(20):
        portal.announce(f"D-{number}")
    receiver.answer = lambda got: (status, {}, {})
    with caplog.at_level(logging.ERROR):
        portal.work(3)
    # those that were under way together
    assert len(receiver.got) <= 8
    assert set(portal.rows("state, attempts")) == {("ready", 0)}
    assert caplog.text.count("alarm: channel_paused") == 1


@pytest.mark.threat("C-F44")
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_a_rotated_secret_still_opens_and_a_lost_one_is_told(portal: Portal, receiver: Receiver) -> None:
    storage = portal.services.storage
    with storage.begin() as connection:
        Outbox("the-secret-before-0123456789-abcdefghijklmnopqr").enqueue(connection, "GPLX", PERSON, "A", data={})
    # as if nobody had written down that this secret was in use
    portal.sql("DELETE FROM vneid_channels")
    with storage.begin() as connection:
        rotated = Outbox("the-newest-one-0123456789-abcdefghijklmnopqrst\n" + SECRET)
        Outbox(SECRET).enqueue(connection, "GPLX", PERSON, "B", data={}, idempotency_key="k")
        assert rotated.enqueue(connection, "GPLX", PERSON, "B", data={}, idempotency_key="k").version == 1
        assert rotated.enqueue(connection, "GPLX", PERSON, "B", data={}).version == 2
        assert Outbox("the-newest-one-0123456789-abcdefghijklmnopqrst").enqueue(
            connection, "GPLX", PERSON, "B", data={}).version == 3
    portal.work()
    assert portal.rows("state, reason")[:2] == [("dead", "key_missing"), ("delivered", "acknowledged")]


@pytest.mark.threat("C-F30")
@pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)
def test_no_call_is_longer_than_its_lease(portal: Portal, receiver: Receiver) -> None:
    hang = threading.Event()
    receiver.answer = lambda got: (hang.wait(10), None)[1]
    portal.announce("A")
    began = time.monotonic()
    portal.work()
    assert time.monotonic() - began < 3
    hang.set()
    assert portal.rows() == [(1, "ready", "timeout", 1)]
    receiver.answer = lambda got: None
    portal.work(2)
    assert portal.rows("state, attempts") == [("delivered", 2)]


def test_every_attempt_has_its_two_records_and_nothing_personal_is_told(portal: Portal, receiver: Receiver,
                                                                        caplog: pytest.LogCaptureFixture) -> None:
    first = iter([(500, {}, {"secret": "marker-answer"})])
    receiver.answer = lambda got: next(first, None)
    with caplog.at_level(logging.DEBUG):
        portal.announce("GP-MARKER", idempotencyKey="marker-key", data={"HoVaTen": "marker-name"})
        portal.work(2)
    began, ended = portal.events("delivery.began"), portal.events("delivery.ended")
    assert len(began) == len(ended) == len(receiver.got) == 2
    assert [record["what"]["result"] for record in ended] == ["retry", "delivered"]
    assert [a["request_id"] for a in began] == [a["request_id"] for a in ended]
    everything = caplog.text + json.dumps(portal.events("change.announced") + began + ended) + str(portal.sql(
        "SELECT * FROM vneid_outbox")) + str(portal.sql("SELECT * FROM vneid_documents"))
    for marker in ("GP-MARKER", "marker-key", "marker-name", "marker-answer", PERSON, KEYS["mot-cua"]):
        assert marker not in everything
    assert json.loads(json.dumps(began[0]["what"]))["message_hash"]


@pytest.mark.threat("C-F41")
def test_a_worker_that_is_told_to_stop_ends_what_it_began(portal: Portal, receiver: Receiver, worker_process: Callable[..., Any],
                                                          tmp_path: Path, wait_until: Callable[..., Any]) -> None:
    go = threading.Event()
    receiver.answer = lambda got: (go.wait(10), None)[1]
    portal.announce("A")
    process = worker_process(portal, tmp_path)
    wait_until(lambda: receiver.got, 20)
    process.terminate()
    go.set()
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 0, out
    assert "1 delivered, 0 to try again, 0 dead letters" in out
    assert portal.rows() == [(1, "delivered", "acknowledged", 1)]


@pytest.mark.threat("C-F02")
def test_a_running_worker_notices_by_itself(portal: Portal, receiver: Receiver, worker_process: Callable[..., Any],
                                            tmp_path: Path, wait_until: Callable[..., Any]) -> None:
    worker_process(portal, tmp_path)
    portal.announce("A")
    wait_until(lambda: len(receiver.got) == 1, 20)
    wait_until(lambda: portal.rows("state") == [("delivered",)], 10)
    began = time.monotonic()
    portal.announce("A")
    wait_until(lambda: len(receiver.got) == 2, 10)
    # on PostgreSQL it is woken; otherwise it would sleep for five seconds
    assert time.monotonic() - began < 2


@pytest.mark.threat("A-190")
def test_no_log_line_holds_what_is_secret(portal: Portal, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    data = {"HoVaTen": "Đặng Thị Canary"}
    assert portal.announce("GP-canary-4711", idempotencyKey="idempotency-canary", data=data).status == 202
    portal.announce("GP-canary-4712", key=None)
    portal.announce("GP-canary-4713", body=b'{"soDinhDanh": "001204000123", "canary')
    receiver.answer = lambda got: (503, {}, b"") if not receiver.got[1:] else None
    portal.work(3)
    assert receiver.got
    tokens = [got.token for got in receiver.got]
    for secret in ("001204000123", "Canary", "canary", *KEYS.values(), *tokens):
        assert secret not in caplog.text

