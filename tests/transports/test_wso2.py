"""Access tokens of a WSO2 gateway: fetched once for all, renewed once when they are refused, and never believed blindly."""

from __future__ import annotations

import base64
import itertools
import json
import logging
import os
import threading
import time

import pytest

JSON_FAULT = {"fault": {"code": 900901, "type": "Status report", "message": "Invalid Credentials", "description": "d"}}
XML_FAULT = (b'<ams:fault xmlns:ams="http://wso2.org/apimanager/security"><ams:code>900902</ams:code>'
             b"<ams:message>Missing Credentials</ams:message></ams:fault>")


class Gateway:
    """What a test sets: the tokens' lifetime, the token endpoint's answer, and which tokens the gateway takes."""

    def __init__(self, platform, same):
        self._platform, self._same = platform, same
        self._numbers = itertools.count(1)
        self.lifetime = 3600
        self.token_answer = None
        self.good = None
        self.refusal = (401, JSON_FAULT)
        platform.answer = self.answer

    def answer(self, received):
        if received.target == "/token":
            told = {"access_token": f"t{next(self._numbers)}", "token_type": "Bearer", "expires_in": self.lifetime}
            return self._same(*self.token_answer or (200, told))(received)
        if self.good is not None and received["Authorization"] not in self.good:
            return self._same(*self.refusal)(received)
        return self._same(200, {"responseCode": "00"})(received)

    @property
    def targets(self):
        return [received.target for received in self._platform.got]

    @property
    def bearers(self):
        return [received["Authorization"] for received in self._platform.got if received.target != "/token"]


@pytest.fixture
def gateway(platform, same):
    return Gateway(platform, same)


@pytest.fixture
def wso2(transport, platform):
    def make(**options):
        return transport(kind="lgsp-wso2", url=platform.url + "/api", token_url=platform.url + "/token", client_id="khoá:1",
                         client_secret="marker of the consumer's secret", **options)

    return make


def test_a_token_is_fetched_by_client_credentials_and_serves_many(wso2, gateway, platform):
    lgsp = wso2()
    for _ in range(3):
        assert lgsp.send("/qr").status == 200
    assert gateway.targets == ["/token", "/api/qr", "/api/qr", "/api/qr"]
    token, *_ = platform.got
    assert (token.method, token.body, token["Content-Type"]) == (
        "POST", b"grant_type=client_credentials", "application/x-www-form-urlencoded")
    pair = "kho%C3%A1%3A1:marker+of+the+consumer%27s+secret"
    assert token["Authorization"] == "Basic " + base64.b64encode(pair.encode()).decode()
    assert gateway.bearers == ["Bearer t1"] * 3


def test_fifty_at_once_fetch_one_token(wso2, gateway):
    lgsp = wso2()
    held = threading.Event()
    answer = gateway.answer
    gateway._platform.answer = lambda received: (received.target != "/token" or held.wait(10)) and answer(received)
    under_way = [lgsp.submit("/qr") for _ in range(50)]
    held.set()
    assert [work.result(20).status for work in under_way] == [200] * 50
    assert gateway.targets.count("/token") == 1
    gateway.good = ("Bearer t2",)
    assert {work.result(20).status for work in [lgsp.submit("/qr") for _ in range(50)]} == {200}
    assert gateway.targets.count("/token") == 2


@pytest.mark.parametrize(("lifetime", "good_for"), [(3600, 3570), (100, 90), (10**18, 86_370), (None, 270), ("3600", 3570),
                                                    (0.5, 0.45)])
def test_a_token_is_renewed_shortly_before_its_end(wso2, gateway, lifetime, good_for):
    now = [1_000_000.0]
    lgsp = wso2(clock=lambda: now[0])
    gateway.lifetime = lifetime
    lgsp.send()
    now[0] += good_for - 0.01
    lgsp.send()
    assert gateway.targets.count("/token") == 1
    now[0] += 0.02
    lgsp.send()
    assert gateway.targets.count("/token") == 2


def test_a_clock_that_is_set_back_makes_no_token_last(wso2, gateway):
    now = [1_000_000.0]
    lgsp = wso2(clock=lambda: now[0])
    lgsp.send()
    now[0] -= 5
    lgsp.send()
    assert gateway.targets.count("/token") == 2


@pytest.mark.threat("A-049")
@pytest.mark.parametrize("refusal", [(401, JSON_FAULT), (401, XML_FAULT),
                                     (401, {"code": "900901", "message": "m", "description": ""})])
def test_a_refused_token_is_renewed_once(wso2, gateway, refusal):
    lgsp = wso2()
    lgsp.send("/qr")
    gateway.good, gateway.refusal = ("Bearer t2",), refusal
    assert lgsp.send("/qr").status == 200
    assert gateway.bearers == ["Bearer t1", "Bearer t1", "Bearer t2"]
    gateway.good = ()
    error = lgsp.refusal("/qr")
    assert (error.code, error.evidence["status"]) == ("platform", 401)
    assert error.evidence["platform_code"] in ("900901", "900902")
    assert gateway.bearers[3:] == ["Bearer t2", "Bearer t3"]


@pytest.mark.threat("A-049")
@pytest.mark.parametrize(("refusal", "code"), [
    ((401, {"fault": {"code": 900900}}), "900900"), ((403, JSON_FAULT), "900901"),
    ((429, {"fault": {"code": "900800"}}), "900800"), ((401, b"<html>nginx</html>"), ""),
    ((401, b"<fault><faultcode>900901</faultcode></fault>"), ""), ((502, b""), ""),
    ((503, XML_FAULT.replace(b"900902", b"303001")), "303001"), ((500, b'{"fault":{"code":900901},"fault":1}'), "")])
def test_no_other_error_of_the_gateway_sends_the_message_again(wso2, gateway, refusal, code):
    gateway.good, gateway.refusal = (), refusal
    error = wso2().refusal("/qr")
    assert (error.code, error.evidence) == ("platform", {"status": refusal[0], "platform_code": code})
    assert gateway.targets == ["/token", "/api/qr"]


@pytest.mark.parametrize(("status", "content"), [
    (401, {"error": "invalid_key"}), (401, {"fault": "none"}), (403, {"fault": {"code": "đ"}}), (500, {"code": 900901}),
    (400, {"fault": {"code": [900901]}}), (409, {"responseCode": "900901", "message": "m", "description": "d"})])
def test_errors_of_the_service_are_handed_on(wso2, gateway, status, content):
    gateway.good, gateway.refusal = (), (status, content)
    answer = wso2().send("/qr")
    assert (answer.status, json.loads(answer.body)) == (status, content)
    assert gateway.targets == ["/token", "/api/qr"]


def test_a_fault_in_an_answer_that_is_none_means_nothing(wso2, gateway):
    gateway.good, gateway.refusal = (), (200, JSON_FAULT)
    assert wso2().send("/qr").status == 200


@pytest.mark.threat("A-045")
@pytest.mark.threat("A-046")
@pytest.mark.parametrize("content", [
    b"", b"[]", b'"t"', b"{", b'{"access_token":"a","access_token":"b","token_type":"Bearer"}',
    b'\xef\xbb\xbf{"access_token":"a","token_type":"Bearer"}',
    b'{"access_token":"a","token_type":"Bearer","expires_in":NaN}', {}, {"access_token": "a"},
    *({"access_token": "a", "token_type": "Bearer", "expires_in": 60, **wrong} for wrong in (
        {"access_token": ""}, {"access_token": 1}, {"access_token": "a b"}, {"access_token": "a\r\nX: y"}, {"access_token": "đ"},
        {"access_token": "a" * 16_385}, {"token_type": "mac"}, {"token_type": None}, {"expires_in": 0}, {"expires_in": -1},
        {"expires_in": "soon"}, {"expires_in": True}, {"expires_in": [60]}))])
def test_a_token_answer_that_does_not_hold(wso2, gateway, content):
    gateway.token_answer = (200, content)
    error = wso2().refusal()
    assert error.code == "malformed"
    assert "token endpoint" in str(error)
    assert gateway.targets == ["/token"]


@pytest.mark.parametrize(("answer", "code", "evidence"), [
    ((401, {"error": "invalid_client", "error_description": "marker of the consumer's secret"}), "platform",
     {"status": 401, "platform_code": "invalid_client"}),
    ((500, b"<html>"), "platform", {"status": 500, "platform_code": ""}),
    ((200, b" " * 70_000), "too_large", {}), ((302, b""), "redirect", {})])
@pytest.mark.threat("A-042")
def test_a_token_endpoint_that_refuses(wso2, gateway, caplog, answer, code, evidence):
    caplog.set_level(logging.DEBUG)
    gateway.token_answer = answer
    error = wso2().refusal()
    assert (error.code, error.evidence) == (code, evidence)
    assert gateway.targets == ["/token"]
    assert "marker" not in str(error) + repr(error.evidence) + caplog.text


def test_a_token_answer_that_is_not_json_by_its_type(wso2, gateway, platform, same):
    platform.answer = same(200, {"access_token": "a", "token_type": "Bearer"}, Content_Type="text/html")
    assert wso2().refusal().code == "malformed"


def test_after_a_failure_the_next_message_asks_again(wso2, gateway):
    lgsp = wso2()
    gateway.token_answer = (503, b"")
    assert lgsp.refusal().evidence["status"] == 503
    gateway.token_answer = None
    assert lgsp.send().status == 200


def test_token_and_message_share_one_deadline(wso2, gateway, platform):
    held = threading.Event()
    answer = gateway.answer
    platform.answer = lambda received: held.wait(0.4 if received.target == "/token" else 10) or answer(received)
    began = time.monotonic()
    error = wso2(timeout="1").refusal("/qr")
    held.set()
    assert error.code == "timeout"
    assert time.monotonic() - began < 5
    assert gateway.targets == ["/token", "/api/qr"]


@pytest.fixture
def held_token(wso2, gateway):
    """A message that waits for a token, which comes when the event is set."""
    lgsp, asked, held = wso2(), threading.Event(), threading.Event()
    answer = gateway.answer

    def slow(received):
        if received.target == "/token":
            asked.set()
            held.wait(20)
        return answer(received)

    gateway._platform.answer = slow
    waiting = lgsp.submit("/qr")
    assert asked.wait(10)
    return lgsp, waiting, held


def test_a_message_that_is_given_up_does_not_take_the_others_token_along(held_token, gateway):
    lgsp, given_up, held = held_token
    other = lgsp.submit("/qr")
    given_up.cancel()
    held.set()
    assert other.result(20).status == 200
    assert gateway.targets.count("/token") == 1


def test_a_client_that_is_closed_meanwhile_leaves_nothing_behind(held_token):
    lgsp, _, held = held_token
    lgsp.services.outbound.close()
    held.set()
    assert lgsp.send().status == 200


def test_a_forked_process_asks_for_a_token_of_its_own(held_token):
    lgsp, waiting, held = held_token
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if lgsp.send().status == 200 else 2
        finally:
            os._exit(code)
    held.set()
    assert waiting.result(20).status == 200
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_no_secret_and_no_token_is_shown(wso2, gateway, caplog):
    caplog.set_level(logging.DEBUG)
    lgsp = wso2()
    lgsp.send()
    shown = " ".join(map(repr, [lgsp.transport, *vars(lgsp.transport).values(), lgsp.services.settings.shown()])) + caplog.text
    assert "marker" not in shown
    assert "t1" not in repr(vars(lgsp.transport))
