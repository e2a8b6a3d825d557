"""docs/openapi-documents.json is what the documents' endpoints do: no answer that it does not describe."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from described import Description
from licences import KEY, Portal, portals
from support import Answer, Browser
from vneid_middleware.core.documents import HTTP_STATUS, RESPONSE_CODES
from vneid_middleware.plugins.documents.messages import MESSAGES as PULL_MESSAGES
from vneid_middleware.plugins.documents.outbox.messages import MESSAGES as CHANGE_MESSAGES

# there is none for Python 3.10
schemathesis = pytest.importorskip("schemathesis")

OPENAPI = Description("openapi-documents.json")
DESCRIPTION = OPENAPI.whole
SUBMITTER = "key-of-the-back-office-0123456789"
CHANGE = {"loaiGiayTo": "GPLX", "soDinhDanh": "001204000123", "maGiayTo": "1", "action": "revoke", "idempotencyKey": "k"}
LOOKUP, CHANGES = "/documents/lookup", "/documents/changes"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], None]) -> Iterator[Portal]:
    with portals(tmp_path_factory.mktemp("portal"), new_database) as make:
        yield make(documents__rate_limit="100000", transport__vneid__kind="direct", transport__vneid__url="http://127.0.0.1:9",
                   documents__transport="vneid", documents__push_path="/push",
                   documents__submitters=f"mot-cua = sha256:{hashlib.sha256(SUBMITTER.encode()).hexdigest()}")


def check(answer: Answer, path: str) -> None:
    """Compare an answer with what is described: status, headers, body."""
    response = (DESCRIPTION["components"]["responses"]["MethodNotAllowed"] if answer.status == 405
                else DESCRIPTION["paths"][path]["post"]["responses"][str(answer.status)])
    assert response["content"], "each has words"
    OPENAPI.check_answer(answer, response)


def send(portal: Portal, path: str, body: Any, method: str = "POST", **headers: str) -> Answer:
    sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Browser().send(method, f"{portal.base}/vneid{path}", sent, None if method == "GET" else content)


def test_the_description_names_every_code_and_status() -> None:
    named = set(DESCRIPTION["components"]["schemas"]["Error"]["properties"]["error"]["enum"])
    assert named == {*PULL_MESSAGES, *CHANGE_MESSAGES, "method_not_allowed"}
    text = json.dumps(DESCRIPTION["paths"]) + json.dumps(DESCRIPTION["components"]["responses"])
    assert [code for code in named if f'"{code}"' not in text] == []
    assert set(DESCRIPTION["components"]["schemas"]["Answer"]["properties"]["status"]["enum"]) == set(RESPONSE_CODES)
    responses = DESCRIPTION["paths"][LOOKUP]["post"]["responses"]
    for status in RESPONSE_CODES:
        assert f'"{status}"' in json.dumps(responses[str(HTTP_STATUS.get(status, 200))])


@pytest.mark.parametrize(("headers", "body", "status"), [
    ({}, CHANGE, 401), ({"Authorization": f"Bearer {KEY}"}, CHANGE, 401), ({"Content_Type": "text/plain"}, CHANGE, 415),
    ({}, {**CHANGE, "duLieu": {}}, 400), ({}, b"{", 400), ({}, {**CHANGE, "data": {"a": "x" * 10_500_000}}, 413)])
def test_refused_announcements_are_as_described(portal, headers, body, status) -> None:
    key = {"Authorization": f"Bearer {SUBMITTER}"} if status != 401 else {}
    answer = send(portal, CHANGES, body, **{**key, **headers})
    assert answer.status == status
    check(answer, CHANGES)


def test_announcements_are_as_described(portal) -> None:
    for change, status in ((CHANGE, 202), (CHANGE, 202), ({**CHANGE, "maGiayTo": "2"}, 409)):
        answer = send(portal, CHANGES, change, Authorization=f"Bearer {SUBMITTER}")
        assert answer.status == status
        check(answer, CHANGES)


@pytest.mark.parametrize("path", [LOOKUP, CHANGES])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_as_described(portal, path, method) -> None:
    answer = send(portal, path, {}, method)
    assert answer.status == 405
    check(answer, path)


def test_pulls_are_as_described(portal) -> None:
    claims = portal.claims()
    token = portal.sign(claims)
    asked = [(portal.ask(), 200), (portal.ask(HoVaTen="An"), 200), (portal.ask("079085001234"), 200), (portal.ask("0" * 12), 200),
             (portal.ask("038190004567"), 200), (portal.ask(kind="NO"), 400), (portal.ask(key="x"), 401),
             (portal.send_signed(token), 200), (portal.send_signed(token), 409),
             (portal.post(b"x", {"Content-Type": "text/plain"}), 415),
             (portal.post(b"x" * 70_000, {"Content-Type": "application/json"}), 413)]
    for answer, status in asked:
        assert answer.status == status
        check(answer, LOOKUP)


CONFIG = schemathesis.Config.from_dict({
    "suppress-health-check": ["too_slow"],
    "generation": {"max-examples": 25, "database": "none"},
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "4xx", "503"]}},
})
# what is signed is signed by the other tests
UNSIGNED = json.loads(json.dumps(DESCRIPTION))
del UNSIGNED["paths"][LOOKUP]["post"]["requestBody"]["content"]["application/jose"]
SCHEMA = schemathesis.openapi.from_dict(UNSIGNED, config=CONFIG)


@SCHEMA.parametrize()
def test_whatever_is_sent_is_answered_as_described(case: Any, portal: Portal) -> None:
    key = KEY if case.operation.path == LOOKUP else SUBMITTER
    hypothesis.assume(not any(len(digits) > 18 for digits in re.findall("[0-9]+", json.dumps(case.body, default=str))))
    answer = case.call(base_url=portal.base + "/vneid", headers={"Authorization": f"Bearer {key}"})
    described = DESCRIPTION["paths"][case.operation.path]["post"]["responses"]
    if answer.status_code != 405:
        assert str(answer.status_code) in described
        OPENAPI.check_value(answer.json(), described[str(answer.status_code)]["content"]["application/json"]["schema"])
