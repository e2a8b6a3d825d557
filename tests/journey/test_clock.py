"""Two clocks that differ: what that does to a login, and what the operator is told."""

from __future__ import annotations

import time

import pytest

JSON = {"Accept": "application/json"}


@pytest.mark.parametrize("ahead", [0, 30, 200, -30, -55])
def test_clocks_that_differ_a_little_harm_nobody(journey, ahead):
    j = journey("oidc", clock=lambda: time.time() + ahead)
    assert j.sign_in("nguyet").status == 200


@pytest.mark.parametrize(("ahead", "code"), [(500, "expired"), (-100, "issued_in_future")])
def test_a_clock_that_is_wrong_is_told_to_the_operator(journey, caplog, ahead, code):
    j = journey("oidc", clock=lambda: time.time() + ahead)
    end = j.sign_in("nguyet")
    assert end.status == 502
    assert code in caplog.text
    told = [record for record in j.audit() if record["event"] == "login.refused"]
    assert [f"{ahead + off:+d} s off the provider's" in told[0]["what"]["detail"] for off in (-1, 0, 1)].count(True) == 1
    assert "clock" not in end.text
    assert j.browser.get(j.portal + "/vneid/health/ready", JSON).json() == {"status": "ok", "degraded": ["provider"]}


@pytest.mark.parametrize("ahead", [0, 50])
def test_a_clock_that_is_nearly_right_is_no_matter(journey, ahead):
    j = journey("oidc", clock=lambda: time.time() + ahead)
    j.sign_in("nguyet")
    assert j.browser.get(j.portal + "/vneid/health/ready", JSON).json() == {"status": "ok"}
