"""A provider that hangs, and people who never come back: the portal's own pages go on, and nothing grows."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from support import Browser
from vneid_middleware.paste import make_filter
from vneid_middleware.storage import audit


@pytest.mark.threat("A-048")
@pytest.mark.parametrize("endpoint", ["token", "userinfo"])
def test_logins_that_hang_hold_half_of_the_threads_and_no_more(journey, endpoint):
    j = journey(**{"http.timeout": "20"})
    hanging, let_go = threading.Semaphore(0), threading.Event()
    wait = j.simulator.state.stopped.wait

    def hang(seconds):
        hanging.release()
        let_go.wait(20)
        return wait(0)

    j.simulator.state.stopped.wait = hang
    j.switch(**{f"fault_{endpoint}": "hang"})
    j.simulator.state.persona = "nguyet"
    callbacks = []
    for _ in range(6):
        browser = Browser()
        begun = browser.get(j.portal + "/vneid/login")
        callbacks.append((browser, browser.get(begun.location).location))
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(browser.get, callback) for browser, callback in callbacks[:4]]
        for _ in waiting:
            assert hanging.acquire(timeout=10)
        # four of eight threads wait: everybody else is served meanwhile, further logins are refused at once
        for browser, callback in callbacks[4:]:
            answer = browser.get(callback)
            assert answer.status == 503
            assert "VNeID" in answer.text
        for _ in range(20):
            assert Browser().get(j.portal + "/").status == 200
        assert j.token_requests() == (0 if endpoint == "token" else 4)
        let_go.set()
        assert {answer.result().status for answer in waiting} == {303}


@pytest.mark.threat("A-007")
def test_ten_thousand_logins_never_finished_leave_nothing(tmp_path, wait_until):
    app = make_filter({"public_url": "http://127.0.0.1:6543", "secret": "load-0123456789-abcdefghijklmnopqrstuvwxyz",
                       "sso.client_id": "x", "sso.client_secret": "y", "storage": f"sqlite:///{tmp_path}/v.db"})(None)
    states = set()

    def start(status, headers, exc_info=None):
        states.add(dict(headers)["Location"].partition("state=")[2].partition("&")[0])

    def begin(count):
        for _ in range(count):
            environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/vneid/login", "QUERY_STRING": "",
                       "SERVER_NAME": "x", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http"}
            b"".join(app(environ, start))

    def recorded():
        with app.services.storage.read() as connection:
            return audit.records(connection)

    begin(3_000)
    wait_until(recorded, what="the record of the start, which is written beside the requests")
    states.clear()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        begin(2_000)
        states.clear()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # some tables of the interpreter breathe; a leak of a quarter of a kilobyte a login would be more
    assert grown < 400_000
    begin(5_000)
    assert len(states) == 5_000
    with app.services.storage.read() as connection:
        for table in ("vneid_login_claims", "vneid_sessions"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
    app.services.storage.close()
    app.services.outbound.close()


@pytest.mark.threat("A-007")
def test_one_browser_keeps_a_handful_of_cookies(journey):
    j = journey()
    begun = []
    for number in range(200):
        before = set(j.browser.cookies.get(urlsplit(j.portal).netloc, ()))
        j.browser.get(f"{j.portal}/vneid/login?return_to=/{number}")
        begun += set(j.browser.cookies[urlsplit(j.portal).netloc]) - before
    assert len(begun) == 200
    assert set(j.browser.cookies[urlsplit(j.portal).netloc]) == set(begun[-5:]), "the oldest ones go"


def test_with_one_thread_a_login_gives_up_before_the_portal_is_missed(tmp_path):
    from vneid_middleware.plugins.sso.bulkhead import LOGIN_DEADLINE, SINGLE_THREAD_DEADLINE, Bulkhead

    assert [Bulkhead(threads).limit for threads in (1, 2, 8)] == [SINGLE_THREAD_DEADLINE, LOGIN_DEADLINE, LOGIN_DEADLINE]
    for threads, slots in ((1, 1), (2, 1), (3, 1), (8, 4), (9, 4)):
        bulkhead = Bulkhead(threads)
        held = [bulkhead.slot() for _ in range(slots)]
        for slot in held:
            slot.__enter__()
        with pytest.raises(Exception, match="too_many_logins"), bulkhead.slot():
            pass
        held[0].__exit__(None, None, None)
        with bulkhead.slot():
            pass
