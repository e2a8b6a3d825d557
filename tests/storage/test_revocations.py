"""The list of ended sessions: one question a second at most, and a storage that hangs holds nobody up."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import event

from vneid_middleware.models import Identity
from vneid_middleware.paste import make_filter
from vneid_middleware.storage import Storage


def host(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ.get("REMOTE_USER", "nobody").encode()]


@pytest.fixture
def portal(url):
    """A portal over ``url`` with a clock of ours, and the cookie of somebody who is signed in."""
    now = [1_800_000_000.0]
    app = make_filter({"public_url": "http://127.0.0.1:6543", "secret": "revoked-0123456789-abcdefghijklmnopqrstuvwxyz",
                       "sso.client_id": "x", "sso.client_secret": "y", "storage": url}, clock=lambda: now[0])(host)
    identity = Identity("s", "https://vneid.gov.vn", "100190000001", "A", None, "person", 2, {}, int(now[0]), "an-id")
    cookie = app.services.sessions.begin(identity, int(now[0]))[1].split(";")[0]

    def ask():
        environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "HTTP_COOKIE": cookie}
        return app(environ, lambda status, headers, exc_info=None: None)[0]

    app.services.storage.prepare()
    yield app, now, ask
    app.services.storage.close()


def test_no_query_a_request(portal):
    app, now, ask = portal
    asked = []
    assert ask() == b"100190000001"
    event.listen(app.services.storage.engine(), "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    for _ in range(500):
        now[0] += 0.01
        assert ask() == b"100190000001"
    lists = [statement for statement in asked if "vneid_ended_sessions" in statement]
    assert 4 <= len(lists) <= 6
    assert all(statement.startswith("SELECT") for statement in lists)


def test_a_crowd_asks_once(portal):
    app, now, ask = portal
    asked = []
    ask()
    event.listen(app.services.storage.engine(), "before_cursor_execute", lambda *arguments: asked.append(arguments[2]))
    now[0] += 5
    barrier = threading.Barrier(20)
    seen = []

    def visit():
        barrier.wait(10)
        seen.append(ask())

    threads = [threading.Thread(target=visit) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == [b"100190000001"] * 20
    assert len([statement for statement in asked if "vneid_ended_sessions" in statement]) == 1


@pytest.mark.threat("A-113")
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_storage_that_hangs_holds_nobody_up(url, portal, wait_until):
    _, now, ask = portal
    assert ask() == b"100190000001"
    holder = Storage(url)
    with holder.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE vneid_ended_sessions IN ACCESS EXCLUSIVE MODE")
        # answered while the table is locked: the last known list serves for the grace, and not a second longer
        now[0] += 30
        assert ask() == b"100190000001"
        now[0] += 31
        assert ask() == b"nobody"
    holder.close()

    def again():
        now[0] += 2
        return ask() == b"100190000001"

    wait_until(again, what="the list after the lock")
