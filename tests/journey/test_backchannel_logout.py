"""The provider tells that a citizen signed out there: by session or by account, once, and nobody else can."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from urllib.parse import urlencode, urlsplit

import pytest

from support import Browser
from vneid_middleware.simulator.backchannel import Backchannel
from vneid_middleware.simulator.state import DEMO_CLIENT, sid_of

from .conftest import register

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def signed_in(journey):
    """A portal that takes the provider's word, two browsers of one citizen and one of another."""
    def start(**more):
        j = journey("oidc", **more)
        register(j.simulator, j.portal, backchannel_uri=j.portal + "/vneid/backchannel-logout")
        browsers = [Browser(), Browser(), Browser()]
        for persona, browser in zip(("nguyet", "nguyet", "duc"), browsers, strict=True):
            j.sign_in(persona, browser=browser)
        assert alive(j, browsers) == [True, True, True]
        return j, browsers

    return start


def alive(j, browsers):
    return [j.session(browser)["authenticated"] for browser in browsers]


def token_for(j, **more):
    client = j.simulator.state.clients[DEMO_CLIENT]
    return Backchannel(j.simulator.state, j.provider, j.simulator.keys).token(client, **more)


def sid(j, browser):
    """The provider's session of a browser."""
    return sid_of(browser.cookies[urlsplit(j.provider).netloc]["vneid-simulator"])


def post(j, token, **more):
    body = urlencode({"logout_token": token}).encode()
    return Browser().send("POST", j.portal + "/vneid/backchannel-logout", {**FORM, **more}, body)


@pytest.mark.threat("A-132")
def test_a_session_ends_by_its_id_and_no_other(signed_in):
    j, browsers = signed_in()
    answer = post(j, token_for(j, sid=sid(j, browsers[0]), subject="sim-nguyet"))
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert alive(j, browsers) == [False, True, True]
    assert j.sign_in("nguyet", browser=Browser()).status == 200


@pytest.mark.threat("A-132")
def test_an_account_ends_everywhere_by_its_subject(signed_in):
    j, browsers = signed_in()
    assert post(j, token_for(j, subject="sim-nguyet")).status == 200
    assert alive(j, browsers) == [False, False, True]
    revoked = [record for record in j.audit() if record["event"] == "session.revoked"]
    assert [(record["what"]["scope"], record["what"]["by"]) for record in revoked] == [("subject", "provider")]
    assert "sim-nguyet" not in str(revoked)


@pytest.mark.threat("A-132")
def test_what_is_not_known_is_no_error(signed_in):
    j, browsers = signed_in()
    assert post(j, token_for(j, sid="another", subject="sim-nguyet")).status == 200
    assert post(j, token_for(j, subject="sim-nobody")).status == 200
    assert alive(j, browsers) == [True, True, True]


@pytest.mark.threat("A-131")
def test_a_token_works_once(signed_in):
    later = [0]
    j, _ = signed_in(clock=lambda: time.time() + later[0])
    token = token_for(j, subject="sim-nguyet")
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(answer.status for answer in pool.map(lambda _: post(j, token), range(4)))
    assert statuses == [200, 400, 400, 400]
    again, later[0] = Browser(), 2
    j.sign_in("nguyet", browser=again)
    assert post(j, token).status == 400
    assert j.session(again)["authenticated"]


@pytest.mark.threat("A-157")
@pytest.mark.threat("A-158")
@pytest.mark.threat("A-133")
@pytest.mark.parametrize(("method", "headers", "body", "status"), [
    ("GET", {}, None, 405), ("PUT", FORM, b"logout_token=x", 405),
    ("POST", {"Content-Type": "application/json"}, b'{"logout_token": "x"}', 415),
    ("POST", {"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415), ("POST", {}, b"logout_token=x", 415),
    ("POST", FORM, b"logout_token=" + b"x" * 1_000_000, 413), ("POST", FORM, b"", 400), ("POST", FORM, b"logout_token=", 400),
    ("POST", FORM, b"logout_token=a&logout_token=b", 400), ("POST", FORM, b"\xff\xfe", 400), ("POST", FORM, b"x" * 60_000, 400),
    ("POST", FORM, b"logout_token=a.b.c", 400), ("POST", FORM, b"logout_token=" + b"a" * 60_000, 400)])
def test_other_requests_are_refused(journey, method, headers, body, status):
    j = journey("oidc")
    answer = j.browser.send(method, j.portal + "/vneid/backchannel-logout", {"Accept": "application/json", **headers}, body)
    assert answer.status == status
    assert answer.json()["error"]


def test_an_id_token_is_no_logout_token(signed_in):
    j, browsers = signed_in()
    now = int(time.time())
    claims = {"iss": j.provider, "sub": "sim-nguyet", "aud": DEMO_CLIENT, "iat": now, "exp": now + 100, "jti": "x", "nonce": "n"}
    assert post(j, j.simulator.keys.sign(claims, "none", "", "JWT")).status == 400
    assert alive(j, browsers) == [True, True, True]


def test_without_keys_there_is_no_such_endpoint(journey):
    j = journey()
    assert post(j, "x").status == 404


def test_it_can_be_switched_off(journey):
    j = journey("oidc", **{"sso.backchannel_logout": "false"})
    assert post(j, token_for(j, subject="sim-nguyet")).status == 404


def test_a_key_that_was_changed_a_moment_ago(signed_in):
    j, browsers = signed_in()
    j.simulator.keys.rotate()
    assert post(j, token_for(j, subject="sim-nguyet")).status == 200
    assert alive(j, browsers) == [False, False, True]


def test_keys_that_can_not_be_had_end_nothing_and_say_so(journey):
    j = journey("oidc")
    j.switch(fault_jwks="500")
    answer = post(j, token_for(j, subject="sim-nguyet"))
    assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")


@pytest.mark.threat("A-132")
def test_forged_tokens_keep_no_login_waiting_while_the_key_server_hangs(signed_in):
    j, browsers = signed_in(server_threads="4")
    j.switch(fault_jwks="hang")
    asked = j.simulator.keys.signing
    j.simulator.keys.signing = j.simulator.keys.foreign
    forged = [token_for(j, subject="sim-nguyet") for _ in range(5)]
    j.simulator.keys.signing = asked
    with ThreadPoolExecutor(5) as pool:
        sent = [pool.submit(post, j, token) for token in forged]
        told = [work.result().status for work in islice(as_completed(sent, 20), 4)]
        assert told == [400] * 4
        assert sum(not work.done() for work in sent) == 1
        # kept keys are enough for a genuine one, and for a login
        assert post(j, token_for(j, subject="sim-nguyet")).status == 200
        assert alive(j, browsers) == [False, False, True]
        assert j.sign_in("nguyet", browser=Browser()).status == 200
        j.simulator.state.stopped.set()
        assert {work.result(20).status for work in sent} == {400}


@pytest.mark.threat("A-132")
def test_callbacks_hold_half_of_the_threads_at_most_while_the_metadata_do_not_come(journey):
    j = journey("oidc", server_threads="4")
    j.switch(fault_discovery="hang")
    with ThreadPoolExecutor(6) as pool:
        sent = [pool.submit(Browser().get, j.portal + f"/vneid/callback?code=x&state=y{number}") for number in range(6)]
        # the others wait for ten seconds
        told = {work.result().status for work in islice(as_completed(sent, 8), 4)}
        assert told == {504}
        assert sum(not work.done() for work in sent) == 2
        j.simulator.state.stopped.set()
        assert len([work.result(20) for work in sent]) == 6


def test_storage_that_is_gone_ends_nothing_in_part(signed_in, tmp_path):
    j, browsers = signed_in()
    token = token_for(j, subject="sim-nguyet")
    j.app.services.storage.close()
    kept = [(file, file.read_bytes()) for file in tmp_path.glob("vneid.db*")]
    for file, _ in kept:
        file.unlink()
    (tmp_path / "vneid.db").mkdir()
    assert post(j, token).status == 503
    (tmp_path / "vneid.db").rmdir()
    for file, content in kept:
        file.write_bytes(content)
    assert post(j, token).status == 200
    assert alive(j, browsers) == [False, False, True]


@pytest.mark.threat("A-134")
@pytest.mark.parametrize("by", ["sid", "subject"])
def test_a_logout_during_a_login_ends_what_comes_of_it(journey, by):
    j = journey("oidc")
    j.simulator.state.persona = "nguyet"
    begun = j.browser.get(j.portal + "/vneid/login")
    callback = j.browser.get(begun.location).location
    given = {"sid": sid(j, j.browser)} if by == "sid" else {"subject": "sim-nguyet"}
    token = token_for(j, **given)
    answered = []
    issue = j.simulator.state.issue

    def issue_and_sign_out(grant):
        answered.append(post(j, token).status)
        return issue(grant)

    j.simulator.state.issue = issue_and_sign_out
    end = j.browser.get(callback)
    assert answered == [200]
    assert end.status == (403 if by == "sid" else 303)
    assert not j.session()["authenticated"]


def test_signing_out_at_the_provider_signs_out_of_every_portal(journey):
    j = journey("oidc")
    register(j.simulator, j.portal, backchannel_uri=j.portal + "/vneid/backchannel-logout")
    j.sign_in("nguyet")
    j.browser.get(j.provider + "/api/idp/sso/logout")
    assert not j.session()["authenticated"]


def test_the_control_sends_tokens_good_and_bad(signed_in):
    j, browsers = signed_in()

    def control(**body):
        return j.browser.send("POST", j.provider + "/control/backchannel-logout", {"Content-Type": "application/json"},
                              json.dumps({"client_id": DEMO_CLIENT, **body}).encode())

    assert control(persona="nguyet", fault="wrong-iss").json() == {"statuses": [400, 400]}
    assert control(persona="nguyet").json() == {"statuses": [200, 200]}
    assert alive(j, browsers) == [False, False, True]
    assert control(persona="duc", by="sub").json() == {"statuses": [200]}
    assert control(persona="duc", by="name").status == 400
    assert control(persona="duc", fault="rubbish", by="sub").status == 400
    assert alive(j, browsers) == [False, False, False]
