"""The other side of the counter: codes on a phone, consent, signed answers, and everything that can go wrong with them."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from webob import Request, Response

from simulator_client import NOW as ISSUED
from simulator_client import SimulatorClient
from support import serving
from vneid_middleware.core.citizen import read_citizen
from vneid_middleware.core.jose import KeySet
from vneid_middleware.core.jwe import decrypt
from vneid_middleware.core.keys import public_jwk
from vneid_middleware.core.lookup_answer import verify_answer
from vneid_middleware.core.scan import read_scan
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.simulator import make_server, make_simulator
from vneid_middleware.simulator.agency import Agency
from vneid_middleware.simulator.counter_keys import SPOILT_SIGNATURES
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.simulator.phone import PEOPLE
from vneid_middleware.simulator.switches import ANSWER_FAULTS, COUNTER_FAULTS

NGUYET = {"soDinhDanh": "100190000001", "hoVaTen": "Nguyễn Thị Ánh Nguyệt", "gioiTinh": "2", "ngayThangNamSinh": "19900517",
          "noiThuongTru": "Số 12 đường Lê Lợi, phường Trung Tâm, tỉnh An Bình"}


class Vneid(SimulatorClient):
    """Calls the simulator as an agency and as a citizen."""

    def code(self, persona: str = "nguyet") -> str:
        return str(self.post("/phone/qr", {"persona": persona})[1]["qrID"])

    def ask(self, qr_id: str, **more: str) -> Any:
        status, answer = self.post("/qr/lookup", {"qrID": qr_id, **more})
        assert status == 200
        return answer

    def ask_again(self, transaction_id: str, **more: str) -> Any:
        status, answer = self.post("/qr/lookup", {"transactionId": transaction_id, **more})
        assert status == 200
        return answer

    def decide(self, decision: str, **which: str) -> tuple[int, Any]:
        return self.post("/phone/consent", {"decision": decision, **which})

    def lookup(self, persona: str = "nguyet", **more: str) -> Any:
        """Go the whole way in mode ``poll``, the citizen agreeing."""
        qr_id = self.code(persona)
        pending = self.ask(qr_id, **more)
        self.decide("yes", qrID=qr_id)
        again = {name: value for name, value in more.items() if name == "requestId"}
        return self.ask_again(pending["transactionId"], **again)

    def verify(self, token: str, **expected: Any) -> dict[str, Any]:
        return verify_answer(token, key_set=KeySet.from_jwks(self.get("/qr/jwks.json")), now=int(self.now), **expected).claims


@pytest.fixture(scope="module")
def running() -> Iterator[Vneid]:
    holder: dict[str, Vneid] = {}
    with serving(lambda base: make_simulator(base, clock=lambda: holder["vneid"].now if holder else ISSUED)) as (base, app):
        holder["vneid"] = Vneid(base, app)
        yield holder["vneid"]
        app.state.stopped.set()


@pytest.fixture
def vneid(running: Vneid) -> Vneid:
    running.now = float(ISSUED)
    running.post("/control/reset", {})
    running.post("/control/agency", {**Agency.of_portal("http://127.0.0.1:6543").as_dict()})
    return running


# -- the way through ---------------------------------------------------------------------------------------------------


def test_a_citizen_agrees_and_the_agency_gets_the_signed_data(vneid: Vneid) -> None:
    qr_id = vneid.code()
    assert qr_id.isascii()
    assert qr_id.isprintable()
    assert len(qr_id) <= 200
    pending = vneid.ask(qr_id)
    assert (pending["responseCode"], pending["data"]) == ("01", None)
    assert vneid.ask_again(pending["transactionId"])["responseCode"] == "01"
    assert vneid.decide("yes", qrID=qr_id)[0] == 200
    answer = vneid.ask_again(pending["transactionId"])
    assert answer["responseCode"] == "00"
    claims = vneid.verify(answer["data"])
    assert {name: claims[name] for name in NGUYET} == NGUYET
    assert claims.keys() == NGUYET.keys() | {"iat", "exp"}


def test_a_citizen_refuses_and_the_agency_gets_nothing(vneid: Vneid) -> None:
    qr_id = vneid.code()
    pending = vneid.ask(qr_id)
    assert vneid.decide("no", transactionId=pending["transactionId"])[1]["state"] == "refused"
    answer = vneid.ask_again(pending["transactionId"])
    assert (answer["responseCode"], answer["data"]) == ("04", None)


@pytest.mark.parametrize(("consent", "code"), [("always", "00"), ("never", "04"), ("silent", "01"), ("ask", "01")])
def test_a_switch_decides_for_the_citizen(vneid: Vneid, consent: str, code: str) -> None:
    vneid.switch(consent=consent)
    pending = vneid.ask(vneid.code())
    assert pending["responseCode"] == "01", "in poll mode the first answer says to come back"
    assert vneid.ask_again(pending["transactionId"])["responseCode"] == code


def test_a_citizen_who_never_answers_ends_as_a_refusal(vneid: Vneid) -> None:
    pending = vneid.ask(vneid.code())
    vneid.now += 299
    assert vneid.ask_again(pending["transactionId"])["responseCode"] == "01"
    vneid.now += 1
    assert vneid.ask_again(pending["transactionId"])["responseCode"] == "04"
    assert vneid.decide("yes", transactionId=pending["transactionId"])[0] == 409


@pytest.mark.parametrize("persona", PEOPLE.values(), ids=lambda persona: persona.key)
def test_everybody_who_has_a_phone_can_be_looked_up(vneid: Vneid, persona: Any) -> None:
    claims = vneid.verify(vneid.lookup(persona.key)["data"])
    citizen = read_citizen(claims)
    assert citizen.data["soDinhDanh"] == persona.personal_id
    assert claims["hoVaTen"] == persona.full_name, "as it stands in the register, NFD or not"
    assert bool(citizen.warnings) is (persona.key == "cai-chinh")
    assert ("noiThuongTru" in citizen.data) is (persona.key != "khong-dia-chi")


# -- codes -------------------------------------------------------------------------------------------------------------

def test_a_code_lives_a_minute_and_works_once(vneid: Vneid) -> None:
    first, second = vneid.code(), vneid.code()
    vneid.now += 59
    assert vneid.ask(first)["responseCode"] == "01"
    assert vneid.ask(first)["responseCode"] == "03"
    vneid.switch(qr_used_code="02")
    assert vneid.ask(first)["responseCode"] == "02"
    vneid.now += 1
    answer = vneid.ask(second)
    assert (answer["responseCode"], answer["data"]) == ("03", None)
    assert "transactionId" not in answer
    vneid.now += 100_000
    assert vneid.ask(second)["responseCode"] == "03", "a code that nobody remembers still says how old it is"


def test_who_made_a_code_is_seen_in_it(vneid: Vneid) -> None:
    qr_id = vneid.code()
    head, signature = qr_id.split(".")[1:]
    changed = "B" if head[0] == "A" else "A"
    for wrong in ("x", "VNeID1.", "VNeID1..", f"VNeID1.{head}", f"VNeID1.{head}.", f"VNeID1.{changed}{head[1:]}.{signature}",
                  f"{head}.{signature}", f"VNeID1.{head}.{signature[::-1]}", qr_id.swapcase(), "é" + qr_id,
                  "100190000001||Nguyễn Thị Ánh Nguyệt|17051990|Nữ|An Bình|01072021"):
        answer = vneid.ask(wrong)
        assert (answer["responseCode"], answer["data"]) == ("02", None), wrong
    assert vneid.ask(qr_id)["responseCode"] == "01", "none of that used it up"


def test_codes_say_nothing_about_their_owner_and_are_never_the_same(vneid: Vneid) -> None:
    codes = [vneid.code() for _ in range(20)]
    assert len({code[7:30] for code in codes}) == 20
    assert {len(code) for code in codes} == {len(codes[0])}


@pytest.mark.parametrize("persona", ["to-chuc", "nobody", "", None, 1, ["nguyet"]])
def test_only_people_have_phones(vneid: Vneid, persona: Any) -> None:
    assert vneid.post("/phone/qr", {"persona": persona})[0] == 400


# -- who asks, and how -------------------------------------------------------------------------------------------------

def test_an_unknown_transaction_is_refused(vneid: Vneid) -> None:
    assert vneid.ask_again("unknown")["responseCode"] == "02"


def test_a_transaction_belongs_to_the_request_it_was_begun_with(vneid: Vneid) -> None:
    vneid.switch(consent="always")
    pending = vneid.ask(vneid.code(), requestId="r-1")
    for wrong in ({}, {"requestId": "r-2"}):
        assert vneid.ask_again(pending["transactionId"], **wrong)["responseCode"] == "02"
    assert vneid.ask_again(pending["transactionId"], requestId="r-1")["responseCode"] == "00"


@pytest.mark.parametrize(("body", "kind", "status"), [
    (b"{}", "application/json", 400), (b"[]", "application/json", 400), (b"{", "application/json", 400),
    (b"", "application/json", 400), (b'{"qrID": 1}', "application/json", 400), (b'{"qrID": ""}', "application/json", 400),
    (b'{"qrID": "a", "qrID": "b"}', "application/json", 400), (b'{"qrID": "a", "citizen": "b"}', "application/json", 400),
    (b'{"qrID": "a", "transactionId": "b"}', "application/json", 400),
    (b'{"qrID": "a", "dossier": null}', "application/json", 400),
    (b'{"transactionId": "b", "officerId": "c"}', "application/json", 400), (b"\xff", "application/json", 400),
    (b'{"qrID": "a"}', "text/plain", 415), (b"qrID=a", "application/x-www-form-urlencoded", 415),
    (b'{"qrID": "%s"}' % (b"a" * 5_000), "application/json", 400),
    (b'{"qrID": "%s"}' % (b"a" * 70_000), "application/json", 413)])
def test_a_question_has_one_form(vneid: Vneid, body: bytes, kind: str, status: int) -> None:
    assert vneid.request("POST", "/qr/lookup", body, {"Content-Type": kind}).status == status


def test_other_methods_are_refused(vneid: Vneid) -> None:
    assert [vneid.request(method, "/qr/lookup").status for method in ("GET", "PUT", "DELETE")] == [405] * 3


def authorization(kind: str, url: str, now: float, user: str = "an-binh", password: str = Agency().password) -> dict[str, str]:
    """The headers of a connecting account, made from the contract's words and not by the simulator's code."""
    if kind == "bearer":
        return {"Authorization": f"Bearer {Agency().bearer}"}
    stamp = str(int(now * 1000))
    digest = hashlib.sha256((url + user + stamp + password).encode()).hexdigest()
    secret = password if kind == "basic" else digest
    header = {"Authorization": "Basic " + b64encode(f"{user}:{secret}".encode()).decode()}
    return {**header, "Timestamp": stamp} if kind == "c06" else header


@pytest.mark.parametrize("kind", ["basic", "bearer", "c06"])
@pytest.mark.parametrize("path", ["/qr/lookup", "/XrdAdapter/RestService/forward/qr/lookup?dstcode=" + Agency().dstcode])
def test_the_connecting_account_is_checked_behind_every_platform(vneid: Vneid, kind: str, path: str) -> None:
    vneid.switch(qr_account=kind)
    qr_id = vneid.code()
    good = authorization(kind, vneid.base + path, vneid.now)
    assert vneid.post(path, {"qrID": qr_id})[0] == 401
    assert vneid.post(path, {"qrID": qr_id}, Authorization=good["Authorization"][:-2])[0] == 401
    if kind != "bearer":
        assert vneid.post(path, {"qrID": qr_id}, **authorization(kind, vneid.base + path, vneid.now, user="x"))[0] == 401
        assert vneid.post(path, {"qrID": qr_id}, **authorization(kind, vneid.base + path, vneid.now, password="x"))[0] == 401
    if kind == "c06":
        for stamp in ("", "x", str(int(vneid.now)), "²" * 13):
            headers = {**good, "Timestamp": quote(stamp)}
            assert vneid.post(path, {"qrID": qr_id}, **headers)[0] == 401
        assert vneid.post(path, {"qrID": qr_id}, **authorization(kind, vneid.base + "/other", vneid.now))[0] == 401
        assert vneid.post(path, {"qrID": qr_id}, **authorization(kind, vneid.base + path, vneid.now - 301))[0] == 401
    assert vneid.post(path, {"qrID": qr_id}, **good)[1]["responseCode"] == "01"


# -- how the outcome arrives -------------------------------------------------------------------------------------------

def test_a_blocking_answer_waits_for_the_citizen(vneid: Vneid) -> None:
    vneid.switch(qr_mode="blocking")
    answers: list[Any] = []
    codes = [vneid.code() for _ in range(2)]
    threads = [threading.Thread(target=lambda code=code: answers.append(vneid.ask(code))) for code in codes]
    for thread, code, decision in zip(threads, codes, ("yes", "no"), strict=True):
        thread.start()
        decide_when_asked(vneid, code, decision)
        thread.join(10)
    assert [answer["responseCode"] for answer in answers] == ["00", "04"]
    assert vneid.verify(answers[0]["data"])["soDinhDanh"] == NGUYET["soDinhDanh"]


def decide_when_asked(vneid: Vneid, qr_id: str, decision: str) -> None:
    for _ in range(500):
        if vneid.decide(decision, qrID=qr_id)[0] == 200:
            return
    raise AssertionError("nobody asked")


@contextmanager
def as_started(threads: int) -> Iterator[Vneid]:
    """The simulator behind the server that its command starts."""
    app = make_simulator("http://127.0.0.1")
    server = make_server(app, "127.0.0.1", 0, threads)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield Vneid(f"http://127.0.0.1:{server.effective_port}", app)
    finally:
        app.state.stopped.set()
        server.task_dispatcher.shutdown(timeout=2)
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        thread.join(10)


def test_hundreds_may_wait_at_once_and_the_simulator_still_answers() -> None:
    count = 200
    with as_started(threads=count + 1) as vneid:
        vneid.switch(qr_mode="blocking")
        codes = [vneid.code() for _ in range(count)]
        answers: dict[str, Any] = {}
        threads = [threading.Thread(target=lambda code=code: answers.update({code: vneid.ask(code)})) for code in codes]
        for thread in threads:
            thread.start()
        for code in codes:
            decide_when_asked(vneid, code, "yes")
        for thread in threads:
            thread.join(20)
        assert {answer["responseCode"] for answer in answers.values()} == {"00"}
        assert len(answers) == count


def test_a_caller_who_hangs_up_holds_nothing(wait_until: Callable[..., Any]) -> None:
    with as_started(threads=1) as vneid:
        vneid.switch(qr_mode="blocking")
        qr_id = vneid.code()
        connection = http.client.HTTPConnection(urlsplit(vneid.base).netloc)
        connection.request("POST", "/qr/lookup", json.dumps({"qrID": qr_id}).encode(), {"Content-Type": "application/json"})
        wait_until(lambda: vneid.app.state.lookups.of_citizen(qr_id=qr_id))
        connection.close()
        assert vneid.get("/health") == {"status": "ok"}, "the only thread is free again"


class Portal:
    """Takes what VNeID brings."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.keys: list[Any] = []
        self.statuses: list[int] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        if request.path_info == "/jwks":
            return Response(json_body={"keys": self.keys})(environ, start_response)
        self.got.append(request.json)
        return Response(status=self.statuses.pop(0) if self.statuses else 200, json_body={})(environ, start_response)


@pytest.fixture(scope="module")
def portal_server() -> Iterator[tuple[str, Portal]]:
    with serving(lambda base: Portal()) as started:
        yield started


@pytest.fixture
def portal(portal_server: tuple[str, Portal], vneid: Vneid) -> Portal:
    base, portal = portal_server
    portal.got.clear()
    portal.keys.clear()
    vneid.post("/control/agency", {"webhook": base + "/hook", "jwks": base + "/jwks"})
    return portal


@pytest.mark.parametrize(("timing", "times"), [("retried", 1), ("once", 1), ("twice", 2), ("early", 1), ("never", 0)])
def test_by_webhook_the_outcome_comes_by_itself(vneid: Vneid, portal: Portal, timing: str, times: int) -> None:
    vneid.switch(qr_mode="webhook", qr_webhook=timing)
    qr_id = vneid.code()
    pending = vneid.ask(qr_id)
    assert portal.got == []
    assert vneid.decide("yes", qrID=qr_id)[1]["webhook"] == [200] * times
    assert [told["transactionId"] for told in portal.got] == [pending["transactionId"]] * times
    assert all(vneid.verify(told["data"])["soDinhDanh"] == NGUYET["soDinhDanh"] for told in portal.got)
    assert vneid.ask_again(pending["transactionId"])["responseCode"] == "01", "asking again is no way around the webhook"


@pytest.mark.parametrize("timing", ["once", "early"])
def test_a_citizen_who_decides_at_once_is_told_by_webhook_too(
        vneid: Vneid, portal: Portal, timing: str, wait_until: Callable[..., Any]) -> None:
    vneid.switch(qr_mode="webhook", qr_webhook=timing, consent="never")
    pending = vneid.ask(vneid.code())
    if timing == "once":
        wait_until(lambda: portal.got)
    assert [(told["responseCode"], told["transactionId"]) for told in portal.got] == [("04", pending["transactionId"])]


@pytest.mark.parametrize(("timing", "expected"), [("retried", [404, 503, 200]), ("once", [404])])
def test_a_portal_that_is_not_ready_yet_is_told_again(vneid: Vneid, portal: Portal, timing: str, expected: list[int],
                                                      wait_until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vneid_middleware.simulator.webhook._PAUSES", (0.01, 0.01, 0.01))
    vneid.switch(qr_mode="webhook", qr_webhook=timing)
    portal.statuses += [404, 503]
    qr_id = vneid.code()
    vneid.ask(qr_id)
    assert vneid.decide("yes", qrID=qr_id)[0] == 200
    lookup = vneid.app.state.lookups.of_citizen(qr_id=qr_id)
    wait_until(lambda: len(lookup.told) == len(expected))
    assert lookup.told == expected
    assert len(portal.got) == len(expected)
    portal.statuses.clear()


def test_a_portal_that_does_not_answer_its_webhook_is_passed_over(vneid: Vneid, free_port: Callable[[], int]) -> None:
    vneid.post("/control/agency", {"webhook": f"http://127.0.0.1:{free_port()}/"})
    vneid.switch(qr_mode="webhook", qr_webhook="once")
    qr_id = vneid.code()
    vneid.ask(qr_id)
    assert vneid.decide("yes", qrID=qr_id)[1]["webhook"] == [0]


# -- the form of the answer --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "RS256"])
def test_answers_are_signed_as_the_switch_says(vneid: Vneid, algorithm: str) -> None:
    vneid.switch(qr_alg=algorithm, qr_iss="on", qr_aud="on", qr_repeats="both")
    answer = vneid.lookup(requestId="r-1")
    expected = {"issuer": vneid.base, "audience": "http://127.0.0.1:6543", "bind": "request_id", "request_id": "r-1"}
    claims = vneid.verify(answer["data"], algorithms=[algorithm], **expected)
    assert (claims["exp"] - claims["iat"], claims["requestId"]) == (60, "r-1")
    for other in {"ES256", "PS256", "RS256"} - {algorithm}:
        with pytest.raises(VNeIDError, match="alg_not_allowed"):
            vneid.verify(answer["data"], algorithms=[other], **expected)


@pytest.mark.parametrize(("repeats", "names"), [("nothing", set()), ("request_id", {"requestId"}), ("qr_id", {"qrID"}),
                                                ("both", {"requestId", "qrID"})])
def test_an_answer_repeats_what_the_switch_says(vneid: Vneid, repeats: str, names: set[str]) -> None:
    vneid.switch(qr_repeats=repeats)
    assert vneid.verify(vneid.lookup(requestId="r")["data"]).keys() & {"requestId", "qrID"} == names
    assert "requestId" not in vneid.verify(vneid.lookup()["data"]), "what nobody sent can't be repeated"


def test_plain_answers_are_the_fields_alone(vneid: Vneid) -> None:
    vneid.switch(qr_response="plain")
    assert vneid.lookup()["data"] == NGUYET


@pytest.mark.parametrize("given", [True, False], ids=["given", "fetched"])
@pytest.mark.parametrize("make", [lambda: rsa.generate_private_key(65537, 2048), lambda: ec.generate_private_key(ec.SECP256R1())],
                         ids=["rsa", "ec"])
def test_encrypted_answers_open_with_the_portals_key_alone(
        vneid: Vneid, portal: Portal, make: Callable[[], Any], given: bool) -> None:
    key = make()
    jwk = {**public_jwk(key), "use": "enc"}
    if given:
        assert vneid.post("/control/agency", {"encryption_key": jwk})[0] == 200
    else:
        portal.keys += [{**public_jwk(make()), "use": "sig"}, jwk]
        # what was fetched in an earlier test is a minute old by now
        vneid.now += 600 if isinstance(key, rsa.RSAPrivateKey) else 1200
    vneid.switch(qr_response="jwe")
    token = vneid.lookup()["data"]
    assert vneid.verify(decrypt(token, key).decode())["soDinhDanh"] == NGUYET["soDinhDanh"]
    with pytest.raises(VNeIDError):
        decrypt(token, make())


def test_without_a_key_of_the_portal_there_is_no_encrypted_answer(vneid: Vneid, free_port: Callable[[], int]) -> None:
    vneid.post("/control/agency", {"jwks": f"http://127.0.0.1:{free_port()}/jwks"})
    vneid.switch(qr_response="jwe", consent="always")
    pending = vneid.ask(vneid.code())
    status, answer = vneid.post("/qr/lookup", {"transactionId": pending["transactionId"]})
    assert (status, answer["responseCode"], answer["data"]) == (500, "99", None)


def test_the_key_set_is_its_own_and_can_be_replaced(vneid: Vneid) -> None:
    before = vneid.get("/qr/jwks.json")["keys"]
    assert [key["alg"] for key in before] == ["ES256", "PS256", "RS256"]
    assert all(key.keys().isdisjoint({"d", "p", "q"}) for key in before)
    assert {key["kid"] for key in before}.isdisjoint(key["kid"] for key in vneid.get("/jwks")["keys"])
    token = vneid.lookup()["data"]
    after = vneid.post("/control/rotate-counter-keys", {})[1]["keys"]
    assert {key["kid"] for key in before}.isdisjoint(key["kid"] for key in after)
    with pytest.raises(VNeIDError, match="key_unknown"):
        vneid.verify(token)
    vneid.verify(vneid.lookup()["data"])


# -- faults of the answer ----------------------------------------------------------------------------------------------

REFUSED_BY_SIGNATURE = {
    "unsigned": "malformed", "wrong-key": "signature_invalid", "unknown-kid": "key_unknown", "alg-none": "malformed",
    "hs256": "alg_not_allowed", "expired": "expired", "old-iat": "too_old", "future-iat": "issued_in_future",
    "text-iat": "claim_invalid", "no-iat": "claim_missing", "no-exp": "claim_missing", "other-request-id": "binding_mismatch",
    "no-request-id": "claim_missing", "other-qr-id": "binding_mismatch", "wrong-aud": "audience_mismatch",
    "wrong-iss": "issuer_mismatch"}
REFUSED_BY_CONTENT = ("missing-number", "missing-name", "bad-number", "bad-date", "bad-gender", "long-name", "control-characters")
HARMLESS_WHEN_READ_WELL = ("extra-fields", "markup")
IN_THE_ENVELOPE: dict[str, Callable[[Any], bool]] = {
    "unknown-code": lambda answer: answer["responseCode"] == "77", "number-code": lambda answer: answer["responseCode"] == 0,
    "no-code": lambda answer: answer["responseCode"] is None, "no-data": lambda answer: answer["data"] is None,
    "malformed-envelope": lambda answer: isinstance(answer, list), "other-form": lambda answer: isinstance(answer["data"], dict)}
WITH_TESTS_OF_THEIR_OWN = ("none", "swapped", "replayed", "no-transaction", "other-transaction", "no-qr-id")


def test_no_fault_is_forgotten_here() -> None:
    tried = [*REFUSED_BY_SIGNATURE, *REFUSED_BY_CONTENT, *HARMLESS_WHEN_READ_WELL, *IN_THE_ENVELOPE, *WITH_TESTS_OF_THEIR_OWN]
    assert sorted(tried) == sorted(ANSWER_FAULTS)


@pytest.mark.parametrize(("fault", "code"), REFUSED_BY_SIGNATURE.items())
def test_a_spoilt_answer_is_wrong_in_the_one_way_it_says(vneid: Vneid, fault: str, code: str) -> None:
    vneid.switch(qr_iss="on", qr_aud="on", qr_repeats="both")
    qr_ids = vneid.code(), vneid.code()

    def check(qr_id: str) -> None:
        pending = vneid.ask(qr_id, requestId="r")
        vneid.decide("yes", qrID=qr_id)
        answer = vneid.ask_again(pending["transactionId"], requestId="r")
        assert answer["responseCode"] == "00"
        vneid.verify(answer["data"], issuer=vneid.base, audience="http://127.0.0.1:6543", bind="request_id", request_id="r",
                     qr_id=qr_id)

    check(qr_ids[0])
    vneid.switch(fault__answer=fault)
    with pytest.raises(VNeIDError) as refused:
        check(qr_ids[1])
    assert refused.value.code == code


@pytest.mark.parametrize("fault", REFUSED_BY_CONTENT)
def test_rubbish_may_be_signed_well(vneid: Vneid, fault: str) -> None:
    vneid.switch(fault__answer=fault)
    claims = vneid.verify(vneid.lookup()["data"])
    with pytest.raises(VNeIDError, match="citizen_invalid"):
        read_citizen(claims)


@pytest.mark.parametrize("fault", HARMLESS_WHEN_READ_WELL)
def test_what_nobody_asked_for_is_there_and_is_dropped_by_who_reads_well(vneid: Vneid, fault: str) -> None:
    vneid.switch(fault__answer=fault)
    claims = vneid.verify(vneid.lookup()["data"])
    assert "<script>" in claims["hoVaTen"] or "soDienThoai" in claims
    assert read_citizen(claims).data.keys() == NGUYET.keys()


@pytest.mark.parametrize("fault", IN_THE_ENVELOPE)
def test_the_envelope_is_spoilt_too(vneid: Vneid, fault: str) -> None:
    vneid.switch(fault__answer=fault)
    assert IN_THE_ENVELOPE[fault](vneid.lookup())


@pytest.mark.parametrize("fault", SPOILT_SIGNATURES)
def test_what_is_inside_the_encryption_is_spoilt_as_well(vneid: Vneid, fault: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    vneid.post("/control/agency", {"encryption_key": public_jwk(key)})
    vneid.switch(qr_response="jwe", fault__answer=fault)
    inner = decrypt(vneid.lookup()["data"], key).decode()
    with pytest.raises(VNeIDError):
        vneid.verify(inner)


def test_two_answers_are_swapped_on_the_way(vneid: Vneid) -> None:
    vneid.switch(qr_repeats="request_id", consent="always", fault__answer="swapped")
    pending = {persona: vneid.ask(vneid.code(persona), requestId=persona) for persona in ("nguyet", "duc")}
    answers = {persona: vneid.ask_again(asked["transactionId"], requestId=persona) for persona, asked in pending.items()}
    claims = {persona: vneid.verify(answer["data"]) for persona, answer in answers.items()}
    assert {persona: found["requestId"] for persona, found in claims.items()} == {"nguyet": "duc", "duc": "nguyet"}
    assert claims["duc"]["soDinhDanh"] == NGUYET["soDinhDanh"]
    with pytest.raises(VNeIDError, match="binding_mismatch"):
        vneid.verify(answers["duc"]["data"], bind="request_id", request_id="duc")


def test_an_answer_comes_a_second_time_to_the_letter(vneid: Vneid) -> None:
    first = vneid.lookup()["data"]
    assert vneid.lookup()["data"] != first
    latest = vneid.lookup()["data"]
    vneid.switch(fault__answer="replayed")
    assert vneid.lookup("duc")["data"] == latest


def test_transactions_go_missing_or_are_others(vneid: Vneid) -> None:
    vneid.switch(fault__answer="no-transaction")
    assert "transactionId" not in vneid.ask(vneid.code())
    vneid.switch(fault__answer="none", consent="always")
    asked = vneid.ask(vneid.code())["transactionId"]
    vneid.switch(fault__answer="other-transaction")
    assert vneid.ask_again(asked)["transactionId"] not in ("", asked)
    vneid.switch(fault__answer="no-qr-id", qr_repeats="both")
    assert "qrID" not in vneid.verify(vneid.lookup()["data"])


# -- platforms ---------------------------------------------------------------------------------------------------------

def ndxp(vneid: Vneid, body: Any, adapter: str = "XrdAdapter", path: str = "/qr/lookup", headers: Any = None,
         **query: str) -> tuple[int, Any, Any]:
    question = "?" + urlencode(query, safe=":") if query else ""
    return through(vneid, f"/{adapter}/RestService/forward{path}{question}", body, headers)


def through(vneid: Vneid, path: str, body: Any, headers: Any = None) -> tuple[int, Any, Any]:
    sent = {"Content-Type": "application/json", **(headers or {})}
    answer = vneid.request("POST", path, json.dumps(body).encode(), sent)
    kind = answer.headers.get_content_type()
    return answer.status, json.loads(answer.content) if kind == "application/json" and answer.content else None, answer.headers


def xroad(vneid: Vneid, body: Any, service: str = Agency().x_road_service, path: str = "/qr/lookup",
          **headers: str) -> tuple[int, Any, Any]:
    sent = {"X-Road-Client": Agency().x_road_client, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return through(vneid, f"/r1/{service}{path}", body, sent)


@pytest.mark.parametrize("adapter", ["XrdAdapter", "VXPAdapter"])
def test_the_national_platform_finds_the_service_by_its_code(vneid: Vneid, adapter: str) -> None:
    code = Agency().dstcode
    assert ndxp(vneid, {"qrID": vneid.code()}, adapter, dstcode=code)[1]["responseCode"] == "01"
    assert ndxp(vneid, {"qrID": vneid.code()}, adapter, headers={"dstcode": code})[1]["responseCode"] == "01"
    assert ndxp(vneid, {"qrID": vneid.code()}, adapter, dstcode=code, providerurl=vneid.base)[1]["responseCode"] == "01"
    assert ndxp(vneid, {"qrID": "x"}, adapter, dstcode=code)[1]["responseCode"] == "02"


@pytest.mark.parametrize(("query", "headers", "path", "status"), [
    ({}, {}, "/qr/lookup", 400), ({"dstcode": "VN:GOV:000.00.00.G22:khac"}, {}, "/qr/lookup", 500),
    ({"dstcode": Agency().dstcode}, {"dstcode": Agency().dstcode}, "/qr/lookup", 400),
    ({"dstcode": Agency().dstcode.lower()}, {}, "/qr/lookup", 500), ({}, {"dstcode": "x"}, "/qr/lookup", 500),
    ({"dstcode": Agency().dstcode, "providerurl": "http://10.0.0.1/"}, {}, "/qr/lookup", 500),
    ({"dstcode": Agency().dstcode}, {}, "/qr/other", 500), ({"dstcode": Agency().dstcode}, {}, "/qr/lookup/", 500)])
def test_the_national_platform_refuses_what_it_does_not_know(
        vneid: Vneid, query: dict[str, str], headers: dict[str, str], path: str, status: int) -> None:
    qr_id = vneid.code()
    found, answer, _ = ndxp(vneid, {"qrID": qr_id}, path=path, headers=headers, **query)
    assert found == status
    assert answer.keys() == {"type", "message", "detail"}
    assert vneid.ask(qr_id)["responseCode"] == "01", "the service was not asked"


def test_x_road_passes_a_registered_clients_message_on_and_tells_its_id_again(vneid: Vneid) -> None:
    message_id = str(uuid4())
    status, answer, headers = xroad(vneid, {"qrID": vneid.code()}, X_Road_Id=message_id)
    assert (status, answer["responseCode"], headers["X-Road-Id"]) == (200, "01", message_id)
    assert headers["X-Road-Error"] is None
    assert xroad(vneid, {"qrID": "x"}, X_Road_Client=Agency().x_road_client.replace(".", "%2E"))[1]["responseCode"] == "02"
    assert xroad(vneid, {"qrID": "x"})[2]["X-Road-Id"], "one is made where none came"
    vneid.switch(fault__xroad="other-id")
    assert xroad(vneid, {"qrID": "x"}, X_Road_Id=message_id)[2]["X-Road-Id"] != message_id


@pytest.mark.parametrize(("changed", "kind"), [
    ({"X_Road_Client": ""}, "Client.BadRequest"), ({"X_Road_Id": "1"}, "Client.BadRequest"),
    ({"X_Road_Client": "VN/GOV/000.00.00.H02/motcua"}, "Server.ServerProxy.AccessDenied"),
    ({"X_Road_Client": Agency().x_road_client.lower()}, "Server.ServerProxy.AccessDenied"),
    ({"X_Road_Client": Agency().x_road_client + "/x"}, "Server.ServerProxy.AccessDenied"),
    ({"X_Road_Client": Agency().x_road_client.replace("/", "%2F")}, None),
    ({"service": "VN/GOV/000.00.00.G22/vneid/other"}, "Server.ServerProxy.UnknownService"),
    ({"service": "VN/GOV/000.00.00.G22"}, "Server.ServerProxy.UnknownService"),
    ({"path": "/qr/other"}, "Server.ServerProxy.UnknownService"), ({"path": ""}, "Server.ServerProxy.UnknownService")])
def test_x_road_refuses_in_its_own_words(vneid: Vneid, changed: dict[str, str], kind: str | None) -> None:
    status, answer, headers = xroad(vneid, {"qrID": vneid.code()}, **changed)
    assert status in (400, 500)
    assert answer.keys() == {"type", "message", "detail"}
    assert headers["X-Road-Error"] == answer["type"]
    assert kind in (None, answer["type"])


def test_a_lookup_belongs_to_the_client_that_began_it(vneid: Vneid) -> None:
    vneid.switch(consent="always")
    asked = xroad(vneid, {"qrID": vneid.code()})[1]["transactionId"]
    assert vneid.ask_again(asked)["responseCode"] == "02"
    assert ndxp(vneid, {"transactionId": asked}, dstcode=Agency().dstcode)[1]["responseCode"] == "02"
    assert xroad(vneid, {"transactionId": asked})[1]["responseCode"] == "00"


def token(vneid: Vneid, user: str = Agency().client_id, password: str = Agency().client_secret, kind: str = "client_credentials",
          ) -> tuple[int, Any]:
    headers = {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode(),
               "Content-Type": "application/x-www-form-urlencoded"}
    answer = vneid.request("POST", "/token", urlencode({"grant_type": kind}).encode(), headers)
    return answer.status, json.loads(answer.content)


def wso2(vneid: Vneid, bearer: str, body: Any, path: str = "/qr/lookup") -> tuple[int, Any, Any]:
    return through(vneid, "/vneid/1.0" + path, body, {"Authorization": bearer} if bearer else {})


def test_wso2_gives_tokens_and_wants_them(vneid: Vneid) -> None:
    status, given = token(vneid)
    assert (status, given["token_type"], given["expires_in"]) == (200, "Bearer", 3600)
    bearer = f"Bearer {given['access_token']}"
    assert wso2(vneid, bearer, {"qrID": vneid.code()})[1]["responseCode"] == "01"
    vneid.now += 3600
    assert wso2(vneid, bearer, {"qrID": "x"})[1]["fault"]["code"] == 900901


@pytest.mark.parametrize(("changed", "status"), [({"user": "x"}, 401), ({"password": "x"}, 401), ({"kind": "password"}, 400),
                                                 ({"kind": ""}, 400)])
def test_wso2_gives_no_token_to_others(vneid: Vneid, changed: dict[str, str], status: int) -> None:
    found, answer = token(vneid, **changed)
    assert found == status
    assert "access_token" not in answer


@pytest.mark.parametrize(("bearer", "path", "status", "code"), [
    ("", "/qr/lookup", 401, 900902), ("Bearer x", "/qr/lookup", 401, 900901), ("Basic x", "/qr/lookup", 401, 900902),
    ("Bearer ", "/qr/lookup", 401, 900902), (None, "/qr/other", 404, 404)])
def test_wso2_refuses_by_faults(vneid: Vneid, bearer: str | None, path: str, status: int, code: int) -> None:
    given = f"Bearer {token(vneid)[1]['access_token']}" if bearer is None else bearer
    found, answer, _ = wso2(vneid, given, {"qrID": "x"}, path)
    assert (found, answer["fault"]["code"]) == (status, code)


def test_a_token_may_live_short_or_shorter_than_was_said(vneid: Vneid) -> None:
    vneid.switch(lgsp_life="seconds")
    given = token(vneid)[1]
    vneid.now += given["expires_in"] - 1
    assert wso2(vneid, f"Bearer {given['access_token']}", {"qrID": "x"})[0] == 200
    vneid.now += 1
    assert wso2(vneid, f"Bearer {given['access_token']}", {"qrID": "x"})[0] == 401
    vneid.switch(lgsp_life="dies-early")
    given = token(vneid)[1]
    assert given["expires_in"] == 3600
    assert [wso2(vneid, f"Bearer {given['access_token']}", {"qrID": "x"})[0] for _ in range(2)] == [200, 401]


def lgsp_header(**changed: str) -> str:
    keys = {"AccessKey": Agency().access_key, "SecretKey": Agency().secret_key, "AppName": Agency().app_name,
            "PartnerCode": Agency().partner_code, "PartnerCodeCus": Agency().partner_code_cus, **changed}
    return b64encode(json.dumps(keys).encode()).decode()


def test_the_other_provincial_platform_wants_all_its_keys_in_one_header(vneid: Vneid) -> None:
    good = {"lgspaccesstoken": lgsp_header()}
    assert through(vneid, "/lgsp/qr/lookup", {"qrID": vneid.code()}, good)[1]["responseCode"] == "01"
    for wrong in ({}, {"lgspaccesstoken": ""}, {"lgspaccesstoken": "é".encode().decode("latin-1")}, {"lgspaccesstoken": "e30="},
                  {"lgspaccesstoken": lgsp_header(SecretKey="x")}, {"lgspaccesstoken": lgsp_header(More="x")}):
        assert through(vneid, "/lgsp/qr/lookup", {"qrID": "x"}, wrong)[0] == 401
    assert through(vneid, "/lgsp/qr/other", {"qrID": "x"}, good)[0] == 404


PLATFORM_CALLS: dict[str, Callable[[Vneid], tuple[int, Any, Any]]] = {
    "ndxp": lambda vneid: ndxp(vneid, {"qrID": "x"}, dstcode=Agency().dstcode),
    "xroad": lambda vneid: xroad(vneid, {"qrID": "x"}),
    "lgsp": lambda vneid: wso2(vneid, f"Bearer {token(vneid)[1]['access_token']}", {"qrID": "x"}),
    "lgsp_token": lambda vneid: through(vneid, "/token", {}),
    "qr": lambda vneid: (*vneid.post("/qr/lookup", {"qrID": "x"}), None)}


@pytest.mark.parametrize("name", ["ndxp", "xroad", "lgsp", "lgsp_token"])
@pytest.mark.parametrize("fault", ["own-error", "down"])
def test_a_platform_fails_in_its_own_words(vneid: Vneid, name: str, fault: str) -> None:
    vneid.switch(**{f"fault__{name}": fault})
    status, answer, headers = PLATFORM_CALLS[name](vneid)
    assert status >= 400
    if name.startswith("lgsp"):
        assert answer["fault"]["code"] in (900908, 900900, 101503)
    else:
        assert answer["type"].startswith("Server.ServerProxy.")
        assert (headers["X-Road-Error"] is not None) is (name == "xroad")


def test_a_platform_fails_in_forms_of_its_own(vneid: Vneid) -> None:
    vneid.switch(fault__ndxp="own-error-200", fault__lgsp="own-error-xml")
    status, answer, _ = PLATFORM_CALLS["ndxp"](vneid)
    assert (status, answer["error_code"]) == (200, "-1")
    status, answer, headers = PLATFORM_CALLS["lgsp"](vneid)
    assert (status, headers.get_content_type()) == (401, "application/xml")
    vneid.switch(fault__lgsp="throttled")
    status, answer, _ = PLATFORM_CALLS["lgsp"](vneid)
    assert (status, answer["fault"]["code"]) == (429, 900802)


@pytest.mark.parametrize("name", ["qr", "ndxp", "xroad", "lgsp"])
@pytest.mark.parametrize(("fault", "status"), [("500", 500), ("503", 503), ("html", 200), ("wrong-type", 200), ("empty", 200),
                                               ("redirect", 303)])
def test_each_place_on_the_way_misbehaves_by_itself(vneid: Vneid, name: str, fault: str, status: int) -> None:
    vneid.switch(**{f"fault__{name}": fault})
    path, headers = {"qr": ("/qr/lookup", {}), "xroad": (f"/r1/{Agency().x_road_service}/qr/lookup", {}),
                     "ndxp": ("/XrdAdapter/RestService/forward/qr/lookup", {}), "lgsp": ("/vneid/1.0/qr/lookup", {})}[name]
    answer = vneid.request("POST", path, b'{"qrID": "x"}', {"Content-Type": "application/json", **headers})
    assert answer.status == status
    assert b"responseCode" not in answer.content
    assert fault != "redirect" or "169.254" in answer.headers["Location"]


def test_an_answer_breaks_off_or_comes_in_drops(vneid: Vneid) -> None:
    vneid.switch(fault__qr="broken-off")
    with pytest.raises(http.client.IncompleteRead):
        vneid.post("/qr/lookup", {"qrID": "x"})
    waited: list[float] = []
    original, vneid.app.state.stopped.wait = vneid.app.state.stopped.wait, lambda seconds: waited.append(seconds)
    try:
        vneid.switch(fault__qr="drip")
        answer = vneid.request("POST", "/qr/lookup", b"{}", {"Content-Type": "application/json"})
    finally:
        vneid.app.state.stopped.wait = original
    assert waited == [1] * len(answer.content)


def test_every_fault_at_the_counter_can_be_switched_on_and_off(vneid: Vneid) -> None:
    for name, values in COUNTER_FAULTS.items():
        for value in (*values[1:], values[0]):
            vneid.switch(**{f"fault__{name}": value})
    assert vneid.lookup()["responseCode"] == "00"


# -- the phone ---------------------------------------------------------------------------------------------------------

class Telephone:
    """A phone's page, by its forms alone."""

    def __init__(self, vneid: Vneid, persona: str = "nguyet") -> None:
        self.vneid = vneid
        answer = self.press(persona=persona)
        self.address = answer.headers["Location"].removeprefix(vneid.base)
        self.device = self.address.partition("device=")[2]

    def press(self, headers: dict[str, str] | None = None, **form: str) -> Any:
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.vneid.request("POST", "/phone", urlencode(form).encode(), sent)

    def page(self, lang: str = "vi") -> str:
        answer = self.vneid.request("GET", f"{self.address}&lang={lang}")
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        return str(answer.content.decode())

    def code(self) -> str:
        return self.page().partition("<textarea")[2].partition(">")[2].partition("<")[0]

    def mark(self) -> str:
        return str(self.vneid.get(f"/phone/state?device={self.device}")["mark"])


@pytest.fixture
def phone(vneid: Vneid) -> Telephone:
    return Telephone(vneid)


def test_a_phone_shows_one_code_until_its_minute_is_over(vneid: Vneid, phone: Telephone) -> None:
    first, mark = phone.code(), phone.mark()
    vneid.now += 59
    assert (phone.code(), phone.mark()) == (first, mark)
    vneid.now += 1
    assert phone.mark() == "", "the page is told to look again"
    second = phone.code()
    assert second != first
    assert phone.mark() not in ("", mark)
    assert vneid.ask(first)["responseCode"] == "03"
    assert vneid.ask(second)["responseCode"] == "01"


def test_a_new_code_takes_the_old_ones_place_at_once(vneid: Vneid, phone: Telephone) -> None:
    first = phone.code()
    assert phone.press(device=phone.device, action="new").status == 303
    assert vneid.ask(first)["responseCode"] == "03"
    assert vneid.ask(phone.code())["responseCode"] == "01"


@pytest.mark.parametrize(("action", "vi", "en", "code"), [
    ("yes", "Đã cung cấp thông tin", "Your information was given", "00"), ("no", "Bạn đã từ chối", "You refused", "04"),
    ("ignore", "Mã QR định danh", "Identity QR code", "01")])
def test_the_citizen_reads_who_asks_for_what_and_presses_a_button(
        vneid: Vneid, phone: Telephone, action: str, vi: str, en: str, code: str) -> None:
    mark = phone.mark()
    transaction = vneid.ask(phone.code(), unitCode="H01.<b>", dossier="HS-7")["transactionId"]
    assert phone.mark() not in ("", mark)
    asked = phone.page()
    for part in ("Bạn có đồng ý cung cấp thông tin không?", Agency().name, "H01.&lt;b&gt;", "HS-7", NGUYET["soDinhDanh"],
                 NGUYET["hoVaTen"], "<dd>Nữ</dd>", "<dd>17/05/1990</dd>", NGUYET["noiThuongTru"]):
        assert part in asked
    assert "Do you agree to give your information?" in phone.page("en")
    assert phone.press(device=phone.device, action=action, transaction=transaction).status == 303
    assert vi in phone.page()
    assert en in phone.page("en")
    assert vneid.ask_again(transaction)["responseCode"] == code


def test_a_page_that_is_older_than_the_question_answers_nothing(vneid: Vneid, phone: Telephone) -> None:
    transaction = vneid.ask(phone.code())["transactionId"]
    for other in ("", "another"):
        phone.press(device=phone.device, action="yes", transaction=other)
        assert vneid.ask_again(transaction)["responseCode"] == "01"


def test_the_time_to_answer_ends_on_the_phone_too(vneid: Vneid, phone: Telephone) -> None:
    transaction = vneid.ask(phone.code())["transactionId"]
    vneid.now += 300
    assert vneid.ask_again(transaction)["responseCode"] == "04"
    assert "Đã hết thời gian trả lời" in phone.page()


def test_a_silent_citizen_does_not_look(vneid: Vneid, phone: Telephone) -> None:
    vneid.switch(consent="silent")
    transaction = vneid.ask(phone.code())["transactionId"]
    assert "Mã QR định danh" in phone.page()
    assert vneid.ask_again(transaction)["responseCode"] == "01"


def test_two_phones_know_nothing_of_each_other(vneid: Vneid, phone: Telephone) -> None:
    other = Telephone(vneid, "duc")
    mark = other.mark()
    vneid.ask(phone.code())
    assert other.mark() == mark
    assert "Trần Văn Đức" in other.page()


def test_phones_that_nobody_knows_lead_back_to_the_choice(vneid: Vneid, phone: Telephone) -> None:
    assert "Điện thoại này là của ai?" in vneid.request("GET", "/phone?device=x").content.decode()
    assert vneid.request("GET", "/phone/cards?device=x").headers["Location"] == vneid.base + "/phone"
    assert phone.press(device="x", action="new").headers["Location"] == vneid.base + "/phone"
    assert vneid.get("/phone/state?device=x") == {"mark": ""}
    assert phone.press(persona="to-chuc").status == 400
    phone.page()
    assert phone.press(device=phone.device, action="x").status == 400
    assert phone.press(device=phone.device, action="yes").status == 400, "nobody has asked"


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_presses_nothing(vneid: Vneid, phone: Telephone, headers: dict[str, str]) -> None:
    transaction = vneid.ask(phone.code())["transactionId"]
    assert phone.press(headers, device=phone.device, action="yes", transaction=transaction).status == 403
    assert vneid.ask_again(transaction)["responseCode"] == "01"


@pytest.mark.parametrize("persona", PEOPLE.values(), ids=lambda persona: persona.key)
def test_printed_cards_read_as_what_they_are(vneid: Vneid, persona: Any) -> None:
    page = vneid.request("GET", Telephone(vneid, persona.key).address.replace("/phone?", "/phone/cards?")).content.decode()
    texts = [part.partition(">")[2].partition("<")[0] for part in page.split("<textarea")[1:]]
    identity, insurance = (read_scan(text) for text in texts)
    assert (identity.kind, insurance.kind) == ("card", "health_insurance")
    assert identity.prefill["soDinhDanh"] == persona.personal_id
    assert identity.prefill["hoVaTen"] == insurance.prefill["hoVaTen"] == read_citizen(persona.counter_fields()).data["hoVaTen"]
    assert all(vneid.ask(text)["responseCode"] == "02" for text in texts)


@pytest.mark.parametrize(("body", "status"), [({}, 400), ({"decision": "maybe"}, 400), ({"decision": "yes"}, 404),
                                              ({"decision": "yes", "qrID": "x"}, 404),
                                              ({"decision": "yes", "transactionId": "x"}, 404)])
def test_a_program_decides_by_name_only(vneid: Vneid, body: dict[str, str], status: int) -> None:
    assert vneid.post("/phone/consent", body)[0] == status


def test_nobody_decides_before_the_question_or_twice(vneid: Vneid) -> None:
    qr_id = vneid.code()
    assert vneid.decide("yes", qrID=qr_id)[0] == 404
    vneid.ask(qr_id)
    assert vneid.decide("no", qrID=qr_id)[0] == 200
    assert vneid.decide("yes", qrID=qr_id)[0] == 409


# -- what it remembers -------------------------------------------------------------------------------------------------

def test_the_log_tells_what_was_sent_and_no_content(vneid: Vneid) -> None:
    qr_id = vneid.code()
    vneid.ask(qr_id, requestId="r-1", officerId="100085000002", unitCode="H01", dossier="HS-7")
    entry = vneid.get("/control/log")["requests"][-1]
    assert entry["path"] == "/qr/lookup"
    assert entry["parameters"] == {"qrID": "***", "requestId": "***", "officerId": "***", "unitCode": "H01", "dossier": "HS-7"}


@pytest.mark.parametrize("body", [{"nothing": "x"}, {"name": 1}, {"encryption_key": "x"}, {"name": None}])
def test_the_agency_is_changed_as_a_whole_or_not_at_all(vneid: Vneid, body: dict[str, Any]) -> None:
    before = vneid.get("/control/agency")
    assert vneid.post("/control/agency", {"name": "Khác", **body} if "name" not in body else {"audience": "x", **body})[0] == 400
    assert vneid.get("/control/agency") == before


def test_old_lookups_are_forgotten(vneid: Vneid) -> None:
    vneid.switch(consent="always")
    pending = vneid.ask(vneid.code())
    vneid.now += 601
    assert vneid.ask_again(pending["transactionId"])["responseCode"] == "02"
    assert PERSONAS.keys() - PEOPLE.keys() == {"to-chuc"}
