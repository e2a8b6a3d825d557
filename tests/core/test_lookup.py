"""The counter's question and answer as data: what is refused, how a lookup ends, and what no answer can bring about."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vneid_middleware.core import lookup
from vneid_middleware.core.citizen import FIELDS
from vneid_middleware.core.lookup import CONTEXT, RESPONSE_CODES, STATUSES, Envelope, Question, Result
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.outbound import Response
from vneid_middleware.plugins.qr.upstream import Answer, Asked, Upstream

NOW = 1_790_000_000
CITIZEN = {"soDinhDanh": "100190000001", "hoVaTen": "Nguyễn Thị Ánh Nguyệt", "gioiTinh": "2", "ngayThangNamSinh": "19900517",
           "noiThuongTru": "Số 1 phố Đinh Tiên Hoàng, Hà Nội"}
CANARY = "canary-4711"
BODY = {"status", "responseCode", "responseMessage", "message"}


def code_of(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(VNeIDError) as caught:
        call(*arguments)
    return caught.value.code


# -- the question ------------------------------------------------------------------------------------------------------

def test_a_question_is_read_without_the_blanks_around_it_and_in_nfc() -> None:
    said = {"qrID": " QR-1\u3000", "officerId": " 001080000001 ", "unitCode": None,
            "dossier": unicodedata.normalize("NFD", "Hồ sơ 1"), "soDinhDanh": 1}
    assert lookup.read_question(json.dumps(said).encode()) == Question("QR-1", "001080000001", "", "Hồ sơ 1")
    assert lookup.read_question(b'{"qrID": "QR-1"}') == Question("QR-1")


@pytest.mark.parametrize("value", [None, "", " ", "\u3000\u00a0", 7, True, ["QR"], {"qrID": "QR"}, "a\nb", "a\x7f", "a\u0085b",
                                   "a" * 4_097])
def test_what_is_no_code_is_refused_by_its_name(value: Any) -> None:
    with pytest.raises(VNeIDError, match="qrID") as caught:
        lookup.read_question(json.dumps({"qrID": value}).encode())
    assert (caught.value.code, caught.value.evidence) == ("request_malformed", {"field": "qrID"})


@pytest.mark.parametrize("field", CONTEXT)
@pytest.mark.parametrize("value", [7, False, ["HS-1"], {}, "a\tb", "a" * 129])
def test_context_that_is_no_short_text_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(VNeIDError, match=field) as caught:
        lookup.read_question(json.dumps({"qrID": "QR", field: value}).encode())
    assert (caught.value.code, caught.value.evidence) == ("request_malformed", {"field": field})


@pytest.mark.parametrize("field", CONTEXT)
@pytest.mark.parametrize("value", [None, "", " ", "\u3000"])
def test_a_blank_is_nothing_said(field: str, value: Any) -> None:
    body = json.dumps({"qrID": "QR", field: value}).encode()
    assert lookup.read_question(body) == Question("QR")
    assert code_of(lookup.read_question, body, {field}) == "request_malformed"
    assert code_of(lookup.read_question, b'{"qrID": "QR"}', {field}) == "request_malformed"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"QR"', b'{"qrID": "a", "qrID": "b"}', b'{"qrID": "a\\ud800"}', b'\xff{}',
                                  b'{"qrID": "a", "x": NaN}', b'{"qrID": "a", "x": 9223372036854775809}', b'{"qrID": "a"} {}',
                                  b'{"qrID": "a", "x": ' + b"[" * 40 + b"]" * 40 + b"}"])
def test_what_two_readers_may_read_differently_is_no_question(body: bytes) -> None:
    with pytest.raises(VNeIDError) as caught:
        lookup.read_question(body)
    assert (caught.value.code, caught.value.evidence) == ("request_malformed", {})


# -- the envelope ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("members", "expected"), [
    ({"responseCode": "00"}, Envelope("00", "", None, "")),
    ({"responseCode": "A.b_c-1", "responseMessage": unicodedata.normalize("NFD", "Mã cũ"), "data": {"a": 1},
      "transactionId": "T!"},
     Envelope("A.b_c-1", "Mã cũ", {"a": 1}, "T!")),
    ({"responseCode": "00", "responseMessage": "a\nb", "transactionId": None}, Envelope("00", "", None, "")),
    ({"responseCode": "00", "responseMessage": "x" * 201, "transactionId": ""}, Envelope("00", "", None, "")),
    ({"responseCode": "00", "responseMessage": ["x"], "soDinhDanh": "x"}, Envelope("00", "", None, "")),
])
def test_an_envelope_is_read_by_its_form(members: dict[str, Any], expected: Envelope) -> None:
    assert lookup.read_envelope(json.dumps(members).encode()) == expected


@pytest.mark.parametrize("members", [
    {}, {"responseCode": 0}, {"responseCode": ""}, {"responseCode": "0 0"}, {"responseCode": "0" * 33}, {"responseCode": "00\n"},
    {"responseCode": "００"}, {"responseCode": ["00"]},
    {"responseCode": "01", "transactionId": 7}, {"responseCode": "01", "transactionId": "a b"},
    {"responseCode": "01", "transactionId": "é"}, {"responseCode": "01", "transactionId": "T\n"},
    {"responseCode": "01", "transactionId": "t" * 513}, {"responseCode": "01", "transactionId": ["T"]},
    {"responseCode": "01", "transactionId": {"id": "T"}}, {"responseCode": "01", "transactionId": True},
    {"responseCode": "01", "transactionId": 0}, {"responseCode": "01", "transactionId": []},
    {"responseCode": "01", "transactionId": False}])
def test_an_envelope_in_another_form_is_none(members: dict[str, Any]) -> None:
    assert code_of(lookup.read_envelope, json.dumps(members).encode()) == "envelope_malformed"


@pytest.mark.parametrize("code", [*RESPONSE_CODES, "0", "000", "ok", "OK"])
def test_a_code_that_nobody_agreed_on_is_no_yes(code: str) -> None:
    result = lookup.status_of(Envelope(code, "words", {"soDinhDanh": "x"}, ""), RESPONSE_CODES)
    assert result.status == RESPONSE_CODES.get(code, lookup.INVALID_RESPONSE)
    assert (result.code, result.data) == (code, None)
    assert (result.message, result.reason) == (("words", "") if code in RESPONSE_CODES else ("", "code_unknown"))


# -- the answer --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("status", STATUSES)
def test_an_answer_has_the_members_of_its_status(status: str) -> None:
    result = Result(status, "00" if status == lookup.OK else None, data=CITIZEN if status == lookup.OK else None,
                    prefill={"hoVaTen": "A"} if status == lookup.CARD_QR else None, reason="why")
    body = result.body("What to do.")
    more = {lookup.OK: {"data", "warnings"}, lookup.CARD_QR: {"prefill"}}.get(status, set())
    fallback = {"fallback"} if status in ("invalid_qr", "consent_denied", "consent_timeout", "card_qr") else set()
    assert body.keys() == BODY | more | fallback
    assert body["responseMessage"] == body["message"] == "What to do."
    assert body.get("fallback", "manual_entry") == "manual_entry"


def test_vneids_own_words_stand_beside_ours() -> None:
    body = Result("ok", "00", "Thành công", CITIZEN, ("gender_disagrees",)).body("Go on.")
    assert body == {"status": "ok", "responseCode": "00", "responseMessage": "Thành công", "message": "Go on.", "data": CITIZEN,
                    "warnings": ["gender_disagrees"]}


@pytest.mark.parametrize(("status", "reason", "http"), [
    ("ok", "", 200), ("pending", "", 202), ("invalid_qr", "", 200), ("expired_qr", "used", 200), ("consent_denied", "", 200),
    ("consent_timeout", "timeout", 200), ("card_qr", "card", 200), ("invalid_response", "timeout", 502),
    ("upstream_unavailable", "status", 503), ("upstream_unavailable", "timeout", 504)])
def test_each_status_has_its_http_status(status: str, reason: str, http: int) -> None:
    assert Result(status, reason=reason).http_status == http


# -- whatever VNeID may send -------------------------------------------------------------------------------------------

ISSUER, AUDIENCE, REQUEST = "https://vneid.example", "https://portal.example", "0b9d7c1e-0000-4000-8000-000000000001"
ASKED = Asked("identifier", "QR-1", REQUEST, "", "", "")
WAITING = ASKED._replace(transaction_id="T-1")
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
characters = st.characters(exclude_categories=())
leaves = (st.none() | st.booleans() | st.integers() | st.floats() | st.text(characters, max_size=30)
          | st.sampled_from([ISSUER, AUDIENCE, REQUEST, NOW, NOW + 60, "00", *CITIZEN.values()]))
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3)
                        | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6)


class Parser:
    """The response parser of a counter whose VNeID signs with ``signer``."""

    def __init__(self, signer: Any, file: Any) -> None:
        file.write_text(json.dumps({"keys": [signer.jwk()]}))
        self.jwks = str(file)

    def __call__(self, **changed: Any) -> Upstream:
        given = {"qr.transport": "vneid", "qr.path": "/", "qr.consent": "poll", "qr.consent_timeout": 120, "qr.response": "jws",
                 "qr.jwks": self.jwks, "qr.issuer": ISSUER, "qr.audience": AUDIENCE, "qr.bind": "request_id", "qr.fields": FIELDS,
                 "qr.response_codes": RESPONSE_CODES, **{f"qr.{name}": value for name, value in changed.items()}}
        return Upstream(_Services(given))


class _Services(dict[str, Any]):
    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__(transports={"vneid": None})
        self.settings = given
        self.outbound = SimpleNamespace(warm_up=lambda: None)
        self.clock = self.now = lambda: NOW


@pytest.fixture(scope="session")
def parser(signer: Any, tmp_path_factory: pytest.TempPathFactory) -> Parser:
    return Parser(signer, tmp_path_factory.mktemp("keys") / "jwks.json")


def in_form(answer: Answer, *, fields: tuple[str, ...] = FIELDS) -> str:
    """Check what holds of every answer, and return its status."""
    result = answer.result
    assert result.status in STATUSES
    assert (result.data is not None) == (result.status == lookup.OK)
    body = result.body("Words.")
    assert body.keys() <= BODY | {"data", "warnings", "fallback"}
    assert CANARY not in json.dumps(body)
    for name, value in body.get("data", {}).items():
        assert name in fields
        assert value
        assert isinstance(value, str)
        assert len(value) <= 500
        assert unicodedata.is_normalized("NFC", value)
        assert not {unicodedata.category(letter) for letter in value} & {"Cc", "Cf", "Cs"}
    assert unicodedata.is_normalized("NFC", body["responseMessage"])
    return result.status


@pytest.mark.threat("A-218")
@settings(UNHURRIED, max_examples=60)
@given(body=st.binary(max_size=60) | anything.map(json.dumps).map(str.encode), status=st.sampled_from([200, 200, 204, 400, 503]))
def test_no_bytes_whatever_are_an_error_or_a_yes(parser: Parser, body: bytes, status: int) -> None:
    assert in_form(parser().read(Response(status, {}, body), ASKED)) in (lookup.INVALID_RESPONSE, lookup.UNAVAILABLE)


envelopes = st.fixed_dictionaries(
    {"responseCode": st.sampled_from([*RESPONSE_CODES]) | anything},
    optional={"responseMessage": anything, "transactionId": anything | st.sampled_from(["T-1", "T-2"]), "data": anything,
              "soDinhDanh": st.just(CANARY), "status": st.just("ok")})


@pytest.mark.threat("A-218")
@settings(UNHURRIED, max_examples=60)
@given(members=envelopes, asked=st.sampled_from([ASKED, WAITING]), response=st.sampled_from(["jws", "plain"]),
       consent=st.sampled_from(["poll", "blocking", "webhook"]))
def test_an_unsigned_envelope_says_nothing_of_a_citizen(parser: Parser, members: Any, asked: Asked, response: str,
                                                        consent: str) -> None:
    answer = parser(response=response, consent=consent).read(Response(200, {}, json.dumps(members).encode()), asked)
    status = in_form(answer)
    assert status != lookup.OK or response == "plain"
    if status == lookup.PENDING:
        assert consent != "blocking"
        assert answer.transaction_id == members.get("transactionId", "T-1") or not members["transactionId"]
        assert asked.transaction_id in ("", answer.transaction_id)


@pytest.mark.parametrize(("consent", "known", "told", "transaction"), [
    ("poll", "", "T-1", "T-1"), ("webhook", "", "T-1", "T-1"), ("poll", "T-1", "T-1", "T-1"), ("poll", "T-1", None, "T-1"),
    ("poll", "", None, None), ("poll", "", "", None), ("poll", "T-1", "T-2", None), ("blocking", "", "T-1", None)])
def test_a_lookup_waits_for_one_transaction_and_keeps_it(parser: Parser, consent: str, known: str, told: str | None,
                                                         transaction: str | None) -> None:
    body = json.dumps({"responseCode": "01", "transactionId": told}).encode()
    answer = parser(consent=consent).read(Response(200, {}, body), ASKED._replace(transaction_id=known))
    assert in_form(answer) == (lookup.INVALID_RESPONSE if transaction is None else lookup.PENDING)
    assert answer.transaction_id == (transaction or "")


def whole_claims(draw: Any) -> dict[str, Any]:
    return {**CITIZEN, "iss": ISSUER, "aud": draw(st.sampled_from([AUDIENCE, [AUDIENCE]])), "requestId": REQUEST,
            "iat": NOW + draw(st.integers(-60, 60)), "exp": NOW + 61 + draw(st.integers(0, 999)), "anh": CANARY}


def _in_time(claim: str, value: Any) -> bool:
    return type(value) is int and (abs(value - NOW) <= 60 if claim == "iat" else value > NOW)


WRONG = {"iss": lambda value: value != ISSUER, "aud": lambda value: value not in (AUDIENCE, [AUDIENCE]),
         "requestId": lambda value: value != REQUEST, "iat": lambda value: not _in_time("iat", value),
         "exp": lambda value: not _in_time("exp", value)}
"""The claims that are checked, and what is wrong in them."""
HEADERS = [{"alg": "none"}, {"alg": "HS256"}, {"alg": "RS512"}, {"kid": "other"}, {"typ": "logout+jwt"}, {"cty": "JWT"},
           {"crit": ["exp"]}]


@pytest.mark.threat("A-217")
@pytest.mark.parametrize("wrong", [None, "signature", "header", "bytes", *WRONG])
@settings(UNHURRIED, max_examples=30)
@given(data=st.data())
def test_a_yes_needs_the_signature_and_every_check(parser: Parser, signer: Any, stranger: Any, wrong: str | None,
                                                   data: st.DataObject) -> None:
    claims = whole_claims(data.draw)
    if wrong in WRONG:
        value = data.draw(st.sampled_from([..., "another", NOW - 61, *[None] * 2]), label=wrong)
        value = data.draw(anything.filter(WRONG[wrong]), label=wrong) if value is None else value
        claims = {name: value if name == wrong else claim for name, claim in claims.items() if name != wrong or value is not ...}
    header = data.draw(st.sampled_from(HEADERS), label="header") if wrong == "header" else {}
    token = (stranger if wrong == "signature" else signer).token(claims, **header)
    if wrong == "bytes":
        place = data.draw(st.integers(0, len(token) - 1), label="place")
        token = token[:place] + data.draw(characters.filter(lambda letter: letter != token[place])) + token[place + 1:]
    envelope = {"responseCode": "00", "data": token, "soDinhDanh": CANARY}
    answer = parser().read(Response(200, {}, json.dumps(envelope).encode()), ASKED)
    assert in_form(answer) == (lookup.INVALID_RESPONSE if wrong else lookup.OK)
    assert bool(answer.answer_key) == (not wrong)


@pytest.mark.threat("A-218")
@settings(UNHURRIED, max_examples=60)
@given(changed=st.dictionaries(st.sampled_from([*FIELDS, "danToc", "anh"]), anything, max_size=4), kept=st.sets(st.sampled_from(
    [*FIELDS, "danToc"])).map(tuple), response=st.sampled_from(["jws", "plain"]))
def test_a_citizen_is_whole_or_there_is_none(parser: Parser, signer: Any, changed: dict[str, Any], kept: tuple[str, ...],
                                             response: str) -> None:
    claims = {**CITIZEN, "iss": ISSUER, "aud": AUDIENCE, "requestId": REQUEST, "iat": NOW, "exp": NOW + 60, "khac": CANARY,
              **changed}
    body = json.dumps({"responseCode": "00", "data": signer.token(claims) if response == "jws" else claims}).encode()
    answer = parser(fields=kept, response=response).read(Response(200, {}, body), ASKED)
    status = in_form(answer, fields=kept)
    assert status in (lookup.OK, lookup.INVALID_RESPONSE)
    if status == lookup.OK:
        assert len(answer.personal_id) == 12
        assert answer.personal_id == claims["soDinhDanh"]
    elif not changed:
        pytest.fail("a citizen in form was refused")
