"""The access token: signs in as the cookie does, ends as a session does, and is nobody's business but ours."""

from __future__ import annotations

import time
from base64 import b64encode

import pytest

from support import Browser
from vneid_middleware.core.bearer import PREFIX

from .conftest import APPS, host, settings_for


def sign_in_browser(mobile, persona):
    browser = Browser()
    mobile.simulator.state.persona = persona
    assert browser.get(mobile.portal + "/vneid/login?return_to=/", follow=True).status == 200
    mobile.simulator.state.persona = ""
    return browser


@pytest.fixture
def phone(mobile):
    """A phone that is signed in, as Nguyệt."""
    phone = mobile.phone()
    phone.sign_in()
    return phone


# -- the host's view ---------------------------------------------------------------------------------------------------

def test_the_host_sees_the_citizen_and_not_the_token(phone):
    seen = phone.get("/").json()
    assert seen == {"user": "100190000001", "auth": "VNeID", "name": "Nguyễn Thị Ánh Nguyệt", "level": 2, "authorization": None,
                    "cookie": None, "header": "100190000001"}


@pytest.mark.parametrize("header", [
    "Basic dXNlcjpwYXNz", "Bearer eyJhbGciOi.J9.x", "Bearer vneid_a", "Bearer xvneid_at_y", "Digest username=\"vneid_at_x\"",
    "Negotiate abc", "Bearer", "", "vneid", "Basic " + b64encode(b"vneid_at_:x").decode()])
def test_credentials_of_another_kind_pass_untouched(mobile, header):
    seen = mobile.phone().get("/", {"Authorization": header}).json()
    assert seen["authorization"] == header
    assert (seen["user"], seen["name"]) == (None, None)


@pytest.mark.parametrize("change", [
    lambda token: "Bearer " + token[:-1], lambda token: "Bearer " + token + "A", lambda token: "Bearer " + token + "AAAA",
    lambda token: "Bearer " + token[:40] + ("A" if token[40] != "A" else "B") + token[41:], lambda token: "Bearer " + PREFIX,
    lambda token: "Basic " + token, lambda token: token, lambda token: f"Bearer {token}, Bearer {token}",
    lambda token: f"Bearer {token} {token}", lambda token: f"Basic x, Bearer {token}", lambda token: "Bearer " + token + "=",
    lambda token: "Bearer " + PREFIX + "A" * 9000, lambda token: "Bearer " + token.upper().replace("VNEID_AT_", PREFIX)])
def test_what_is_no_token_of_ours_signs_nobody_in(phone, change):
    header = change(phone.access_token)
    seen = phone.get("/", {"Authorization": header}).json()
    # ours in a form that does not count: the host sees nothing of it either
    assert (seen["user"], seen["name"], seen["auth"], seen["authorization"]) == (None, None, None, None)
    refused = phone.get("/ho-so/1", {"Authorization": header})
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_the_scheme_is_read_in_any_case(phone):
    for scheme in ("bearer", "BEARER"):
        assert phone.get("/", {"Authorization": f"{scheme} {phone.access_token}"}).json()["user"] == "100190000001"


def test_a_token_is_no_cookie_and_a_cookie_no_token(mobile, phone):
    browser = sign_in_browser(mobile, "duc")
    (cookies,) = [jar for jar in browser.cookies.values() if "vneid" in jar]
    assert phone.get("/", token=PREFIX + cookies["vneid"]).json()["user"] is None
    for value in (phone.access_token, phone.access_token.removeprefix(PREFIX)):
        seen = mobile.phone().programs.get(mobile.portal + "/", {"Cookie": f"vneid={value}"}).json()
        assert seen["user"] is None


@pytest.mark.threat("A-150")
def test_what_a_client_claims_to_be_is_taken_out_beside_a_token_too(phone):
    seen = phone.get("/", {"X-VNeID-Personal-ID": "admin", "Remote-User": "admin"}).json()
    assert (seen["user"], seen["header"]) == ("100190000001", "100190000001")
    dead = phone.get("/", {"X-VNeID-Personal-ID": "admin", "Remote-User": "admin"}, token=PREFIX + "x").json()
    assert (dead["user"], dead["header"]) == (None, None)


# -- rules -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json"])
def test_rules_answer_an_app_and_never_send_it_anywhere(mobile, accept):
    low = mobile.phone()
    low.sign_in("quynh")
    headers = {"Accept": accept, "Sec-Fetch-Mode": "navigate"}
    dead = low.get("/ho-so/1", headers, token=PREFIX + "x")
    step_up, forbidden = low.get("/muc-hai/1", headers), low.get("/to-chuc/1", headers)
    assert [(answer.status, answer.json()["error"], answer.headers["WWW-Authenticate"], answer.headers["Location"])
            for answer in (dead, step_up, forbidden)] == [
        (401, "login_required", 'Bearer error="invalid_token"', None),
        (401, "step_up_required", 'Bearer error="insufficient_user_authentication", acr_values="2"', None),
        (403, "forbidden", 'Bearer error="insufficient_scope"', None)]
    assert low.get("/ho-so/1", headers).status == 200


def test_the_hosts_own_401_stays_one(phone):
    answer = phone.get("/tu-choi", {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert (answer.status, answer.text) == (401, "no")


# -- a cookie beside it ------------------------------------------------------------------------------------------------

def test_a_token_counts_and_the_cookie_beside_it_does_not(mobile, phone):
    browser = sign_in_browser(mobile, "duc")
    both = {"Authorization": f"Bearer {phone.access_token}"}
    seen = browser.get(mobile.portal + "/", both)
    assert (seen.json()["user"], seen.json()["cookie"]) == ("100190000001", None)
    dead = browser.get(mobile.portal + "/", {"Authorization": f"Bearer {PREFIX}x", "Cookie": "other=1; vneid=x"})
    assert dead.json()["user"] is None
    assert browser.get(mobile.portal + "/vneid/session", both).json()["identity"]["personal_id"] == "100190000001"
    assert browser.get(mobile.portal + "/vneid/session", {"Authorization": f"Bearer {PREFIX}x"}).status == 401
    # the browser's own session goes on
    assert browser.get(mobile.portal + "/").json()["user"] == "100085000002"


def test_the_hosts_own_cookies_stay(phone):
    assert phone.get("/", {"Cookie": "a=1; vneid=x; b=2"}).json()["cookie"] == "a=1; b=2"
    assert phone.get("/", {"Cookie": "a=1"}).json()["cookie"] == "a=1"


def test_a_token_never_becomes_a_cookie(portal, clock):
    mobile = portal(clock=clock)
    phone = mobile.phone()
    phone.sign_in()
    clock.ahead = 1000
    for path in ("/", "/vneid/session", "/vneid/auth"):
        answer = phone.get(path)
        assert (answer.status, answer.headers["Set-Cookie"]) == (200, None)


# -- our own pages -----------------------------------------------------------------------------------------------------

def test_session_and_auth_take_a_token_as_they_take_a_cookie(phone):
    session = phone.get("/vneid/session")
    assert session.json()["identity"]["personal_id"] == "100190000001"
    assert 28_700 < session.json()["expires_at"] - time.time() <= 28_800
    auth = phone.get("/vneid/auth?require=level%3E%3D2")
    assert (auth.status, auth.headers["X-VNeID-Personal-ID"]) == (200, "100190000001")
    assert phone.get("/vneid/auth?require=account%3Dorganisation").status == 403
    for path in ("/vneid/session", "/vneid/auth"):
        dead = phone.get(path, token=PREFIX + "x")
        assert (dead.status, dead.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_an_app_is_not_sent_to_a_browsers_login(phone):
    answer = phone.get("/vneid/login?return_to=/", {"Accept": "text/html"})
    assert (answer.status, answer.json()["error"], answer.headers["Location"]) == (401, "login_required", None)


@pytest.mark.threat("A-NAT-9")
@pytest.mark.parametrize("path", ["/vneid/mobile/revoke", "/vneid/logout"])
def test_signing_out_ends_ours_and_only_ours(mobile, path):
    phone, other = mobile.phone(), mobile.phone()
    phone.sign_in()
    other.sign_in()
    before = len(mobile.paths())
    answer = phone.post(path, b"", {"Authorization": f"Bearer {phone.access_token}", "Content-Type": ""})
    assert (answer.status, answer.text, answer.headers["Location"]) == (204, "", None)
    assert phone.get("/ho-so/1").status == 401
    assert other.get("/ho-so/1").status == 200
    assert mobile.paths()[before:] == []
    again = phone.post(path, b"", {"Authorization": f"Bearer {phone.access_token}", "Content-Type": ""})
    assert (again.status, again.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert [record["event"] for record in mobile.audit()].count("logout.succeeded") >= 1


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer other"}])
def test_revoke_needs_a_token(mobile, header):
    browser = sign_in_browser(mobile, "duc")
    answer = browser.send("POST", mobile.portal + "/vneid/mobile/revoke", header, b"")
    assert (answer.status, answer.json()["error"]) == (401, "invalid_token")
    # the cookie that came along was not meant
    assert browser.get(mobile.portal + "/").json()["user"] == "100085000002"


def test_while_nobody_can_say_what_has_ended_revoke_does_not_say_it_is_over(portal, monkeypatch):
    mobile = portal()
    phone = mobile.phone()
    phone.sign_in()
    revocations = mobile.app.services.sessions.revocations
    with monkeypatch.context() as patched:
        patched.setattr(type(revocations), "is_current", lambda self, now: False)
        answer = phone.revoke()
        assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert phone.revoke().status == 204


# -- its end -----------------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-NAT-9")
def test_it_ends_at_its_time_and_idle_time_is_none(portal, clock):
    mobile = portal(clock=clock, **{"mobile.max_age": "7200"})
    phone = mobile.phone()
    assert phone.redeem(phone.code()).json()["expires_in"] in (7199, 7200)
    clock.ahead = 7100
    assert phone.get("/").json()["user"] == "100190000001"
    clock.ahead = 7201
    assert phone.get("/").json()["user"] is None


@pytest.mark.threat("A-NAT-9")
def test_what_has_ended_stays_so_long_after_a_browsers_idle_time(portal, clock, tmp_path):
    """An access token has no idle time: it must be remembered as ended for as long as it could live."""
    from vneid_middleware.storage import sessions

    mobile = portal(clock=clock)
    phone = mobile.phone()
    phone.sign_in()
    phone.revoke()
    clock.ahead = 20_000
    other = mobile.phone()
    other.sign_in()
    # another ending clears away what nobody needs any more
    other.revoke()
    assert phone.get("/ho-so/1").json()["user"] is None
    with mobile.app.services.storage.read() as connection:
        assert len(sessions.ended_after(connection, 0)) == 2


@pytest.mark.threat("A-NAT-9")
def test_an_operator_ends_it(mobile, phone):
    services = mobile.app.services
    session_id = services.sessions.open_bearer(phone.access_token.removeprefix(PREFIX), time.time())[1]
    services.sessions.revocations.end_session(session_id)
    assert phone.get("/ho-so/1").status == 401


@pytest.mark.threat("A-NAT-9")
@pytest.mark.parametrize("by", ["sid", "sub"])
def test_vneid_ends_it(portal, by):
    mobile = portal(profile="oidc")
    mobile.switch(id_token="on", claims="oidc")
    phone, browser = mobile.phone(), Browser()
    phone.sign_in()
    assert phone.get("/").json()["name"] is not None
    time_of_token = int(time.time())
    told = browser.send("POST", mobile.provider + "/control/backchannel-logout", {"Content-Type": "application/json"},
                        b'{"client_id": "vneid-demo", "persona": "nguyet", "by": "%s"}' % by.encode())
    assert set(told.json()["statuses"]) == {200}
    assert phone.get("/").json()["name"] is None
    assert time_of_token <= time.time()


def test_between_code_and_token_vneid_may_end_it_too(portal):
    mobile = portal(profile="oidc")
    mobile.switch(id_token="on", claims="oidc")
    phone = mobile.phone()
    code = phone.code()
    Browser().send("POST", mobile.provider + "/control/backchannel-logout", {"Content-Type": "application/json"},
                   b'{"client_id": "vneid-demo", "persona": "nguyet", "by": "sid"}')
    answer = phone.redeem(code)
    assert (answer.status, answer.json()["error"], answer.json()["error_description"]) == (
        400, "access_denied", "logged_out_meanwhile")


# -- processes ---------------------------------------------------------------------------------------------------------

@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request, tmp_path):
    return f"sqlite:///{tmp_path}/shared.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")


def test_each_step_may_come_to_another_process(portal, storage, serve, tmp_path, wait_until):
    """Start, answer, token and use at four middlewares that share nothing but the ini and the storage; then the end."""
    from contextlib import ExitStack

    from vneid_middleware.paste import make_filter

    mobile = portal(storage=storage)
    with ExitStack() as stack:
        def another():
            app = make_filter({**settings_for(mobile.portal, mobile.provider, "guide-2023", tmp_path), "plugins": "sso mobile",
                               "mobile.apps": APPS, "storage": storage})(host)
            stack.callback(app.services.storage.close)
            stack.callback(app.services.outbound.close)
            return stack.enter_context(serve(app))

        answering, redeeming, using = another(), another(), another()
        phone = mobile.phone()
        phone.start()
        callback = phone.at_vneid().replace(mobile.portal, answering)
        code = phone.browser.get(callback).location.partition("code=")[2]
        phone.portal = redeeming
        assert phone.redeem(code).status == 200
        phone.portal = using
        assert phone.get("/").json()["user"] == "100190000001"
        # a code that comes twice, wherever, ends the session everywhere within a second
        phone.portal = answering
        assert phone.redeem(code).status == 400
        phone.portal = using
        wait_until(lambda: phone.get("/").json()["user"] is None, timeout=3)
        assert [record["event"] for record in mobile.audit()].count("login.succeeded") == 1
