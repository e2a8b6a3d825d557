"""Many people at once: nobody ever sees anybody else."""

from __future__ import annotations

import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from vneid_middleware.models import Identity
from vneid_middleware.paste import make_filter

PEOPLE = 200
TURNS = 50


@pytest.fixture
def switching():
    """Threads take turns as often as they can, so that each is stopped in the middle of many requests."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.threat("A-117")
def test_two_hundred_people_in_parallel(tmp_path, switching):
    visits = []

    def host(environ, start_response):
        visits.append(None)
        identity = environ.get("vneid.identity")
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
        seen = (environ.get("REMOTE_USER"), identity and identity.personal_id, identity and identity.full_name,
                environ.get("HTTP_X_VNEID_PERSONAL_ID"), environ["wanted"])
        return [seen]

    now = [time.time()]
    app = make_filter({"public_url": "http://127.0.0.1:6543", "secret": "many-0123456789-abcdefghijklmnopqrstuvwxyz",
                       "sso.client_id": "x", "sso.client_secret": "y", "storage": f"sqlite:///{tmp_path}/v.db",
                       "identity_headers": "percent"}, clock=lambda: now[0])(host)

    def cookie(number):
        identity = Identity(f"s{number}", "https://vneid.gov.vn", f"{100_190_000_000 + number}", f"Người thứ {number}", None,
                            "person", 2, {}, int(now[0]), f"session-{number}")
        return app.services.sessions.begin(identity, int(now[0]))[1].split(";")[0]

    cookies = [cookie(number) for number in range(PEOPLE)]

    all_are_there = threading.Barrier(PEOPLE)

    def visit(number):
        found = set()
        all_are_there.wait(60)
        order = random.Random(number)
        for _ in range(TURNS):
            anonymous = order.random() < 0.2
            environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "",
                       "HTTP_ACCEPT": "*/*", "wanted": None if anonymous else number}
            if not anonymous:
                environ["HTTP_COOKIE"] = cookies[number]
            found.add(app(environ, lambda status, headers, exc_info=None: None)[0])
        return found

    now[0] += 61  # every cookie is due to be written again, too
    with ThreadPoolExecutor(PEOPLE) as pool:
        seen = set().union(*pool.map(visit, range(PEOPLE)))
    app.services.storage.close()
    assert len(visits) == PEOPLE * TURNS == 10_000
    for user, personal_id, name, header, wanted in seen:
        expected = None if wanted is None else str(100_190_000_000 + wanted)
        assert (user, personal_id, header) == (expected,) * 3
        assert name == (None if wanted is None else f"Người thứ {wanted}")
    assert len(seen) >= PEOPLE
