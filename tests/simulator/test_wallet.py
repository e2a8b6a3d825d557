"""The wallet: what VNeID asks a portal and makes of the answers, and how it takes the changes that a portal pushes."""

from __future__ import annotations

import json
import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from webob import Request, Response

from papers_portal import KEYS, LICENCE, NGUYET, OK, Portal, signed
from papers_portal import change as any_change
from simulator_client import NOW, SimulatorClient
from support import serving
from vneid_middleware.simulator import make_simulator, paper_words
from vneid_middleware.simulator.accounts import basic
from vneid_middleware.simulator.agency import Agency
from vneid_middleware.simulator.switches import PUSH_STATUSES, RANDOM_PUSH_FAULTS

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FOREIGN = ec.generate_private_key(ec.SECP256R1())


class Vneid(SimulatorClient):
    """Calls the simulator as a citizen's program and as a portal that pushes."""

    def ask(self, **changed: Any) -> Any:
        status, answer = self.post("/wallet/ask", {"persona": "nguyet", "loaiGiayTo": "GPLX", **changed})
        assert status == 200, answer
        return answer

    def push(self, token: str, path: str = "/documents/changes", **headers: str) -> tuple[int, Any]:
        sent = {"Content-Type": "application/jose", **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = self.request("POST", path, token.encode(), sent)
        return answer.status, json.loads(answer.content)

    def documents(self, **query: str) -> Any:
        return self.get("/wallet/documents?" + urlencode(query))

    def outcomes(self) -> Any:
        return self.documents()["outcomes"]


def change(version: int = 1, **changed: Any) -> dict[str, Any]:
    return any_change(version, **{"iat": NOW, **changed})


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    with serving(Portal) as (_, app):
        yield app


@pytest.fixture(scope="module")
def running(portal: Portal) -> Iterator[Vneid]:
    holder: dict[str, Vneid] = {}
    with serving(lambda base: make_simulator(base, portal=portal.base, clock=lambda: holder["it"].now if holder else NOW)
                 ) as (base, app):
        holder["it"] = Vneid(base, app)
        yield holder["it"]
        app.state.stopped.set()


@pytest.fixture
def vneid(running: Vneid, portal: Portal) -> Vneid:
    running.now = float(NOW)
    portal.start_again()
    portal.answers = [OK]
    running.post("/control/reset", {})
    running.post("/control/agency", Agency.of_portal(portal.base).as_dict())
    return running


# -- asking ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("alg", ["ES256", "PS256", "RS256"])
def test_a_question_is_signed_by_a_published_key_and_says_from_whom_and_for_whom(vneid: Vneid, portal: Portal, alg: str) -> None:
    vneid.switch(pull_alg=alg)
    portal.answers = [{**OK, "iss": portal.base, "aud": "vneid", "iat": NOW - 300}]
    came = vneid.ask(thamSo={"SoGPLX": "790123456789"})
    assert (came["status"], came["signature"], came["http"], came["answer"]["data"]) == ("ok", "valid", 200, LICENCE)
    kind, key, token = portal.requests[0]
    assert (kind, key) == ("application/jose", None)
    published = {jwk["kid"]: jwt.PyJWK(jwk) for jwk in vneid.get("/documents/jwks.json")["keys"]}
    claims = jwt.decode(token, published[jwt.get_unverified_header(token)["kid"]], algorithms=[alg], audience=portal.base,
                        options={"verify_exp": False, "verify_iat": False})
    assert (claims["iss"], claims["iat"], claims["exp"], claims["requestId"]) == ("vneid", NOW, NOW + 60, came["requestId"])
    assert (claims["loaiGiayTo"], claims["soDinhDanh"], claims["thamSo"]) == ("GPLX", NGUYET, {"SoGPLX": "790123456789"})


def test_a_question_with_a_key_is_json_and_its_answer_needs_no_signature(vneid: Vneid, portal: Portal) -> None:
    vneid.switch(pull_form="bearer")
    came = vneid.ask()
    assert (came["status"], came["signature"]) == ("ok", "not-due")
    assert portal.requests[0][:2] == ("application/json", f"Bearer {Agency().caller_key}")
    assert portal.asked == [{"requestId": came["requestId"], "loaiGiayTo": "GPLX", "soDinhDanh": NGUYET}]


def test_a_portal_that_needs_time_is_asked_again_with_the_same_id_and_another_jti(
        vneid: Vneid, portal: Portal, wait_until: Callable[..., Any]) -> None:
    pending = {"status": "pending", "responseCode": "01", "responseMessage": "Đang tra cứu", "retryAfter": 0}
    portal.answers = [pending, pending, OK]
    came = vneid.ask(wait=True)
    assert (came["status"], came["tries"]) == ("ok", 3)
    assert {asked["requestId"] for asked in portal.asked} == {came["requestId"]}
    assert len({asked["jti"] for asked in portal.asked}) == 3
    portal.answers = [pending, OK]
    first = vneid.ask()
    wait_until(lambda: vneid.get("/wallet/asked?requestId=" + first["requestId"])["status"] == "ok")
    assert vneid.ask(requestId="mine")["requestId"] == "mine"


def test_nobody_asked_under_an_unknown_id(vneid: Vneid) -> None:
    assert vneid.request("GET", "/wallet/asked?requestId=x").status == 404


@pytest.mark.parametrize(("answer", "status"), [
    ({"status": "not_found", "responseCode": "02", "responseMessage": ""}, "not_found"),
    ({"status": "mismatch", "responseCode": "03", "responseMessage": "", "fields": ["HoVaTen"]}, "mismatch"),
    ({"status": "multiple", "responseCode": "04", "responseMessage": "", "fields": ["NgaySinh"]}, "multiple"),
    ({**OK, "status": "revoked", "responseCode": "05"}, "revoked"), ({**OK, "status": "expired"}, "expired")])
def test_what_a_portal_may_answer_is_told_as_it_came(vneid: Vneid, portal: Portal, answer: Any, status: str) -> None:
    portal.answers = [answer]
    came = vneid.ask()
    assert (came["status"], came["problem"], came["answer"]["status"]) == (status, "", status)


@pytest.mark.parametrize(("answer", "problem"), [
    ({**OK, "status": "fine"}, "status"), ({**OK, "status": None}, "status"), ({**OK, "status": ["ok"]}, "status"),
    ({**OK, "status": "unavailable"}, "status"), ({**OK, "data": None}, "data"), ({**OK, "data": []}, "data"),
    ({**OK, "data": [LICENCE, "another"]}, "data"), ({**OK, "data": [[LICENCE]]}, "data"), ({**OK, "data": "x"}, "data"),
    ({**OK, "requestId": "another"}, "requestId"), ({**OK, "responseCode": 0}, "responseCode"),
    ({**OK, "status": "not_found"}, "data"), ({**OK, "status": "mismatch", "fields": ["HoVaTen"]}, "data"),
    ({**OK, "status": "mismatch", "data": None}, "fields"), ({**OK, "status": "multiple", "data": None, "fields": [1]}, "fields"),
    ({**OK, "status": "pending", "data": None}, "retryAfter"), ({**OK, "iss": "https://evil.example"}, "iss"),
    ({**OK, "aud": "another"}, "aud"), ({**OK, "iat": NOW - 301}, "iat"), ({**OK, "iat": str(NOW)}, "iat")])
def test_an_answer_that_says_what_it_must_not_is_not_kept(vneid: Vneid, portal: Portal, answer: Any, problem: str) -> None:
    portal.answers = [answer]
    came = vneid.ask()
    assert (came["status"], came["signature"], came["answer"]) == ("invalid_response", "valid", {})
    assert came["problem"].startswith(problem)


def jose(token: str, status: int = 200) -> Response:
    return Response(token.encode(), content_type="application/jose", status=status)


@pytest.mark.parametrize(("answer", "status", "signature"), [
    (Response(json.dumps({**OK, "requestId": "r"}).encode(), content_type="application/json"), "invalid_response", "missing"),
    (jose(signed({**OK, "requestId": "r"}, key=FOREIGN)), "invalid_response", "invalid"),
    (jose(signed({**OK, "requestId": "r"}, kid="unknown")), "invalid_response", "invalid"),
    (jose(signed({**OK, "requestId": "r"})[:-4]), "invalid_response", "invalid"),
    (jose("{}"), "invalid_response", "invalid"),
    (Response(b"<h1>", content_type="text/html"), "invalid_response", "missing"),
    (Response(b"[]", content_type="application/json"), "invalid_response", "missing"),
    (Response(b'{"error": "jti"}', content_type="application/json", status=409), "refused", "missing"),
    (Response(b"<h1>", content_type="text/html", status=403), "refused", "missing"),
    (Response(b'{"status": "ok"}', content_type="application/json", status=500), "refused", "missing"),
    (Response(b"", status=302, location="http://169.254.169.254/"), "refused", "missing"),
    (Response(b'{"status": ["ok"]}', content_type="application/json", status=503), "refused", "missing"),
    (jose("x", 503), "refused", "invalid"),
    (jose(signed({**OK, "status": "unavailable", "data": None}), 503), "unavailable", "valid"),
    (jose(signed({**OK, "status": "invalid_request", "data": None}), 400), "invalid_request", "valid"),
    (jose(signed({**OK, "status": "ok"}), 503), "invalid_response", "valid")])
def test_only_the_portals_signature_makes_an_answer_good(
        vneid: Vneid, portal: Portal, answer: Any, status: str, signature: str) -> None:
    portal.answers = [answer]
    came = vneid.ask(requestId="r")
    assert (came["status"], came["signature"]) == (status, signature)
    assert "data" not in came["answer"] or came["answer"]["data"] is None
    assert "Nguyệt" not in json.dumps(came, ensure_ascii=False)


def test_a_portal_that_is_not_there(vneid: Vneid, free_port: Callable[[], int]) -> None:
    vneid.post("/control/agency", {"documents": f"http://127.0.0.1:{free_port()}/"})
    assert vneid.ask()["status"] == "unreachable"
    vneid.post("/control/agency", {"documents": "http://127.0.0.1:x/"})
    assert vneid.ask()["status"] == "unreachable"


def test_the_portals_new_key_is_fetched_when_none_fits(vneid: Vneid, portal: Portal) -> None:
    portal.published = [KEYS["RS256"]]
    vneid.now += 120
    assert vneid.ask()["signature"] == "invalid"
    portal.published.append(KEYS["ES256"])
    assert vneid.ask()["signature"] == "valid"


@pytest.mark.parametrize("body", [
    {}, {"persona": "nguyet"}, {"loaiGiayTo": "GPLX"}, {"persona": "nobody", "loaiGiayTo": "GPLX"},
    {"persona": "nguyet", "soDinhDanh": NGUYET, "loaiGiayTo": "GPLX"}, {"persona": "nguyet", "loaiGiayTo": 1},
    {"persona": "nguyet", "loaiGiayTo": "GPLX", "more": 1}, {"persona": "nguyet", "loaiGiayTo": "GPLX", "requestId": ""}])
def test_a_program_that_asks_badly_is_told(vneid: Vneid, portal: Portal, body: Any) -> None:
    assert vneid.post("/wallet/ask", body)[0] == 400
    assert portal.requests == []
    assert vneid.request("POST", "/wallet/ask", json.dumps(body).encode(), {"Content-Type": "text/plain"}).status == 415


# -- asking wrongly ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("fault", "error"), [
    ("unsigned", jwt.InvalidTokenError), ("wrong-key", jwt.InvalidSignatureError), ("hs256", jwt.InvalidAlgorithmError),
    ("alg-none", jwt.InvalidAlgorithmError), ("wrong-aud", jwt.InvalidAudienceError), ("expired", jwt.ExpiredSignatureError),
    ("unknown-caller", jwt.InvalidIssuerError), ("no-jti", jwt.MissingRequiredClaimError),
    ("no-iat", jwt.MissingRequiredClaimError), ("no-exp", jwt.MissingRequiredClaimError),
    ("future-iat", jwt.ImmatureSignatureError), ("broken-body", jwt.InvalidTokenError)])
def test_a_spoilt_question_is_refused_by_whoever_checks_it(vneid: Vneid, portal: Portal, fault: str, error: type[Exception],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    vneid.now = time.time()
    portal.answers = [Response(b"{}", content_type="application/json", status=401)]
    key = next(jwt.PyJWK(jwk) for jwk in vneid.get("/documents/jwks.json")["keys"] if jwk["alg"] == "ES256")

    def check() -> Any:
        return jwt.decode(portal.requests[-1][2], key, algorithms=["ES256"], audience=portal.base, issuer="vneid",
                          options={"require": ["jti", "iat", "exp"]})
    assert vneid.ask()["status"] == "refused"
    assert check()["soDinhDanh"] == NGUYET
    vneid.switch(fault__pull=fault)
    assert vneid.ask()["status"] == "refused"
    with pytest.raises(error):
        check()


def test_other_faults_of_a_question(vneid: Vneid, portal: Portal) -> None:
    typed = {"HoVaTen": "Nguyễn"}
    vneid.ask(thamSo=typed)
    for fault in ("replayed", "no-typed-data", "typed-data-list", "no-number", "old-iat"):
        vneid.switch(fault__pull=fault)
        vneid.ask(thamSo=typed)
    first, sent, replayed, without, in_list, nobody, old = portal.asked
    assert replayed == sent
    assert sent["jti"] != first["jti"]
    assert (first["thamSo"], "thamSo" in without, in_list["thamSo"]) == (typed, False, [typed])
    assert "soDinhDanh" not in nobody
    assert (old["iat"], old["exp"]) == (NOW - 3600, NOW + 60)
    vneid.switch(fault__pull="unknown-kid")
    vneid.ask()
    assert jwt.get_unverified_header(portal.requests[-1][2])["kid"] == "unknown"
    vneid.switch(fault__pull="wrong-type")
    vneid.ask()
    assert portal.requests[-1][0] == "text/plain"
    vneid.switch(pull_form="bearer", fault__pull="wrong-key")
    vneid.ask()
    assert portal.requests[-1][1] == f"Bearer {Agency().caller_key}x"


def test_the_keys_of_questions_can_be_replaced_and_fail(vneid: Vneid) -> None:
    before = {key["kid"] for key in vneid.get("/documents/jwks.json")["keys"]}
    assert before.isdisjoint(key["kid"] for key in vneid.get("/qr/jwks.json")["keys"])
    vneid.post("/control/rotate-document-keys", {})
    assert before.isdisjoint(key["kid"] for key in vneid.get("/documents/jwks.json")["keys"])
    vneid.switch(fault__documents_jwks="503")
    assert vneid.request("GET", "/documents/jwks.json").status == 503


# -- pushed changes ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_changes_are_taken_in_the_order_of_their_versions(vneid: Vneid, alg: str) -> None:
    assert vneid.push(signed(change(1), alg)) == (200, {"responseCode": "00", "responseMessage": "Đã nhận", "status": "ok",
                                                       "changeId": "c-1", "version": 1})
    assert vneid.push(signed(change(4), alg))[0] == 200, "what was superseded on the way need not come"
    status, answer = vneid.push(signed(change(2), alg))
    assert (status, answer["status"], answer["version"]) == (409, "stale", 4)
    assert vneid.push(signed(change(4), alg))[1]["status"] == "ok", "the same once more"
    assert vneid.push(signed(change(5, action="revoke", data=...), alg))[0] == 200
    found = vneid.documents(persona="nguyet")
    assert [(paper["version"], paper["action"], paper["data"]) for paper in found["documents"]] == [(5, "revoke", None)]
    assert [(arrival["version"], arrival["outcome"]) for arrival in found["arrivals"]] == [
        (1, "taken"), (4, "taken"), (2, "stale"), (4, "duplicate"), (5, "taken")]
    assert found["outcomes"] == {"taken": 3, "stale": 1, "duplicate": 1}
    assert found["refused"] == {}


def test_documents_are_told_apart_and_found(vneid: Vneid) -> None:
    duc = "100085000002"
    for number, kind, paper in ((NGUYET, "GPLX", "1"), (NGUYET, "BHYT", "1"), (NGUYET, "GPLX", "2"), (duc, "GPLX", "1")):
        assert vneid.push(signed(change(1, changeId=f"{number}{kind}{paper}", soDinhDanh=number, loaiGiayTo=kind,
                                        maGiayTo=paper)))[0] == 200
    assert [len(vneid.documents(**query)["documents"]) for query in (
        {}, {"persona": "nguyet"}, {"soDinhDanh": duc}, {"loaiGiayTo": "GPLX"}, {"maGiayTo": "2"},
        {"persona": "duc", "loaiGiayTo": "BHYT"})] == [4, 3, 1, 3, 1, 0]
    assert vneid.request("GET", "/wallet/documents?persona=nobody").status == 400


@pytest.mark.parametrize(("again", "status", "outcome"), [
    ({"data": {**LICENCE, "SoSeri": "other"}}, 409, "other-content"), ({"changeId": "c-x"}, 422, "reused"),
    ({"idempotencyKey": "k-x"}, 422, "reused"), ({"version": 2}, 422, "reused"), ({"maGiayTo": "other"}, 422, "reused")])
def test_one_version_is_one_change(vneid: Vneid, again: dict[str, Any], status: int, outcome: str) -> None:
    vneid.push(signed(change(1)))
    assert vneid.push(signed({**change(1), **again}))[0] == status
    assert vneid.outcomes() == {"taken": 1, outcome: 1}
    assert [paper["data"]["SoSeri"] for paper in vneid.documents()["documents"]] == ["1"]


@pytest.mark.parametrize(("claims", "status"), [
    (change(iat=...), 401), (change(iat=NOW - 301), 401), (change(iat=NOW + 61), 401), (change(iat=str(NOW)), 401),
    (change(iat=True), 401), (change(exp=NOW), 401), (change(exp="x"), 401), (change(iss="https://evil.example"), 401),
    (change(version=0), 400), (change(version="1"), 400), (change(version=True), 400), (change(version=1.0), 400),
    (change(version=...), 400), (change(action="delete"), 400), (change(action=...), 400), (change(data=...), 400),
    (change(data=[]), 400), (change(data=[], action="revoke"), 400), (change(soDinhDanh="10019000000"), 400),
    (change(soDinhDanh=int(NGUYET)), 400), (change(maGiayTo=""), 400), (change(maGiayTo="x" * 201), 400),
    (change(loaiGiayTo=...), 400), (change(changeId=...), 400), (change(idempotencyKey=...), 400)])
def test_a_change_of_the_wrong_form_or_time_is_refused(vneid: Vneid, claims: dict[str, Any], status: int) -> None:
    assert vneid.push(signed(claims))[0] == status
    found = vneid.documents()
    assert (found["documents"], found["arrivals"], sum(found["refused"].values())) == ([], [], 1)


@pytest.mark.parametrize(("token", "status"), [
    (signed(change(), key=FOREIGN), 401), (signed(change(), kid="unknown"), 401), (signed(change())[:-8] + "AAAAAAAA", 401),
    (jwt.encode(change(), "k" * 64, algorithm="HS256"), 401), (jwt.encode(change(), None, algorithm="none"), 400),
    ("", 400), ("a.b", 400), ("{}", 400), ("é", 400), (signed([change()]), 400), (signed(change()) + "\n", 400)])
def test_a_change_without_the_portals_signature_is_refused(vneid: Vneid, token: str, status: int) -> None:
    answer = vneid.push(token)
    assert (answer[0], answer[1]["responseCode"]) == (status, {401: "10", 400: "07"}[status])
    assert vneid.documents()["documents"] == []


def test_other_ways_to_send_a_change_are_refused(vneid: Vneid, portal: Portal, free_port: Callable[[], int]) -> None:
    assert vneid.push(signed(change()), Content_Type="application/json")[0] == 415
    huge = Request.blank("/documents/changes", method="POST", content_type="application/jose", content_length=14_100_001)
    assert huge.get_response(vneid.app).status_int == 413
    assert vneid.request("GET", "/documents/changes").status == 405
    vneid.post("/control/agency", {"jwks": f"http://127.0.0.1:{free_port()}/"})
    status, answer = vneid.push(signed(change()))
    assert (status, answer["status"]) == (503, "unavailable")
    vneid.post("/control/agency", {"jwks": portal.base + "/vneid/.well-known/jwks.json"})
    vneid.switch(push_account="bearer")
    assert vneid.push(signed(change()))[0] == 401
    assert vneid.push(signed(change()), Authorization="Bearer x")[0] == 401
    assert vneid.push(signed(change()), Authorization=f"Bearer {Agency().bearer}")[0] == 200


def test_a_large_document_is_taken(vneid: Vneid) -> None:
    assert vneid.push(signed(change(data={"Anh": "x" * 9_900_000})))[0] == 200


def test_changes_come_through_every_platform(vneid: Vneid) -> None:
    agency = Agency()
    service = "/".join(quote(part, safe="") for part in agency.x_road_service.split("/"))
    paths = [(f"/XrdAdapter/RestService/forward/documents/changes?dstcode={quote(agency.dstcode)}", {}),
             (f"/r1/{service}/documents/changes", {"X_Road_Client": agency.x_road_client})]
    pair = urlencode({"grant_type": "client_credentials"}).encode()
    got = vneid.request("POST", "/token", pair, {**FORM, "Authorization": basic(agency.client_id, agency.client_secret)})
    paths.append(("/vneid/1.0/documents/changes", {"Authorization": "Bearer " + json.loads(got.content)["access_token"]}))
    keys = {"AccessKey": agency.access_key, "SecretKey": agency.secret_key, "AppName": agency.app_name,
            "PartnerCode": agency.partner_code, "PartnerCodeCus": agency.partner_code_cus}
    paths.append(("/lgsp/documents/changes", {"lgspaccesstoken": b64encode(json.dumps(keys).encode()).decode()}))
    for version, (path, headers) in enumerate(paths, 1):
        assert vneid.push(signed(change(version)), path, **headers)[0] == 200
        assert vneid.push(signed(change(version, iat=0)), path, **headers)[0] == 401
    assert vneid.push(signed(change(9)), f"/r1/{service}/documents/changes")[0] == 400
    for path in ("/vneid/1.0/documents/changes", "/lgsp/documents/changes"):
        assert vneid.push(signed(change(9)), path)[0] == 401
    assert vneid.outcomes() == {"taken": 4}


def test_neither_log_nor_refusals_tell_whose_document_it_is(vneid: Vneid) -> None:
    vneid.push(signed(change(1)))
    vneid.push(signed(change(2, maGiayTo="x" * 300)))
    form = {"device": opened(vneid).partition("device=")[2], "kind": "GPLX", "typed.HoVaTen": "Nguyễn", "more": f"a = {NGUYET}"}
    assert vneid.request("POST", "/wallet", urlencode(form).encode(), FORM).status == 303
    told = json.dumps([vneid.get("/control/log"), vneid.documents()["refused"]], ensure_ascii=False)
    assert "/documents/changes" in told
    assert [word for word in (NGUYET, "790123456789", "Nguy") if word in told] == []


# -- faults of the taking ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fault", [*PUSH_STATUSES, "500", "503"])
def test_a_status_without_a_version_takes_nothing(vneid: Vneid, fault: str) -> None:
    vneid.switch(fault__push=fault)
    answer = vneid.request("POST", "/documents/changes", signed(change()).encode(), {"Content-Type": "application/jose"})
    assert (answer.status, answer.getheader("Retry-After")) == (int(fault), "1" if fault == "429" else None)
    assert b"version" not in answer.content
    assert vneid.outcomes() == {"not-taken": 1}
    vneid.switch(fault__push="none")
    assert vneid.push(signed(change()))[0] == 200


@pytest.mark.parametrize(("fault", "outcome"), [("closed", "not-taken"), ("taken-closed", "taken"), ("broken-off", "not-taken")])
def test_a_connection_may_close_without_an_answer(vneid: Vneid, fault: str, outcome: str) -> None:
    vneid.switch(fault__push=fault)
    with pytest.raises((HTTPException, ConnectionError)):
        vneid.push(signed(change()))
    assert vneid.outcomes() == {outcome: 1}
    vneid.switch(fault__push="none")
    assert vneid.push(signed(change()))[1]["version"] == 1


@pytest.mark.parametrize(("fault", "status", "code", "outcome", "held"), [
    ("taken-500", 500, None, "taken", 1), ("forgets", 200, "00", "forgotten", 0),
    ("malformed-envelope", 200, None, "not-taken", 0),
    ("other-code", 200, "77", "not-taken", 0), ("other-change", 200, "00", "not-taken", 0),
    ("409-older", 409, "08", "not-taken", 0)])
def test_an_answer_may_say_what_is_not_so(
        vneid: Vneid, fault: str, status: int, code: str | None, outcome: str, held: int) -> None:
    vneid.switch(fault__push=fault)
    answer = vneid.request("POST", "/documents/changes", signed(change(7)).encode(), {"Content-Type": "application/jose"})
    assert answer.status == status
    if code:
        told = json.loads(answer.content)
        assert (told["responseCode"], told.get("version", 7)) == (code, 6 if fault == "409-older" else 7)
        assert (told.get("changeId", "c-7") == "c-7") == (fault != "other-change")
    assert (vneid.outcomes(), len(vneid.documents()["documents"])) == ({outcome: 1}, held)


def test_a_late_change_is_taken_after_the_wait(vneid: Vneid, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go = threading.Event(), threading.Event()
    monkeypatch.setattr(vneid.app.state.stopped, "wait", lambda seconds: entered.set() or go.wait(10))
    vneid.switch(fault__push="hang")
    late = threading.Thread(target=vneid.push, args=(signed(change(1)),))
    late.start()
    assert entered.wait(10)
    assert vneid.outcomes() == {"not-taken": 1}
    vneid.switch(fault__push="none")
    assert vneid.push(signed(change(2)))[0] == 200
    go.set()
    late.join(10)
    assert [(arrival["version"], arrival["outcome"]) for arrival in vneid.documents()["arrivals"]] == [(1, "stale"), (2, "taken")]


def test_a_part_of_the_changes_meets_a_fault_by_chance(vneid: Vneid) -> None:
    vneid.switch(fault__push="random", push_share="50")
    for version in range(1, 61):
        with suppress(HTTPException, ConnectionError, json.JSONDecodeError):
            vneid.push(signed(change(version)))
    arrivals = vneid.documents()["arrivals"]
    faults = [arrival["fault"] for arrival in arrivals if arrival["fault"] != "none"]
    assert 15 <= len(faults) <= 45
    assert len(set(faults)) >= 5
    assert set(faults) <= set(RANDOM_PUSH_FAULTS)
    assert {arrival["outcome"] for arrival in arrivals if arrival["fault"] == "none"} == {"taken"}


# -- the page ----------------------------------------------------------------------------------------------------------

def opened(vneid: Vneid, persona: str = "nguyet") -> str:
    answer = vneid.request("POST", "/wallet", urlencode({"persona": persona}).encode(), FORM)
    assert answer.status == 303
    return str(answer.getheader("Location"))



def page(vneid: Vneid, path: str, **headers: str) -> str:
    text = vneid.request("GET", path, headers=headers).content.decode()
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", text.partition("<main")[2]))


def test_the_wallet_asks_by_a_form_and_says_in_words_what_came(vneid: Vneid, portal: Portal) -> None:
    place = opened(vneid)
    assert "Chưa có giấy tờ nào." in page(vneid, place)
    assert 'name="typed.SoGPLX"' in vneid.request("GET", place + "&kind=GPLX").content.decode()
    assert 'name="kind" required' in vneid.request("GET", place + "&kind=?").content.decode()
    device = place.partition("device=")[2]
    form = {"device": device, "kind": "GPLX", "typed.SoGPLX": "790", "typed.HoVaTen": " ", "more": "NoiCap = Hà Nội\nx"}
    portal.answers = [{**OK, "status": "mismatch", "data": None, "fields": ["HoVaTen", "KhongBiet"]}]
    assert vneid.request("POST", "/wallet", urlencode(form).encode(), FORM).status == 303
    assert portal.asked[0]["thamSo"] == {"SoGPLX": "790", "NoiCap": "Hà Nội"}
    assert "Thông tin bạn nhập chưa khớp: Họ và tên, KhongBiet" in page(vneid, place)
    portal.answers = [{**OK, "status": "expired"}]
    vneid.request("POST", "/wallet", urlencode({"device": device, "kind": "GPLX"}).encode(), FORM)
    assert "thamSo" not in portal.asked[1]
    shown = page(vneid, place)
    for words in ("Giấy tờ đã hết hạn", "Chữ ký của cơ quan hợp lệ", "Số giấy phép lái xe 790123456789", "17/05/1990",
                  "Do bạn hỏi"):
        assert words in shown
    assert "The paper has expired" in page(vneid, place, **{"Accept-Language": "en"})


def test_all_papers_of_a_kind_are_shown_one_by_one(vneid: Vneid, portal: Portal) -> None:
    place = opened(vneid)
    vneid.push(signed(change(3, iat=NOW)))
    vneid.now += 1
    portal.answers = [{**OK, "data": [LICENCE, {"SoGPLX": "111", "HangGPLX": "A1"}, {"SoGPLX": "222"}], "maGiayTo": [
        LICENCE["SoGPLX"], "111", "222"]}]
    came = vneid.ask()
    assert (came["status"], came["problem"]) == ("ok", "")
    shown = page(vneid, place)
    for number in (LICENCE["SoGPLX"], "111", "222"):
        assert shown.count(f"Số giấy phép lái xe {number}") == 1
    # which of them is in force nobody said
    assert "Giấy tờ đang có hiệu lực" not in shown
    portal.answers = [{**OK, "data": [{"SoGPLX": "333"}], "status": "revoked"}]
    assert vneid.ask()["status"] == "revoked"
    assert "Giấy tờ đã bị thu hồi Số giấy phép lái xe 333" in page(vneid, place)


def test_a_change_shows_by_itself_and_takes_the_place_of_what_was_asked_for(vneid: Vneid) -> None:
    place = opened(vneid)
    mark = place.replace("/wallet", "/wallet/state")
    before = vneid.get(mark)
    vneid.ask()
    vneid.now += 1
    vneid.push(signed(change(3, iat=NOW)))
    assert vneid.get(mark) != before
    shown = page(vneid, place)
    assert shown.count("790123456789") == 3, "in the news, and once as a card with its id"
    assert "Cập nhật : Giấy phép lái xe 790123456789, phiên bản 3" in shown
    vneid.push(signed(change(4, action="revoke")))
    assert "Giấy tờ đã bị thu hồi" in page(vneid, place)
    assert "Giấy tờ đang có hiệu lực" not in page(vneid, place)
    assert page(vneid, opened(vneid, "duc")).count("790123456789") == 0


@pytest.mark.parametrize(("form", "headers", "status"), [
    ({"persona": "nobody"}, {}, 400), ({"persona": "to-chuc"}, {}, 400), ({"device": "x", "kind": "GPLX"}, {}, 303),
    ({"device": "DEVICE", "kind": " "}, {}, 400), ({"device": "DEVICE", "kind": "GPLX"}, {"Sec-Fetch-Site": "cross-site"}, 403)])
def test_a_wrong_form_asks_nobody(
        vneid: Vneid, portal: Portal, form: dict[str, str], headers: dict[str, str], status: int) -> None:
    device = opened(vneid).partition("device=")[2]
    sent = {name: value.replace("DEVICE", device) for name, value in form.items()}
    assert vneid.request("POST", "/wallet", urlencode(sent).encode(), {**FORM, **headers}).status == status
    assert portal.requests == []


def test_what_a_portal_sends_is_shown_as_text(vneid: Vneid, portal: Portal) -> None:
    place = opened(vneid)
    vneid.push(signed(change(1, maGiayTo="<i>", data={"<b>x</b>": "<script>", "nested": {"a": [1]}, "none": None})))
    text = vneid.request("GET", place).content.decode()
    assert "<script>" not in text.partition("<main")[2]
    assert "&lt;script&gt;" in text
    assert [tag for tag in ("<b>x", "<i>") if tag in text] == []


def test_a_card_has_one_order_however_its_fields_came() -> None:
    asked = {"SoGPLX": "1", "HangGPLX": "B1", "HoVaTen": "A", "zz": "2", "NgayHHGPLX": "2036-03-01", "Xyz": "1"}
    labels = [label for label, _ in paper_words.rows(asked, True)]
    assert labels == [label for label, _ in paper_words.rows(dict(sorted(asked.items())), True)]
    assert labels == ["Số giấy phép lái xe", "Hạng", "Họ và tên", "Ngày hết hạn", "Xyz", "zz"]


@pytest.mark.parametrize("name", ["loaiGiayTo", "thamSo", "requestId"])
def test_a_question_that_is_not_taken_is_told_in_words(name: str) -> None:
    for vi in (True, False):
        assert paper_words.word(paper_words.FIELDS, name, vi) != name
