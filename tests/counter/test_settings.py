"""The counter's settings: a wrong value is one problem in words, and rules between them say what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vneid_middleware.application import assemble
from vneid_middleware.settings import Source

DIGEST = "a" * 64
BASE = {
    "plugins": "qr", "public_url": "https://portal.example", "secret": "settings-0123456789-abcdefghijklmnopqrstuvwxyz",
    "transport.vneid.kind": "direct", "transport.vneid.url": "https://platform.example", "qr.transport": "vneid",
    "qr.path": "/qr/lookup", "qr.jwks": "https://vneid.example/jwks", "qr.operators": f"quay-1 = sha256:{DIGEST}",
}


@pytest.fixture
def problems(tmp_path: Path) -> Any:
    def read(**changes: str | None) -> list[Any]:
        given = {**BASE, "storage": f"sqlite:///{tmp_path}/v.db", **{k.replace("__", "."): v for k, v in changes.items()}}
        assembly = assemble(Source({key: value for key, value in given.items() if value is not None}, here=str(tmp_path)))
        return assembly.problems

    return read


def test_the_least_that_a_counter_needs(problems) -> None:
    assert [(problem.severity, problem.key) for problem in problems()] == [("warning", "qr.bind")]
    assert problems(qr__bind="qr_id") == []


@pytest.mark.parametrize("key", ["qr.transport", "qr.path", "qr.operators", "qr.jwks"])
def test_what_is_missing_is_told_with_what_to_do(problems, key) -> None:
    (problem,) = [problem for problem in problems(**{key.replace(".", "__"): None}) if problem.severity == "error"]
    assert problem.key == key
    assert "required" in problem.expectation
    assert problem.remedy


@pytest.mark.parametrize(("key", "value", "expected"), [
    ("qr.transport", "", "must not be empty"),
    ("qr.transport", "lgsp", "must name a transport of this ini: vneid"),
    ("qr.path", "qr/lookup", "begins with /"),
    ("qr.path", "/qr?x=1", "without a query"),
    ("qr.path", "/quét", "begins with /"),
    ("qr.send", "qrID", "must be of requestId, officerId, unitCode or dossier"),
    ("qr.send", "dossier dossier", "each at most once"),
    ("qr.require", "requestId", "must be of officerId, unitCode or dossier"),
    ("qr.bind", "none", "must be freshness, request_id or qr_id"),
    ("qr.response", "jwt", "must be plain, jws or jwe"),
    ("qr.consent", "push", "must be blocking, poll or webhook"),
    ("qr.consent_timeout", "0", "of seconds from 1 to 3600"),
    ("qr.consent_timeout", "3601", "of seconds from 1 to 3600"),
    ("qr.rate_limit", "0", "lookups a minute from 1 to 100000"),
    ("qr.fields", "", "must be names of fields"),
    ("qr.fields", "họTên", "must be names of fields"),
    ("qr.fields", "hoVaTen hoVaTen", "each once"),
    ("qr.jwks", "http://vneid.example/jwks", "must begin with https://"),
    ("qr.jwks", "file:no/such.json", "there is none at"),
    ("qr.jwks", "keys.json", "must be an https URL"),
    ("qr.decryption_key", "no/such.pem", "there is none at"),
    ("qr.issuer", "", "must not be empty"),
    ("qr.audience", "", "must not be empty"),
    ("qr.response_codes", "00", "must be lines KEY = VALUE"),
    ("qr.response_codes", "00 = okay", "with a status of"),
    ("qr.response_codes", "01 = pending", "must have a line for ok"),
    ("qr.response_codes", "00 = ok\n07 = card_qr", "with a status of"),
    ("qr.operators", "", "must be lines NAME = sha256:HEX"),
    ("qr.operators", "quay-1 = secret-key", "must be lines NAME = sha256:HEX, with 64 hexadecimal digits; that of"),
    ("qr.operators", f"quay-1 = sha256:{DIGEST[:-1]}", "64 hexadecimal digits"),
    ("qr.operators", f"a = sha256:{DIGEST}\nb = sha256:{DIGEST}", "the same key"),
    ("qr.operators", "subrequest:", "must be a path"),
    ("qr.operators", "subrequest:can-bo", "must be a path"),
    ("qr.operators", "subrequest://evil.example/", "must be a path"),
    ("qr.operators", "subrequest:/vneid/session", "under the middleware's own prefix"),
    ("qr.operators", "subrequest:/vneid", "under the middleware's own prefix"),
    ("qr.operators", "plugin:ward", "must name a policy that a plugin offers"),
])
def test_a_wrong_value_is_one_problem(problems, key, value, expected) -> None:
    (problem,) = [problem for problem in problems(**{key.replace(".", "__"): value}) if problem.severity == "error"]
    assert problem.key == key
    assert expected in str(problem)
    assert "secret-key" not in str(problem)


def test_an_answer_must_be_what_it_can_be_checked_as(problems) -> None:
    def told(**changes):
        return [(problem.severity, problem.key) for problem in problems(**changes)]

    assert told(qr__response="jwe", qr__bind="qr_id") == [("error", "qr.decryption_key")]
    assert told(qr__response="plain", qr__jwks=None) == [("warning", "qr.response")]
    assert ("error", "qr.consent") in told(qr__response="plain", qr__jwks=None, qr__consent="webhook")
    assert told(qr__consent="webhook", qr__bind="qr_id") == []


def test_a_key_of_the_counter_needs_the_counter(problems) -> None:
    found = problems(plugins="sso", sso__client_id="a", sso__client_secret="b")
    (problem,) = [problem for problem in found if problem.severity == "error"]
    assert problem.key == "qr.transport"
    assert "this setting and 3 more belong to the plugin qr, which is not active. Add qr to plugins" in str(problem)


def test_an_operators_key_in_the_ini_is_not_shown(problems) -> None:
    (problem,) = [problem for problem in problems(qr__operators="quay-1 = my-secret-bearer-key") if problem.severity == "error"]
    assert "my-secret-bearer-key" not in str(problem)
