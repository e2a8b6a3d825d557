"""The contract of the hot path where forms are kept: only a form of a citizen whose session has ended is copied."""

from __future__ import annotations

import io

import pytest

from vneid_middleware.middleware import Middleware
from vneid_middleware.paste import make_filter

from .test_contract import Answer, Host, environ, settings, signed_in

BODY = b"ho-ten=a"
FORM = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": "8",
        "HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_SITE": "same-origin"}
NOT_COPIED = [{"REQUEST_METHOD": "GET"}, {"REQUEST_METHOD": "PUT"}, {"HTTP_SEC_FETCH_MODE": "cors"},
              {"CONTENT_TYPE": "application/json"}, {"CONTENT_LENGTH": "1001"}, {"CONTENT_LENGTH": ""},
              {"HTTP_SEC_FETCH_SITE": "cross-site"}]


class Portal:
    """A host behind a middleware whose clock can be set."""

    def __init__(self, folder, **more):
        self.now = [1_800_000_000.0]
        self.host = Host()
        wrap = make_filter(settings(folder, **{"session.preserve_posts": "1000", **more}), clock=lambda: self.now[0])
        self.app = wrap(self.host)
        self.cookie = signed_in(self.app, lambda: self.now[0])

    def call(self, **more):
        given, start = environ(**{**FORM, "wsgi.input": io.BytesIO(BODY), **more}), Answer()
        before = dict(given)
        self.app(given, start)
        return before, given, start


@pytest.fixture
def portal(tmp_path):
    return Portal(tmp_path)


def test_off_is_the_class_without_it(tmp_path):
    assert type(Portal(tmp_path, **{"session.preserve_posts": "0"}).app) is Middleware


def test_without_our_cookie_the_host_gets_the_very_objects_of_a_form(portal):
    before, given, start = portal.call(HTTP_SEC_FETCH_MODE="cors")
    assert portal.host.calls[0] == (given, start)
    assert given == before
    before, given, _ = portal.call()
    assert portal.host.calls[1][0] is given
    assert given == before
    assert given["wsgi.input"] is before["wsgi.input"]


@pytest.mark.parametrize("challenge", ["true", "false"])
def test_who_is_signed_in_sends_forms_untouched(tmp_path, challenge):
    portal = Portal(tmp_path, challenge=challenge)
    before, given, start = portal.call(HTTP_COOKIE=f"a=1; {portal.cookie}; vneid-form={'A' * 43}")
    host_environ, host_start = portal.host.calls[0]
    assert (host_environ is given, host_start is start) == (True, True)
    assert given["wsgi.input"] is before["wsgi.input"]
    assert given["HTTP_COOKIE"] == "a=1"
    assert set(given) - set(before) == {"REMOTE_USER", "AUTH_TYPE", "vneid.identity"}


@pytest.mark.parametrize("more", NOT_COPIED)
def test_what_can_not_be_kept_is_not_copied(portal, more):
    portal.now[0] += 900
    before, given, _ = portal.call(HTTP_COOKIE=portal.cookie, **more)
    assert portal.host.calls[0][0] is given
    assert given["wsgi.input"] is before["wsgi.input"]
    assert set(given) == set(before) - {"HTTP_COOKIE"}


@pytest.mark.parametrize("cookie", ["vneid=broken", "vneid-form=" + "A" * 43, "other-vneid=1"])
def test_a_cookie_that_was_never_a_session_copies_nothing(portal, cookie):
    before, given, _ = portal.call(HTTP_COOKIE=cookie)
    assert given["wsgi.input"] is before["wsgi.input"]


@pytest.mark.threat("A-100")
def test_on_https_the_cookie_is_the_hosts_alone(tmp_path):
    portal = Portal(tmp_path, public_url="https://dichvucong.example.gov.vn", access="* = login")
    _, _, start = portal.call()
    (cookie,) = start.header("Set-Cookie")
    name, _, rest = cookie.partition("=")
    assert name == "__Host-vneid-form"
    assert rest.partition("; ")[2] == "Path=/; HttpOnly; Max-Age=900; Secure; SameSite=Lax"
    assert portal.host.calls == []


def test_nothing_is_copied_where_the_portal_challenges_by_itself(tmp_path):
    portal = Portal(tmp_path, challenge="false")
    portal.now[0] += 900
    before, given, _ = portal.call(HTTP_COOKIE=portal.cookie)
    assert given["wsgi.input"] is before["wsgi.input"]


def test_a_form_of_an_ended_session_is_copied_and_nothing_else_changes(portal):
    portal.now[0] += 900
    before, given, _ = portal.call(HTTP_COOKIE=portal.cookie)
    assert portal.host.calls[0][0] is given
    assert given["wsgi.input"] is not before["wsgi.input"]
    assert given["wsgi.input"].read() == BODY
    assert {key for key in before if given.get(key) != before[key]} == {"HTTP_COOKIE", "wsgi.input"}
    assert set(given) < set(before)
