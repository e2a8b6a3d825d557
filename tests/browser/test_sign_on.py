"""Signing in and out by clicking, as citizens do it, and the ways in which they do it wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

FULL_NAME = "Nguyễn Thị Ánh Nguyệt"
SIGN_IN = {"vi": "Bạn muốn đăng nhập với tư cách ai?", "en": "Who do you want to sign in as?"}
ANONYMOUS_HOME = "Nộp hồ sơ, không phải đi lại"
LOGGED_OUT = {"vi": "Bạn đã đăng xuất", "en": "You have signed out"}


def token_requests(site: Any) -> int:
    return sum(entry["path"].endswith("/token") for entry in site.requests())


def sign_in_by_clicking(citizen: Any) -> None:
    """From the portal's start page to its list of dossiers."""
    citizen.go("/")
    citizen.page.get_by_role("link", name="Đăng nhập bằng VNeID").click()
    expect(citizen.page.get_by_role("heading", level=1)).to_have_text(SIGN_IN[citizen.lang])
    citizen.page.get_by_role("button", name=FULL_NAME).click()
    citizen.page.wait_for_url(citizen.site.portal + "/ho-so/")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_a_citizen_signs_in_is_greeted_by_name_and_signs_out(lang: str, script: bool, open_citizen: Callable[..., Any]) -> None:
    with open_citizen(lang, java_script_enabled=script) as citizen:
        page, shoot = citizen.page, citizen.shoot if script else lambda name: None
        citizen.go("/")
        shoot("portal-home")
        page.get_by_role("link", name="Đăng nhập bằng VNeID").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(SIGN_IN[lang])
        assert page.locator("html").get_attribute("lang") == lang
        assert citizen.measure("faint(4.5)") + citizen.measure("small(24)") == []
        shoot("simulator-sign-in")
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert citizen.measure("wide()") == []
        page.get_by_role("button", name=FULL_NAME).click()
        page.wait_for_url(citizen.site.portal + "/ho-so/")
        citizen.go("/")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Xin chào, {FULL_NAME}")
        shoot("portal-signed-in")
        page.get_by_role("button", name="Đăng xuất").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(LOGGED_OUT[lang])
        assert citizen.path == "/vneid/logged-out"
        assert not citizen.is_signed_in()
        assert citizen.complaints == []
        assert citizen.hosts == {url.removeprefix("http://") for url in citizen.site[:2]}


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_confirmation_signs_out_at_the_portal_and_at_the_provider(lang: str, open_citizen: Callable[..., Any]) -> None:
    with open_citizen(lang) as citizen:
        citizen.sign_in()
        citizen.go("/vneid/logout")
        assert citizen.is_signed_in(), "asking is not signing out"
        citizen.page.locator("form button.button").click()
        expect(citizen.page.get_by_role("heading", level=1)).to_have_text(LOGGED_OUT[lang])
        assert "vneid" not in {cookie["name"] for cookie in citizen.context.cookies()}
        citizen.go("/vneid/login")
        # the provider has forgotten the citizen too: it asks who they are
        expect(citizen.page.get_by_role("heading", level=1)).to_have_text(SIGN_IN[lang])
        assert citizen.complaints == []


def go_behind_the_sign_out(page: Any, site: Any, pages: tuple[str, ...]) -> None:
    """Sign in, look at some pages, sign out and go back through all of them."""
    page.goto(site.portal + "/vneid/login?return_to=/")
    page.locator('button[value="nguyet"]').click()
    for path in pages:
        page.goto(site.portal + path)
        expect(page.locator(".who .name")).to_have_text(FULL_NAME)
    page.get_by_role("button", name="Đăng xuất").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(LOGGED_OUT["vi"])
    for path in reversed(pages):
        page.go_back(wait_until="commit")
        expect(page.get_by_role("heading", level=1)).to_have_text(SIGN_IN["vi"] if path != "/" else ANONYMOUS_HOME)


@pytest.mark.threat("A-116")
def test_pages_behind_the_back_button_hold_no_session_after_signing_out(citizen: Any) -> None:
    go_behind_the_sign_out(citizen.page, citizen.site, ("/ho-so/", "/tai-khoan/", "/"))


@pytest.mark.threat("A-116")
def test_a_browser_that_freezes_pages_does_not_bring_back_a_session_either(
        playwright: Any, chromium: str, site: Any) -> None:
    # Playwright switches off the back/forward cache, which citizens' browsers have. There the start page, which the portal
    # gives out without no-store, comes back as it was: no header of ours can thaw it out.
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"],
                                         ignore_default_args=["--disable-back-forward-cache"])
    try:
        go_behind_the_sign_out(browser.new_page(locale="vi-VN"), site, ("/ho-so/", "/tai-khoan/"))
    finally:
        browser.close()


@pytest.mark.threat("A-004")
def test_back_to_the_providers_page_after_a_login_and_choosing_again_ends_at_the_target(citizen: Any) -> None:
    sign_in_by_clicking(citizen)
    before = token_requests(citizen.site)
    # without its cookie the provider asks again, as one does that keeps no session
    citizen.context.clear_cookies(name="vneid-simulator")
    citizen.page.go_back()
    expect(citizen.page.get_by_role("heading", level=1)).to_have_text(SIGN_IN["vi"])
    citizen.choose("nguyet")
    citizen.page.wait_for_url(citizen.site.portal + "/ho-so/")
    expect(citizen.page.locator(".who .name")).to_have_text(FULL_NAME)
    assert token_requests(citizen.site) == before, "the second code is not even tried"


def test_a_double_click_is_one_login(citizen: Any) -> None:
    citizen.go("/")
    before = token_requests(citizen.site)
    citizen.page.get_by_role("link", name="Đăng nhập bằng VNeID").dblclick()
    expect(citizen.page.get_by_role("heading", level=1)).to_have_text(SIGN_IN["vi"])
    citizen.page.get_by_role("button", name=FULL_NAME).dblclick()
    citizen.page.wait_for_url(citizen.site.portal + "/ho-so/")
    expect(citizen.page.locator(".who .name")).to_have_text(FULL_NAME)
    assert token_requests(citizen.site) == before + 1


@pytest.mark.threat("A-005")
def test_two_tabs_end_each_at_its_own_target(citizen: Any) -> None:
    first, second = citizen.page, citizen.context.new_page()
    first.goto(citizen.site.portal + "/vneid/login?return_to=/ho-so/")
    second.goto(citizen.site.portal + "/vneid/login?return_to=/tai-khoan/")
    citizen.choose("nguyet", first)
    first.wait_for_url(citizen.site.portal + "/ho-so/")
    citizen.choose("nguyet", second)
    second.wait_for_url(citizen.site.portal + "/tai-khoan/")
    for page in (first, second):
        page.reload()
        expect(page.locator(".who .name")).to_have_text(FULL_NAME)


def test_signing_out_in_one_tab_signs_the_other_one_out(citizen: Any) -> None:
    sign_in_by_clicking(citizen)
    other = citizen.context.new_page()
    other.goto(citizen.site.portal + "/tai-khoan/")
    citizen.page.get_by_role("button", name="Đăng xuất").click()
    expect(citizen.page.get_by_role("heading", level=1)).to_have_text(LOGGED_OUT["vi"])
    other.reload()
    expect(other.get_by_role("heading", level=1)).to_have_text(SIGN_IN["vi"])


@pytest.mark.threat("A-002")
def test_a_callback_carried_into_another_browser_signs_nobody_in(open_citizen: Callable[..., Any], citizen: Any) -> None:
    citizen.go("/vneid/login")
    answer = citizen.context.request.post(citizen.page.url, form={"persona": "duc"}, max_redirects=0)
    callback = answer.headers["location"]
    assert callback.startswith(citizen.site.portal + "/vneid/callback?code=")
    before = token_requests(citizen.site)
    with open_citizen() as victim:
        victim.page.goto(callback)
        assert victim.status == 400
        expect(victim.page.get_by_role("heading", level=1)).to_have_text("Đăng nhập chưa thành công")
        assert not victim.is_signed_in()
    assert token_requests(citizen.site) == before


@pytest.mark.threat("A-114")
def test_a_browser_that_blocks_cookies_gets_an_explanation_and_no_loop(
        playwright: Any, chromium: str, site: Any, tmp_path: Path) -> None:
    preferences = tmp_path / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text(json.dumps({"profile": {"default_content_setting_values": {"cookies": 2}}}), "utf-8")
    context = playwright.chromium.launch_persistent_context(str(tmp_path), executable_path=chromium, args=["--no-sandbox"],
                                                            locale="vi-VN")
    try:
        page, logins = context.pages[0], []
        context.on("request", lambda request: logins.append(request.url) if "/vneid/login" in request.url else None)
        for round_ in (1, 2):
            if round_ == 1:
                page.goto(site.portal + "/tai-khoan/")
            else:
                page.get_by_role("link", name="Đăng nhập lại").click()
            page.locator('button[value="nguyet"]').click()
            page.wait_for_url("**/vneid/callback?*")
            expect(page.locator("main")).to_contain_text("trình duyệt đang chặn cookie")
            expect(page.locator("main")).to_contain_text("hãy cho phép cookie của cổng dịch vụ này")
            assert len(logins) == round_, "one login for one click"
        assert context.cookies() == []
    finally:
        context.close()


def test_cookies_that_go_missing_on_the_way_end_in_an_explanation_and_the_next_try_works(citizen: Any) -> None:
    citizen.go("/ho-so/")
    citizen.context.clear_cookies()
    citizen.choose("nguyet")
    expect(citizen.page.get_by_role("heading", level=1)).to_have_text("Đăng nhập chưa thành công")
    assert citizen.status == 400
    citizen.page.get_by_role("link", name="Đăng nhập lại").click()
    citizen.page.wait_for_url(citizen.site.portal + "/")
    expect(citizen.page.get_by_role("heading", level=1)).to_have_text(f"Xin chào, {FULL_NAME}")


def test_an_account_below_the_pages_level_is_refused_and_the_portal_is_not_asked(citizen: Any) -> None:
    citizen.go("/dich-vu/cap-phieu-ly-lich-tu-phap/nop/")
    citizen.choose("quynh")
    expect(citizen.page.get_by_role("heading", level=1)).to_have_text("Mức tài khoản VNeID chưa đủ")
    expect(citizen.page.locator(".lead")).to_contain_text("mức 2")
    assert citizen.status == 403
    assert not citizen.is_signed_in()
