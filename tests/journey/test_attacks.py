"""Attacks on sign-on and sessions, each named by its row of the threat model."""

from __future__ import annotations

import random
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from support import Browser
from vneid_middleware.simulator.state import DEMO_SECRET

XHR = {"Accept": "application/json", "Sec-Fetch-Mode": "cors"}


def asked(answer):
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


def callback_of(j, browser=None, path="/dich"):
    browser = browser or j.browser
    j.simulator.state.persona = j.simulator.state.persona or "nguyet"
    return browser.get(browser.get(f"{j.portal}/vneid/login?return_to={path}").location).location


@pytest.mark.threat("A-001")
def test_no_state_comes_twice_and_none_can_be_foretold(journey, monkeypatch):
    j = journey()
    monkeypatch.setattr(random, "random", lambda: 0.5)
    monkeypatch.setattr(random, "getrandbits", lambda bits: 7)
    seen = [asked(Browser().get(j.portal + "/vneid/login")) for _ in range(200)]
    for name in ("state", "nonce", "code_challenge"):
        values = {each[name] for each in seen}
        assert len(values) == 200
        assert min(map(len, values)) >= 43


@pytest.mark.threat("A-009")
@pytest.mark.parametrize("name", ["state", "code", "error", "iss", "encrypt_key"])
def test_oversize_parameters(journey, name):
    j = journey()
    query = {"state": "a", "code": "b", name: "x" * 5000}
    assert j.browser.get(f"{j.portal}/vneid/callback?" + "&".join(f"{key}={value}" for key, value in query.items())).status == 400
    assert j.token_requests() == 0


@pytest.mark.threat("A-010")
@pytest.mark.parametrize("error", ["access_denied", "server_error", "temporarily_unavailable", "login_required",
                                   "<script>alert(1)", "x" * 300])
def test_what_comes_with_an_error_is_not_shown(journey, error):
    j = journey()
    state = asked(j.browser.get(j.portal + "/vneid/login"))["state"]
    words = "<script>alert(1)</script>"
    end = j.browser.get(f"{j.portal}/vneid/callback?error={quote(error)}&error_description={quote(words)}&error_uri=javascript:1"
                        f"&state={state}")
    assert end.status in (400, 403, 502, 503)
    assert "<script" not in end.text
    assert "javascript:" not in end.text
    assert Browser().get(f"{j.portal}/vneid/callback?error={quote(error)}&state={state}").status == 400


@pytest.mark.threat("A-017")
@pytest.mark.threat("A-018")
@pytest.mark.parametrize("change", [str.upper, lambda url: url + "/", lambda url: url.replace("http:", "https:"),
                                    lambda url: url.replace("127.0.0.1", "localhost"), lambda url: url[:-1], lambda url: ""])
def test_the_issuer_of_an_answer_is_compared_to_the_letter(journey, change):
    j = journey("oidc")
    j.switch(iss="on")
    callback = callback_of(j)
    query = asked_of(callback)
    assert query["iss"] == j.provider
    wrong = "&".join(f"{key}={quote(value, safe='')}" for key, value in {**query, "iss": change(j.provider)}.items())
    assert j.browser.get(f"{j.portal}/vneid/callback?{wrong}").status == 400
    assert j.token_requests() == 0


def asked_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


@pytest.mark.threat("A-019")
@pytest.mark.parametrize("name", ["id_token", "access_token", "token_type", "expires_in"])
def test_tokens_have_no_place_in_the_answer(journey, name):
    j = journey()
    assert j.browser.get(callback_of(j) + f"&{name}=x").status == 400
    assert j.token_requests() == 0


@pytest.mark.threat("A-022")
@pytest.mark.threat("A-023")
def test_a_code_stays_out_of_pages_and_referers(journey):
    j = journey()
    callback = callback_of(j)
    code = asked_of(callback)["code"]
    j.switch(fault_token="500")
    failed = j.browser.get(callback)
    assert code not in failed.text
    assert failed.headers["Referrer-Policy"] == "no-referrer"
    j.switch(fault_token="none")
    done = j.browser.get(callback_of(j))
    assert (done.status, done.location) == (303, j.portal + "/dich")
    assert (done.headers["Cache-Control"], done.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    for answer in (j.browser.get(j.portal + "/vneid/login?level=2"), j.browser.post(j.portal + "/vneid/logout")):
        assert answer.status == 303


@pytest.mark.threat("A-024")
@pytest.mark.threat("A-116")
@pytest.mark.parametrize("path", ["/callback?state=a&code=b", "/logout", "/logged-out", "/nothing", "/login?level=9"])
def test_pages_let_nobody_frame_cache_or_sniff_them(journey, path):
    j = journey()
    j.sign_in("nguyet")
    page = j.browser.get(j.portal + "/vneid" + path)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.threat("A-030")
@pytest.mark.parametrize("scope", ["openid", "openid profile email"])
def test_no_more_is_asked_than_the_ini_says(journey, scope):
    j = journey(**{"sso.scope": scope})
    query = asked(j.browser.get(j.portal + "/vneid/login"))
    assert query["scope"] == scope
    assert set(query) == {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
                          "code_challenge_method"}


@pytest.mark.threat("A-040")
@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_the_secret_is_in_no_address_and_in_no_page(journey, method, caplog):
    caplog.set_level("DEBUG")
    j = journey(**{"sso.client_auth": method})
    assert j.sign_in("nguyet").status == 200
    j.switch(fault_token="html")
    assert DEMO_SECRET not in j.sign_in("duc", browser=Browser()).text
    tokens = [entry for entry in j.simulator.state.log if entry["path"].endswith("/token")]
    assert ("client_secret" in tokens[0]["parameters"]) is (method == "client_secret_post")
    assert DEMO_SECRET not in caplog.text


@pytest.mark.threat("A-049")
@pytest.mark.parametrize("fault", ["500", "503", "html", "invalid-json", "redirect", "hang"])
def test_a_code_is_sent_once(journey, fault):
    j = journey(**{"http.timeout": "1"})
    callback = callback_of(j)
    j.switch(fault_token=fault)
    assert j.browser.get(callback).status in (502, 504)
    j.switch(fault_token="none")
    assert j.browser.get(callback).status != 303
    assert j.token_requests() == (0 if fault == "hang" else 1)


@pytest.mark.threat("A-102")
def test_a_session_id_that_was_there_before_is_not_taken_over(journey):
    j = journey()
    j.sign_in("quynh")
    planted = dict(j.browser.cookies[urlsplit(j.portal).netloc])
    victim = Browser()
    victim.cookies[urlsplit(j.portal).netloc] = dict(planted)
    assert j.sign_in("duc", level="2", browser=victim).json()["name"] == "Trần Văn Đức"
    assert not j.session()["authenticated"]


@pytest.mark.threat("A-104")
def test_two_cookies_of_one_name_never_mix(journey):
    j = journey()
    j.sign_in("nguyet")
    good = j.browser.cookies[urlsplit(j.portal).netloc]["vneid"]
    other = Browser()
    j.sign_in("duc", browser=other)
    second = other.cookies[urlsplit(j.portal).netloc]["vneid"]
    for header, name in ((f"vneid={good}; vneid={second}", "Nguyễn Thị Ánh Nguyệt"),
                         (f"vneid=x; vneid={second}; vneid={good}", "Trần Văn Đức")):
        seen = Browser().get(j.portal + "/", {"Cookie": header}).json()
        assert (seen["name"], seen["cookie"]) == (name, "")


@pytest.mark.threat("A-115")
@pytest.mark.threat("A-135")
def test_tokens_do_not_outlive_the_login_and_the_hint_goes_to_the_provider_alone(journey, tmp_path, caplog):
    caplog.set_level("DEBUG")
    j = journey("oidc")
    j.sign_in("nguyet")
    out = j.browser.post(j.portal + "/vneid/logout")
    hint = asked(out)["id_token_hint"]
    assert out.location.startswith(j.provider + "/")
    j.app.services.storage.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("utf-8", "replace")
    for token in (hint, hint.split(".")[1], *j.simulator.state.tokens):
        assert token not in kept
        assert token not in caplog.text


@pytest.mark.threat("A-154")
@pytest.mark.parametrize("headers", [{"X-HTTP-Method-Override": "POST"}, {"X-HTTP-Method": "POST"},
                                     {"X-Method-Override": "POST"}])
def test_a_get_does_not_become_a_post(journey, headers):
    j = journey()
    j.sign_in("nguyet")
    j.browser.get(j.portal + "/vneid/logout?_method=POST", headers)
    assert j.session()["authenticated"]
    assert j.browser.send("TRACE", j.portal + "/vneid/session", XHR).status in (405, 501)


@pytest.mark.threat("A-155")
@pytest.mark.parametrize("headers", [
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}, {"Forwarded": "host=evil.example;proto=https"},
    {"X-Original-URL": "/vneid/auth", "X-Rewrite-URL": "/cong-khai"}, {"X-Forwarded-Uri": "/cong-khai"},
    {"X-Forwarded-Prefix": "/evil"}, {"Host": "evil.example"}])
def test_no_header_moves_addresses_or_rules(journey, headers):
    j = journey(access="/cong-khai = pass\n/* = login")
    answer = j.browser.get(j.portal + "/kin", headers)
    assert (answer.status, answer.location) == (303, j.portal + "/vneid/login?return_to=/kin")
    assert asked(j.browser.get(answer.location, headers))["redirect_uri"] == j.portal + "/vneid/callback"
    assert j.browser.get(j.portal + "/vneid/session", {**XHR, **headers}).json()["login_url"] == j.portal + "/vneid/login"


@pytest.mark.threat("A-159")
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1"])
def test_other_sites_read_nothing(journey, origin):
    j = journey()
    j.sign_in("nguyet")
    for path in ("/session", "/auth", "/.well-known/jwks.json", "/health/ready"):
        for method in ("GET", "OPTIONS"):
            answer = j.browser.send(method, j.portal + "/vneid" + path, {**XHR, "Origin": origin})
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.threat("A-162")
def test_a_bug_of_ours_is_a_page_without_a_trace_and_lets_nobody_in(journey, monkeypatch, caplog):
    j = journey()
    callback = callback_of(j)
    monkeypatch.setattr(j.app.services["sso"], "finish", lambda *arguments: 1 / 0)
    end = j.browser.get(callback)
    assert end.status == 500
    assert "ZeroDivision" not in end.text
    assert "Traceback" not in end.text
    assert "ZeroDivision" in caplog.text
    assert not j.session()["authenticated"]
    assert j.browser.get(j.portal + "/").status == 200


@pytest.mark.threat("A-027")
@pytest.mark.parametrize("kind", ["3", "0", "12", "person", " 1", "1\n", "", "١"])
def test_an_account_of_no_known_kind_is_refused(journey, monkeypatch, kind):
    from dataclasses import replace

    from vneid_middleware.simulator.personas import PERSONAS

    monkeypatch.setitem(PERSONAS, "la", replace(PERSONAS["nguyet"], key="la", account_type=kind))
    j = journey(**{"sso.organisations": "true"})
    assert j.sign_in("la").status == 502
    assert not j.session()["authenticated"]
