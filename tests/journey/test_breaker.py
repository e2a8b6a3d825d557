"""A provider that does not answer: after a few logins the others are told at once, and one in a while tries again."""

from __future__ import annotations

import time

import pytest

from support import Browser
from vneid_middleware.breaker import FAILURES, PROBE_EVERY

JSON = {"Accept": "application/json"}


@pytest.fixture
def broken(journey):
    later = [0.0]
    j = journey(clock=lambda: time.time() + later[0])
    j.switch(fault_token="503")
    for _ in range(FAILURES):
        assert j.sign_in("nguyet", browser=Browser()).status == 502
    assert j.token_requests() == FAILURES
    return j, later


@pytest.mark.threat("A-047")
def test_the_others_are_told_at_once(broken):
    j, _ = broken
    for _ in range(5):
        end = j.sign_in("nguyet", browser=Browser())
        assert end.status == 502
        assert "VNeID đang gặp sự cố" in end.text
    assert j.token_requests() == FAILURES
    assert j.browser.get(j.portal + "/vneid/health/ready", JSON).json() == {"status": "ok", "degraded": ["provider"]}


def test_one_in_a_while_tries_and_the_first_that_works_lets_all_in(broken):
    j, later = broken
    later[0] = PROBE_EVERY + 1
    for _ in range(3):
        assert j.sign_in("nguyet", browser=Browser()).status == 502
    assert j.token_requests() == FAILURES + 1
    j.switch(fault_token="none")
    later[0] = 2 * PROBE_EVERY + 2
    for _ in range(3):
        assert j.sign_in("nguyet", browser=Browser()).status == 200
    assert j.browser.get(j.portal + "/vneid/health/ready", JSON).json() == {"status": "ok"}


def test_refusals_are_answers(journey):
    j = journey(**{"sso.client_secret": "another"})
    for _ in range(FAILURES + 3):
        assert j.sign_in("nguyet", browser=Browser()).status == 502
    assert j.token_requests() == FAILURES + 3
