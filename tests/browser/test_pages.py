"""Every page of the middleware in a real browser: read by anybody, on any screen, with the keyboard alone, without script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import expect

OTHER = {"vi": "en", "en": "vi"}
LOGIN = "/vneid/login"
FORM = "/dich-vu/cap-phieu-ly-lich-tu-phap/nop/"
UNKNOWN_STATE = "A" * 43


class Place(NamedTuple):
    """A page: how one gets there, and what it says."""

    arrive: Callable[[Any], None]
    status: int
    vi: str
    en: str
    main: str = LOGIN
    """Where the first thing to do leads."""


def logout_confirmation(citizen: Any) -> None:
    citizen.sign_in()
    citizen.go("/vneid/logout")


def still_signed_in(citizen: Any) -> None:
    citizen.sign_in()
    citizen.go("/vneid/logged-out")


def provider_down(citizen: Any) -> None:
    with citizen.site.broken(fault_token="503"):
        citizen.sign_in()


def step_up_for_a_form(citizen: Any) -> None:
    citizen.sign_in("quynh")
    citizen.post(FORM)


def form_waiting(citizen: Any) -> None:
    citizen.post(FORM)
    citizen.page.locator("main .button").click()
    citizen.choose("nguyet")


def forbidden(citizen: Any) -> None:
    citizen.sign_in(path="/chi-to-chuc/")


PLACES = {
    "logout-confirmation": Place(logout_confirmation, 200, "Bạn có muốn đăng xuất không?", "Do you want to sign out?",
                                 "/vneid/logout"),
    "logged-out": Place(lambda citizen: citizen.go("/vneid/logged-out"), 200, "Bạn đã đăng xuất", "You have signed out", "/"),
    "still-signed-in": Place(still_signed_in, 200, "Bạn vẫn đang đăng nhập", "You are still signed in", "/vneid/logout"),
    "login-cancelled": Place(lambda citizen: citizen.sign_in("refuse"), 403, "Bạn đã từ chối đăng nhập",
                             "You cancelled the sign-in"),
    "level-too-low": Place(lambda citizen: citizen.sign_in("quynh", level="2"), 403, "Mức tài khoản VNeID chưa đủ",
                           "Your VNeID account level is too low"),
    "organisation-refused": Place(lambda citizen: citizen.sign_in("to-chuc"), 403, "Chưa hỗ trợ tài khoản tổ chức",
                                  "Organisation accounts cannot be used here"),
    "state-unknown": Place(lambda citizen: citizen.go(f"/vneid/callback?code=abc&state={UNKNOWN_STATE}"), 400,
                           "Đăng nhập chưa thành công", "We could not sign you in"),
    "request-malformed": Place(lambda citizen: citizen.go("/vneid/login?level=9"), 400, "Liên kết đăng nhập không hợp lệ",
                               "The sign-in link does not work", "/"),
    "provider-down": Place(provider_down, 502, "VNeID đang gặp sự cố", "VNeID is having problems"),
    "not-found": Place(lambda citizen: citizen.go("/vneid/khong-co"), 404, "Không tìm thấy trang", "Page not found", "/"),
    "login-required": Place(lambda citizen: citizen.post("/admin/"), 401, "Bạn cần đăng nhập", "You need to sign in"),
    "step-up-required": Place(step_up_for_a_form, 401, "Bạn cần đăng nhập ở mức cao hơn",
                              "You need to sign in at a higher level"),
    "form-waiting": Place(form_waiting, 200, "Bạn có muốn gửi lại biểu mẫu không?", "Do you want to send your form again?", FORM),
    "forbidden": Place(forbidden, 403, "Bạn không có quyền xem trang này", "You cannot view this page", "/"),
    "method-not-allowed": Place(lambda citizen: citizen.post("/vneid/callback"), 405, "Yêu cầu không hợp lệ",
                                "This request does not work here", "/"),
}


class Shown(NamedTuple):
    """A page on the screen."""

    place: Place
    citizen: Any
    lang: str
    heading: str
    first_stop: dict[str, Any]
    """What the Tab key reaches first."""

    def measure(self, call: str) -> Any:
        return self.citizen.measure(call)


BOTH_LANGUAGES = pytest.mark.parametrize("arrived", [(name, lang) for lang in OTHER for name in PLACES], ids="-".join,
                                         indirect=True)
ONE_LANGUAGE = pytest.mark.parametrize("arrived", [(name, "vi") for name in PLACES], ids="-".join, indirect=True)
"""For what depends on the style: with the translation unfolded both languages are on the page."""


@pytest.fixture(scope="module")
def readers(open_citizen: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """One of each language. Whoever reads English has switched off script."""
    with open_citizen("vi") as vietnamese, open_citizen("en", java_script_enabled=False) as english:
        yield {"vi": vietnamese, "en": english}


@pytest.fixture(scope="module")
def arrived(request: pytest.FixtureRequest, readers: dict[str, Any]) -> Shown:
    """Each page in each language, opened once."""
    name, lang = request.param
    place, citizen = PLACES[name], readers[lang]
    citizen.start_afresh()
    place.arrive(citizen)
    heading = place.vi if lang == "vi" else place.en
    expect(citizen.page.locator("h1")).to_have_text(heading)
    citizen.page.keyboard.press("Tab")
    first_stop = citizen.measure("focus()")
    citizen.page.evaluate("document.activeElement.blur()")
    citizen.shoot(name)
    return Shown(place, citizen, lang, heading, first_stop)


@pytest.fixture
def shown(arrived: Shown) -> Shown:
    """The page as it came, whatever another test has set."""
    arrived.citizen.page.set_viewport_size({"width": 1280, "height": 800})
    arrived.citizen.page.emulate_media(color_scheme="light", forced_colors="none")
    return arrived


@BOTH_LANGUAGES
def test_it_says_what_happened_in_the_readers_language(shown: Shown) -> None:
    page = shown.citizen.page
    assert shown.citizen.status == shown.place.status
    expect(page.get_by_role("heading", level=1, include_hidden=True)).to_have_count(1)
    expect(page.locator("h1")).to_have_text(shown.heading)
    assert page.locator("html").get_attribute("lang") == shown.lang
    assert shown.citizen.answer.headers["content-language"] == shown.lang
    error = {"vi": "Lỗi: ", "en": "Error: "}[shown.lang] if shown.place.status >= 400 else ""
    assert page.title() == error + shown.heading
    assert page.locator("details").get_attribute("lang") == OTHER[shown.lang]
    expect(page.locator("details h2")).to_have_text(shown.place.en if shown.lang == "vi" else shown.place.vi)


@BOTH_LANGUAGES
def test_an_error_can_be_told_on_the_telephone(shown: Shown) -> None:
    reference = shown.citizen.page.locator(".reference strong")
    if shown.place.status < 400:
        expect(reference).to_have_count(0)
        return
    expect(reference).to_have_text(re.compile(r"^[2-9a-z]{4}-[2-9a-z]{4}-[2-9a-z]{4}$"))
    assert reference.get_attribute("translate") == "no"
    # whatever a callback brought along stays out of the page
    assert UNKNOWN_STATE not in shown.citizen.page.content()


@BOTH_LANGUAGES
@pytest.mark.threat("A-160")
def test_the_browser_has_nothing_to_complain_of_and_asks_nobody_else(shown: Shown) -> None:
    assert shown.citizen.complaints == []
    assert shown.citizen.hosts <= {url.removeprefix("http://") for url in shown.citizen.site[:2]}
    assert shown.citizen.page.locator("script, iframe, img, object, [style], [onclick]").count() == 0
    policy = shown.citizen.answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@BOTH_LANGUAGES
def test_it_fits_with_text_twice_as_large_too(shown: Shown, unfolded: None, font_size: Callable[[int], None]) -> None:
    page, lead = shown.citizen.page, "lead => parseFloat(getComputedStyle(lead).fontSize)"
    before = page.locator(".lead").evaluate(lead)
    for pixels in (16, 32):
        font_size(pixels)
        for width in (320, 360, 1280):
            page.set_viewport_size({"width": width, "height": 740})
            assert shown.measure("wide()") == [], f"{width} px wide, text of {pixels} px"
    assert page.locator(".lead").evaluate(lead) == pytest.approx(2 * before), "the size set in the browser counts"


@ONE_LANGUAGE
@pytest.mark.parametrize("forced", ["none", "active"])
def test_its_text_is_easy_to_see_in_light_and_dark_and_in_the_readers_own_colours(
        forced: str, shown: Shown, unfolded: None) -> None:
    page = shown.citizen.page
    main = page.locator("main .button").first
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, forced_colors=forced)
        assert shown.measure("texts()") >= 6
        assert shown.measure("faint(4.5)") == [], scheme
        main.hover()
        assert shown.measure("faint(4.5)") == [], f"{scheme}, under the mouse"
        main.focus()
        assert shown.measure("faint(4.5)") == [], f"{scheme}, under the mouse and with the focus"
        assert shown.measure("focus()")["outline"] >= 2
        main.blur()
    # forced colours take backgrounds away: a border is what still makes it look like a button
    assert main.evaluate("action => parseFloat(getComputedStyle(action).borderTopWidth)") > 0
    page.mouse.move(0, 0)


@ONE_LANGUAGE
def test_everything_to_press_is_large_enough(shown: Shown, unfolded: None) -> None:
    for size in ({"width": 320, "height": 740}, {"width": 1280, "height": 800}):
        shown.citizen.page.set_viewport_size(size)
        assert shown.measure("small(24)") == []


def pressed(page: Any) -> str:
    """Press Enter and return where it leads, query left out; the answer is that there is nothing new to show."""
    page.route("**", lambda route: route.fulfill(status=204), times=1)
    with page.expect_request("**") as request:
        page.keyboard.press("Enter")
    return str(request.value.url.partition("?")[0])


@ONE_LANGUAGE
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_keyboard_is_enough(scheme: str, shown: Shown) -> None:
    page = shown.citizen.page
    page.emulate_media(color_scheme=scheme)
    assert shown.first_stop["name"].startswith("a.skip")
    page.locator(".skip").focus()
    stops = [shown.measure("focus()")]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert shown.measure("faint(4.5)") == []
    assert page.locator("main").evaluate("main => getComputedStyle(main).backgroundColor") == "rgba(0, 0, 0, 0)"
    page.keyboard.press("Tab")
    stops.append(shown.measure("focus()"))
    assert stops[1]["name"].split(" ")[0] in ("a.button", "button.button")
    assert pressed(page) == (shown.citizen.site.portal + shown.place.main)
    while not stops[-1]["name"].startswith("summary"):
        page.keyboard.press("Tab")
        stops.append(shown.measure("focus()"))
        assert len(stops) < 8, "no way to the translation"
    for stop in stops:
        assert stop["shown"], stop
        assert stop["outline"] >= 2, stop
        assert stop["stands_out"] >= 3, stop
        assert stop["text"] >= 4.5, stop
    page.keyboard.press("Enter")
    expect(page.locator("details h2")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("details h2")).to_be_hidden()


@pytest.fixture
def unfolded(shown: Shown) -> Iterator[None]:
    """The translation is open too."""
    shown.citizen.page.evaluate("document.querySelector('details').open = true")
    yield
    shown.citizen.page.evaluate("document.querySelector('details').open = false")


@pytest.fixture
def font_size(shown: Shown) -> Iterator[Callable[[int], None]]:
    """Return a function that sets the browser's own size of text, as its settings do."""
    session = shown.citizen.context.new_cdp_session(shown.citizen.page)

    def set_size(pixels: int) -> None:
        session.send("Page.setFontSizes", {"fontSizes": {"standard": pixels}})

    yield set_size
    set_size(16)
    session.detach()

