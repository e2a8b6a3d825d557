"""The script that warns before a session ends, on a page of the host with a strict content security policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from support import serving
from vneid_middleware.models import Identity, PartialDate
from vneid_middleware.paste import make_filter

from .conftest import ARTIFACTS, DESKTOP, LOCALES, Citizen, Site

POLICY = ("default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
          "require-trusted-types-for 'script'")
PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Nộp hồ sơ</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<script src="/vneid/session.js" defer></script></head>
<body><h1>Nộp hồ sơ</h1><form method="post"><label>Nội dung <input name="noi-dung"></label></form></body></html>"""
IDLE, LONGEST = 900, 28_800


def host(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", POLICY)])
    return [PAGE.format(lang=environ["PATH_INFO"].strip("/") or "vi").encode()]


class Portal:
    """A portal whose clock can be set."""

    def __init__(self, base: str, app: Any, ahead: list[float]) -> None:
        self.base, self.app, self._ahead = base, app, ahead

    def now(self) -> float:
        return time.time() + self._ahead[0]

    def pass_by(self, seconds: float) -> None:
        self._ahead[0] += seconds

    def cookie(self, age: int = 0) -> dict[str, str]:
        """Return a session that began ``age`` seconds ago and is used now."""
        from vneid_middleware.core import session

        began = int(self.now()) - age
        identity = Identity("s", "https://vneid.gov.vn", "100190000001", "Nguyễn Thị Ánh Nguyệt", PartialDate("1990"), "person",
                            2, {}, began, f"session-{began}")
        record = session.refreshed(session.new_record(identity, now=began, max_age=LONGEST), self.now())
        name, _, value = self.app.services.sessions.cookie(record).split(";")[0].partition("=")
        return {"name": name, "value": value, "url": self.base}


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder, ahead = tmp_path_factory.mktemp("script"), [0.0]

    def make(base: str) -> Any:
        return make_filter({"public_url": base, "secret": "browser-0123456789-abcdefghijklmnopqrstuvwxyz", "sso.client_id": "x",
                            "sso.client_secret": "y", "storage": f"sqlite:///{folder}/vneid.db"},
                           clock=lambda: time.time() + ahead[0])(host)

    with serving(make) as (base, app):
        yield Portal(base, app, ahead)
        app.services.storage.close()


class Reader(Citizen):
    """Somebody at a page that includes the script, with a clock of their own."""

    portal: Portal

    def open(self, lang: str = "vi", clock: str | None = None) -> None:
        self.page.clock.install(**({"time": clock} if clock else {}))
        with self.page.expect_response("**/vneid/session?*") as answer:
            self.go(f"/{lang}")
        answer.value.finished()
        # the script has taken it in when the page answers again: before that a clock that jumps would be the first it sees
        self.page.evaluate("async () => { for (let turn = 0; turn < 10; turn++) await null; }")

    def pass_by(self, seconds: int) -> None:
        """Let time go by for the portal and for the browser."""
        self.portal.pass_by(seconds)
        self.page.clock.fast_forward(seconds * 1000)

    @property
    def notice(self) -> Any:
        return self.page.get_by_role("alertdialog")

    def questions(self) -> int:
        return sum("/vneid/session?" in url for url in self.asked)


@pytest.fixture
def open_reader(chrome: Any, portal: Portal) -> Callable[..., Any]:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def opened(lang: str = "vi", age: int | None = 0) -> Iterator[Reader]:
        context = chrome.new_context(locale=LOCALES[lang], viewport=DESKTOP)
        context.set_default_timeout(10_000)
        if age is not None:
            context.add_cookies([portal.cookie(age)])
        reader = Reader(context, Site(portal.base, "", Path()), lang)
        reader.portal = portal
        try:
            yield reader
        finally:
            context.close()
        assert reader.complaints == []

    return opened


@pytest.fixture
def reader(open_reader: Callable[..., Any]) -> Iterator[Reader]:
    with open_reader() as found:
        yield found


WORDS = {"vi": ("Phiên đăng nhập sắp kết thúc", "sau khoảng 2 phút nữa", "Tiếp tục (mở thẻ mới)", "Đóng"),
         "en": ("Your session is about to end", "in about 2 min", "Continue (opens a new tab)", "Close")}


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_it_warns_two_minutes_before_in_the_pages_language(lang: str, open_reader: Callable[..., Any]) -> None:
    with open_reader() as reader:
        reader.open(lang)
        reader.pass_by(IDLE - 125)
        expect(reader.notice).to_have_count(0)
        reader.pass_by(10)
        title, left, go_on, close = WORDS[lang]
        expect(reader.page.get_by_role("alertdialog", name=title)).to_be_visible()
        expect(reader.notice).to_contain_text(left)
        expect(reader.notice).to_have_attribute("lang", lang)
        expect(reader.notice.get_by_role("link", name=go_on)).to_have_attribute("href", reader.site.portal + "/vneid/continue")
        expect(reader.notice.get_by_role("button", name=close)).to_be_visible()
        reader.lang = lang
        reader.shoot("session-warning")
        reader.page.set_viewport_size({"width": 360, "height": 740})
        assert reader.page.evaluate("document.documentElement.scrollWidth") <= 360
        assert all(item.bounding_box()["height"] >= 44 for item in (reader.notice.get_by_role("link"),
                                                                    reader.notice.get_by_role("button")))


def test_it_is_quiet_when_nobody_is_signed_in(open_reader: Callable[..., Any]) -> None:
    with open_reader(age=None) as reader:
        reader.open()
        reader.pass_by(7200)
        reader.page.evaluate("window.dispatchEvent(new Event('focus'))")
        expect(reader.notice).to_have_count(0)
        assert reader.questions() == 1


def test_the_keyboard_is_led_to_the_notice_and_back(reader: Reader) -> None:
    reader.open()
    field = reader.page.get_by_label("Nội dung")
    field.fill("đang nhập dở")
    reader.pass_by(IDLE - 100)
    expect(reader.notice).to_be_focused()
    reader.page.keyboard.press("Enter")
    reader.page.keyboard.press("Space")
    assert len(reader.context.pages) == 1
    reader.page.keyboard.press("Tab")
    expect(reader.notice.get_by_role("link")).to_be_focused()
    reader.page.keyboard.press("Escape")
    expect(reader.notice).to_have_count(0)
    expect(field).to_be_focused()
    expect(field).to_have_value("đang nhập dở")
    with reader.page.expect_response("**/vneid/session?*"):
        reader.pass_by(30)
    expect(reader.notice).to_have_count(0)
    reader.pass_by(100)
    expect(reader.notice).to_contain_text("Phiên đăng nhập đã kết thúc")
    reader.notice.get_by_role("button", name="Đóng").click()
    expect(reader.notice).to_have_count(0)


def test_going_on_in_a_new_tab_leaves_the_page_and_the_notice_goes(reader: Reader) -> None:
    reader.open()
    reader.page.get_by_label("Nội dung").fill("đang nhập dở")
    reader.pass_by(IDLE - 100)
    with reader.context.expect_page() as opened:
        reader.notice.get_by_role("link").click()
    expect(opened.value.locator("h1")).to_have_text("Phiên đăng nhập được tiếp tục")
    opened.value.close()
    reader.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(reader.notice).to_have_count(0)
    expect(reader.page.get_by_label("Nội dung")).to_have_value("đang nhập dở")
    reader.pass_by(IDLE - 125)
    expect(reader.notice).to_have_count(0)
    reader.pass_by(10)
    expect(reader.notice).to_be_visible()


def test_what_one_tab_does_is_known_to_the_other(reader: Reader) -> None:
    reader.open()
    other = reader.context.new_page()
    other.clock.install()
    other.goto(reader.site.portal + "/en")
    reader.pass_by(IDLE - 100)
    other.clock.fast_forward((IDLE - 100) * 1000)
    expect(reader.notice).to_be_visible()
    expect(other.get_by_role("alertdialog")).to_be_visible()
    other.goto(reader.site.portal + "/en")
    reader.pass_by(20)
    expect(reader.notice).to_have_count(0)


def test_the_longest_time_can_not_be_lengthened_and_it_says_so(open_reader: Callable[..., Any]) -> None:
    with open_reader(age=LONGEST - 300) as reader:
        reader.open()
        expect(reader.notice).to_have_count(0)
        reader.pass_by(200)
        expect(reader.notice).to_contain_text("không kéo dài thêm được")
        expect(reader.notice.get_by_role("link", name="Đăng nhập lại")).to_have_attribute(
            "href", reader.site.portal + "/vneid/login?prompt=login&return_to=/vneid/continue")
        reader.shoot("session-limit")


def test_after_it_ended_it_says_what_to_do(reader: Reader) -> None:
    reader.open()
    reader.pass_by(IDLE + 60)
    expect(reader.notice).to_contain_text("Phiên đăng nhập đã kết thúc")
    expect(reader.notice.get_by_role("link")).to_have_attribute(
        "href", reader.site.portal + "/vneid/login?return_to=/vneid/continue")
    reader.shoot("session-ended")
    reader.context.add_cookies([reader.portal.cookie()])
    reader.page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(reader.notice).to_have_count(0)


@pytest.mark.parametrize("wake", ["document.dispatchEvent(new Event('visibilitychange'))",
                                  "window.dispatchEvent(new Event('focus'))",
                                  "window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"])
def test_a_laptop_that_slept_asks_as_soon_as_it_wakes(reader: Reader, wake: str) -> None:
    reader.open()
    reader.portal.pass_by(IDLE - 60)
    reader.page.evaluate(wake)
    expect(reader.notice).to_contain_text("sau khoảng 1 phút nữa")


@pytest.mark.parametrize("clock", ["2001-01-01T00:00:00", "2099-12-31T23:00:00"])
def test_a_wrong_clock_of_the_browser_does_not_matter(reader: Reader, clock: str) -> None:
    reader.open(clock=clock)
    reader.pass_by(IDLE - 130)
    expect(reader.notice).to_have_count(0)
    reader.pass_by(20)
    expect(reader.notice).to_contain_text("sau khoảng 2 phút nữa")


def test_a_clock_that_is_set_back_does_not_delay_the_warning(reader: Reader) -> None:
    reader.open()
    reader.page.clock.set_system_time("2001-01-01T00:00:00")
    reader.pass_by(IDLE - 110)
    expect(reader.notice).to_be_visible()


def test_without_network_it_says_nothing_and_asks_again(reader: Reader) -> None:
    reader.open()
    down = [True]

    def route(found: Route) -> None:
        if down[0]:
            found.abort()
        else:
            found.continue_()

    reader.page.route("**/vneid/session?*", route)
    with reader.page.expect_event("requestfailed"):
        reader.pass_by(IDLE - 100)
    expect(reader.notice).to_have_count(0)
    down[0] = False
    reader.pass_by(40)
    expect(reader.notice).to_contain_text("sau khoảng 1 phút nữa")
    # the browser itself notes what it could not load
    reader.complaints[:] = [line for line in reader.complaints if "ERR_FAILED" not in line]


def test_asking_all_day_lengthens_nothing(reader: Reader) -> None:
    reader.open()
    before = reader.context.cookies()
    answers = []
    for _ in range(5):
        reader.portal.pass_by(120)
        answers.append(reader.context.request.get(reader.site.portal + "/vneid/session?quiet=1"))
    assert len({answer.json()["expires_at"] for answer in answers}) == 1
    left = [answer.json()["expires_in"] for answer in answers]
    assert all(119 <= first - second <= 122 for first, second in pairwise(left))
    assert reader.context.cookies() == before
