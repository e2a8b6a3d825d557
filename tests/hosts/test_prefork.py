"""Several processes of one portal: loaded before the fork, sharing nothing but storage."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from support import Browser

PORTAL = '''
import os


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("X-Worker", str(os.getpid()))])
    return [environ.get("REMOTE_USER", "khách").encode()]
'''


@pytest.fixture
def portal(example):
    folder, port = example("wsgi")
    (folder / "portal.py").write_text(PORTAL, encoding="utf-8")
    return folder, port


def ask(url: str, browser: Browser) -> tuple[str, str]:
    """Return which worker answered and whom it saw. Each request is a new connection."""
    answer = browser.get(url + "/")
    return answer.headers["X-Worker"], answer.text


def workers_that_see(url: str, browser: Browser, wanted: str) -> set[str]:
    found = [ask(url, browser) for _ in range(16)]
    return {worker for worker, user in found if user == wanted} - {worker for worker, user in found if user != wanted}


@pytest.mark.parametrize("options", [("--preload",), ()], ids=["preload", "each-loads"])
def test_what_one_worker_ends_is_over_in_the_others(portal, start, simulator, wait_until, options):
    folder, port = portal
    simulator[1].state.persona = "nguyet"
    with start("gunicorn", folder, port, *options) as host:
        browser = Browser()
        assert browser.get(host.url + "/vneid/login?return_to=/", follow=True).text == "100190000001"
        wait_until(lambda: len(workers_that_see(host.url, browser, "100190000001")) == 2, what="both workers' answers")
        thief = Browser()
        thief.cookies = {place: dict(jar) for place, jar in browser.cookies.items()}
        browser.post(host.url + "/vneid/logout")
        wait_until(lambda: len(workers_that_see(host.url, thief, "khách")) == 2, 5, "the end in both workers")
        assert browser.get(host.url + "/vneid/login?return_to=/", follow=True).text == "100190000001"


def test_the_master_holds_no_thread_and_no_connection(portal, start, simulator, wait_until):
    folder, port = portal
    simulator[1].state.persona = "nguyet"
    with start("gunicorn", folder, port, "--preload") as host:
        browser = Browser()
        browser.get(host.url + "/vneid/login?return_to=/", follow=True)
        wait_until(lambda: len(workers_that_see(host.url, browser, "100190000001")) == 2, what="both workers' answers")
        master = Path(f"/proc/{host.process.pid}")
        assert len(list((master / "task").iterdir())) == 1
        opened = {os.readlink(link) for link in (master / "fd").iterdir() if link.exists()}
        assert not [name for name in opened if "vneid.db" in name]


def test_a_killed_worker_takes_nobodys_session_along(portal, start, simulator, wait_until):
    folder, port = portal
    simulator[1].state.persona = "nguyet"
    with start("gunicorn", folder, port, "--preload") as host:
        browser = Browser()
        browser.get(host.url + "/vneid/login?return_to=/", follow=True)
        worker, _ = ask(host.url, browser)
        os.kill(int(worker), signal.SIGKILL)
        wait_until(lambda: _alive(host.url, browser, worker), what="another worker's answer")
        assert ask(host.url, browser)[1] == "100190000001"


def _alive(url: str, browser: Browser, dead: str) -> bool:
    try:
        found = [ask(url, browser) for _ in range(8)]
    except OSError:
        return False
    workers = {worker for worker, _ in found}
    return len(workers) == 2 and dead not in workers
