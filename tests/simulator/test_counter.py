"""The other side of the counter: codes on a phone, consent, signed answers, and everything that can go wrong with them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from support import serving
from vneid_middleware.core.jose import KeySet
from vneid_middleware.core.lookup_answer import verify_answer
from vneid_middleware.simulator import make_simulator

ISSUED = 1_800_000_000
NGUYET = {"soDinhDanh": "100190000001", "hoVaTen": "Nguyễn Thị Ánh Nguyệt", "gioiTinh": "2", "ngayThangNamSinh": "19900517",
          "noiThuongTru": "Số 12 đường Lê Lợi, phường Trung Tâm, tỉnh An Bình"}


class Vneid:
    """Calls the simulator by HTTP, as an agency and as a citizen, and moves its clock."""

    def __init__(self, base: str, app: Any) -> None:
        self.base, self.app, self.now = base, app, float(ISSUED)

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = self.request("POST", path, json.dumps(body).encode(), sent)
        return answer.status, json.loads(answer.content)

    def get(self, path: str) -> Any:
        return json.loads(self.request("GET", path).content)

    def switch(self, **values: str) -> None:
        names = {name.replace("__", "."): value for name, value in values.items()}
        assert self.post("/control/switches", names)[0] == 200

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
    return running


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
