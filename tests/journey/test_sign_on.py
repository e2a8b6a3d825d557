"""Whole journeys of a citizen, over real HTTP, and what must not become one."""

from __future__ import annotations

import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from support import Browser

from .conftest import register

XHR = {"Accept": "application/json", "Sec-Fetch-Mode": "cors"}


def session_cookie(answer):
    return [line for line in answer.headers.get_all("Set-Cookie") or () if line.startswith("vneid=") and "Max-Age=0" not in line]


# -- the way that works ------------------------------------------------------------------------------------------------

def test_the_portal_greets_the_citizen_by_name_and_lets_go_at_sign_out(journey):
    j = journey()
    end = j.sign_in("nguyet", "/ho-so?trang=2")
    assert end.url == j.portal + "/ho-so?trang=2"
    seen = end.json()
    assert (seen["user"], seen["name"], seen["level"], seen["birth_date"]) == (
        "100190000001", "Nguyễn Thị Ánh Nguyệt", 2, "1990-05-17")
    assert "vneid" not in seen["cookie"]
    assert j.session()["identity"]["issuer"] == j.provider
    kept = dict(j.browser.cookies[urlsplit(j.portal).netloc])
    out = j.browser.post(j.portal + "/vneid/logout")
    assert out.status == 303
    assert out.location.startswith(j.provider + "/api/idp/sso/logout?")
    assert parse_qs(urlsplit(out.location).query)["redirect_uri"] == [j.portal + "/vneid/logged-out"]
    end = j.browser.get(out.location, follow=True)
    assert end.url == j.portal + "/vneid/logged-out"
    assert "Bạn đã đăng xuất" in end.text
    thief = Browser()
    thief.cookies[urlsplit(j.portal).netloc] = kept
    assert j.session(thief)["authenticated"] is False


@pytest.mark.parametrize(("profile", "persona", "birth_date"), [
    ("guide-2023", "cu-ba", "1956"), ("guide-2023", "cu-ong", "1949"), ("guide-2023", "dau", "1992-02-29"),
    ("guide-2023", "nfd", "1987-07-08"), ("guide-2023", "dai", "1993-04-15"), ("oidc", "cu-ba", "1956"),
    ("oidc", "dau", "1992-02-29"), ("oidc", "nfd", "1987-07-08")])
def test_names_and_dates_arrive_whole(journey, profile, persona, birth_date):
    from vneid_middleware.simulator.personas import PERSONAS

    j = journey(profile)
    seen = j.sign_in(persona).json()
    assert seen["name"] == unicodedata.normalize("NFC", PERSONAS[persona].full_name)
    assert seen["birth_date"] == birth_date


def test_oidc_with_discovery_and_signed_id_token(journey):
    j = journey("oidc")
    seen = j.sign_in("duc").json()
    assert (seen["user"], seen["name"]) == ("sim-duc", "Trần Văn Đức")
    out = j.browser.post(j.portal + "/vneid/logout")
    query = parse_qs(urlsplit(out.location).query)
    assert query["post_logout_redirect_uri"] == [j.portal + "/vneid/logged-out"]
    assert query["id_token_hint"][0].count(".") == 2


def test_gateway_with_envelopes(journey, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    pem = tmp_path / "decryption.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    j = journey("gateway-2026", **{"sso.decryption_key": str(pem)})
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    register(j.simulator, j.portal, public_key=public)
    j.switch(response="rsa-aes", claims="gateway-2026", encrypted_code="on")
    assert j.sign_in("nguyet").json()["name"] == "Nguyễn Thị Ánh Nguyệt"
    j.switch(response="plain")
    assert j.sign_in("duc", level="2", browser=Browser()).status == 502


def test_the_guides_broken_sample_is_level_2(journey):
    j = journey()
    j.switch(loas="guide-sample")
    assert j.sign_in("nguyet").json()["level"] == 2


@pytest.mark.threat("A-055")
def test_a_key_rotated_between_two_logins(journey):
    j = journey("oidc")
    assert j.sign_in("nguyet").json()["user"] == "sim-nguyet"
    j.simulator.keys.rotate()
    assert j.sign_in("duc", browser=Browser()).json()["user"] == "sim-duc"


@pytest.mark.threat("A-005")
def test_two_tabs_end_at_their_own_targets(journey):
    j = journey()
    first = j.browser.get(j.portal + "/vneid/login?return_to=/mot")
    second = j.browser.get(j.portal + "/vneid/login?return_to=/hai")
    j.simulator.state.persona = "nguyet"
    assert j.browser.get(second.location, follow=True).json()["path"] == "/hai"
    assert j.browser.get(first.location, follow=True).json()["path"] == "/mot"


@pytest.mark.threat("A-004")
@pytest.mark.threat("A-015")
def test_double_click_and_back_button_end_at_the_target_with_one_token_request(journey):
    j = journey()
    j.simulator.state.persona = "nguyet"
    begun = j.browser.get(j.portal + "/vneid/login?return_to=/dich")
    callback = j.browser.get(begun.location).location
    twin = Browser()
    twin.cookies = {host: dict(jar) for host, jar in j.browser.cookies.items()}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda browser: browser.get(callback), (j.browser, twin)))
    assert [(answer.status, answer.location) for answer in answers] == [(303, j.portal + "/dich")] * 2
    assert j.session()["authenticated"]
    assert j.session(twin)["authenticated"]
    back = j.browser.get(callback)
    assert (back.status, back.location) == (303, j.portal + "/dich")
    assert j.token_requests() == 1


@pytest.mark.threat("A-004")
def test_a_callback_that_comes_again_much_later_opens_nothing(journey):
    later = [0.0]
    j = journey(clock=lambda: time.time() + later[0])
    j.simulator.state.persona = "nguyet"
    begun = j.browser.get(j.portal + "/vneid/login?return_to=/dich")
    callback = j.browser.get(begun.location).location
    twin, late = Browser(), Browser()
    for browser in (twin, late):
        browser.cookies = {host: dict(jar) for host, jar in j.browser.cookies.items()}
    assert j.browser.get(callback).location == j.portal + "/dich"
    later[0] = 59
    assert twin.get(callback).location == j.portal + "/dich"
    later[0] = 62
    end = late.get(callback)
    assert end.status == 400
    assert not session_cookie(end)
    assert j.token_requests() == 1


@pytest.mark.threat("A-006")
@pytest.mark.parametrize(("seconds", "status"), [(599, 303), (601, 400)])
def test_a_login_takes_at_most_its_time(journey, seconds, status):
    later = [0.0]
    j = journey(clock=lambda: time.time() + later[0])
    j.simulator.state.persona = "nguyet"
    begun = j.browser.get(j.portal + "/vneid/login?return_to=/dich")
    callback = j.browser.get(begun.location).location
    later[0] = seconds
    assert j.browser.get(callback).status == status
    assert j.session()["authenticated"] is (status == 303)


def test_challenge_takes_a_citizen_to_the_login_and_back(journey):
    j = journey()
    j.simulator.state.persona = "nguyet"
    asked = j.browser.get(j.portal + "/ho-so?a=1&b=2")
    assert asked.status == 303
    assert "WWW-Authenticate" not in asked.headers
    end = j.browser.get(asked.location, follow=True).json()
    assert (end["path"], end["query"]) == ("/ho-so", "a=1&b=2")


# -- what must not become a session ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("persona", "settings", "status", "code"), [
    ("hai", {}, 403, "level_too_low"),
    ("het-han", {}, 403, "level_too_low"),
    ("quynh", {"sso.minimum_level": "2"}, 403, "level_too_low"),
    ("to-chuc", {}, 403, "organisation_refused"),
    ("refuse", {}, 403, "login_cancelled"),
])
def test_refusals_say_why(journey, persona, settings, status, code):
    j = journey(**settings)
    end = j.sign_in(persona)
    assert end.status == status
    assert "<h1>" in end.text
    assert not j.session()["authenticated"]
    refused = [record for record in j.audit() if record["event"] == "login.refused"]
    assert [record["what"]["code"] for record in refused] == [code]
    assert refused[0]["request_id"] in end.text


def test_organisations_sign_in_when_they_may(journey):
    assert journey(**{"sso.organisations": "true"}).sign_in("to-chuc").json()["user"] == "0100100100"


def test_a_step_up_that_does_not_reach_its_level_is_refused(journey):
    j = journey()
    assert j.sign_in("quynh").json()["level"] == 1
    end = j.sign_in("quynh", level="2")
    assert end.status == 403
    assert "mức 2" in end.text
    assert j.session()["identity"]["level"] == 1


@pytest.mark.threat("A-044")
@pytest.mark.threat("A-042")
@pytest.mark.parametrize("endpoint", ["token", "userinfo"])
@pytest.mark.parametrize("fault", ["500", "503", "html", "invalid-json", "huge", "gzip-bomb", "redirect"])
def test_a_provider_that_misbehaves_gives_a_page_in_time(journey, endpoint, fault):
    j = journey()
    j.switch(**{f"fault_{endpoint}": fault})
    end = j.sign_in("nguyet")
    assert end.status == 502
    assert "VNeID" in end.text
    assert not j.session()["authenticated"]


def test_a_provider_that_hangs_is_given_up_on(journey):
    j = journey(**{"http.timeout": "1"})
    j.switch(fault_token="hang")
    end = j.sign_in("nguyet")
    assert end.status == 504
    assert j.browser.get(j.portal + "/").status == 200


@pytest.mark.threat("A-002")
@pytest.mark.threat("A-003")
def test_another_browsers_callback_is_refused_without_a_token_request(journey):
    j = journey()
    j.simulator.state.persona = "nguyet"
    begun = j.browser.get(j.portal + "/vneid/login")
    callback = j.browser.get(begun.location).location
    victim = Browser()
    end = victim.get(callback)
    assert end.status == 400
    assert not session_cookie(end)
    assert j.token_requests() == 0


@pytest.mark.threat("A-008")
@pytest.mark.parametrize("query", ["", "code=a", "state=a", "state=&code=a", "state=a&state=b&code=c", "state=a&code=b&code=c",
                                   "state=a&code=b&error=c", "state=a&code=b&id_token=c", "state=a&code=b&iss=x&iss=y",
                                   "state=%00&code=a", "state=" + "a" * 5000 + "&code=b", "state=a&code=%ff"])
def test_malformed_callbacks(journey, query):
    j = journey()
    assert j.browser.get(f"{j.portal}/vneid/callback?{query}").status == 400
    assert j.token_requests() == 0


@pytest.mark.threat("A-020")
@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_the_callback_takes_get_only(journey, method):
    j = journey()
    assert j.browser.send(method, j.portal + "/vneid/callback?state=a&code=b").status == 405


@pytest.mark.threat("A-170")
@pytest.mark.parametrize("target", ["//evil.vn", "/\\evil.vn", "https://evil.vn", "javascript:alert(1)", "/%09/evil.vn",
                                    "https:evil.vn", "/a/..//evil", "/%5cevil.vn", "http://127.0.0.1@evil.vn/"])
def test_no_way_off_the_portal(journey, target):
    j = journey()
    assert j.sign_in("nguyet", target).url == j.portal + "/"
    assert "redirect.refused" in {record["event"] for record in j.audit()}


@pytest.mark.threat("A-021")
def test_a_program_is_told_and_not_redirected(journey):
    j = journey()
    answer = j.browser.get(j.portal + "/vneid/login", XHR)
    assert answer.status == 401
    assert answer.json()["error"] == "login_required"
    assert "Set-Cookie" not in answer.headers
    assert j.browser.get(j.portal + "/vneid/callback?state=a&code=b", XHR).json()["error"] == "state_unknown"


@pytest.mark.threat("A-110")
@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}])
def test_another_site_can_not_sign_the_citizen_out(journey, headers):
    j = journey()
    j.sign_in("nguyet")
    assert j.browser.post(j.portal + "/vneid/logout", headers=headers).status == 403
    assert j.session()["authenticated"]
    assert "<form" in j.browser.get(j.portal + "/vneid/logout").text


@pytest.mark.threat("A-025")
def test_a_new_login_ends_the_old_session(journey):
    j = journey()
    j.sign_in("quynh")
    old = Browser()
    old.cookies = {host: dict(jar) for host, jar in j.browser.cookies.items()}
    assert j.sign_in("duc", level="2").json()["name"] == "Trần Văn Đức"
    assert not j.session(old)["authenticated"]


@pytest.mark.threat("A-190")
def test_no_secret_and_nobodys_name_in_logs_and_storage(journey, caplog, tmp_path):
    caplog.set_level("DEBUG")
    j = journey("oidc")
    end = j.sign_in("nguyet")
    j.switch(fault_token="500")
    j.sign_in("duc", browser=Browser())
    j.browser.post(j.portal + "/vneid/logout")
    assert end.status == 200
    from vneid_middleware.simulator.state import DEMO_SECRET

    j.app.services.storage.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode("utf-8", "replace")
    for word in (DEMO_SECRET, "Nguyễn Thị", "Nguy\\u1ec5n", "100190000001", "sim-nguyet", *j.simulator.state.tokens):
        assert word not in caplog.text
        assert word not in kept


@pytest.mark.threat("A-100")
def test_cookies_carry_what_they_must(journey):
    j = journey()
    begun = j.browser.get(j.portal + "/vneid/login")
    cookie = begun.headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= {part.strip() for part in cookie.split(";")}
    assert begun.headers["Cache-Control"] == "no-store"
    assert begun.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.threat("A-007")
def test_logins_never_finished_leave_at_most_five_cookies(journey):
    j = journey()
    for _ in range(12):
        j.browser.get(j.portal + "/vneid/login")
    assert len(j.browser.cookies[urlsplit(j.portal).netloc]) <= 5


@pytest.mark.threat("A-016")
def test_the_redirect_uri_is_the_inis_whatever_the_host_header_says(journey):
    j = journey()
    begun = j.browser.get(j.portal + "/vneid/login", {"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert parse_qs(urlsplit(begun.location).query)["redirect_uri"] == [j.portal + "/vneid/callback"]


@pytest.mark.threat("A-011")
def test_pkce_and_nonce_are_sent_and_the_verifier_is_not(journey):
    j = journey()
    j.switch(pkce="required")
    query = parse_qs(urlsplit(j.browser.get(j.portal + "/vneid/login").location).query)
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    assert len(query["state"][0]) >= 22
    assert "code_verifier" not in query
    assert j.sign_in("nguyet").status == 200
