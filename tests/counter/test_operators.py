"""Who may ask at the counter, and who gets the answer."""

from __future__ import annotations

import json
import time

import pytest

from support import Browser
from vneid_middleware.models import Identity
from vneid_service import CITIZEN

ASK = "/vneid/qr/lookup"
CARD = "001204000123|012345678|Nguyễn Thị Ánh Tuyết|17052004|Nữ|Số 1 phố Hòa Mã, Hà Nội|01012022"
OFFICER = json.dumps({"officerId": "001080000001"}).encode()


@pytest.fixture
def host_asked(lasting):
    """A portal whose own session tells who an officer is."""
    return lasting(qr__operators="subrequest:/can-bo/toi?full=1")


def as_officer(portal):
    portal.host.update(status="200 OK", type="application/json; charset=utf-8", body=OFFICER)


@pytest.mark.threat("A-210")
@pytest.mark.parametrize("authorization", [
    None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic cXVheS0xOng=", "key-of-the-first-counter-0123456789",
    "Bearer key-of-the-first-counter-012345678", "Bearer key-of-the-first-counter-0123456789x", "Bearer \u00ff"])
def test_nobody_asks_without_a_key(lasting, authorization) -> None:
    portal = lasting()
    before = len(portal.audit("lookup.refused"))
    headers = {} if authorization is None else {"Authorization": authorization.encode().decode("latin-1")}
    for method, path in (("POST", ASK), ("GET", ASK + "/abc"), ("DELETE", ASK + "/abc")):
        answer = portal.send(method, path, {"qrID": "QR"} if method == "POST" else None, key=None, headers=headers)
        assert (answer.status, answer.json()["error"]) == (401, "operator_unknown")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Content-Type"].startswith("application/json")
    assert portal.vneid.asked == []
    assert [record["what"]["code"] for record in portal.audit("lookup.refused")[before:]] == ["operator_unknown"] * 3


def test_the_scheme_of_a_key_may_be_written_in_any_case(lasting) -> None:
    portal = lasting()
    answer = portal.ask(key=None, headers={"Authorization": "bEARER key-of-the-second-counter-0123456789"})
    assert portal.result(answer, "quay-2").json()["status"] == "ok"


@pytest.mark.threat("A-210")
@pytest.mark.parametrize(("status", "kind", "body", "expected"), [
    ("401 Unauthorized", "application/json", OFFICER, 401),
    ("403 Forbidden", "application/json", OFFICER, 403),
    ("302 Found", "application/json", OFFICER, 403),
    ("404 Not Found", "application/json", OFFICER, 403),
    ("500 Internal Server Error", "application/json", OFFICER, 403),
    ("200 OK", "text/html; charset=utf-8", b"<form>sign in</form>", 403),
    ("200 OK", "text/html", OFFICER, 403),
    ("200 OK", "application/json", b"{}", 403),
    ("200 OK", "application/json", b'{"officerId": ""}', 403),
    ("200 OK", "application/json", b'{"officerId": "  "}', 403),
    ("200 OK", "application/json", b'{"officerId": null}', 403),
    ("200 OK", "application/json", b'{"officerId": true}', 403),
    ("200 OK", "application/json", b'{"officerId": 1080000001}', 403),
    ("200 OK", "application/json", b'{"officerId": ["001080000001"]}', 403),
    ("200 OK", "application/json", b'["001080000001"]', 403),
    ("200 OK", "application/json", b'{"officerId": "a", "officerId": "b"}', 403),
    ("200 OK", "application/json", b'{"officerId": "a\\u0000b"}', 403),
    ("200 OK", "application/json", b'{"officerId": "' + b"1" * 129 + b'"}', 403),
    ("200 OK", "application/json", b'{"officerId": "1"}' + b" " * 70_000, 403),
    ("200 OK", "application/json", b"no json", 403),
    ("204 No Content", "application/json", b"", 403),
])
def test_whom_the_host_does_not_name_is_no_officer(host_asked, status, kind, body, expected) -> None:
    host_asked.host.update(status=status, type=kind, body=body)
    answer = host_asked.ask(key=None)
    assert (answer.status, answer.json()["error"]) == (expected, "operator_unknown" if expected == 401 else "not_an_officer")
    assert "WWW-Authenticate" not in answer.headers
    assert host_asked.vneid.asked == []


@pytest.mark.threat("A-210")
def test_a_host_that_fails_names_nobody(host_asked, caplog) -> None:
    as_officer(host_asked)
    host_asked.host["body"] = None
    assert host_asked.ask(key=None).status == 403
    assert "the host failed" in caplog.text


def test_the_host_is_asked_with_the_callers_cookies_and_nothing_else_of_theirs(host_asked) -> None:
    as_officer(host_asked)
    answer = host_asked.ask(key=None, officerId="001099999999", headers={
        "Cookie": "sessionid=abc", "Authorization": "Basic eDp5", "X-Forwarded-User": "admin", "Remote-User": "admin",
        "X-Vneid-Personal-Id": "001099999999", "X-Method-Override": "DELETE"})
    assert host_asked.result(answer, None).json()["data"] == CITIZEN
    asked = host_asked.host["asked"][0]
    assert (asked["REQUEST_METHOD"], asked["PATH_INFO"], asked["QUERY_STRING"]) == ("GET", "/can-bo/toi", "full=1")
    assert (asked["HTTP_COOKIE"], asked["HTTP_ACCEPT"], asked["wsgi.input"].read()) == ("sessionid=abc", "application/json", b"")
    assert not {"HTTP_AUTHORIZATION", "HTTP_X_FORWARDED_USER", "HTTP_REMOTE_USER", "HTTP_X_VNEID_PERSONAL_ID", "CONTENT_TYPE",
                "CONTENT_LENGTH", "HTTP_X_METHOD_OVERRIDE"} & asked.keys()


def test_an_apps_token_counts_at_the_counter_as_it_does_on_the_hosts_pages_and_the_cookie_beside_it_does_not(make_portal) -> None:
    portal = make_portal(plugins="sso qr mobile", sso__client_id="id", sso__client_secret="secret",
                         mobile__apps="a = vn.gov.example.app:/a", qr__operators="subrequest:/can-bo/toi")
    as_officer(portal)
    sessions, now = portal.middleware.services.sessions, int(time.time())
    app = Identity("app", "https://vneid.gov.vn", "001204000123", "A", None, "person", 1, {}, now, "session-of-the-app")
    token = sessions.begin_bearer(app, now)[1]
    browser = app._replace(personal_id="001080000001", session_id="session-of-the-browser")
    cookie = sessions.begin(browser, now)[1].partition(";")[0]
    for given, user in ((token, "001204000123"), ("vneid_at_dead", None)):
        portal.host["asked"].clear()
        portal.ask(key=None, headers={"Authorization": f"Bearer {given}", "Cookie": f"{cookie}; a=1"})
        asked = portal.host["asked"][0]
        assert (asked.get("REMOTE_USER"), asked["HTTP_COOKIE"], asked.get("HTTP_AUTHORIZATION")) == (user, "a=1", None)


def test_the_officer_is_whom_the_host_names_whatever_the_request_says(make_portal) -> None:
    portal = make_portal(qr__operators="subrequest:/can-bo/toi", qr__require="officerId dossier", qr__send="officerId dossier")
    as_officer(portal)
    answer = portal.ask("QR", key=None, officerId="001099999999", dossier="HS-1")
    assert portal.result(answer, None).status == 200
    assert portal.vneid.asked == [{"qrID": "QR", "officerId": "001080000001", "dossier": "HS-1"}]
    (record,) = portal.audit("lookup.asked")
    assert (record["what"]["officer_id"], record["what"]["operator"]) == ("001080000001", "")


@pytest.mark.threat("A-211")
@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"}])
def test_another_site_cannot_ask_by_an_officers_browser(host_asked, headers) -> None:
    as_officer(host_asked)
    answer = host_asked.ask(key=None, headers=headers)
    assert (answer.status, answer.json()["error"]) == (403, "cross_site")
    assert host_asked.host["asked"] == host_asked.vneid.asked == []
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.threat("A-211")
@pytest.mark.threat("A-158")
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
def test_what_a_form_can_send_is_no_question(lasting, kind) -> None:
    portal = lasting()
    answer = portal.send("POST", ASK, {"qrID": "QR"}, headers={"Content-Type": kind})
    assert (answer.status, answer.json()["error"]) == (415, "media_type_unsupported")
    assert portal.vneid.asked == []


def test_an_officer_of_the_portal_may_be_signed_in_with_vneid(make_portal) -> None:
    """The host is asked through the middleware: its access rules hold, and a person is sent nowhere."""
    portal = make_portal(plugins="sso qr", sso__client_id="id", sso__client_secret="secret", access="/can-bo/* = login",
                         qr__operators="subrequest:/can-bo/toi")
    as_officer(portal)
    answer = portal.ask(key=None, headers={"Sec-Fetch-Mode": "navigate", "Accept": "text/html"})
    assert (answer.status, answer.json()["error"], portal.host["asked"]) == (401, "operator_unknown", [])


@pytest.mark.threat("A-210")
@pytest.mark.threat("A-194")
def test_a_lookup_is_its_operators_alone(make_portal) -> None:
    portal = make_portal()
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives())
    first = portal.ask()
    unknown = portal.look(portal.base + "/vneid/qr/lookup/never-was")
    foreign = portal.look(first.location, "quay-2")
    assert (unknown.status, foreign.status) == (404, 404)
    assert unknown.json().keys() == foreign.json().keys()
    assert {**unknown.json(), "correlation_id": ""} == {**foreign.json(), "correlation_id": ""}
    assert portal.send("DELETE", first.location.removeprefix(portal.base), key="quay-2").status == 404
    assert portal.result(first).json()["data"] == CITIZEN
    fetched = portal.look(first.location)
    assert {**fetched.json(), "correlation_id": ""} == {**unknown.json(), "correlation_id": ""}


@pytest.mark.threat("A-213")
def test_an_operator_who_asks_too_often_is_stopped_and_nobody_else(make_portal) -> None:
    portal = make_portal(qr__rate_limit="3")
    for _ in range(3):
        assert portal.ask(CARD).status == 200  # printed cards count, too
    refused = portal.ask()
    assert (refused.status, refused.json()["error"]) == (429, "too_many_lookups")
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert portal.vneid.asked == []
    assert portal.result(portal.ask(key="quay-2"), "quay-2").status == 200
    portal.clock.ahead += 61
    assert portal.result(portal.ask()).status == 200


@pytest.mark.threat("A-154")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_a_lookup_is_asked_by_post(lasting, method) -> None:
    portal = lasting()
    answer = Browser().send(method, portal.base + ASK, {"Accept": "application/json", "X-HTTP-Method-Override": "POST"})
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
