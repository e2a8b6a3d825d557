"""Bad input on every endpoint: the contract's answer or a 4xx with a clear message; never a 500, never a partial session."""

from __future__ import annotations

import json
import logging
import string
from urllib.parse import quote
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vneid_middleware.paste import make_filter

ENDPOINTS = ["/login", "/callback", "/logout", "/logged-out", "/session", "/auth", "/health/live", "/health/ready", "/metrics",
             "/.well-known/jwks.json", "/", "", "/nothing", "//login", "/login/", "/../login", "/callback/x"]
NAMES = ["return_to", "level", "iss", "login_hint", "target_link_uri", "state", "code", "error", "encrypt_key", "require", "x"]
LATIN = st.text(alphabet=st.characters(max_codepoint=255), max_size=40)
ANYTHING = LATIN | st.text(max_size=20).map(quote) | st.sampled_from([
    "/", "//evil", "%00", "%", "%zz", "é", "level>=2", "9" * 400, "a" * 9000, "=&=&", "+", "[]", "\x7f", "vneid="])
QUERY = st.lists(st.tuples(st.sampled_from(NAMES), ANYTHING), max_size=5).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
HEADERS = st.dictionaries(st.sampled_from([
    "HTTP_COOKIE", "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_ORIGIN", "HTTP_REFERER", "HTTP_SEC_FETCH_MODE",
    "HTTP_SEC_FETCH_SITE", "HTTP_X_REQUESTED_WITH", "HTTP_X_FORWARDED_FOR",
    "HTTP_AUTHORIZATION", "HTTP_USER_AGENT", "HTTP_HOST", "CONTENT_TYPE",
    "HTTP_X_VNEID_LEVEL"]), ANYTHING, max_size=5)


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad-input")

    def host(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"host, " + environ.get("REMOTE_USER", "").encode("latin-1")]

    # nobody listens there: whatever would call the provider ends in a 502 or 504
    app = make_filter({"public_url": "http://127.0.0.1:6543", "secret": "bad-input-0123456789-abcdefghijklmnopqrstuvwxyz",
                       "sso.client_id": "x", "sso.client_secret": "y", "storage": f"sqlite:///{folder}/v.db",
                       "sso.token_endpoint": "http://127.0.0.1:9/", "sso.userinfo_endpoint": "http://127.0.0.1:9/",
                       "access": "/kin/* = level>=2\n/* = pass", "trusted_proxies": "127.0.0.1"})(host)
    logging.getLogger("vneid_middleware").setLevel(logging.CRITICAL)
    yield app
    logging.getLogger("vneid_middleware").setLevel(logging.NOTSET)
    app.services.storage.close()
    app.services.outbound.close()


def call(app, method, path, query, headers):
    environ = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_ADDR": "127.0.0.1"}
    setup_testing_defaults(environ)
    environ.update(headers)
    seen = {}

    def start(status, headers, exc_info=None):
        seen.update(status=int(status[:3]), headers=headers)
        return lambda data: None

    # the host's own answers are its own affair: only ours are held against the protocol
    answer = validator(app)(environ, start) if path.startswith("/vneid/") and method != "HEAD" else app(environ, start)
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return seen["status"], seen["headers"], body


@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(method=st.sampled_from(["GET", "GET", "POST", "HEAD", "PUT", "OPTIONS", "BREW"]), endpoint=st.sampled_from(ENDPOINTS),
       query=QUERY | LATIN, headers=HEADERS)
def test_no_input_is_a_500(portal, method, endpoint, query, headers):
    status, sent, body = call(portal, method, "/vneid" + endpoint, query, headers)
    assert status != 500
    assert status < 500 or status in (502, 503, 504)
    kept = [value for name, value in sent if name == "Set-Cookie" and value.startswith("vneid=") and "Max-Age=0" not in value]
    assert kept == []
    if status >= 400 and body and not body.startswith(b"host"):
        kind = dict(sent)["Content-Type"]
        assert b"<h1" in body if kind.startswith("text/html") else {"error"} <= set(json.loads(body)) or endpoint == "/session"
        assert dict(sent)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/vneid/logged-out\xa0", "/vneid/\xff", "/vneid/login/\xc3", "/vneid/\xed\xa0\x80"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_path_that_is_no_utf_8_is_not_found(portal, method, path):
    status, sent, body = call(portal, method, path, "", {"HTTP_ACCEPT": "text/html"})
    assert (status, dict(sent)["Cache-Control"]) == (404, "no-store")
    assert b"<h1" in body or method == "HEAD"


@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(alphabet=st.characters(max_codepoint=255), max_size=30).map(lambda text: "/" + text), query=LATIN,
       headers=HEADERS)
def test_the_hosts_pages_are_reached_or_refused(portal, path, query, headers):
    status, _, body = call(portal, "GET", path, query, headers)
    if path.startswith("/kin/"):
        assert status in (303, 401)
    elif not path.startswith("/vneid"):
        assert (status, body) == (200, b"host, ")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(alphabet=string.ascii_letters + string.digits + "-_=.%\"", max_size=120))
def test_no_cookie_of_anybodys_making_signs_in(portal, value):
    assert call(portal, "GET", "/trang", "", {"HTTP_COOKIE": f"vneid={value}"})[2] == b"host, "
