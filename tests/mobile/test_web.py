"""Apps that sign in with web VNeID: the way that works, and what must not."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from vneid_middleware.exceptions import AuditError, StorageError
from vneid_middleware.simulator.endpoints import TOKEN
from vneid_middleware.simulator.state import DEMO_CLIENT

from .conftest import LINK, SCHEME, mobile_portal, query, refused

# -- the way that works ------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-NAT-1")
def test_an_app_signs_in_and_is_known_to_the_portal(mobile):
    phone = mobile.phone()
    started = phone.start()
    assert started.headers["Cache-Control"] == "no-store"
    assert set(started.json()) == {"transaction", "url", "expires_in"}
    assert started.json()["expires_in"] == 300
    asked = query(phone.url)
    assert phone.url.startswith(mobile.provider + "/auth?")
    assert asked["redirect_uri"] == mobile.portal + "/vneid/mobile/callback"
    assert (asked["client_id"], asked["response_type"], asked["scope"]) == (DEMO_CLIENT, "code", "openid")
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    # ours to VNeID, not the app's to us
    assert asked["code_challenge"] != phone.challenge
    assert len(asked["state"]) == len(asked["nonce"]) == 43
    assert phone.transaction not in phone.url
    answer = phone.back("nguyet")
    assert answer.status == 303
    assert list(query(answer.location)) == ["code"]
    assert answer.location == f"{LINK}?code={query(answer.location)['code']}"
    assert answer.headers.get_all("Set-Cookie") is None
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    granted = phone.redeem(query(answer.location)["code"])
    assert granted.status == 200
    assert granted.headers["Cache-Control"] == "no-store"
    assert set(granted.json()) == {"access_token", "token_type", "expires_in", "identity"}
    assert granted.json()["token_type"] == "Bearer"
    assert 28_790 < granted.json()["expires_in"] <= 28_800
    assert granted.json()["identity"]["full_name"] == "Nguyễn Thị Ánh Nguyệt"
    seen = phone.get("/ho-so/1").json()
    assert (seen["user"], seen["auth"], seen["level"], seen["header"]) == ("100190000001", "VNeID", 2, "100190000001")
    assert (seen["authorization"], seen["cookie"]) == (None, None)


def test_a_scheme_of_the_apps_own_and_a_callback_with_a_query(mobile):
    phone = mobile.phone(callback=SCHEME)
    assert phone.code().isascii()
    other = mobile.phone(app_id="canbo", callback="vn.gov.example.canbo:/dang-nhap?kieu=1")
    other.start()
    location = other.back().location
    assert location.startswith("vn.gov.example.canbo:/dang-nhap?kieu=1&code=")


def test_bodies_as_apps_libraries_send_them(mobile):
    phone = mobile.phone()
    body = {**phone.start_body(), "code_challenge_method": "S256", "a_later_versions_word": 1}
    assert phone.post("/vneid/mobile/start", body, {"Content-Type": "application/json; charset=UTF-8"}).status == 200
    assert phone.post("/vneid/mobile/start", body, {"Content-Type": "application/json", "Accept": "text/html"}).json()["url"]


def test_another_prefix_and_a_proxy_in_front_change_no_address(portal):
    mobile = portal(prefix="/dinh-danh/v1")
    phone = mobile.phone()
    answer = phone.post("/dinh-danh/v1/mobile/start", phone.start_body(), {"Host": "evil.example", "X-Forwarded-Host": "evil"})
    assert query(answer.json()["url"])["redirect_uri"] == mobile.portal + "/dinh-danh/v1/mobile/callback"
    assert phone.post("/vneid/mobile/start", phone.start_body()).text.startswith('{"user"')


def test_a_refusal_at_vneid_goes_to_the_app(mobile):
    phone = mobile.phone()
    phone.start()
    assert phone.back("refuse").location == LINK + "?error=access_denied"
    assert refused(phone.redeem("a-code"))


@pytest.mark.parametrize(("persona", "fault", "error"), [
    ("hai", {}, "access_denied"), ("to-chuc", {}, "access_denied"), ("nguyet", {"fault_token": "500"}, "temporarily_unavailable"),
    ("nguyet", {"fault_userinfo": "html"}, "server_error")])
def test_every_other_failure_goes_to_the_app_by_its_name(mobile, persona, fault, error):
    mobile.switch(**fault)
    phone = mobile.phone()
    phone.start()
    assert phone.back(persona).location == f"{LINK}?error={error}"


def test_the_audit_tells_with_which_app(mobile):
    phone = mobile.phone()
    phone.sign_in()
    last = [record for record in mobile.audit() if record["event"] == "login.succeeded"][-1]
    assert last["what"]["app"] == "dichvucong"
    assert json.dumps(last).count("100190000001") == 0


# -- what must not begin -----------------------------------------------------------------------------------------------

@pytest.mark.threat("A-NAT-1")
@pytest.mark.parametrize("challenge", [None, "", "x" * 42, "x" * 44, "x" * 42 + "=", "x" * 42 + "+", "x" * 42 + "é", 7,
                                       ["x" * 43], {"S256": "x" * 43}, "x" * 42 + "\n"])
def test_no_start_without_a_challenge(mobile, challenge):
    assert refused(mobile.phone().start(code_challenge=challenge), "invalid_request")


@pytest.mark.threat("A-NAT-1")
@pytest.mark.parametrize("method", ["plain", "", "s256", None, 1])
def test_the_challenge_is_s256(mobile, method):
    phone = mobile.phone()
    body = {**phone.start_body(), "code_challenge_method": method}
    assert refused(phone.post("/vneid/mobile/start", body), "invalid_request")
    assert phone.start(code_challenge_method="S256").status == 200


@pytest.mark.threat("A-NAT-2")
@pytest.mark.threat("A-NAT-8")
@pytest.mark.parametrize("callback", [
    LINK + "/", LINK + "?x=1", LINK.replace("https", "http"), LINK.upper(), LINK.replace("dichvucong", "evil"),
    LINK + "/../evil", LINK + "#x", SCHEME + "x", SCHEME.replace(":", "://"), "vn.gov.example.canbo:/dang-nhap?kieu=1",
    "http://127.0.0.1:8080/", "http://localhost/", "http://[::1]/", "javascript:alert(1)", "intent://x#Intent;end",
    "data:text/html,x", "myapp:/x", "", " " + LINK, LINK + "\n", LINK + " " + SCHEME, None, 1, [LINK]])
def test_the_callback_is_one_of_the_apps_own_exactly(mobile, callback):
    answer = mobile.phone().start(callback=callback)
    assert refused(answer, "invalid_request")
    assert answer.headers["Location"] is None


@pytest.mark.parametrize(("other", "error"), [
    ({"app_id": "khac"}, "unauthorized_client"), ({"app_id": ""}, "invalid_request"), ({"app_id": None}, "invalid_request"),
    ({"app_id": "canbo"}, "invalid_request"), ({"mode": "WEB"}, "invalid_request"), ({"mode": None}, "invalid_request"),
    ({"mode": "both"}, "invalid_request"), ({"mode": True}, "invalid_request"), ({"app_id": "a" * 5000}, "invalid_request")])
def test_what_else_is_wrong_with_a_start(mobile, other, error):
    assert refused(mobile.phone().start(**other), error)


@pytest.mark.parametrize("path", ["/vneid/mobile/start", "/vneid/mobile/token"])
@pytest.mark.parametrize(("body", "headers"), [
    (b"", {}), (b"{", {}), (b"[]", {}), (b"null", {}), (b'"x"', {}), (b"\xff\xfe", {}), (b"[" * 60_000, {}),
    (b'{"app_id": "dichvucong", "app_id": "canbo"}', {}), (b'{"mode": NaN}', {}), (b'{"a":"' + b"x" * 70_000 + b'"}', {}),
    (b"{}", {"Content-Type": "text/plain"}), (b"mode=web", {"Content-Type": "application/x-www-form-urlencoded"}),
    (b"{}", {"Content-Type": ""}), (b"{}", {})])
def test_bodies_that_are_none(mobile, path, body, headers):
    assert refused(mobile.phone().post(path, body, headers), "invalid_request")


def test_a_body_that_is_said_to_be_too_long_is_not_waited_for(mobile):
    import http.client

    connection = http.client.HTTPConnection(mobile.portal.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/vneid/mobile/start")
    for name, value in (("Content-Type", "application/json"), ("Content-Length", "70000")):
        connection.putheader(name, value)
    connection.endheaders(b"x" * 70_000)
    assert connection.getresponse().status == 400
    connection.close()


@pytest.mark.threat("A-NAT-4")
@pytest.mark.parametrize("path", ["start", "token", "revoke"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_post_begins_and_ends(mobile, path, method):
    answer = mobile.phone().programs.send(method, f"{mobile.portal}/vneid/mobile/{path}?app_id=dichvucong")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.threat("A-NAT-4")
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "PORTAL"])
def test_no_web_page_asks_here(mobile, origin):
    phone = mobile.phone()
    headers = {"Origin": mobile.portal if origin == "PORTAL" else origin}
    token = phone.sign_in()
    for answer in (phone.post("/vneid/mobile/start", phone.start_body(), headers),
                   phone.post("/vneid/mobile/token", {}, headers), phone.revoke(token, headers)):
        assert refused(answer, "access_denied", 403)
    assert phone.get("/ho-so/1").status == 200


@pytest.mark.threat("A-NAT-4")
def test_starts_are_counted_by_address_over_all_portals_of_a_storage(portal, clock):
    mobile = portal(clock=clock, **{"mobile.rate_limit": "3", "trusted_proxies": "127.0.0.1"})
    phone = mobile.phone()

    def start(address):
        return phone.post("/vneid/mobile/start", phone.start_body(), {"X-Forwarded-For": address})

    assert [start("203.0.113.7").status for _ in range(3)] == [200] * 3
    limited = start("203.0.113.7")
    assert refused(limited, "temporarily_unavailable", 429)
    assert limited.headers["Retry-After"] == "60"
    assert start("203.0.113.8").status == 200
    # whoever has an IPv6 address has its whole network
    assert [start(f"2001:db8:0:1::{n}").status for n in range(4)] == [200, 200, 200, 429]
    assert start("2001:db8:0:2::1").status == 200
    # refused ones don't count, and a minute later all is as before
    clock.ahead = 61
    assert start("203.0.113.7").status == 200


# -- VNeID's answer ----------------------------------------------------------------------------------------------------

def page(answer, status=400):
    assert answer.status == status, answer.text
    assert answer.headers["Location"] is None
    assert "Không quay lại được ứng dụng" in answer.text
    return True


@pytest.mark.parametrize("query", ["", "code=x", "state=x", "state=&code=x", "state=x&code=y&code=z", "state=x&state=y&code=z",
                                   "state=x&code=y&error=z", "state=x&code=y&id_token=z", "state=khong-co&code=y",
                                   "state=" + "x" * 9000 + "&code=y", "state=%ff&code=y", "state=%00&code=y"])
def test_answers_that_belong_to_nothing_are_a_page(mobile, query):
    before = mobile.paths()
    assert page(mobile.phone().browser.get(f"{mobile.portal}/vneid/mobile/callback?{query}"))
    assert mobile.paths() == before


@pytest.mark.threat("A-NAT-7")
def test_an_answer_counts_once(mobile):
    phone = mobile.phone()
    phone.start()
    callback = phone.at_vneid()
    with_two = [phone.browser.get(callback), mobile.phone().browser.get(callback)]
    assert with_two[0].status == 303
    assert page(with_two[1])
    assert mobile.paths().count(TOKEN) == 1
    assert phone.redeem(query(with_two[0].location)["code"]).status == 200


@pytest.mark.threat("A-NAT-7")
def test_of_several_answers_at_the_same_time_one_counts(mobile):
    phone = mobile.phone()
    phone.start()
    callback = phone.at_vneid()
    browsers = [mobile.phone().browser for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda browser: browser.get(callback), browsers))
    assert sorted(answer.status for answer in answers) == [303, 400, 400, 400]
    assert mobile.paths().count(TOKEN) == 1
    (code,) = [query(answer.location)["code"] for answer in answers if answer.status == 303]
    assert phone.redeem(code).status == 200


def test_head_and_post_do_not_use_an_answer_up(mobile):
    phone = mobile.phone()
    phone.start()
    callback = phone.at_vneid()
    for method in ("HEAD", "POST", "PUT"):
        answer = phone.browser.send(method, callback)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert query(phone.browser.get(callback).location)["code"]


def test_the_two_callbacks_are_not_the_same(mobile):
    """A browser's login does not end in an app, and an app's not in a browser."""
    phone = mobile.phone()
    phone.start()
    callback = phone.at_vneid()
    assert phone.browser.get(callback.replace("/mobile/callback", "/callback")).status == 400
    login = phone.browser.get(mobile.portal + "/vneid/login?return_to=/")
    there = phone.browser.get(login.location + "&persona=nguyet").location
    assert page(phone.browser.get(there.replace("/vneid/callback", "/vneid/mobile/callback")))


def test_an_answer_of_another_issuer_goes_no_further(portal):
    mobile = portal(profile="oidc")
    mobile.switch(id_token="on", claims="oidc", iss="on")
    phone = mobile.phone()
    phone.start()
    callback = phone.at_vneid()
    before = len(mobile.paths())
    for wrong in (callback.replace("iss=", "iss=x"), callback.partition("&iss=")[0]):
        assert phone.browser.get(wrong).location == LINK + "?error=invalid_request"
    assert "token" not in str(mobile.paths()[before:])
    # the answer itself was not used up by those
    assert phone.redeem(query(phone.browser.get(callback).location)["code"]).json()["identity"]["subject"] == "sim-nguyet"


@pytest.mark.parametrize("fault", ["wrong-nonce", "no-nonce", "wrong-aud", "wrong-signature", "expired", "other-subject"])
def test_an_id_token_that_does_not_hold_signs_nobody_in(oidc, fault):
    oidc.switch(id_token="on", claims="oidc", fault_id_token=fault)
    phone = oidc.phone()
    phone.start()
    assert phone.back().location == LINK + "?error=server_error"


@pytest.fixture(scope="module")
def oidc_portal(tmp_path_factory):
    with mobile_portal(tmp_path_factory.mktemp("oidc"), profile="oidc") as found:
        yield found


@pytest.fixture
def oidc(oidc_portal):
    oidc_portal.simulator.state.reset()
    return oidc_portal


# -- the code ----------------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-NAT-3")
@pytest.mark.threat("A-NAT-7")
def test_a_code_that_was_seen_on_its_way_is_worth_nothing(mobile):
    phone, thief = mobile.phone(), mobile.phone()
    code = phone.code()
    assert len(code) == 43
    thief.start()
    # without the transaction, without the verifier, with one's own of either
    assert refused(thief.redeem(code, code_verifier=None), "invalid_request")
    assert refused(thief.redeem(code, transaction=None), "invalid_request")
    assert refused(thief.redeem(code))
    assert refused(thief.redeem(code, transaction=phone.transaction))
    assert refused(thief.redeem(code, code_verifier=phone.verifier))
    assert refused(phone.redeem(code, code_verifier=phone.verifier[:-1] + "~"))
    assert refused(phone.redeem(code, code_verifier=phone.challenge))
    # none of that did any harm
    assert phone.redeem(code).status == 200


@pytest.mark.threat("A-NAT-5")
def test_a_code_of_one_phone_with_the_transaction_of_another(mobile):
    one, two = mobile.phone(), mobile.phone()
    code_of_one, code_of_two = one.code("nguyet"), two.code("duc")
    assert refused(two.redeem(code_of_one))
    assert refused(one.redeem(code_of_two))
    assert one.redeem(code_of_one).json()["identity"]["personal_id"] == "100190000001"
    assert two.redeem(code_of_two).json()["identity"]["personal_id"] == "100085000002"


@pytest.mark.threat("A-NAT-3")
@pytest.mark.threat("A-NAT-5")
def test_a_code_used_twice_is_refused_and_the_first_session_ends(mobile):
    phone = mobile.phone()
    code = phone.code()
    token = phone.redeem(code).json()["access_token"]
    assert phone.get("/ho-so/1", token=token).status == 200
    assert refused(phone.redeem(code))
    assert phone.get("/ho-so/1", token=token).status == 401
    assert refused(phone.redeem(code))


def test_who_lacks_the_verifier_ends_no_session_by_trying_again(mobile):
    phone, thief = mobile.phone(), mobile.phone()
    code = phone.code()
    token = phone.redeem(code).json()["access_token"]
    assert refused(thief.redeem(code, transaction=phone.transaction))
    assert phone.get("/ho-so/1", token=token).status == 200


@pytest.mark.threat("A-NAT-3")
def test_of_two_at_the_same_time_none_or_one_gets_in_and_none_stays(mobile):
    phone = mobile.phone()
    code = phone.code()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: phone.post("/vneid/mobile/token", {
            "transaction": phone.transaction, "code": code, "code_verifier": phone.verifier}), range(4)))
    tokens = [answer.json()["access_token"] for answer in answers if answer.status == 200]
    assert len(tokens) <= 1
    assert {answer.status for answer in answers} <= {200, 400}
    assert [phone.get("/ho-so/1", token=token).status for token in tokens] == [401] * len(tokens)


@pytest.mark.threat("A-NAT-3")
def test_a_code_lives_a_minute_and_a_transaction_five(portal, clock):
    mobile = portal(clock=clock)
    phone = mobile.phone()
    code = phone.code()
    clock.ahead = 59
    assert phone.redeem(code).status == 200
    late = mobile.phone()
    code = late.code()
    clock.ahead += 61
    assert refused(late.redeem(code))


@pytest.mark.threat("A-NAT-5")
def test_after_five_minutes_everything_is_over(portal, clock):
    mobile = portal(clock=clock)
    phone = mobile.phone()
    phone.start()
    callback = phone.at_vneid()
    clock.ahead = 298
    code = query(phone.browser.get(callback).location)["code"]
    clock.ahead = 301
    assert refused(phone.redeem(code))
    late = mobile.phone()
    late.start()
    callback = late.at_vneid()
    clock.ahead += 301
    assert late.browser.get(callback).location == LINK + "?error=invalid_request"


@pytest.mark.parametrize("other", [
    {"transaction": "x" * 43}, {"transaction": ""}, {"transaction": "x" * 5000}, {"transaction": 1}, {"code": ""},
    {"code": "sai"}, {"code": None}, {"code": "x" * 5000}, {"code": ["x"]}, {"code": "é"}, {"code_verifier": "x" * 42},
    {"code_verifier": "x" * 129}, {"code_verifier": "x" * 42 + "="}, {"code_verifier": 1}, {"code_verifier": ""}])
def test_what_else_is_wrong_with_a_redemption(mobile, other):
    phone = mobile.phone()
    code = phone.code()
    answer = phone.redeem(other.pop("code", code), **other)
    assert answer.status == 400
    assert answer.json()["error"] in ("invalid_request", "invalid_grant")
    assert phone.redeem(code).status == 200


def test_before_vneid_has_answered_there_is_nothing_to_redeem(mobile):
    phone = mobile.phone()
    phone.start()
    assert refused(phone.redeem("x" * 43))


# -- with the portal's other rules -------------------------------------------------------------------------------------

def test_levels_and_organisations_hold_for_apps(portal):
    mobile = portal(**{"sso.minimum_level": "2", "sso.organisations": "true"})
    low, company = mobile.phone(), mobile.phone()
    low.start()
    assert low.back("quynh").location == LINK + "?error=access_denied"
    assert company.redeem(company.code("to-chuc")).json()["identity"]["account_type"] == "organisation"


def test_without_pkce_towards_vneid_the_apps_own_still_holds(portal):
    mobile = portal(**{"sso.pkce": "off"})
    phone = mobile.phone()
    code = phone.code()
    assert "code_challenge" not in phone.url
    assert refused(phone.redeem(code, code_verifier="x" * 43))
    assert phone.redeem(code).status == 200


def test_a_form_as_answer_is_for_browsers_only(portal):
    mobile = portal(**{"sso.response_mode": "form_post"})
    phone = mobile.phone()
    assert phone.redeem(phone.code()).status == 200


def test_logins_that_hang_leave_the_portal_its_threads(portal):
    mobile = portal(server_threads="2")
    hanging, let_go = mobile.hanging()
    first, second = mobile.phone(), mobile.phone()
    for phone in (first, second):
        phone.start()
    callbacks = [first.at_vneid(), second.at_vneid()]
    mobile.switch(fault_token="hang")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(first.browser.get, callbacks[0])
        assert hanging.wait(10)
        assert second.browser.get(callbacks[1]).location == LINK + "?error=temporarily_unavailable"
        let_go.set()
        assert query(waiting.result().location)["code"]


# -- accounts ----------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    import sqlite3

    folder = tmp_path_factory.mktemp("accounts")
    database = sqlite3.connect(folder / "users.db")
    database.execute("CREATE TABLE users (login TEXT, number TEXT)")
    database.execute("INSERT INTO users VALUES ('chị-nguyệt', '100190000001')")
    database.commit()
    database.close()
    return {"accounts.url": f"sqlite:///{folder}/users.db",
            "accounts.query": "SELECT login FROM users WHERE number = :personal_id"}


def test_the_portals_own_account_is_found_for_apps_too(portal, accounts):
    mobile = portal(**accounts)
    phone, stranger = mobile.phone(), mobile.phone()
    phone.sign_in("nguyet")
    assert phone.get().json()["user"].encode("latin-1").decode() == "chị-nguyệt"
    stranger.start()
    assert stranger.back("duc").location == LINK + "?error=access_denied"


def test_who_has_no_account_yet_is_told_where_to_sign_up(portal, accounts):
    mobile = portal(**accounts, **{"accounts.missing": "redirect:/dang-ky"})
    phone = mobile.phone()
    granted = phone.redeem(phone.code("duc")).json()
    assert granted["sign_up_url"].startswith(mobile.portal + "/dang-ky")
    seen = phone.get().json()
    assert (seen["user"], seen["auth"], seen["name"]) == (None, None, "Trần Văn Đức")


# -- while nothing can be kept -----------------------------------------------------------------------------------------

def test_without_storage_nobody_begins_and_nobody_gets_in(portal, monkeypatch):
    mobile = portal()
    phone, late = mobile.phone(), mobile.phone()
    late.start()
    callback = late.at_vneid()
    code = phone.code()
    storage = mobile.app.services.storage

    def broken(*args):
        raise StorageError("storage_unavailable", "gone")

    monkeypatch.setattr(storage, "begin", broken)
    for answer in (phone.redeem(code), late.start()):
        assert refused(answer, "temporarily_unavailable", 503)
        assert answer.headers["Retry-After"] == "60"
    # the app can still be told, as long as it is known which one it is
    assert late.browser.get(callback).location == LINK + "?error=temporarily_unavailable"
    monkeypatch.setattr(storage, "read", broken)
    assert page(late.browser.get(callback), 503)
    monkeypatch.undo()
    # what was refused so was not used up
    assert phone.redeem(code).status == 200
    assert query(late.browser.get(callback).location)["code"]


def test_what_the_audit_can_not_hold_does_not_happen(portal, monkeypatch):
    mobile = portal()
    phone = mobile.phone()
    code = phone.code()

    def broken(record):
        raise AuditError("audit_unavailable", "full")

    for sink in mobile.app.services.sinks:
        monkeypatch.setattr(sink, "write", broken)
    answer = phone.redeem(code)
    assert refused(answer, "temporarily_unavailable", 503)
    assert "access_token" not in answer.text


def test_an_app_that_is_no_longer_registered_is_not_called_back(portal, monkeypatch):
    mobile = portal()
    phone = mobile.phone()
    phone.start()
    callback = phone.at_vneid()
    monkeypatch.setitem(mobile.app.services.settings._values, "mobile.apps", {"dichvucong": (SCHEME,)})
    assert page(phone.browser.get(callback))
