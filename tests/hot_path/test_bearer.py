"""What apps cost those who are none: the contract of the hot path where access tokens count, and where they do not."""

from __future__ import annotations

import io
import time
from wsgiref.validate import validator

import pytest

from vneid_middleware.bearer import BearerMiddleware, BearerPreservingMiddleware
from vneid_middleware.core.bearer import PREFIX
from vneid_middleware.core.session import is_bearer
from vneid_middleware.middleware import Middleware
from vneid_middleware.models import Identity, PartialDate
from vneid_middleware.paste import make_filter
from vneid_middleware.preserving import PreservingMiddleware

from .test_contract import CLAIMS, Answer, Host, environ, settings, signed_in

APPS = {"plugins": "sso mobile", "mobile.apps": "a = vn.gov.example.app:/a"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One middleware with access tokens; its host is exchanged by each test."""
    app = make_filter(settings(tmp_path_factory.mktemp("bearer"), access="/kin/* = login", **APPS))(Host())
    yield app
    app.services.storage.close()


@pytest.fixture
def app(made):
    made.app = Host()
    return made


def token(app, **fields):
    now = int(time.time())
    identity = Identity(**{"subject": "s", "issuer": "https://vneid.gov.vn", "personal_id": "100190000001",
                           "full_name": "Nguyễn Thị Ánh Nguyệt", "birth_date": PartialDate("1990"), "account_type": "person",
                           "level": 1, "claims": CLAIMS, "authenticated_at": now, "session_id": "a-session", **fields})
    return app.services.sessions.begin_bearer(identity, now)[1]


@pytest.mark.parametrize("more", [{}, {"HTTP_AUTHORIZATION": "Basic eDp5"}, {"HTTP_AUTHORIZATION": "Bearer of-the-hosts-own"},
                                  {"HTTP_COOKIE": "a=1", "HTTP_AUTHORIZATION": "Digest x"}])
def test_who_has_no_token_of_ours_passes_with_the_very_objects(app, more):
    start = Answer()
    given = environ(HTTP_SEC_FETCH_MODE="cors", **more)
    before = dict(given)
    app(given, start)
    assert app.app.calls[0][0] is given
    assert app.app.calls[0][1] is start
    assert given == before


def test_without_the_plugin_the_filter_is_the_plain_one_and_the_header_is_the_hosts(tmp_path, app):
    host, start = Host(), Answer()
    plain = make_filter(settings(tmp_path))(host)
    assert type(plain) is Middleware
    given = environ(HTTP_SEC_FETCH_MODE="cors", HTTP_AUTHORIZATION=f"Bearer {token(app)}")
    before = dict(given)
    plain(given, start)
    assert host.calls[0] == (before, start)
    assert host.calls[0][0] is given


@pytest.mark.parametrize(("more", "kind"), [
    ({}, Middleware), ({"session.preserve_posts": "1000"}, PreservingMiddleware), (APPS, BearerMiddleware),
    ({"session.preserve_posts": "1000", **APPS}, BearerPreservingMiddleware)])
def test_a_portal_gets_the_filter_of_what_it_asked_for(tmp_path, more, kind):
    assert type(make_filter(settings(tmp_path, **more))(Host())) is kind


@pytest.mark.parametrize("credential", ["alive", "dead"])
def test_where_forms_are_kept_too_a_form_with_a_token_is_not_copied(tmp_path, credential):
    host, start = Host(), Answer()
    app = make_filter(settings(tmp_path, **{"session.preserve_posts": "1000", **APPS}))(host)
    header = f"Bearer {token(app) if credential == 'alive' else PREFIX + 'dead'}"
    given = environ(HTTP_AUTHORIZATION=header, HTTP_COOKIE=f"{signed_in(app, lambda: time.time() - 1000)}; vneid-form={'A' * 43}",
                    REQUEST_METHOD="POST", CONTENT_TYPE="application/x-www-form-urlencoded", CONTENT_LENGTH="8",
                    HTTP_SEC_FETCH_MODE="navigate", HTTP_SEC_FETCH_SITE="same-origin")
    body = given["wsgi.input"] = io.BytesIO(b"ho-ten=a")
    app(given, start)
    seen, passed = host.calls[0]
    assert (seen is given, passed is start, seen["wsgi.input"] is body) == (True, True, True)
    assert not {"HTTP_COOKIE", "HTTP_AUTHORIZATION"} & seen.keys()
    assert seen.get("REMOTE_USER") == ("100190000001" if credential == "alive" else None)


def test_with_a_token_the_identity_is_set_and_nothing_else(app):
    start = Answer()
    given = environ(HTTP_ACCEPT="text/html", HTTP_AUTHORIZATION=f"Bearer {token(app)}")
    before = dict(given)
    app(given, start)
    seen, passed = app.app.calls[0]
    # not even a navigation is watched: an app gets the host's answer as it is
    assert passed is start
    assert seen is given
    assert set(given) - set(before) == {"REMOTE_USER", "AUTH_TYPE", "vneid.identity"}
    assert set(before) - set(given) == {"HTTP_AUTHORIZATION"}
    assert given["vneid.identity"].full_name == "Nguyễn Thị Ánh Nguyệt"


def test_wsgi_stays_wsgi(app):
    app.app = validator(Host())
    for path in ("/trang", "/kin/1", "/vneid/session"):
        for credential in (token(app), PREFIX + "dead"):
            answer = validator(app)(environ(path, REQUEST_METHOD="GET", QUERY_STRING="",
                                                    HTTP_AUTHORIZATION=f"Bearer {credential}"), Answer())
            list(answer)
            answer.close()


def test_while_nobody_can_say_who_has_ended_a_token_opens_nothing(tmp_path, monkeypatch):
    host = Host()
    app = make_filter(settings(tmp_path, access="/kin/* = login", **APPS))(host)
    monkeypatch.setattr(app, "_current", lambda now: False)
    answer, header = Answer(), f"Bearer {token(app)}"
    app(environ("/kin/1", REQUEST_METHOD="GET", HTTP_AUTHORIZATION=header), answer)
    assert answer.status.startswith("503")
    app(environ("/trang", HTTP_AUTHORIZATION=header), Answer())
    assert "vneid.identity" not in host.calls[0][0]


def test_what_a_session_of_an_app_holds_fits_into_a_header(app):
    made = token(app, claims={**CLAIMS, "dài": "ắ" * 5000})
    assert 100 < len(made) < 4096
    record = app.services.sessions.open_bearer(made.removeprefix(PREFIX), time.time())
    assert is_bearer(record)
    # a store that hands such a record out for a cookie would open nothing with it
    app.services.sessions._load, load = (lambda value: record), app.services.sessions._load
    try:
        assert app.services.sessions.open(["x"], time.time()) is None
    finally:
        app.services.sessions._load = load
