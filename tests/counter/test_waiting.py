"""Lookups that wait for the citizen: what they hold meanwhile, how they end, and what is left of them."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import Browser, serving
from vneid_middleware.exceptions import AuditError
from vneid_middleware.storage import lookups
from vneid_service import CITIZEN, KEYS, VNeID, settings_for

ASK = "/vneid/qr/lookup"


def statuses(portal):
    return [record["what"]["status"] for record in portal.audit("lookup.answered")]


# -- the three ways of consent -----------------------------------------------------------------------------------------

@pytest.mark.threat("A-216")
@pytest.mark.parametrize(("code", "status"), [("04", "consent_denied"), ("03", "expired_qr"), ("99", "upstream_unavailable"),
                                              ("05", "invalid_response")])
def test_what_the_citizen_decides_ends_the_waiting(make_portal, code, status) -> None:
    portal = make_portal()
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives("01"), portal.vneid.gives(code))
    answer = portal.result(portal.ask("QR-7", dossier="HS-1"))
    assert answer.json()["status"] == status
    assert "data" not in answer.json()
    assert statuses(portal) == [status]
    first, *rest = portal.vneid.asked
    assert first == {"qrID": "QR-7"}
    assert {frozenset(question) for question in rest} == {frozenset({"transactionId"})}


def test_our_request_id_goes_with_every_question(make_portal) -> None:
    portal = make_portal(qr__send="requestId")
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives("04"))
    portal.result(portal.ask())
    first, second = portal.vneid.asked
    assert first["requestId"] == second["requestId"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", first["requestId"])


@pytest.mark.threat("A-215")
def test_a_citizen_who_keeps_silent_ends_the_lookup(make_portal) -> None:
    portal = make_portal(qr__consent_timeout="60")
    portal.vneid.answer = portal.vneid.pends()
    first = portal.ask()
    portal.clock.ahead = 58
    assert portal.look(first.location).status == 202
    portal.clock.ahead = 62
    answer = portal.look(first.location)
    assert (answer.status, answer.json()["status"], answer.json()["fallback"]) == (200, "consent_timeout", "manual_entry")
    assert portal.look(first.location).status == 404
    assert statuses(portal) == ["consent_timeout"]


def test_a_blocking_platform_is_waited_for_beside_the_requests(make_portal) -> None:
    portal = make_portal(qr__consent="blocking")
    portal.vneid.answer = portal.vneid.holds(portal.vneid.gives())
    first = portal.ask()
    assert (first.status, first.json()["status"]) == (202, "pending")
    assert portal.look(first.location).status == 202
    portal.vneid.released.set()
    assert portal.result(first).json()["data"] == CITIZEN
    assert len(portal.vneid.asked) == 1


def test_a_blocking_platform_that_never_answers_is_a_silent_citizen(make_portal) -> None:
    portal = make_portal(qr__consent="blocking", qr__consent_timeout="10")
    portal.middleware.services["qr"].upstream._timeout = 1  # ten seconds, sooner
    portal.vneid.answer = portal.vneid.holds(portal.vneid.gives())
    assert portal.result(portal.ask()).json()["status"] == "consent_timeout"


def test_a_pending_that_a_blocking_platform_sends_is_no_answer(make_portal) -> None:
    portal = make_portal(qr__consent="blocking")
    portal.vneid.answer = portal.vneid.pends()
    assert portal.result(portal.ask()).status == 502


@pytest.fixture
def hooked(make_portal):
    portal = make_portal(qr__consent="webhook")
    portal.vneid.answer = portal.vneid.pends(transaction="T-secret-1")
    return portal


def test_an_answer_that_overtakes_the_transaction_is_waited_for(make_portal) -> None:
    portal = make_portal(qr__consent="webhook")
    told, pool = [], ThreadPoolExecutor(1)

    def answer(question):
        # VNeID tells the end before it has answered the question
        told.append(pool.submit(hook, portal, {"responseCode": "04", "transactionId": "T-secret-1"}))
        portal.vneid.released.wait(0.15)
        return {"responseCode": "01", "transactionId": "T-secret-1"}

    portal.vneid.answer = answer
    first = portal.ask()
    with pool:
        assert told[0].result().status == 200
    assert portal.result(first).json()["status"] == "consent_denied"


def hook(portal, body, **options):
    return portal.send("POST", "/vneid/qr/webhook", body, key=None, **options)


def test_vneid_tells_by_itself(hooked) -> None:
    first = hooked.ask()
    assert hooked.look(first.location).status == 202
    envelope = {**hooked.vneid.gives()({}), "transactionId": "T-secret-1"}
    assert hook(hooked, envelope).json() == {"status": "accepted"}
    assert hooked.result(first).json()["data"] == CITIZEN
    assert hook(hooked, envelope).status == 200  # once more is no error, and nothing happens
    assert hooked.look(first.location).status == 404
    assert len(hooked.vneid.asked) == 1
    assert statuses(hooked) == ["ok"]


@pytest.mark.threat("A-217")
@pytest.mark.parametrize("spoil", [
    lambda v: {"transactionId": "T-secret-2"},
    lambda v: {"transactionId": ""},
    lambda v: {"transactionId": None},
    lambda v: {"transactionId": ["T-secret-1"]},
    lambda v: {"data": v.signed(key=v.other)},
    lambda v: {"data": v.claims()},
    lambda v: {"data": None},
    lambda v: {"responseCode": "77"},
    lambda v: {"responseCode": None},
])
def test_what_does_not_verify_leaves_the_lookup_waiting(hooked, spoil) -> None:
    first = hooked.ask()
    envelope = {**hooked.vneid.gives()({}), "transactionId": "T-secret-1"}
    answer = hook(hooked, {**envelope, **spoil(hooked.vneid)})
    assert answer.status in (400, 404)
    assert hooked.look(first.location).status == 202
    assert hook(hooked, envelope).status == 200
    assert hooked.result(first).json()["status"] == "ok"


def test_a_webhook_takes_json_of_a_bounded_size_and_only_where_it_is_agreed(make_portal, hooked) -> None:
    assert hook(hooked, b"x" * 70_000).status == 400
    assert hook(hooked, b"{}", headers={"Content-Type": "text/plain"}).status == 415
    assert hooked.send("GET", "/vneid/qr/webhook").status == 405
    other = make_portal()
    other.vneid.answer = other.vneid.pends(transaction="T")
    first = other.ask()
    assert hook(other, {**other.vneid.gives()({}), "transactionId": "T"}).status == 404
    assert other.look(first.location).status == 202


def test_a_denial_by_webhook_needs_no_signature(hooked) -> None:
    first = hooked.ask()
    assert hook(hooked, {"responseCode": "04", "transactionId": "T-secret-1"}).status == 200
    assert hooked.result(first).json()["status"] == "consent_denied"


@pytest.mark.threat("A-217")
def test_a_transaction_belongs_to_one_lookup(make_portal) -> None:
    portal = make_portal()
    portal.vneid.answer = portal.vneid.pends(transaction="the-same")
    first = portal.ask()
    assert first.status == 202
    assert portal.result(portal.ask()).json()["status"] == "invalid_response"
    assert portal.look(first.location).status == 202


def test_a_transaction_that_changes_on_the_way_is_another_citizens(make_portal) -> None:
    portal = make_portal()
    portal.vneid.answer = portal.vneid.pends(lambda question: {"responseCode": "01", "transactionId": "another"})
    assert portal.result(portal.ask()).json()["status"] == "invalid_response"


# -- trouble on the way ------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-220")
def test_a_question_is_put_once_whatever_becomes_of_it(make_portal) -> None:
    portal = make_portal(transport__vneid__timeout="1")
    portal.vneid.answer = portal.vneid.holds(portal.vneid.gives())
    answer = portal.result(portal.ask())
    assert (answer.status, answer.json()["status"]) == (504, "upstream_unavailable")
    assert len(portal.vneid.asked) == 1


def test_a_moment_s_trouble_while_the_citizen_thinks_ends_nothing(make_portal) -> None:
    portal = make_portal()
    trouble = ("503 Busy", [("Content-Type", "text/plain")], b"")
    portal.vneid.answer = portal.vneid.pends(lambda q: trouble, lambda q: trouble, portal.vneid.gives())
    assert portal.result(portal.ask()).json()["status"] == "ok"


def test_trouble_that_lasts_ends_the_lookup(make_portal) -> None:
    portal = make_portal()
    trouble = ("503 Busy", [("Content-Type", "text/plain")], b"")
    portal.vneid.answer = portal.vneid.pends(*[lambda q: trouble] * 9)
    answer = portal.result(portal.ask())
    assert (answer.status, answer.json()["status"]) == (503, "upstream_unavailable")
    assert answer.headers["Retry-After"]


@pytest.mark.threat("A-214")
def test_a_code_gives_its_data_once(make_portal) -> None:
    portal = make_portal()
    assert portal.result(portal.ask("QR-1")).json()["status"] == "ok"
    for key in ("quay-1", "quay-2"):
        answer = portal.ask("QR-1", key=key)
        assert (answer.status, answer.json()["status"], answer.json()["responseCode"]) == (200, "expired_qr", None)
    assert len(portal.vneid.asked) == 1
    assert statuses(portal) == ["ok", "expired_qr", "expired_qr"]


@pytest.mark.threat("A-214")
def test_a_scanner_that_fires_twice_gets_one_lookup(make_portal) -> None:
    portal = make_portal()
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives("01"), portal.vneid.gives())
    first, again = portal.ask("QR-1"), portal.ask("QR-1")
    assert first.location == again.location
    assert portal.ask("QR-1", key="quay-2").json()["status"] == "expired_qr"
    assert portal.result(first).json()["status"] == "ok"
    assert [question for question in portal.vneid.asked if "qrID" in question] == [{"qrID": "QR-1"}]


@pytest.mark.threat("A-214")
@pytest.mark.parametrize(("seconds", "status"), [(59, "ok"), (61, "expired_qr")])
def test_a_code_may_be_tried_again_for_a_minute_where_vneid_was_not_reached(make_portal, seconds, status) -> None:
    portal = make_portal()
    portal.vneid.answer = lambda question: ("503 Busy", [], b"")
    assert portal.result(portal.ask("QR-1")).json()["status"] == "upstream_unavailable"
    portal.vneid.answer = portal.vneid.gives()
    portal.clock.ahead = seconds
    assert portal.result(portal.ask("QR-1")).json()["status"] == status


def test_a_code_that_vneid_does_not_know_is_not_asked_about_twice(make_portal) -> None:
    portal = make_portal()
    portal.vneid.answer = portal.vneid.gives("02")
    for _ in range(2):
        assert portal.result(portal.ask("QR-1")).json()["status"] == "invalid_qr"
    assert len(portal.vneid.asked) == 1


@pytest.mark.threat("A-212")
@pytest.mark.parametrize("scanned", ["đâylàmã", "a b", "mã QR", "x\u00a0y", "|||", "ＱＲ"])
def test_what_no_code_can_be_is_not_sent_on(make_portal, scanned) -> None:
    portal = make_portal()
    answer = portal.ask(scanned)
    expected = ["invalid_qr"] if scanned != "|||" else ["ok"]
    assert portal.result(answer).json()["status"] in expected
    assert len(portal.vneid.asked) == (scanned == "|||")


@pytest.mark.threat("A-195")
@pytest.mark.parametrize("scanned", ["../../etc/passwd", "?x=1#y", "@evil.example", "%2e%2e%2f", '{"a":1}', "\\\\evil\\x"])
def test_a_code_is_data_and_never_an_address(make_portal, scanned) -> None:
    portal = make_portal()
    assert portal.result(portal.ask(scanned)).json()["status"] == "ok"
    assert portal.vneid.asked == [{"qrID": scanned}]
    assert portal.vneid.requests[0]["PATH_INFO"] == "/qr/lookup"


CARD = "001204000123|012345678|Nguyễn Thị Ánh Tuyết|17052004|Nữ|Số 1 phố Hòa Mã, Hà Nội|01012022"


def test_a_printed_card_fills_the_form_and_proves_nothing(make_portal) -> None:
    portal = make_portal()
    body = portal.ask(CARD).json()
    assert (body["status"], body["fallback"], body["responseCode"]) == ("card_qr", "manual_entry", None)
    assert body["prefill"] == {**CITIZEN, "gioiTinh": "2"}
    assert "data" not in body
    assert portal.ask(CARD).json()["status"] == "card_qr"
    assert portal.vneid.asked == []
    assert CITIZEN["soDinhDanh"] not in json.dumps(portal.audit())


# -- bodies ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("body", "field"), [
    (b"", None), (b"null", None), (b"[]", None), (b"{", None), (b'{"qrID": "a", "qrID": "b"}', None), (b"\xff", None),
    (b"x" * 70_000, None), (b"[" * 9000, None), (b"{}", "qrID"), (b'{"qrID": ""}', "qrID"), (b'{"qrID": "  "}', "qrID"),
    (b'{"qrID": 7}', "qrID"), (b'{"qrID": null}', "qrID"), (b'{"qrID": ["a"]}', "qrID"), (b'{"qrID": "a\\nb"}', "qrID"),
    (b'{"qrID": "a\\ud800"}', None), (b'{"qrID": "' + b"a" * 4097 + b'"}', "qrID"), (b'{"qrID": "a", "dossier": 7}', "dossier"),
    (b'{"qrID": "a", "unitCode": "a\\u0007"}', "unitCode"), (b'{"qrID": "a", "officerId": "' + b"1" * 129 + b'"}', "officerId")])
def test_a_malformed_question_is_told_by_its_field(lasting, body, field) -> None:
    portal = lasting()
    answer = portal.send("POST", ASK, body)
    assert (answer.status, answer.json()["error"], answer.json().get("field")) == (400, "lookup_malformed", field)
    assert portal.vneid.asked == []


@pytest.mark.parametrize("missing", ["officerId", "unitCode", "dossier"])
def test_what_the_portal_requires_must_be_said(lasting, missing) -> None:
    portal = lasting(qr__require="officerId unitCode dossier")
    said = {"officerId": "001080000001", "unitCode": "H01", "dossier": "HS-1"}
    for value in (None, ""):
        answer = portal.ask(**{**said, missing: value})
        assert (answer.status, answer.json()["field"]) == (400, missing)
    assert portal.result(portal.ask(**said)).json()["status"] == "ok"


# -- threads, restarts, forgetting -------------------------------------------------------------------------------------

def test_an_operator_who_goes_on_ends_the_lookup(make_portal) -> None:
    portal = make_portal(qr__consent="blocking")
    portal.vneid.answer = portal.vneid.holds(portal.vneid.gives())
    first = portal.ask()
    path = first.location.removeprefix(portal.base)
    assert portal.send("DELETE", path).status == 204
    assert portal.look(first.location).status == portal.send("DELETE", path).status == 404
    portal.vneid.released.set()
    assert portal.audit("lookup.answered")[-1]["what"]["status"] == "cancelled"


@pytest.mark.threat("A-215")
def test_waiting_for_consent_holds_no_thread(make_portal, wait_until) -> None:
    portal = make_portal(threads=2, qr__consent="blocking", qr__rate_limit="1000")
    held, release = [], threading.Event()

    async def send(request):
        import asyncio

        held.append(json.loads(request.body)["qrID"])
        while not release.is_set():
            await asyncio.sleep(0.02)
        from vneid_middleware.outbound import Response

        return Response(200, {}, json.dumps(portal.vneid.gives()({})).encode())

    portal.middleware.services["qr"].upstream.transport.send = send
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: portal.ask(f"QR-{number}"), range(100)))
        assert {answer.status for answer in answers} == {202}
        assert len(set(held)) == 100
        # both threads are free for the portal
        assert [page.status for page in pool.map(lambda _: Browser().get(portal.base + "/trang-chu"), range(8))] == [401] * 8
        assert int(portal.look(answers[0].location).headers["Retry-After"]) == 2
        release.set()
        found = list(pool.map(portal.result, answers))
    assert {answer.json()["status"] for answer in found} == {"ok"}


PORTAL = """
import json
import sys
from waitress import serve
from vneid_middleware.paste import make_filter

settings = json.load(sys.stdin)
serve(make_filter(settings)(lambda environ, start: (start("200 OK", []), [b""])[1]), host="127.0.0.1",
      port=int(settings["public_url"].rpartition(":")[2]), threads=4, _quiet=True)
"""


class Restartable:
    """A portal in a process of its own."""

    def __init__(self, folder, settings, port, wait_until):
        self._folder = folder
        self.settings = {**settings, "public_url": f"http://127.0.0.1:{port}"}
        self.base, self._wait_until = self.settings["public_url"], wait_until
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", PORTAL], stdin=subprocess.PIPE, text=True,
                                        cwd=self._folder)
        self.process.stdin.write(json.dumps(self.settings))
        self.process.stdin.close()

        def up():
            try:
                return Browser().get(self.base + "/").status == 200
            except OSError:
                return False

        self._wait_until(up, 20, "the portal")

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.mark.parametrize(("consent", "status"), [("poll", "ok"), ("blocking", "upstream_unavailable")])
def test_a_restart_loses_nothing_or_ends_it_clearly(tmp_path, free_port, wait_until, consent, status) -> None:
    vneid = VNeID(time.time)
    if consent == "poll":
        vneid.answer = vneid.pends(vneid.gives())
    else:
        vneid.answer = vneid.holds(vneid.gives())
    with serving(lambda base: vneid) as (address, _):
        settings = {**settings_for(tmp_path, address, address, 4), "qr.consent": consent}
        running = Restartable(tmp_path, settings, free_port(), wait_until)
        try:
            key = {"Authorization": f"Bearer {KEYS['quay-1']}", "Content-Type": "application/json"}
            first = Browser().send("POST", running.base + ASK, key, b'{"qrID": "QR-1"}')
            assert first.status == 202
            # the question has left
            wait_until(lambda: vneid.asked)
            if consent == "poll":
                wait_until(lambda: sqlite3.connect(tmp_path / "vneid.db").execute(
                    "SELECT count(transaction_key) FROM vneid_lookups").fetchone()[0])
            running.kill()
            running.start()
            answer = wait_until(lambda: _ended(Browser().get(first.location, key)), 20)
            assert answer.json()["status"] == status
        finally:
            vneid.released.set()
            running.kill()


def _ended(answer):
    return answer if answer.status != 202 else None


@pytest.mark.threat("A-219")
@pytest.mark.threat("A-190")
def test_nothing_of_the_citizen_stays_behind(make_portal, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    portal = make_portal()
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives())
    first = portal.ask("QR-canary-4711", dossier="HS-1")
    portal.result(first)
    portal.vneid.answer = portal.vneid.gives(soDinhDanh="00120400012")
    portal.result(portal.ask("QR-canary-4712"))
    everything = portal.database().decode("latin-1") + caplog.text
    identifier = first.location.rpartition("/")[2]
    for secret in (CITIZEN["soDinhDanh"], CITIZEN["hoVaTen"], "Hòa Mã", "QR-canary", identifier, "00120400012"):
        assert secret not in everything
        assert secret.encode().decode("latin-1") not in everything
    with portal.middleware.services.storage.read() as connection:
        assert lookups.unfinished(connection) == 0
    record = portal.audit("lookup.answered")[0]
    assert record["who"]["personal_id"] != CITIZEN["soDinhDanh"]
    assert len(record["who"]["subject_hash"]) == 64
    assert record["request_id"] == portal.audit("lookup.asked")[0]["request_id"]


@pytest.mark.threat("A-219")
def test_a_result_that_nobody_fetches_is_wiped(make_portal, wait_until) -> None:
    portal = make_portal(qr__consent="blocking")
    portal.vneid.answer = portal.vneid.holds(portal.vneid.gives())
    first = portal.ask()
    portal.vneid.released.set()

    def state():
        with portal.middleware.services.storage.read() as connection:
            return lookups.get(connection, lookups.key_of(first.location.rpartition("/")[2]))

    wait_until(lambda: state().state == "settled")
    assert CITIZEN["hoVaTen"].encode() not in portal.database()
    portal.clock.ahead = 121
    wait_until(lambda: state().state == "taken")
    assert state().sealed is None
    assert portal.look(first.location).status == 404


# -- the audit ---------------------------------------------------------------------------------------------------------

class Failing:
    """A sink that does not take some events."""

    def __init__(self, sink, event):
        self._sink, self._event = sink, event

    def write(self, record):
        if record["event"] == self._event:
            raise AuditError("audit_unavailable", "no space left")
        self._sink.write(record)

    def check(self):
        self._sink.check()


@pytest.mark.threat("A-210")
@pytest.mark.parametrize(("event", "expected"), [("lookup.asked", "lookup_stopped"), ("lookup.answered", "upstream_unavailable")])
def test_an_audit_that_cannot_be_written_stops_lookups(make_portal, caplog, event, expected) -> None:
    portal = make_portal()
    services = portal.middleware.services
    object.__setattr__(services, "sinks", tuple(Failing(sink, event) for sink in services.sinks))
    counter = services["qr"]
    for part in (counter, counter._settling):
        object.__setattr__(part._vneid, "sinks", services.sinks)
    answer = portal.result(portal.ask())
    assert answer.status == 503
    assert expected in (answer.json().get("error"), answer.json().get("status"))
    assert "data" not in answer.json()
    assert (portal.vneid.asked == []) == (event == "lookup.asked")
    assert "alarm: audit_unwritable" in caplog.text


def test_the_audit_says_who_asked_for_which_dossier(make_portal) -> None:
    portal = make_portal()
    portal.result(portal.ask("QR-1", officerId="001080000001", unitCode="H01.02", dossier="HS-2026-1"))
    (asked,) = portal.audit("lookup.asked")
    assert {**asked["what"], "qr_hash": ""} == {"operator": "quay-1", "officer_id": "001080000001", "unit_code": "H01.02",
                                                "dossier": "HS-2026-1", "qr_hash": ""}
    assert re.fullmatch("[0-9a-f]{64}", asked["what"]["qr_hash"])
    assert asked["from"]["address"] == "127.0.0.1"
