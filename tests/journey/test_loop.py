"""A browser that keeps no session cookie ends at a page that says so, and not in a circle."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest

from support import Browser


class Forgetful(Browser):
    """Keeps every cookie but the session's."""

    def send(self, method, url, headers=None, body=None):
        answer = super().send(method, url, headers, body)
        for jar in self.cookies.values():
            jar.pop("vneid", None)
        return answer


@pytest.mark.threat("A-114")
def test_no_circle(journey):
    j = journey(access="/ho-so = login")
    j.simulator.state.persona = "nguyet"
    end = Forgetful().get(j.portal + "/ho-so", follow=True)
    assert end.status == 400
    assert "Trình duyệt không giữ được phiên đăng nhập" in end.text
    assert j.token_requests() == 2


@pytest.mark.threat("A-114")
def test_a_browser_without_any_cookie_is_told_at_once(journey):
    class Blank(Browser):
        def send(self, method, url, headers=None, body=None):
            self.cookies.pop(urlsplit(j.portal).netloc, None)
            return super().send(method, url, headers, body)

    j = journey(access="/ho-so = login")
    j.simulator.state.persona = "nguyet"
    end = Blank().get(j.portal + "/ho-so", follow=True)
    assert end.status == 400
    assert "cookie" in end.text
    assert j.token_requests() == 0


def test_who_signs_out_and_in_again_is_no_circle(journey):
    j = journey()
    for _ in range(5):
        assert j.sign_in("nguyet").status == 200
        j.browser.post(j.portal + "/vneid/logout")


def test_later_it_is_tried_again(journey):
    later = [0.0]
    j = journey(access="/ho-so = login", clock=lambda: time.time() + later[0])
    j.simulator.state.persona = "nguyet"
    browser = Forgetful()
    assert browser.get(j.portal + "/ho-so", follow=True).status == 400
    later[0] = 21
    assert browser.get(j.portal + "/vneid/login").status == 303
