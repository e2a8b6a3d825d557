"""What the host gets and what it does not: the contract of the hot path, at the level of WSGI."""

from __future__ import annotations

import functools
import io
import json
import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from vneid_middleware.exceptions import ConfigurationError
from vneid_middleware.models import Identity, PartialDate
from vneid_middleware.paste import make_filter
from vneid_middleware.storage import audit

PORTAL = "http://127.0.0.1:6543"
CLAIMS = {"HoVaTen": "Nguyễn Thị Ánh Nguyệt", "loAS": "x" * 3000, **{f"claim{n}": "ắ" * 40 for n in range(50)}}


def settings(folder, **more):
    return {"public_url": PORTAL, "secret": "hot-path-0123456789-abcdefghijklmnopqrstuvw", "sso.client_id": "x",
            "sso.client_secret": "y", "storage": f"sqlite:///{folder}/v.db", **more}


def environ(path="/trang", **more):
    made = {"SCRIPT_NAME": "", "PATH_INFO": path, **more}
    setup_testing_defaults(made)
    return made


class Host:
    """Notes what it is called with."""

    def __init__(self, status="200 OK", headers=(("Content-Type", "text/plain"),), body=(b"ok",)):
        self.answer, self.calls = (status, list(headers), body), []

    def __call__(self, environ, start_response):
        self.calls.append((environ, start_response))
        status, headers, body = self.answer
        start_response(status, headers)
        return list(body)


class Answer:
    """A ``start_response`` that keeps what it is given."""

    def __call__(self, status, headers, exc_info=None):
        self.status, self.headers = status, headers
        return lambda data: None

    def header(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


def signed_in(app, clock=time.time, **fields):
    now = int(clock())
    identity = Identity(**{"subject": "s", "issuer": "https://vneid.gov.vn", "personal_id": "100190000001",
                           "full_name": "Nguyễn Thị Ánh Nguyệt", "birth_date": PartialDate("1990"), "account_type": "person",
                           "level": 1, "claims": CLAIMS, "authenticated_at": now, "session_id": "a-session", **fields})
    return app.services.sessions.begin(identity, now)[1].split(";")[0]


@pytest.mark.parametrize("more", [{"HTTP_SEC_FETCH_MODE": "cors"}, {"HTTP_ACCEPT": "application/json"},
                                  {"HTTP_ACCEPT": "image/png"}])
def test_without_our_cookie_the_host_gets_the_very_objects(tmp_path, more):
    host, start = Host(), Answer()
    app = make_filter(settings(tmp_path))(host)
    given = environ(**more)
    before = dict(given)
    app(given, start)
    assert host.calls[0][0] is given
    assert host.calls[0][1] is start
    assert given == before


def test_a_navigation_is_watched_only_with_challenge(tmp_path):
    host, start = Host(), Answer()
    given = environ(HTTP_SEC_FETCH_MODE="navigate")
    make_filter(settings(tmp_path, challenge="false"))(host)(given, start)
    make_filter(settings(tmp_path))(host)(given, start)
    assert host.calls[0][1] is start
    assert host.calls[1][0] is given
    assert host.calls[1][1] is not start


def test_disabled_is_the_host_itself(tmp_path):
    host = Host()
    assert make_filter({"enabled": "false"})(host) is host


def test_nothing_is_opened_before_the_first_request(tmp_path, monkeypatch):
    opened = []
    here = threading.get_ident()

    def note(what, kind):
        def started(*args, **options):
            if threading.get_ident() == here:
                opened.append(what)
            return kind(*args, **options)
        return started

    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", note("thread", start))
    monkeypatch.setattr(sqlite3.dbapi2, "connect", note("database", sqlite3.dbapi2.connect))
    monkeypatch.setattr(socket.socket, "connect", note("connection", socket.socket.connect))
    app = make_filter(settings(tmp_path))(Host())
    assert opened == []
    assert list(tmp_path.iterdir()) == []
    app(environ(), Answer())
    assert opened == ["thread"]


@pytest.mark.threat("A-163")
@pytest.mark.parametrize("around", [lambda app: app, lambda app: functools.partial(app), lambda app: lambda e, s: app(e, s)])
def test_two_instances_around_one_host_are_refused(tmp_path, around):
    wrap = make_filter(settings(tmp_path))
    with pytest.raises(ConfigurationError, match="twice"):
        wrap(around(wrap(Host())))


@pytest.mark.threat("A-150")
@pytest.mark.parametrize("path", ["/", "/trang", "/khong-co", "/vneid/session"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("key", ["HTTP_REMOTE_USER", "HTTP_X_VNEID_PERSONAL_ID", "HTTP_X_VNEID_FULL_NAME", "HTTP_X_VNEID_LEVEL"])
def test_spoofed_headers_never_arrive(tmp_path, path, method, key):
    host = Host()
    app = make_filter(settings(tmp_path))(host)
    given = environ(path, REQUEST_METHOD=method, **{key: "admin"})
    app(given, Answer())
    assert key not in given


@pytest.mark.threat("A-151")
def test_the_outer_servers_user_stays_until_somebody_signs_in(tmp_path):
    host = Host()
    app = make_filter(settings(tmp_path))(host)
    app(environ(REMOTE_USER="intranet"), Answer())
    app(environ(REMOTE_USER="intranet", HTTP_COOKIE=signed_in(app)), Answer())
    assert [call[0]["REMOTE_USER"] for call in host.calls] == ["intranet", "100190000001"]


@pytest.mark.parametrize(("encoding", "name"), [("percent", "Nguy%E1%BB%85n%20Th%E1%BB%8B%20%C3%81nh%20Nguy%E1%BB%87t"),
                                                ("base64", "Tmd1eeG7hW4gVGjhu4sgw4FuaCBOZ3V54buHdA==")])
def test_identity_headers_are_ascii_and_whole(tmp_path, encoding, name):
    host = Host()
    app = make_filter(settings(tmp_path, identity_headers=encoding))(host)
    app(environ(HTTP_COOKIE=signed_in(app)), Answer())
    assert host.calls[0][0]["HTTP_X_VNEID_FULL_NAME"] == name


def test_the_host_never_sees_our_cookies_and_keeps_its_own(tmp_path):
    host = Host()
    app = make_filter(settings(tmp_path))(host)
    app(environ(HTTP_COOKIE=f"a=1; {signed_in(app)}; vneid-login-0123=x; vneidx=2"), Answer())
    assert host.calls[0][0]["HTTP_COOKIE"] == "a=1; vneidx=2"
    with pytest.raises(AttributeError):
        host.calls[0][0]["vneid.identity"].level = 2


@pytest.mark.threat("A-103")
def test_no_altered_cookie_is_accepted(tmp_path):
    host = Host()
    app = make_filter(settings(tmp_path))(host)
    name, _, value = signed_in(app).partition("=")
    spoilt = [value[:n] + ("A" if value[n] != "A" else "B") + value[n + 1:] for n in range(0, len(value), 7)]
    spoilt += [value[:-1], value[:-4], value + "AAAA", value + "=", "", "e30=", json.dumps({"sub": "x"}), "é", value.swapcase(),
               value[:-2] + "==", "A" * 100_000]
    for sample in spoilt:
        app(environ(HTTP_COOKIE=f"{name}={sample}"), Answer())
    assert not any("vneid.identity" in call[0] for call in host.calls)
    app(environ(HTTP_COOKIE=f"{name}=broken; {name}={value}"), Answer())
    assert host.calls[-1][0]["REMOTE_USER"] == "100190000001"


@pytest.mark.threat("A-108")
def test_the_cookie_stays_small_with_the_largest_claims(tmp_path):
    app = make_filter(settings(tmp_path, public_url="https://dichvucong.example.gov.vn"))(Host())
    identity = Identity("s" * 255, "https://" + "i" * 200, "1" * 255, "ặ" * 200, PartialDate("1990-01-01"), "person", 2, CLAIMS,
                        int(time.time()), "x" * 32)
    cookie = app.services.sessions.begin(identity, int(time.time()))[1]
    assert cookie.startswith("__Host-vneid=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert len(cookie) < 4096


@pytest.mark.threat("A-106")
@pytest.mark.parametrize(("later", "alive"), [(899, True), (900, False)])
def test_idle_limit(tmp_path, later, alive):
    now = [1_800_000_000.0]
    host = Host()
    app = make_filter(settings(tmp_path), clock=lambda: now[0])(host)
    cookie = signed_in(app, lambda: now[0])
    now[0] += later
    app(environ(HTTP_COOKIE=cookie), Answer())
    assert ("vneid.identity" in host.calls[0][0]) is alive


@pytest.mark.threat("A-106")
def test_the_cookie_is_written_again_once_a_minute_until_the_absolute_end(tmp_path):
    now = [1_800_000_000.0]
    host, writes = Host(), 0
    app = make_filter(settings(tmp_path), clock=lambda: now[0])(host)
    cookie = signed_in(app, lambda: now[0])
    for _ in range(600):
        now[0] += 30
        start = Answer()
        app(environ(HTTP_COOKIE=cookie, HTTP_SEC_FETCH_MODE="cors"), start)
        for line in start.header("Set-Cookie"):
            cookie, writes = line.split(";")[0], writes + 1
    assert 299 <= writes <= 300
    now[0] = 1_800_000_000.0 + 28_799
    cookie = cookie_at(app, 1_800_000_000, now[0] - 60)
    app(environ(HTTP_COOKIE=cookie), Answer())
    assert "vneid.identity" in host.calls[-1][0]
    now[0] += 1
    app(environ(HTTP_COOKIE=cookie), Answer())
    assert "vneid.identity" not in host.calls[-1][0]


def cookie_at(app, began, seen):
    from vneid_middleware.core import session

    identity = Identity("s", "i", "100190000001", "", None, "person", 1, {}, began, "a-session")
    record = session.refreshed(session.new_record(identity, now=began, max_age=28_800), seen)
    return app.services.sessions.cookie(record).split(";")[0]


def test_a_cacheable_answer_carries_no_session(tmp_path):
    now = [1_800_000_000.0]
    host = Host(headers=[("Content-Type", "text/css"), ("Cache-Control", "public, max-age=3600")])
    app = make_filter(settings(tmp_path), clock=lambda: now[0])(host)
    cookie = signed_in(app, lambda: now[0])
    now[0] += 100
    start = Answer()
    app(environ(HTTP_COOKIE=cookie), start)
    assert start.header("Set-Cookie") == []


def test_a_slow_answer_does_not_bring_back_a_session_that_ended_meanwhile(tmp_path):
    now = [1_800_000_000.0]

    def slow(environ, start_response):
        app.services.sessions.revocations.end_session("a-session")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]

    app = make_filter(settings(tmp_path), clock=lambda: now[0])(slow)
    cookie = signed_in(app, lambda: now[0])
    now[0] += 100
    start = Answer()
    app(environ(HTTP_COOKIE=cookie), start)
    assert start.header("Set-Cookie") == []


@pytest.mark.threat("A-161")
@pytest.mark.parametrize("cookie", [False, True])
@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")
def test_the_protocol_holds_in_both_directions(tmp_path, cookie):
    closed = []

    class Body:
        def __iter__(self):
            yield b"mot "
            yield b"hai"

        def close(self):
            closed.append(True)

    def streaming(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"dau ")
        return Body()

    app = make_filter(settings(tmp_path))(validator(streaming))
    outer = validator(app)
    more = {"HTTP_COOKIE": signed_in(app)} if cookie else {}
    written = []

    def start(status, headers, exc_info=None):
        return written.append

    answer = outer(environ(REQUEST_METHOD="GET", HTTP_ACCEPT="text/html", **more), start)
    chunks = list(answer)
    answer.close()
    assert (written, chunks, closed) == ([b"dau "], [b"mot ", b"hai"], [True])


@pytest.mark.parametrize("more", [{}, {"HTTP_SEC_FETCH_MODE": "navigate"}])
@pytest.mark.parametrize("cookie", [False, True])
def test_files_and_errors_pass_as_the_host_gives_them(tmp_path, cookie, more):
    now = [1_800_000_000.0]
    given, raised = [], []

    class Wrapper:
        def __init__(self, file, size=8192):
            self.file = file

    def sending(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/pdf")])
        try:
            raise ValueError("a bug of the host")
        except ValueError:
            raised.append(sys.exc_info())
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")], raised[0])
        given.append(environ["wsgi.file_wrapper"](io.BytesIO(b"pdf")))
        return given[0]

    app = make_filter(settings(tmp_path), clock=lambda: now[0])(sending)
    request = environ(**more)
    if cookie:
        request["HTTP_COOKIE"] = signed_in(app, lambda: now[0])
        now[0] += 100
    request["wsgi.file_wrapper"] = Wrapper
    calls = []

    def start(status, headers, exc_info=None):
        calls.append((status, exc_info))

    assert app(request, start) is given[0]
    assert isinstance(given[0], Wrapper)
    assert calls == [("200 OK", None), ("500 Internal Server Error", raised[0])]


def test_a_401_starts_a_login_for_navigations_of_nobody_only(tmp_path):
    host = Host("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Basic"), ("Content-Length", "2")])
    app = make_filter(settings(tmp_path))(host)
    start = Answer()
    assert app(environ("/hồ-sơ".encode().decode("latin-1"), QUERY_STRING="a=1", HTTP_SEC_FETCH_MODE="navigate"), start) == [b"ok"]
    assert start.status == "303 See Other"
    assert start.header("Location") == [f"{PORTAL}/vneid/login?return_to=/h%25E1%25BB%2593-s%25C6%25A1%3Fa%3D1"]
    assert start.header("WWW-Authenticate") == []
    for more in ({"HTTP_SEC_FETCH_MODE": "cors"}, {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}, {"HTTP_COOKIE": signed_in(app)}):
        app(environ(**more), start)
        assert start.status == "401 Unauthorized"


ACCESS = "/cong-khai* = pass\n/cap-hai/* = level>=2\n/to-chuc/* = account=organisation\n/* = login"


@pytest.mark.threat("A-153")
@pytest.mark.parametrize(("path", "status"), [
    ("/cong-khai", "200"), ("/gi-do", "303"), ("//cong-khai", "303"), ("/x/../cong-khai", "303"), ("/CONG-KHAI", "303"),
    ("/cap-hai/x", "303")])
def test_access_rules_for_nobody(tmp_path, path, status):
    host, start = Host(), Answer()
    make_filter(settings(tmp_path, access=ACCESS))(host)(environ(path, HTTP_SEC_FETCH_MODE="navigate"), start)
    assert start.status.startswith(status)
    assert bool(host.calls) is (status == "200")


@pytest.mark.parametrize(("path", "status", "level"), [("/gi-do", "200", 1), ("/cap-hai/x", "303", 1), ("/cap-hai/x", "200", 2),
                                                       ("/to-chuc/x", "403", 2)])
def test_access_rules_for_a_citizen(tmp_path, path, status, level):
    host, start = Host(), Answer()
    app = make_filter(settings(tmp_path, access=ACCESS))(host)
    app(environ(path, HTTP_COOKIE=signed_in(app, level=level), HTTP_SEC_FETCH_MODE="navigate"), start)
    assert start.status.startswith(status)
    assert bool(host.calls) is (status == "200")


def test_programs_get_json_and_forms_a_page(tmp_path):
    app = make_filter(settings(tmp_path, access="/* = login"))(Host())
    start = Answer()
    body = json.loads(b"".join(app(environ(HTTP_SEC_FETCH_MODE="cors"), start)))
    assert (start.status[:3], body["error"]) == ("401", "login_required")
    assert body["login_url"].startswith(PORTAL + "/vneid/login?")
    page = b"".join(app(environ(REQUEST_METHOD="POST", HTTP_ACCEPT="text/html"), start)).decode()
    assert (start.status[:3], "Bạn cần đăng nhập" in page) == ("401", True)


def recorded(app):
    with app.services.storage.read() as connection:
        return audit.records(connection)


@pytest.mark.threat("A-113")
def test_when_storage_is_gone_the_last_list_serves_for_the_grace_and_then_nobody(tmp_path, wait_until):
    now = [1_800_000_000.0]
    host, start = Host(), Answer()
    app = make_filter(settings(tmp_path, access="/kin* = login"), clock=lambda: now[0])(host)
    cookie = signed_in(app, lambda: now[0])
    app(environ("/kin", HTTP_COOKIE=cookie), start)
    assert start.status[:3] == "200"
    wait_until(lambda: recorded(app), what="the record of the start, which is written beside the requests")
    app.services.storage.close()
    for file in Path(tmp_path).iterdir():
        file.unlink()
    (tmp_path / "v.db").mkdir()
    now[0] += 59
    app(environ("/kin", HTTP_COOKIE=cookie), start)
    assert start.status[:3] == "200"
    now[0] += 2
    app(environ("/kin", HTTP_COOKIE=cookie), start)
    assert start.status[:3] == "503"
    app(environ("/mo", HTTP_COOKIE=cookie), start)
    assert start.status[:3] == "200"
    assert "vneid.identity" not in host.calls[-1][0]


def test_an_ended_session_is_refused_here_at_once_and_elsewhere_within_a_second(tmp_path):
    now = [1_800_000_000.0]
    hosts = Host(), Host()
    here, there = (make_filter(settings(tmp_path), clock=lambda: now[0])(host) for host in hosts)
    cookie = signed_in(here, lambda: now[0])
    for app in (here, there):
        app(environ(HTTP_COOKIE=cookie), Answer())
    here.services.sessions.revocations.end_session("a-session")
    here(environ(HTTP_COOKIE=cookie), Answer())
    now[0] += 1
    there(environ(HTTP_COOKIE=cookie), Answer())
    assert [["vneid.identity" in call[0] for call in host.calls] for host in hosts] == [[True, False], [True, False]]


def test_rotation_opens_what_the_old_secret_sealed_until_it_is_gone(tmp_path):
    old = settings(tmp_path)["secret"]
    new = "another-0123456789-ABCDEFGHIJKLMNOPQRSTUVW"
    cookie = signed_in(make_filter(settings(tmp_path))(Host()))
    for secret, alive in ((f"{new}\n{old}", True), (new, False)):
        host = Host()
        make_filter(settings(tmp_path, secret=secret))(host)(environ(HTTP_COOKIE=cookie), Answer())
        assert ("vneid.identity" in host.calls[0][0]) is alive


@pytest.mark.parametrize("query", ["next=/ho-so", "came_from=%2Fho-so", "next=http%3A%2F%2F127.0.0.1%3A6543%2Fho-so"])
def test_the_hosts_own_login_path_is_ours(tmp_path, query):
    host, start = Host(), Answer()
    app = make_filter(settings(tmp_path, **{"takeover.login": "/dang-nhap", "takeover.logout": "/dang-xuat"}))(host)
    app(environ("/dang-nhap/", QUERY_STRING=query, HTTP_SEC_FETCH_MODE="navigate"), start)
    assert start.header("Location")[0].startswith("https://vneid.gov.vn/auth?")
    app(environ("/dang-xuat", REQUEST_METHOD="POST", HTTP_ORIGIN="https://evil.example"), start)
    assert start.status[:3] == "403"
    assert host.calls == []


@pytest.mark.parametrize(("given", "status"), [("", "200"), ("require=level>=1", "200"), ("require=level>=2", "403"),
                                               ("require=nonsense", "400"), ("require=login&require=login", "400")])
def test_a_front_end_may_ask(tmp_path, given, status):
    app = make_filter(settings(tmp_path))(Host())
    start = Answer()
    app(environ("/vneid/auth", HTTP_COOKIE=signed_in(app), QUERY_STRING=given, HTTP_X_FORWARDED_URI="/x"), start)
    assert start.status[:3] == status
    assert (start.header("X-VNeID-Personal-ID") == ["100190000001"]) is (status == "200")
    app(environ("/vneid/auth", QUERY_STRING=given), start)
    assert start.status[:3] == ("400" if status == "400" else "401")
