"""docs/openapi-counter.json is what the counter does: no answer that it does not describe, none described that there is not."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
import pytest

from described import Description
from support import Answer
from vneid_middleware.core.citizen import FIELDS
from vneid_middleware.core.lookup import CONTEXT, FALLBACK, STATUSES
from vneid_middleware.exceptions import StorageError, UpstreamError
from vneid_service import KEYS

# there is none for Python 3.10
schemathesis = pytest.importorskip("schemathesis")

OPENAPI = Description("openapi-counter.json")
DESCRIPTION = OPENAPI.whole
SCHEMAS = DESCRIPTION["components"]["schemas"]
ERRORS = set(SCHEMAS["Error"]["properties"]["error"]["enum"])
ASK, LOOK, CANCEL, HOOK = OPERATIONS = ("POST /qr/lookup", "GET /qr/lookup/{identifier}", "DELETE /qr/lookup/{identifier}",
                                        "POST /qr/webhook")
OTHER = "another method"
CARD = "001204000123|012345678|Nguyễn Thị Ánh Tuyết|17052004|Nữ|Số 1 phố Hòa Mã, Hà Nội|01012022"
INSURANCE = "DN4010112345678|4e67757965|17/05/1990|1|48c3a0|01 - 001"
UNKNOWN = "/vneid/qr/lookup/" + "x" * 32


def described(operation: str, status: int) -> dict[str, Any]:
    if operation == OTHER:
        return DESCRIPTION["components"]["responses"]["MethodNotAllowed"]
    method, path = operation.split()
    return OPENAPI.resolved(DESCRIPTION["paths"][path][method.lower()]["responses"][str(status)])


# -- answers of ours, one by one ---------------------------------------------------------------------------------------

@contextmanager
def operators_fail(portal: Any, error: Exception) -> Iterator[None]:
    """Let the question who asks come to an error."""
    class Failing:
        def identify(self, request: Any) -> Any:
            raise error

    counter = portal.middleware.services["qr"]
    before, counter.policy = counter.policy, Failing()
    try:
        yield
    finally:
        counter.policy = before


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """VNeID's answer is waited for also on a busy machine: what comes at once is no 202."""
    monkeypatch.setattr("vneid_middleware.plugins.qr.calls.MOMENT", 10)


def says(code: str, qr: str = "", claims: Any = None, **settings: str) -> Callable[[Any], Answer]:
    """VNeID says so at once."""
    def ask(lasting: Any) -> Answer:
        portal = lasting(**settings)
        portal.vneid.answer = portal.vneid.gives(code, **claims or {})
        return portal.ask(qr)

    return ask


def says_later(code: str) -> Callable[[Any], Answer]:
    """VNeID says so after it was pending."""
    def look(lasting: Any) -> Answer:
        portal = lasting()
        portal.vneid.answer = portal.vneid.pends(portal.vneid.gives(code))
        return portal.result(portal.ask())

    return look


def sends(method: str, path: str, body: Any = None, *, mode: str = "poll", **options: Any) -> Callable[[Any], Answer]:
    return lambda lasting: lasting(qr__consent=mode).send(method, path, body, **options)


def pending(method: str) -> Callable[[Any], Answer]:
    def send(lasting: Any) -> Answer:
        portal = lasting()
        portal.vneid.answer = portal.vneid.pends()
        return portal.send(method, portal.ask().location.removeprefix(portal.base))

    return send


def breaks(method: str, path: str, error: Exception, body: Any = None) -> Callable[[Any], Answer]:
    def send(lasting: Any) -> Answer:
        portal = lasting()
        with operators_fail(portal, error):
            return portal.send(method, path, body)

    return send


def named(method: str, path: str, status: str, **headers: str) -> Callable[[Any], Answer]:
    """The portal itself says who is there."""
    def send(lasting: Any) -> Answer:
        portal = lasting(qr__operators="subrequest:/can-bo/toi")
        portal.host["status"] = status
        body = {"qrID": "QR"} if method == "POST" else None
        return portal.send(method, path, body, key=None, headers=headers)

    return send


def silent(later: bool) -> Callable[[Any], Answer]:
    """VNeID does not answer in time: at once, as some platforms say, or later."""
    def look(lasting: Any) -> Answer:
        import asyncio

        portal, released = lasting(), threading.Event()
        transport = portal.middleware.services["qr"].upstream.transport

        async def send(request: Any) -> Any:
            while later and not released.is_set():
                await asyncio.sleep(0.01)
            raise UpstreamError("timeout", "no answer")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(transport, "send", send)
            if later:
                patch.setattr("vneid_middleware.plugins.qr.calls.MOMENT", 0.05)
            first = portal.ask()
            released.set()
            return portal.result(first)

    return look


def too_many(lasting: Any) -> Answer:
    portal = lasting(qr__rate_limit="1")
    portal.ask(CARD)
    return portal.ask(CARD)


def scanned_twice(lasting: Any) -> Answer:
    portal = lasting()
    portal.ask("QR-twice")
    return portal.ask("QR-twice")


def hooked(spoil: Callable[[Any], Any], error: Exception | None = None) -> Callable[[Any], Answer]:
    """VNeID tells by itself."""
    def tell(lasting: Any) -> Answer:
        portal, transaction = lasting(qr__consent="webhook"), str(uuid.uuid4())
        portal.vneid.answer = portal.vneid.pends(transaction=transaction)
        first = portal.ask()
        with pytest.MonkeyPatch.context() as patch:
            if error is not None:
                def hook(body: bytes) -> None:
                    raise error

                patch.setattr(portal.middleware.services["qr"], "hook", hook)
            answer = portal.send("POST", "/vneid/qr/webhook", {"transactionId": transaction, **spoil(portal.vneid)}, key=None)
        assert portal.look(first.location).status == (202 if answer.status != 200 else 200)
        return answer

    return tell


STORAGE, FAULT = StorageError("storage_unavailable"), RuntimeError("a fault")
QUESTION = {"qrID": "QR"}
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
ANSWERS = [
    (ASK, 200, "ok", says("00")), (ASK, 200, "ok", says("00", claims={"gioiTinh": "2", "ngayThangNamSinh": "199901"})),
    (ASK, 200, "invalid_qr", says("02")), (ASK, 200, "invalid_qr", says("00", "không phải mã")),
    (ASK, 200, "expired_qr", says("03")), (ASK, 200, "expired_qr", scanned_twice), (ASK, 200, "consent_denied", says("04")),
    (ASK, 200, "consent_timeout", says("05", qr__response_codes="00 = ok\n05 = consent_timeout")),
    (ASK, 200, "card_qr", says("00", CARD)), (ASK, 200, "card_qr", says("00", INSURANCE)),
    (ASK, 202, "pending", lambda lasting: _pends(lasting())),
    (ASK, 400, "lookup_malformed", sends("POST", "/vneid/qr/lookup", b"{")),
    (ASK, 400, "lookup_malformed", sends("POST", "/vneid/qr/lookup", {"qrID": "QR", "dossier": 7})),
    (ASK, 401, "operator_unknown", sends("POST", "/vneid/qr/lookup", QUESTION, key=None)),
    (ASK, 401, "operator_unknown", named("POST", "/vneid/qr/lookup", "401 Unauthorized")),
    (ASK, 403, "not_an_officer", named("POST", "/vneid/qr/lookup", "302 Found")),
    (ASK, 403, "cross_site", named("POST", "/vneid/qr/lookup", "200 OK", Origin="https://evil.example")),
    (ASK, 415, "media_type_unsupported", sends("POST", "/vneid/qr/lookup", QUESTION, headers={"Content-Type": "text/plain"})),
    (ASK, 429, "too_many_lookups", too_many),
    (ASK, 500, "internal_error", breaks("POST", "/vneid/qr/lookup", FAULT, QUESTION)),
    (ASK, 502, "invalid_response", says("77")),
    (ASK, 503, "upstream_unavailable", says("99")),
    (ASK, 503, "lookup_stopped", breaks("POST", "/vneid/qr/lookup", STORAGE, QUESTION)),
    (ASK, 504, "upstream_unavailable", silent(later=False)),
    (LOOK, 200, "ok", says_later("00")), (LOOK, 200, "consent_denied", says_later("04")),
    (LOOK, 202, "pending", pending("GET")),
    (LOOK, 401, "operator_unknown", sends("GET", UNKNOWN, key=None)),
    (LOOK, 403, "not_an_officer", named("GET", UNKNOWN, "404 Not Found")),
    (LOOK, 404, "lookup_unknown", sends("GET", UNKNOWN)),
    (LOOK, 404, "not_found", sends("GET", UNKNOWN + "/x")), (LOOK, 404, None, sends("GET", UNKNOWN + "%2Fx", headers=PAGE)),
    (LOOK, 500, "internal_error", breaks("GET", UNKNOWN, FAULT)),
    (LOOK, 502, "invalid_response", says_later("77")),
    (LOOK, 503, "upstream_unavailable", says_later("99")), (LOOK, 503, "lookup_stopped", breaks("GET", UNKNOWN, STORAGE)),
    (LOOK, 504, "upstream_unavailable", silent(later=True)),
    (CANCEL, 204, None, pending("DELETE")),
    (CANCEL, 401, "operator_unknown", sends("DELETE", UNKNOWN, key=None)),
    (CANCEL, 403, "cross_site", named("DELETE", UNKNOWN, "200 OK", **{"Sec-Fetch-Site": "cross-site"})),
    (CANCEL, 404, "lookup_unknown", sends("DELETE", UNKNOWN)),
    (CANCEL, 500, "internal_error", breaks("DELETE", UNKNOWN, FAULT)),
    (CANCEL, 503, "lookup_stopped", breaks("DELETE", UNKNOWN, STORAGE)),
    (HOOK, 200, "accepted", hooked(lambda vneid: vneid.gives()({}))),
    (HOOK, 400, "lookup_malformed", hooked(lambda vneid: {"responseCode": 0})),
    (HOOK, 400, "lookup_malformed", hooked(lambda vneid: {"responseCode": "00", "data": vneid.signed(key=vneid.other)})),
    (HOOK, 404, "lookup_unknown", hooked(lambda vneid: {"responseCode": "04", "transactionId": "unknown"})),
    (HOOK, 404, "lookup_unknown", sends("POST", "/vneid/qr/webhook", {"responseCode": "04", "transactionId": "unknown"})),
    (HOOK, 415, "media_type_unsupported", sends("POST", "/vneid/qr/webhook", b"{}", mode="webhook",
                                                headers={"Content-Type": "text/plain"})),
    (HOOK, 500, "internal_error", hooked(lambda vneid: {"responseCode": "04"}, FAULT)),
    (HOOK, 503, "lookup_stopped", hooked(lambda vneid: {"responseCode": "04"}, STORAGE)),
    (OTHER, 405, "method_not_allowed", sends("GET", "/vneid/qr/lookup")),
    (OTHER, 405, "method_not_allowed", sends("POST", UNKNOWN, QUESTION)),
    (OTHER, 405, None, sends("GET", "/vneid/qr/webhook", headers=PAGE)),
]
"""Operation, HTTP status, the answer's word (None: a page, or nothing), and how it comes about."""


def _pends(portal: Any) -> Answer:
    portal.vneid.answer = portal.vneid.pends()
    return portal.ask()


@pytest.mark.parametrize(("operation", "status", "word", "make"), ANSWERS, ids=lambda value: "" if callable(value) else value)
def test_each_answer_is_as_described(lasting: Any, operation: str, status: int, word: str | None,
                                     make: Callable[[Any], Answer]) -> None:
    answer = make(lasting)
    assert answer.status == status, answer.text
    if word is not None:
        assert word in (answer.json().get("status"), answer.json().get("error"))
    OPENAPI.check_answer(answer, described(operation, status))


def test_everything_that_is_described_is_among_these_answers() -> None:
    documented = {(f"{method.upper()} {path}", int(status)) for path, item in DESCRIPTION["paths"].items()
                  for method, operation in item.items() if method != "parameters" for status in operation["responses"]}
    assert {(operation, status) for operation, status, _, _ in ANSWERS} == documented | {(OTHER, 405)}
    assert {word for *_, word, _ in ANSWERS} - {None, "accepted"} == set(STATUSES) | ERRORS


def test_head_takes_no_result_away(lasting: Any) -> None:
    portal = lasting()
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives())
    first = portal.ask()
    path = first.location.removeprefix(portal.base)
    for _ in range(2):
        answer = portal.send("HEAD", path)
        assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET")
    assert portal.look(first.location).json()["status"] == "ok"


# -- the code, the other way round -------------------------------------------------------------------------------------

def test_paths_and_methods_are_those_of_the_plugin(lasting: Any) -> None:
    from vneid_middleware.plugins import qr

    found = set()

    class Config:
        def __init__(self) -> None:
            self.registry, self.routes = {"vneid.registrations": None}, {}

        def add_route(self, name: str, pattern: str) -> None:
            self.routes[name] = pattern

        def add_view(self, view: Any, route_name: str, request_method: str) -> None:
            # the page's own paths are for its script, which comes with it
            if self.routes[route_name].startswith(("/qr/lookup", "/qr/webhook")):
                found.add(f"{request_method} {self.routes[route_name]}")

        def __getattr__(self, name: str) -> Any:
            return lambda *given: None

    qr.includeme(Config())
    assert found == set(OPERATIONS)


def test_statuses_fields_and_words_are_those_of_the_code(lasting: Any) -> None:
    from vneid_middleware.core import lookup
    from vneid_middleware.plugins.qr import views

    described_in = {status: name for name, schema in SCHEMAS.items() if "responseCode" in schema.get("properties", {})
                    and name != "Envelope" for status in _words(schema["properties"]["status"])}
    assert described_in.keys() == STATUSES.keys()
    assert {status for status, name in described_in.items() if "fallback" in SCHEMAS[name]["properties"]} == FALLBACK
    settled = {status for status, http in STATUSES.items() if http == 200}
    assert SCHEMAS["Settled"]["discriminator"]["mapping"] == {
        status: f"#/components/schemas/{name}" for status, name in described_in.items() if status in settled}
    assert tuple(SCHEMAS["Citizen"]["properties"]) == tuple(SCHEMAS["Prefill"]["properties"]) == FIELDS
    asked = SCHEMAS["Question"]["properties"]
    assert tuple(asked) == tuple(SCHEMAS["Error"]["properties"]["field"]["enum"]) == ("qrID", *CONTEXT)
    assert [asked[name]["maxLength"] for name in asked] == [lookup._MAX_QR] + [lookup._MAX_CONTEXT] * len(CONTEXT)
    assert f"{views.MAX_BODY:,} bytes" in SCHEMAS["Question"]["description"]
    assert all(code in ERRORS and code in _said_at(status) for code, status in views._CODES.items())


def _words(schema: dict[str, Any]) -> list[str]:
    return schema.get("enum") or [schema["const"]]


def _said_at(status: int) -> str:
    return json.dumps([OPENAPI.resolved(response) for item in DESCRIPTION["paths"].values() for operation in item.values()
                       if "responses" in operation for code, response in operation["responses"].items() if code == str(status)])


def test_every_example_is_true_to_its_schema_and_in_the_counters_words(lasting: Any) -> None:
    pages, seen = lasting().middleware.services.pages, 0
    for content in _contents(DESCRIPTION):
        example = content.get("example")
        if example is None:
            continue
        seen += 1
        OPENAPI.check_value(example, content["schema"])
        code = example.get("error") or ("status" in example and f"lookup.{example['status']}")
        if code:
            words = pages.message(code, "vi")
            assert example["message"] == f"{words.happened} {words.todo}".strip()
    assert seen > 10


def _contents(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield from [content for content in node.get("content", {}).values() if isinstance(content, dict)]
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _contents(child)


def test_nothing_is_described_that_nothing_refers_to() -> None:
    text = json.dumps(DESCRIPTION)
    for kind in ("schemas", "responses", "headers"):
        unused = [name for name in DESCRIPTION["components"][kind] if f'"#/components/{kind}/{name}"' not in text]
        assert unused == (["MethodNotAllowed"] if kind == "responses" else [])


# -- whatever may be sent ----------------------------------------------------------------------------------------------

CONFIG = schemathesis.Config.from_dict({
    "suppress-health-check": ["too_slow"],
    "generation": {"max-examples": 15, "database": "none"},
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "4xx", "502", "503", "504"]}},
})
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION, config=CONFIG)


@pytest.fixture(scope="module")
def counter(lasting: Any) -> Any:
    """A portal whose VNeID answers in every way, by what it is asked."""
    portal = lasting(qr__consent="webhook", qr__rate_limit="99999")

    def answer(question: dict[str, Any]) -> Any:
        vneid, number = portal.vneid, sum(question["qrID"].encode()) % 8
        if number == 0 or question["qrID"].startswith("waiting-"):
            return {"responseCode": "01", "transactionId": str(uuid.uuid4())}
        if number == 1:
            return {"responseCode": "00", "data": vneid.signed(key=vneid.other)}
        return vneid.gives(("00", "02", "03", "04", "99", "77")[number - 2])(question)

    portal.vneid.answer = answer
    return portal


@SCHEMA.parametrize()
def test_whatever_is_sent_is_answered_as_described(case: Any, counter: Any) -> None:
    headers = {"Accept": "application/json", "Authorization": f"Bearer {KEYS['quay-1']}"}
    if case.operation.path.endswith("}") and case.meta.generation.mode.is_positive:
        # a lookup that there is: one that is made up is never found
        case.path_parameters["identifier"] = counter.ask(f"waiting-{uuid.uuid4()}").location.rpartition("/")[2]
    # that integers end at 2**63, the description says in words: a schema can't say it of members that it does not know
    hypothesis.assume(not any(len(digits) > 18 for digits in re.findall("[0-9]+", json.dumps(case.body, default=str))))
    case.call_and_validate(base_url=counter.base + "/vneid", headers=headers)
