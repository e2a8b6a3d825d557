"""Who may pull: everybody else is refused before anything of a citizen is looked at."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from licences import KEY, OTHER_KEY, TUYET, Keys
from support import Browser, serving
from vneid_middleware.core.documents import verify_request
from vneid_middleware.core.jose import KeySet, encode_base64url
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.plugins.documents import callers

JSON = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}


def refused(portal: Any, token: bytes, status: int = 401, code: str = "caller_unknown") -> None:
    before = len(portal.audit("document.answered"))
    answer = portal.send_signed(token)
    assert (answer.status, answer.json()["error"]) == (status, code)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert len(portal.audit("document.answered")) == before
    assert portal.audit("document.refused")[-1]["what"]["code"] == code
    assert TUYET not in answer.text


def by_secret(claims: dict[str, Any], secret: bytes, alg: str = "HS256") -> bytes:
    """Sign by HMAC, as somebody would who knows the public key only."""
    header, payload = ({"alg": alg, "kid": "one"}, claims)
    signed = ".".join(encode_base64url(json.dumps(part).encode()) for part in (header, payload))
    return f"{signed}.{encode_base64url(hmac.digest(secret, signed.encode(), 'sha256'))}".encode()


@pytest.mark.threat("A-232")
@pytest.mark.parametrize("alg", ["ES256", "RS256", "PS256"])
def test_a_caller_may_sign_with(portal, alg) -> None:
    key, kid = (portal.keys.ec, "one") if alg == "ES256" else (portal.keys.rsa, "two")
    assert portal.send_signed(portal.sign(portal.claims(), key, alg, kid)).status == 200


@pytest.mark.threat("A-232")
@pytest.mark.parametrize("changes", [
    {"iss": None}, {"iss": "registry"}, {"iss": "nobody"}, {"iss": "vneid"}, {"iss": 1}, {"iss": ""}, {"aud": None},
    {"aud": "https://another.example"}, {"aud": ["https://another.example"]}, {"aud": 1}, {"iat": None}, {"exp": None},
    {"jti": None}, {"jti": ""}, {"jti": "a b"}, {"jti": "x" * 129}, {"jti": 5}, {"exp": "soon"}, {"iat": True}])
def test_a_signed_request_without_what_ties_it_to_us_is_refused(portal, changes) -> None:
    refused(portal, portal.sign(portal.claims(**changes)))


@pytest.mark.threat("A-232")
@pytest.mark.parametrize(("issued", "expires", "status"), [
    (0, 60, 200), (-200, 30, 200), (-200, -30, 200), (30, 90, 200), (-200, -90, 401), (90, 150, 401), (-400, 600, 401),
    (0, 0, 401), (0, -10, 401), (-3600, -3500, 401)])
def test_times_are_held_to(portal, issued, expires, status) -> None:
    now = int(portal.clock())
    answer = portal.send_signed(portal.sign(portal.claims(iat=now + issued, exp=now + expires)))
    assert answer.status == status


@pytest.mark.threat("A-232")
def test_a_request_counts_once(portal) -> None:
    claims = portal.claims()
    assert portal.send_signed(portal.sign(claims)).status == 200
    refused(portal, portal.sign(claims), 409, "request_replayed")
    # the same id around another question is no other request
    refused(portal, portal.sign({**claims, "requestId": "other"}), 409, "request_replayed")


@pytest.mark.threat("A-232")
def test_a_request_counts_once_after_its_life(make_portal) -> None:
    portal = make_portal()
    token = portal.sign(portal.claims(exp=int(time.time()) + 86_400))
    assert portal.send_signed(token).status == 200
    for ahead in (200, 359, 361, 400):
        portal.clock.ahead = ahead
        assert portal.send_signed(token).status in (401, 409)


def test_two_callers_may_choose_the_same_id(make_portal) -> None:
    portal = make_portal()
    both = f"VNeID = jwks:file:{portal.keys.jwks}\nC06 = jwks:file:{portal.keys.jwks}"
    portal = make_portal(documents__callers=both)
    claims = portal.claims(jti="1")
    assert [portal.send_signed(portal.sign({**claims, "iss": caller})).status for caller in ("VNeID", "C06", "VNeID", "C06")] == [
        200, 200, 409, 409]
    assert portal.opened(portal.send_signed(portal.sign(portal.claims(iss="C06"))))["aud"] == "C06"


def test_a_request_of_one_caller_is_not_verified_as_anothers(portal) -> None:
    token = portal.sign(portal.claims()).decode()
    keys = KeySet.from_jwks(json.loads(portal.keys.jwks.read_text()))
    now = int(portal.clock())
    assert verify_request(token, caller="VNeID", key_set=keys, audience=portal.base, now=now).claims["iss"] == "VNeID"
    with pytest.raises(VNeIDError, match="issuer_mismatch"):
        verify_request(token, caller="C06", key_set=keys, audience=portal.base, now=now)


def test_keys_of_others_and_other_algorithms_are_refused(portal) -> None:
    claims = portal.claims()
    refused(portal, portal.sign(claims, portal.keys.other))
    refused(portal, portal.sign(claims, kid="unknown"))
    refused(portal, portal.sign(claims, portal.keys.rsa, "RS512", "two"))
    refused(portal, by_secret(claims, json.dumps(Keys.public(portal.keys.ec, "one")).encode()))
    refused(portal, by_secret(claims, b"", "none"))
    refused(portal, portal.sign(claims, portal.keys.other, jwk=Keys.public(portal.keys.other, "one")))
    head, payload, signature = portal.sign(claims).split(b".")
    refused(portal, head + b"." + payload + b"." + signature[:-4] + b"AAAA")
    refused(portal, head + b"." + payload)
    refused(portal, head + b"." + payload + b".")
    refused(portal, b"")
    refused(portal, b"\xff\xfe")
    assert portal.send_signed(portal.sign(claims)).status == 200, "none of them used the jti up"


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
def test_short_keys_of_a_caller_are_no_keys(make_portal) -> None:
    portal = make_portal()
    weak: Any = rsa.generate_private_key(65537, 1024)
    portal.keys.jwks.write_text(json.dumps({"keys": [Keys.public(weak, "weak"), Keys.public(portal.keys.ec, "one")]}))
    refused(portal, portal.sign(portal.claims(), weak, "RS256", "weak"))


def test_each_caller_comes_in_its_own_way(portal) -> None:
    # one that signs has no bearer key, and the other way round
    assert portal.post(portal.sign(portal.claims()), {**JSON, "Content-Type": "application/jose"}).status == 200
    refused(portal, portal.sign(portal.claims(iss="registry")))
    unsigned = portal.post(json.dumps(portal.claims()).encode(), {"Content-Type": "application/json"})
    assert (unsigned.status, unsigned.headers["WWW-Authenticate"]) == (401, 'Bearer realm="vneid"')
    assert portal.post(json.dumps(portal.claims()).encode(), {**JSON, "Content-Type": "application/jose"}).status == 401


@pytest.mark.parametrize("authorization", ["", KEY, f"Basic {KEY}", "Bearer", "Bearer ", f"Bearer {KEY}x", f"Bearer {KEY[1:]}",
                                           "Bearer sha256:" + "0" * 64])
def test_a_wrong_key_is_nobodys(portal, authorization) -> None:
    answer = portal.ask(headers={"Authorization": authorization})
    assert (answer.status, answer.json()["error"]) == (401, "caller_unknown")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jwt", "multipart/form-data",
                                  ""])
def test_other_kinds_of_body_are_refused(portal, kind) -> None:
    assert portal.post(json.dumps(portal.question()).encode(), {**JSON, "Content-Type": kind}).status == 415


def test_the_body_is_at_most_64_kilobytes(portal) -> None:
    question = {**portal.question(), "more": ""}
    room = 65_536 - len(json.dumps(question))
    assert portal.post(json.dumps({**question, "more": "x" * room}).encode(), JSON).status == 200
    answer = portal.post(json.dumps({**question, "more": "x" * (room + 1)}).encode(), JSON)
    assert (answer.status, answer.json()["error"]) == (413, "body_too_large")
    claims = portal.claims(more="x" * 40_000)
    assert portal.send_signed(portal.sign(claims)).status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_refused(portal, method) -> None:
    assert Browser().send(method, portal.base + "/vneid/documents/lookup", JSON).status == 405


@pytest.mark.threat("A-230")
def test_only_listed_addresses_may_ask(make_portal) -> None:
    portal = make_portal(documents__allow="10.9.8.7")
    for headers in ({}, {"X-Forwarded-For": "10.9.8.7"}, {"X-Road-Client": "VN/GOV/1/vneid"}):
        answer = portal.ask(headers=headers)
        assert (answer.status, answer.json()["error"]) == (403, "address_refused")
    assert portal.send_signed(portal.sign(portal.claims())).status == 403
    behind = make_portal(documents__allow="10.9.8.7", trusted_proxies="127.0.0.1")
    assert behind.ask(headers={"X-Forwarded-For": "10.9.8.7"}).status == 200
    assert behind.ask(headers={"X-Forwarded-For": "10.9.8.7, 10.9.8.6"}).status == 403


@pytest.mark.threat("A-231")
def test_only_listed_clients_of_x_road_may_ask(make_portal) -> None:
    portal = make_portal(documents__allow="127.0.0.1", documents__x_road_clients="VN/GOV/1/vneid\nVN/GOV/2/c06")
    assert [portal.ask(headers={"X-Road-Client": client}).status for client in (
        "VN/GOV/1/vneid", "VN/GOV/2/c06", "VN/GOV/1/VNEID", "VN/GOV/1%2Fvneid", "VN/GOV/1/vneid, VN/GOV/2/c06",
        "VN/GOV/1/vneid,VN/GOV/1/vneid", "VN/GOV/3/x", "")] == [200, 200, 403, 403, 403, 403, 403, 403]
    assert portal.ask().status == 403


class KeyServer:
    """Publishes a caller's keys; while ``gate`` is closed it does not answer."""

    def __init__(self, jwks: bytes) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked += 1
                server.gate.wait(60)
                self.send_response(200)
                self.send_header("Content-Length", str(len(jwks)))
                self.end_headers()
                self.wfile.write(jwks)

            def log_message(self, *args: Any) -> None:
                """Nothing on the tests' terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/jwks"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def key_server(tmp_path: Path) -> Iterator[tuple[KeyServer, Keys]]:
    (tmp_path / "caller").mkdir()
    keys = Keys(tmp_path / "caller")
    server = KeyServer(keys.jwks.read_bytes())
    yield server, keys
    server.close()


@pytest.mark.threat("A-232")
def test_forged_requests_hold_half_of_the_threads_at_most_while_a_key_server_hangs(make_portal, key_server,
                                                                                           monkeypatch) -> None:
    monkeypatch.setattr(callers, "_KEYS_SECONDS", 60)
    server, keys = key_server
    portal = make_portal(server_threads="4", documents__callers=f"VNeID = jwks:{server.url}")
    genuine = {"key": keys.ec}
    assert portal.send_signed(portal.sign(portal.claims(), **genuine)).status == 200
    server.gate.clear()
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(portal.send_signed, portal.sign(portal.claims(), keys.other, kid="nobody-s")) for _ in range(6)]
        told = [work.result().status for work in islice(as_completed(asked, 8), 4)]
        assert told == [401] * 4
        assert sum(not work.done() for work in asked) == 2
        # whoever the kept keys know is answered meanwhile
        assert portal.send_signed(portal.sign(portal.claims(), **genuine)).status == 200
        server.gate.set()
        assert {work.result(20).status for work in asked} == {401}
    assert server.asked == 2


@pytest.mark.threat("A-232")
def test_nobody_can_say_who_asks_while_the_first_keys_have_not_come(make_portal, key_server, monkeypatch) -> None:
    monkeypatch.setattr(callers, "_KEYS_SECONDS", 60)
    server, keys = key_server
    portal = make_portal(server_threads="4", documents__callers=f"VNeID = jwks:{server.url}")
    server.gate.clear()
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(portal.send_signed, portal.sign(portal.claims(), keys.ec)) for _ in range(6)]
        told = [work.result() for work in islice(as_completed(asked, 20), 4)]
        assert {(answer.status, answer.json()["error"]) for answer in told} == {(503, "caller_unverifiable")}
        server.gate.set()
        assert sorted(work.result(20).status for work in asked) == [200] * 2 + [503] * 4


@pytest.mark.threat("A-234")
def test_a_caller_that_asks_too_often_waits_and_the_others_do_not(make_portal, caplog) -> None:
    portal = make_portal(documents__rate_limit="3")
    assert [portal.ask().status for _ in range(5)] == [200, 200, 200, 429, 429]
    answer = portal.ask()
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert caplog.text.count("alarm: too_many_pulls") == 1
    assert [portal.ask(key=OTHER_KEY).status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert caplog.text.count("alarm: too_many_pulls") == 2, "one for each caller"
    claims = portal.claims()
    assert portal.send_signed(portal.sign(claims)).status == 200
    # a request that found no turn may be sent again
    for _ in range(2):
        assert portal.send_signed(portal.sign(portal.claims())).status == 200
    late = portal.claims()
    assert [portal.send_signed(portal.sign(late)).status for _ in range(2)] == [429, 429]


def test_keys_are_fetched_from_the_caller_and_a_new_one_is_found(make_portal) -> None:
    published: dict[str, Any] = {"keys": []}
    fetched: list[str] = []

    def jwks(environ: Any, start_response: Any) -> list[bytes]:
        fetched.append(environ["PATH_INFO"])
        start_response("200 OK" if published["keys"] else "503 Service Unavailable", [("Content-Type", "application/json")])
        return [json.dumps(published).encode()]

    with serving(lambda base: jwks) as (url, _):
        portal = make_portal(documents__callers=f"VNeID = jwks:{url}/keys")
        down = portal.send_signed(portal.sign(portal.claims()))
        assert (down.status, down.json()["error"]) == (503, "caller_unverifiable")
        published["keys"] = [Keys.public(portal.keys.ec, "one")]
        portal.clock.ahead = 31
        assert portal.send_signed(portal.sign(portal.claims())).status == 200
        newer = ec.generate_private_key(ec.SECP256R1())
        published["keys"].append(Keys.public(newer, "new"))
        assert portal.send_signed(portal.sign(portal.claims(), newer, kid="new")).status == 200
        count = len(fetched)
        for _ in range(5):
            refused(portal, portal.sign(portal.claims(), newer, kid="made-up"))
        assert len(fetched) == count
        for _ in range(3):
            refused(portal, portal.sign(portal.claims(jku=f"{url}/evil"), portal.keys.other, jku=f"{url}/evil"))
        assert set(fetched) == {"/keys"}
