"""One counter behind several servers, on each database: who asks after a lookup may come to any of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Barrier, BrokenBarrierError

import pytest

from vneid_service import CITIZEN

PATH = "/vneid/qr/lookup/"


@pytest.fixture(params=["sqlite", "postgresql"])
def servers(request, make_portal, tmp_path):
    """``servers(**settings)`` gives two servers with one database; the second asks the VNeID of the first."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else f"sqlite:///{tmp_path}/both.db"

    def make(**settings):
        first = make_portal(storage=url, **settings)
        address = first.middleware.services.settings["transport.vneid.url"]
        second = make_portal(storage=url, **{**settings, "transport__vneid__url": address, "qr__jwks": address + "/jwks"})
        return first, second

    return make


def fetch(portal, location):
    return portal.send("GET", PATH + location.rpartition("/")[2])


def test_another_server_goes_on_with_what_waits(servers) -> None:
    first, second = servers()
    first.vneid.answer = first.vneid.pends(first.vneid.gives("01"), first.vneid.gives())
    location = first.ask("QR-1").location
    answer = fetch(second, location)
    while answer.status == 202:
        answer = fetch(second, location)
    assert answer.json()["data"] == CITIZEN
    assert fetch(first, location).status == 404


@pytest.mark.threat("A-214")
def test_a_result_is_given_once_whoever_asks_at_once(servers, wait_until) -> None:
    first, second = servers(qr__consent="blocking")
    first.vneid.answer = first.vneid.holds(first.vneid.gives())
    location = first.ask().location
    first.vneid.released.set()
    with ThreadPoolExecutor(8) as pool:
        def all_ask():
            return [answer.status for answer in pool.map(lambda n: fetch((first, second)[n % 2], location), range(8))]

        statuses = wait_until(lambda: next((found for found in [all_ask()] if set(found) != {202}), None))
        while 202 in statuses and 200 not in statuses:
            statuses = all_ask()
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 202, 404}
    assert fetch(first, location).status == fetch(second, location).status == 404


def meeting(both, known, *arguments):
    found = known(*arguments)
    with suppress(BrokenBarrierError):
        both.wait(0.5)
    return found


@pytest.mark.threat("A-214")
def test_a_code_that_is_scanned_at_two_counters_at_once_is_asked_once(servers, monkeypatch) -> None:
    first, second = servers()
    both = Barrier(2)
    for portal in (first, second):
        # both have looked for the code before either has kept its lookup, unless they take turns
        questions = portal.middleware.services["qr"]._questions
        monkeypatch.setattr(questions, "_known", partial(meeting, both, questions._known))
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(portal.ask, "QR-both", key=key) for portal, key in ((first, "quay-1"), (second, "quay-2"))]
        found = [portal.result(answer.result(), key)
                 for portal, key, answer in zip((first, second), ("quay-1", "quay-2"), asked, strict=True)]
    statuses = sorted(answer.json()["status"] for answer in found)
    assert statuses == ["expired_qr", "ok"]
    assert first.vneid.asked == [{"qrID": "QR-both"}]


@pytest.mark.threat("A-213")
def test_the_rate_of_an_operator_is_counted_over_all_servers(servers) -> None:
    first, second = servers(qr__rate_limit="4")
    statuses = [portal.ask().status for portal in (first, second, first, second, first, second)]
    assert statuses.count(429) == 2
    assert statuses[4:] == [429, 429]
