"""What each kind puts on the wire, and whose error an error is."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid

import pytest

from vneid_middleware.plugins.transports.http import merged

DSTCODE = "VN:GOV:000.00.00.G22:qr-lookup"
FORWARD = "/XrdAdapter/RestService/forward"
CLIENT = "VN/GOV/000.00.01.H29/mot-cua"
SERVICE = "VN/GOV/000.00.00.G01/vneid/qr lookup"
OFFICER = "Nguyễn Văn Án\r\nX-Road-Client: VN/GOV/other"


def test_direct_sends_the_question_and_nothing_else(transport, platform):
    gov = transport(kind="direct", url=platform.url + "/api/")
    answer = gov.send("/qr/lookup", request_id="r-1", officer_id="o", dossier="d")
    assert (answer.status, answer.body) == (200, b'{"responseCode":"00"}')
    (got,) = platform.got
    assert (got.method, got.target, got.body) == ("POST", "/api/qr/lookup", b'{"qrID":"0123"}')
    assert {name.lower() for name, _ in got.headers} == {"host", "accept", "content-type", "accept-encoding", "user-agent",
                                                         "content-length"}
    assert (got["Content-Type"], got["Accept"]) == ("application/json", "application/json")


@pytest.mark.parametrize("status", [200, 400, 401, 404, 409, 500, 503])
@pytest.mark.parametrize("settings", [
    {"kind": "direct"}, {"kind": "ndxp", "dstcode": DSTCODE}, {"kind": "xroad", "client": CLIENT, "service": SERVICE},
    {"kind": "lgsp-token", "access_key": "a", "secret_key": "s", "app_name": "n", "partner_code": "p", "partner_code_cus": "c"}],
    ids=lambda settings: settings["kind"])
def test_an_answer_of_the_service_is_handed_on_whatever_its_status(transport, platform, same, settings, status):
    platform.answer = same(status, {"responseCode": "99", "message": "lỗi", "type": "error"}, X_Own="yes")
    answer = transport(url=platform.url, **settings).send()
    assert (answer.status, answer.headers["x-own"]) == (status, "yes")
    assert json.loads(answer.body)["message"] == "lỗi"


# -- NDXP -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "query", "header"), [
    ({}, f"?dstcode={DSTCODE}", None),
    ({"dstcode_in": "header"}, "", DSTCODE),
    ({"providerurl": "https://svc.example.gov.vn/a?b=1&c=2"},
     f"?dstcode={DSTCODE}&providerurl=https://svc.example.gov.vn/a%3Fb%3D1%26c%3D2", None),
    ({"dstcode_in": "header", "providerurl": "http://10.0.0.1:8080/x"}, "?providerurl=http://10.0.0.1:8080/x", DSTCODE)])
def test_ndxp_names_the_service_to_its_adapter(transport, platform, settings, query, header):
    transport(kind="ndxp", url=platform.url + FORWARD, dstcode=DSTCODE, **settings).send("/v1/qr")
    (got,) = platform.got
    assert got.target == f"{FORWARD}/v1/qr{query}"
    assert got["dstcode"] == header


@pytest.mark.threat("A-195")
@pytest.mark.parametrize(("path", "sent"), [
    ("/a?b=c#d", "/a%3Fb=c%23d"), ("/tra cứu", "/tra%20c%E1%BB%A9u"), ("/a%2Fb", "/a%2Fb"), ("/a//b", "/a//b"),
    ("/x\r\nHost: evil", "/x%0D%0AHost:%20evil"), ("/\\..\\a", "/%5C..%5Ca"), ("/@evil.example/", "/@evil.example/")])
def test_no_path_leads_elsewhere(transport, platform, path, sent):
    transport(kind="ndxp", url=platform.url + FORWARD, dstcode=DSTCODE).send(path)
    assert platform.got[0].target == f"{FORWARD}{sent}?dstcode={DSTCODE}"


@pytest.mark.threat("A-195")
@pytest.mark.parametrize("path", ["", "lookup", "/a/../b", "/..", "/./a", "/%2e%2E/a", "@evil.example"])
def test_paths_that_are_never_sent(transport, platform, path):
    with pytest.raises(ValueError, match="begins with a slash"):
        transport(kind="direct", url=platform.url).send(path)
    assert platform.got == []


@pytest.mark.parametrize(("status", "content", "headers", "code"), [
    (500, {"type": "Server.ServerProxy.NetworkError", "message": "m", "detail": "d"}, {}, "Server.ServerProxy.NetworkError"),
    (400, b"", {"X_Road_Error": "Client.BadRequest"}, "Client.BadRequest"),
    (404, b"<html>Tomcat</html>", {"Content_Type": "text/html"}, ""), (502, b"", {}, ""), (504, b"[1]", {}, ""),
    (500, b'{"a":1,"a":2}', {}, "")])
def test_ndxp_s_own_errors(transport, platform, same, status, content, headers, code):
    platform.answer = same(status, content, **headers)
    error = transport(kind="ndxp", url=platform.url + FORWARD, dstcode=DSTCODE).refusal()
    assert (error.code, error.evidence) == ("platform", {"status": status, "platform_code": code})


# -- X-Road -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def road(transport, platform):
    return transport(kind="xroad", url=platform.url + "/ss", client=CLIENT, service=SERVICE)


def test_xroad_follows_the_message_protocol(road, platform):
    number = str(uuid.uuid4())
    road.send("/v1/qr", request_id=number, officer_id="VN001190000001", dossier="H29.18-261127-0001")
    (got,) = platform.got
    assert got.target == "/ss/r1/VN/GOV/000.00.00.G01/vneid/qr%20lookup/v1/qr"
    assert {name: got[name] for name in ("X-Road-Client", "X-Road-Id", "X-Road-UserId", "X-Road-Issue")} == {
        "X-Road-Client": CLIENT, "X-Road-Id": number, "X-Road-UserId": "VN001190000001", "X-Road-Issue": "H29.18-261127-0001"}


def test_xroad_identifiers_are_encoded_part_by_part(transport, platform):
    transport(kind="xroad", url=platform.url, client="VN/GOV/Sở Tư pháp", service="VN/GOV/a+b&c/tra?cứu").send("/")
    (got,) = platform.got
    assert got.target == "/r1/VN/GOV/a%2Bb%26c/tra%3Fc%E1%BB%A9u/"
    assert got["X-Road-Client"] == "VN/GOV/S%E1%BB%9F%20T%C6%B0%20ph%C3%A1p"


def test_each_message_has_an_id_of_its_own(road, platform):
    road.send()
    road.send()
    ids = [got["X-Road-Id"] for got in platform.got]
    assert [str(uuid.UUID(number)) for number in ids] == ids
    assert ids[0] != ids[1]
    assert (platform.got[0]["X-Road-UserId"], platform.got[0]["X-Road-Issue"]) == (None, None)


@pytest.mark.threat("A-152")
@pytest.mark.parametrize("field", ["officer_id", "dossier", "request_id"])
@pytest.mark.parametrize(("value", "sent"), [
    (OFFICER, "Nguy%E1%BB%85n V%C4%83n %C3%81n%0D%0AX-Road-Client: VN/GOV/other"), ("a\0\u2028b\x7f", "a%00%E2%80%A8b%7F"),
    ("100%", "100%25"), ("\ud800", "?"), ("  a b ", "a b")])
def test_nothing_breaks_out_of_a_header(road, platform, field, value, sent):
    road.send(**{field: value})
    (got,) = platform.got
    name = {"officer_id": "X-Road-UserId", "dossier": "X-Road-Issue", "request_id": "X-Road-Id"}[field]
    assert got[name] == sent
    assert got["X-Road-Client"] == CLIENT


@pytest.mark.parametrize(("content", "header", "code"), [
    ({"type": "Server.ServerProxy.NetworkError", "message": "m", "detail": "d"}, "Server.ServerProxy.NetworkError",
     "Server.ServerProxy.NetworkError"),
    ({"type": "Server.ClientProxy.OutdatedGlobalConf"}, "yes", "Server.ClientProxy.OutdatedGlobalConf"),
    (b"<html>", "Client.BadRequest", "Client.BadRequest"), ({"type": 5}, "Client.X", "Client.X"),
    ({"type": "đ" * 10}, "Client.X", ""), ({"type": "a" * 200}, "Client.X", "")])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_xroad_s_own_errors_have_its_header(road, platform, same, status, content, header, code):
    platform.answer = same(status, content, X_Road_Error=header)
    error = road.refusal()
    assert (error.code, error.evidence) == ("platform", {"status": status, "platform_code": code})


@pytest.mark.parametrize("status", [400, 404, 500, 502])
def test_without_the_header_an_error_is_the_service_s(road, platform, same, status):
    platform.answer = same(status, b"<html>Server.ServerProxy.NetworkError</html>")
    assert road.send().status == status


@pytest.mark.parametrize("headers", [
    {"X-Road-Id": str(uuid.uuid4())}, {"X-Road-Id": ""}, {"X-Road-Id": "R-1"}, {"X-Road-Id": "r-1", "x-road-id": "other"},
    {"X-Road-Id": "other", "x-road-id": "r-1"}, {"X-Road-Id": "r-1", "x-road-id": "r-1"}])
def test_the_answer_to_another_message_is_refused(road, platform, same, headers):
    platform.answer = same(200, {"responseCode": "00"}, **headers)
    error = road.refusal(request_id="r-1")
    assert error.code == "malformed"
    assert "another message" in str(error)


def test_the_answer_to_our_own_message_is_taken(road, platform, same):
    platform.answer = same(200, {"responseCode": "00"}, **{"x-ROAD-id": "r-1"})
    assert road.send(request_id="r-1").status == 200


# -- LGSP with lgspaccesstoken ----------------------------------------------------------------------------------------------


def test_lgsp_token_sends_its_keys_in_one_header(transport, platform):
    transport(kind="lgsp-token", url=platform.url, access_key="ak", secret_key="mật khẩu", app_name='A"pp',
              partner_code="000.00.01.H29", partner_code_cus="000.00.18.H29").send()
    text = base64.b64decode(platform.got[0]["lgspaccesstoken"], validate=True).decode("utf-8")
    assert text == ('{"AccessKey":"ak","SecretKey":"mật khẩu","AppName":"A\\"pp","PartnerCode":"000.00.01.H29",'
                    '"PartnerCodeCus":"000.00.18.H29"}')


@pytest.mark.parametrize("status", [401, 403, 502])
def test_a_page_in_place_of_an_answer_is_the_platform_s(transport, platform, same, status):
    platform.answer = same(status, b"<html>no</html>", Content_Type="text/html")
    keys = dict.fromkeys(("access_key", "secret_key", "app_name", "partner_code", "partner_code_cus"), "x")
    error = transport(kind="lgsp-token", url=platform.url, **keys).refusal()
    assert (error.code, error.evidence["status"]) == ("platform", status)


# -- signing in -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "sent"), [
    ({"auth": "none"}, None), ({"auth": "bearer", "bearer": "key-1"}, "Bearer key-1"),
    ({"auth": "basic", "username": "sở-tp", "password": "a:b"}, "Basic " + base64.b64encode("sở-tp:a:b".encode()).decode())])
@pytest.mark.threat("A-040")
def test_signing_in_at_the_platform(transport, platform, settings, sent):
    transport(kind="direct", url=platform.url, **settings).send()
    (got,) = platform.got
    assert got["Authorization"] == sent
    assert "key-1" not in got.target


@pytest.mark.parametrize("settings", [{"kind": "direct"}, {"kind": "ndxp", "dstcode": DSTCODE, "providerurl": "https://a/?b"},
                                      {"kind": "xroad", "client": CLIENT, "service": SERVICE}])
def test_a_connecting_account_signs_the_address_as_it_is_called(transport, platform, settings):
    transport(url=platform.url + FORWARD, auth="c06", username="h29", password="bí mật", clock=lambda: 1_795_700_000.5678,
              **settings).send("/tra%20c%E1%BB%A9u/a%41b")
    (got,) = platform.got
    assert got["Timestamp"] == "1795700000567"
    digest = hashlib.sha256(f"{platform.url}{got.target}h291795700000567bí mật".encode()).hexdigest()
    assert got["Authorization"] == "Basic " + base64.b64encode(f"h29:{digest}".encode()).decode()
    assert "a%41b" in got.target


def test_a_header_stands_once_whatever_its_case():
    assert merged({"A-b": "1", "C": "2"}, {"a-B": "3"}) == {"a-B": "3", "C": "2"}


def test_headers_of_the_ini_are_sent_and_ours_stand_once(transport, platform):
    transport(kind="xroad", url=platform.url, client=CLIENT, service=SERVICE, auth="bearer", bearer="b",
              headers="ApiKey: k: 1\nx-road-client = VN/GOV/other\naccept: application/xml\nuser-agent: portal/1").send()
    (got,) = platform.got
    assert (got["ApiKey"], got["Accept"], got["User-Agent"]) == ("k: 1", "application/xml", "portal/1")
    assert got["X-Road-Client"] == CLIENT
