"""Back ends that are slow, hang, break or lie: VNeID gets an answer of the table, in bounded time."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from licences import HOA, KEY, OTHER_KEY, TUYET, Portal, portals
from scripted_provider import SCRIPTED
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.models import FoundDocument
from vneid_middleware.plugins.documents import asking, pulls

GPLX_OFF: dict[str, Any] = {f"documents__GPLX__{part}": None for part in ("url", "lookup", "fields", "match", "id", "state")}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], None]) -> Iterator[Portal]:
    with portals(tmp_path_factory.mktemp("portal"), new_database) as make:
        yield make(plugins="documents scripted_provider", documents__GPLX__provider="scripted",
                   documents__BHYT__provider="scripted", documents__rate_limit="100000", **GPLX_OFF)


@pytest.fixture
def portal(shared: Portal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Portal]:
    """The module's portal, whose moments are short."""
    monkeypatch.setattr(pulls, "MOMENT", 0.3)
    monkeypatch.setattr(pulls, "AT_ONCE", 0.05)
    SCRIPTED.reset()
    SCRIPTED.gate = threading.Event()
    SCRIPTED.gate.set()
    shared.clock.ahead = 0.0
    yield shared
    SCRIPTED.gate.set()


def end_of(portal: Portal, request_id: str, **how: Any) -> Any:
    """Ask until it is no longer pending."""
    end = time.monotonic() + 10
    while True:
        answer = portal.ask(request_id=request_id, **how)
        if answer.json()["status"] != "pending":
            return answer
        assert time.monotonic() < end


def test_a_slow_back_end_is_pending_and_then_answers_under_the_same_id(portal) -> None:
    SCRIPTED.gate.clear()
    began = time.monotonic()
    first = portal.ask(request_id="SLOW-1")
    assert time.monotonic() - began < 5
    assert (first.status, first.json()) == (200, {"requestId": "SLOW-1", "status": "pending", "responseCode": "01",
                                                  "responseMessage": "Đang xử lý, vui lòng hỏi lại sau", "retryAfter": 2})
    assert first.headers["Retry-After"] == "2"
    again = portal.ask(request_id="SLOW-1")
    assert again.json()["status"] == "pending"
    SCRIPTED.gate.set()
    assert end_of(portal, "SLOW-1").json()["data"] == {"number": "1"}
    assert len(SCRIPTED.asked) == 1


def test_a_signed_question_that_is_pending_is_asked_again_with_a_new_jti(portal) -> None:
    SCRIPTED.gate.clear()
    claims = portal.claims(requestId="SLOW-2")
    first = portal.send_signed(portal.sign(claims))
    assert portal.opened(first)["status"] == "pending"
    assert portal.send_signed(portal.sign(claims)).status == 409
    SCRIPTED.gate.set()
    assert portal.opened(portal.send_signed(portal.sign(portal.claims(requestId="SLOW-2"))))["status"] == "ok"


@pytest.mark.threat("A-234")
def test_an_answer_that_waits_is_given_to_nobody_else(portal) -> None:
    SCRIPTED.answer = lambda request: FoundDocument("ok", {"of": request.personal_id})
    SCRIPTED.gate.clear()
    assert portal.ask(TUYET, request_id="MINE").json()["status"] == "pending"
    # another caller under the same id has a question of its own
    other = portal.ask(HOA, request_id="MINE", key=OTHER_KEY)
    assert other.json()["status"] == "pending"
    reused = portal.ask(HOA, request_id="MINE")
    assert (reused.status, reused.json()["status"], reused.json()["fields"]) == (400, "invalid_request", ["requestId"])
    SCRIPTED.gate.set()
    assert end_of(portal, "MINE", personal_id=HOA, key=OTHER_KEY).json()["data"] == {"of": HOA}
    assert end_of(portal, "MINE").json()["data"] == {"of": TUYET}


def test_an_answer_that_was_given_is_asked_for_anew(portal) -> None:
    assert [portal.ask(request_id="TWICE").json()["status"] for _ in range(2)] == ["ok", "ok"]
    assert len(SCRIPTED.asked) == 2


@pytest.mark.threat("A-236")
def test_a_back_end_that_hangs_is_unavailable_and_takes_no_other_kind_with_it(portal, monkeypatch) -> None:
    monkeypatch.setattr(pulls, "LONGEST", 0.4)
    SCRIPTED.gate.clear()
    hanging = SCRIPTED.gate
    ids = [f"HANGS-{number}" for number in range(asking.THREADS)]
    with ThreadPoolExecutor(len(ids)) as pool:
        ends = list(pool.map(lambda each: end_of(portal, each), ids))
    assert {(end.status, end.json()["status"], end.headers["Retry-After"]) for end in ends} == {(503, "unavailable", "5")}
    # all its threads hang: nobody waits for them any more
    began = time.monotonic()
    assert portal.ask().json()["status"] == "unavailable"
    assert time.monotonic() - began < 5
    SCRIPTED.gate = threading.Event()
    SCRIPTED.gate.set()
    assert portal.ask(kind="BHYT").json()["status"] == "ok"
    hanging.set()
    end = time.monotonic() + 10
    while portal.ask().json()["status"] != "ok":
        assert time.monotonic() < end, "what no longer hangs does not come back"


@pytest.mark.threat("A-236")
def test_a_slow_back_end_fills_up_for_its_own_kind_only(portal, monkeypatch) -> None:
    monkeypatch.setattr(pulls, "MOST", 3)
    SCRIPTED.gate.clear()
    slow = SCRIPTED.gate
    assert [portal.ask(request_id=f"FULL-{number}").json()["status"] for number in range(4)] == ["pending"] * 3 + ["unavailable"]
    SCRIPTED.gate = threading.Event()
    SCRIPTED.gate.set()
    assert portal.ask(kind="BHYT").json()["status"] == "ok"
    assert portal.ask(request_id="FULL-5").json()["status"] == "unavailable"
    slow.set()
    assert end_of(portal, "FULL-0").json()["status"] == "ok"
    assert end_of(portal, "FULL-5").json()["status"] == "ok"
    for number in (1, 2):
        assert end_of(portal, f"FULL-{number}").json()["status"] == "ok"


def boom(request: Any) -> Any:
    raise RuntimeError(f"no such citizen {request.personal_id}")


def leave(error: type[BaseException]) -> Any:
    def answer(request: Any) -> Any:
        raise error(request.personal_id)

    return answer


def refuse(request: Any) -> Any:
    raise VNeIDError("register_closed", "the register is closed at night")


@pytest.mark.threat("A-236")
@pytest.mark.parametrize(("answer", "reason"), [
    (boom, "provider_failed"), (leave(asyncio.CancelledError), "provider_failed"), (leave(SystemExit), "provider_failed"),
    (leave(KeyboardInterrupt), "provider_failed"), (leave(GeneratorExit), "provider_failed"), (refuse, "register_closed"),
    (lambda request: None, "provider_invalid"),
    (lambda request: {"status": "ok"}, "provider_invalid"), (lambda request: FoundDocument("fine", {}), "provider_invalid"),
    (lambda request: FoundDocument("pending"), "provider_invalid"), (lambda request: FoundDocument("ok"), "provider_invalid"),
    (lambda request: FoundDocument("ok", ["1"]), "provider_invalid"),
    (lambda request: FoundDocument("ok", {"a": object()}), "provider_invalid"),
    (lambda request: FoundDocument("ok", {"a": float("nan")}), "provider_invalid"),
    (lambda request: FoundDocument("mismatch", fields=("Nguyễn An",)), "provider_invalid"),
    (lambda request: FoundDocument("mismatch", fields="HoVaTen"), "provider_invalid"),  # type: ignore[arg-type]
    (lambda request: FoundDocument("ok", {"a": "x" * 11_000_000}), "provider_too_large"),
])
def test_a_back_end_that_breaks_or_lies_is_unavailable(portal, caplog, answer, reason) -> None:
    SCRIPTED.answer = answer
    with caplog.at_level(logging.DEBUG):
        got = portal.ask(request_id="BREAKS")
    assert (got.status, got.json()) == (503, {"requestId": "BREAKS", "status": "unavailable", "responseCode": "99",
                                              "responseMessage": "Hệ thống tạm thời không trả lời được"})
    assert portal.audit()[-1]["what"]["reason"] == reason
    assert TUYET not in caplog.text + json.dumps(portal.audit()[-1])
    SCRIPTED.reset()
    assert portal.ask().json()["status"] == "ok"


def test_waiting_questions_leave_threads_for_others(portal, monkeypatch) -> None:
    monkeypatch.setattr(pulls, "MOMENT", 20.0)
    SCRIPTED.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(portal.ask, request_id=f"WAITS-{number}") for number in range(8)]
        # of the server's eight threads four wait: the rest are told at once, and so is whoever comes now
        told = [work.result() for work in islice(as_completed(asked, 15), 4)]
        assert {answer.json()["status"] for answer in (*told, portal.ask(request_id="ONE-MORE"))} == {"pending"}
        assert sum(work.done() for work in asked) == 4
        SCRIPTED.gate.set()
        assert sorted(work.result(15).json()["status"] for work in asked) == ["ok"] * 4 + ["pending"] * 4


@pytest.mark.parametrize("key", ["", "wrong-key", KEY[:-1], KEY + "x"])
def test_no_provider_is_asked_for_somebody_unknown(portal, key) -> None:
    assert portal.ask(key=key).status == 401
    assert SCRIPTED.asked == []
