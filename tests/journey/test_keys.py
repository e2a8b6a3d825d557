"""The provider's keys and metadata: changed, missing, wrong, or not to be had."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import Browser
from vneid_middleware.kept import COOL_DOWN, MAX_STALE
from vneid_middleware.plugins.sso.provider import KEYS_TTL, METADATA_TTL

JSON = {"Accept": "application/json"}


def asked(j, path):
    return sum(entry["path"] == path for entry in j.simulator.state.log)


@pytest.fixture
def later():
    return [0.0]


@pytest.fixture
def start(journey, later):
    return lambda profile="oidc", **settings: journey(profile, clock=lambda: time.time() + later[0], **settings)


def sign_in(j, persona="nguyet"):
    """A login in a new browser, for those who watch the provider's clock too."""
    return j.sign_in(persona, browser=Browser())


@pytest.mark.threat("A-056")
def test_many_logins_ask_for_keys_and_metadata_once(start):
    j = start()
    with ThreadPoolExecutor(4) as pool:
        assert {answer.status for answer in pool.map(lambda _: sign_in(j), range(8))} == {200}
    assert asked(j, "/jwks") == 1
    assert asked(j, "/.well-known/openid-configuration") == 1


def test_keys_and_metadata_are_asked_for_again_in_their_time(start, later):
    j = start()
    j.simulator.state.clock = lambda: time.time() + later[0]
    sign_in(j)
    later[0] = KEYS_TTL - 1
    sign_in(j)
    assert asked(j, "/jwks") == 1
    later[0] = KEYS_TTL + 1
    assert sign_in(j).status == 200
    assert (asked(j, "/jwks"), asked(j, "/.well-known/openid-configuration")) == (2, 1)
    later[0] = METADATA_TTL + KEYS_TTL + 5
    assert sign_in(j).status == 200
    assert asked(j, "/.well-known/openid-configuration") == 2


@pytest.mark.threat("A-056")
def test_unknown_key_ids_are_no_stream_of_requests(start, later):
    j = start()
    sign_in(j)
    j.switch(fault_id_token="unknown-kid")
    for _ in range(4):
        assert sign_in(j).status == 502
    assert asked(j, "/jwks") == 2
    later[0] = COOL_DOWN + 1
    j.simulator.state.clock = lambda: time.time() + later[0]
    assert sign_in(j).status == 502
    assert asked(j, "/jwks") == 3


def test_a_forged_token_does_not_keep_a_real_rotation_from_being_seen_for_long(start, later):
    j = start()
    j.simulator.state.clock = lambda: time.time() + later[0]
    sign_in(j)
    j.switch(fault_id_token="unknown-kid")
    assert sign_in(j).status == 502
    j.switch(fault_id_token="none")
    j.simulator.keys.rotate()
    assert sign_in(j).status == 502
    later[0] = COOL_DOWN + 1
    assert sign_in(j).status == 200


@pytest.mark.threat("A-054")
@pytest.mark.parametrize("fault", ["500", "html", "invalid-json", "redirect", "huge"])
def test_the_last_good_keys_serve_while_the_provider_is_down_and_not_for_ever(start, later, fault):
    j = start()
    j.simulator.state.clock = lambda: time.time() + later[0]
    assert sign_in(j).status == 200
    j.switch(fault_jwks=fault)
    later[0] = KEYS_TTL + 10
    assert sign_in(j).status == 200
    later[0] = KEYS_TTL + MAX_STALE + 10
    assert sign_in(j).status == 502
    j.switch(fault_jwks="none")
    later[0] += COOL_DOWN + 1
    assert sign_in(j).status == 200


@pytest.mark.parametrize("fault", ["500", "html", "invalid-json", "redirect", "huge", "gzip-bomb"])
def test_a_provider_that_is_down_at_the_start_does_not_stop_the_portal(start, later, fault):
    j = start()
    j.switch(fault_discovery=fault)
    assert j.browser.get(j.portal + "/").status == 200
    assert j.browser.get(j.portal + "/vneid/login").status == 502
    assert j.browser.get(j.portal + "/vneid/health/ready", JSON).json() == {"status": "ok", "degraded": ["provider"]}
    j.switch(fault_discovery="none")
    later[0] = COOL_DOWN + 1
    j.simulator.state.clock = lambda: time.time() + later[0]
    assert sign_in(j).status == 200
    assert j.browser.get(j.portal + "/vneid/health/ready", JSON).json() == {"status": "ok"}


@pytest.mark.threat("A-052")
@pytest.mark.conformance("oidcc-client-test-discovery-issuer-mismatch")
def test_metadata_of_another_issuer_are_refused_and_the_last_good_ones_kept(start, later):
    j = start()
    j.simulator.state.clock = lambda: time.time() + later[0]
    assert sign_in(j).status == 200
    _evil(j, issuer="https://evil.example")
    later[0] = METADATA_TTL + 10
    assert sign_in(j).status == 200


def _evil(j, **changes):
    """Have the discovery document say other things."""
    from vneid_middleware.simulator.answers import json_answer

    routes = j.simulator._routes
    key = ("GET", "/.well-known/openid-configuration")
    right = routes[key]

    def wrong(request):
        return json_answer({**right(request).json, **changes})

    routes[key] = wrong


@pytest.mark.threat("A-053")
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri",
                                  "end_session_endpoint"])
@pytest.mark.parametrize("url", ["http://10.0.0.1/", "https://evil.example/token", "file:///etc/passwd", "//evil.example", "",
                                 None, 7, "https://127.0.0.1@evil.example/", "http://127.0.0.1.evil.example/"])
def test_metadata_send_nobody_elsewhere(start, name, url):
    j = start()
    _evil(j, **{name: url})
    answer = j.browser.get(j.portal + "/vneid/login")
    assert (answer.status, answer.location) == (502, "")


def test_an_endpoint_elsewhere_is_named_in_the_ini(start):
    j = start(**{"sso.logout_endpoint": "https://logout.example/end"})
    assert sign_in(j).status == 200
    j.sign_in("nguyet")
    assert j.browser.post(j.portal + "/vneid/logout").location.startswith("https://logout.example/end?")


@pytest.mark.threat("A-012")
@pytest.mark.parametrize(("methods", "told"), [(["plain"], True), ([], True), (["S256"], False), (["plain", "S256"], False)])
def test_a_challenge_is_never_left_out_in_silence(start, caplog, methods, told):
    j = start()
    _evil(j, code_challenge_methods_supported=methods)
    query = j.browser.get(j.portal + "/vneid/login").location
    assert "code_challenge_method=S256" in query
    assert ("do not announce the proof key S256" in caplog.text) is told
