"""A citizen's form comes too late, before the Django portal: the pages, and what the portal's own CSRF check makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

SERVICE = "/dich-vu/cap-phieu-ly-lich-tu-phap/nop/"
REASON = "Xin cấp phiếu để đi làm: Đỗ Thị Ỷ, ₫ & <b>"
LOGIN = {"vi": "Đăng nhập bằng VNeID", "en": "Sign in with VNeID"}
SEND = {"vi": "Gửi lại biểu mẫu", "en": "Send the form again"}
AWAY = {"vi": "Xóa biểu mẫu", "en": "Throw the form away"}


def fill(page: Page, phone: str = "0912345678") -> None:
    page.locator("[name=reason]").fill(REASON)
    page.locator("[name=phone]").fill(phone)
    page.locator("[name=address]").fill("Số 1, đường Hoà Bình")
    page.locator("[name=delivery]").first.check()
    page.locator("[name=commitment]").check()


def submit(page: Page) -> None:
    page.get_by_role("button", name="Nộp hồ sơ").click()


def end_session(citizen: Any, open_citizen: Callable[..., Any]) -> None:
    """End the session from elsewhere, so that its cookie stays with the citizen."""
    with open_citizen() as elsewhere:
        elsewhere.context.add_cookies(citizen.context.cookies(citizen.site.portal))
        out = elsewhere.context.request.post(citizen.site.portal + "/vneid/logout", max_redirects=0)
        assert out.status == 303


def visit_start_page(citizen: Any) -> None:
    """Let the portal see a request of nobody, or of the citizen, in another tab: Django ends or begins its own session."""
    other = citizen.context.new_page()
    other.goto(citizen.site.portal + "/")
    other.close()


def too_late(citizen: Any, open_citizen: Callable[..., Any], phone: str = "0912345678",
             before_sending: Callable[[Any], None] = lambda citizen: None) -> None:
    """Sign in, fill in the form, and send it when the session has ended."""
    citizen.sign_in("nguyet", SERVICE)
    fill(citizen.page, phone)
    end_session(citizen, open_citizen)
    before_sending(citizen)
    submit(citizen.page)
    assert citizen.status == 401


def button(citizen: Any, words: dict[str, str]) -> Any:
    return citizen.page.get_by_role("main").get_by_role("button", name=words[citizen.lang], exact=True)


def sign_in_again(citizen: Any, persona: str = "nguyet") -> None:
    # the provider would not ask who it is
    citizen.context.clear_cookies(name="vneid-simulator")
    citizen.page.get_by_role("link", name=LOGIN[citizen.lang], exact=True).click()
    citizen.choose(persona)


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_the_form_arrives_whole_when_its_sender_says_so(lang: str, open_citizen: Callable[..., Any]) -> None:
    with open_citizen(lang, java_script_enabled=lang == "vi") as citizen:
        too_late(citizen, open_citizen)
        kept = {"vi": "đã được giữ lại an toàn", "en": "has been kept safe"}[lang]
        expect(citizen.page.get_by_text(kept).first).to_be_visible()
        citizen.shoot("form-kept")
        sign_in_again(citizen)
        expect(citizen.page.locator("main strong").first).to_have_text(SERVICE)
        citizen.shoot("form-waiting")
        citizen.page.set_viewport_size({"width": 360, "height": 740})
        assert citizen.page.evaluate("document.documentElement.scrollWidth") <= 360
        with citizen.page.expect_request(lambda request: request.method == "POST") as press:
            button(citizen, SEND).click()
        expect(citizen.page.get_by_text("Đã nộp hồ sơ")).to_be_visible()
        sent = press.value.all_headers()
        assert (sent["origin"], sent["sec-fetch-site"]) == (citizen.site.portal, "same-origin")
        assert sent["referer"].startswith(citizen.site.portal + "/vneid/form/")
        expect(citizen.page.get_by_text(REASON)).to_be_visible()
        assert citizen.complaints == []
        code = citizen.path
        citizen.page.go_back()
        citizen.page.reload()
        expect(citizen.page.locator("h1")).to_have_text({"vi": "Biểu mẫu này đã được gửi", "en": "This form has been sent"}[lang])
        citizen.go("/ho-so/")
        assert citizen.page.locator(f'a[href="{code}"]').count() == 1


def test_a_form_with_a_mistake_is_mended_where_it_stands(citizen: Any, open_citizen: Callable[..., Any]) -> None:
    too_late(citizen, open_citizen, phone="12")
    sign_in_again(citizen)
    button(citizen, SEND).click()
    expect(citizen.page.get_by_role("alert")).to_contain_text("Hồ sơ chưa nộp được")
    assert citizen.page.locator("[name=reason]").input_value() == REASON
    citizen.page.locator("[name=phone]").fill("0912345678")
    submit(citizen.page)
    expect(citizen.page.get_by_text("Đã nộp hồ sơ")).to_be_visible()


def test_thrown_away(citizen: Any, open_citizen: Callable[..., Any]) -> None:
    too_late(citizen, open_citizen)
    sign_in_again(citizen)
    button(citizen, AWAY).click()
    expect(citizen.page.locator("h1")).to_have_text("Đã xóa biểu mẫu")
    citizen.shoot("form-dropped")


def test_another_citizen_sees_nothing_of_it(citizen: Any, open_citizen: Callable[..., Any]) -> None:
    too_late(citizen, open_citizen)
    sign_in_again(citizen, "duc")
    expect(citizen.page.locator("h1")).to_have_text("Biểu mẫu không còn được giữ")
    assert SERVICE not in citizen.page.content()


def test_the_portals_own_session_ended_too(citizen: Any, open_citizen: Callable[..., Any]) -> None:
    """Django's login makes a new CSRF token, and takes this request's by the cookie that came with it."""
    too_late(citizen, open_citizen, before_sending=visit_start_page)
    sign_in_again(citizen)
    button(citizen, SEND).click()
    expect(citizen.page.get_by_text("Đã nộp hồ sơ")).to_be_visible()


def test_a_page_of_the_portal_opened_before_the_button_makes_django_refuse_the_form(
        citizen: Any, open_citizen: Callable[..., Any]) -> None:
    """What docs/administrator.md says of Django: the token in the form is the old one then, and the portal answers 403."""
    too_late(citizen, open_citizen, before_sending=visit_start_page)
    sign_in_again(citizen)
    visit_start_page(citizen)
    button(citizen, SEND).click()
    citizen.page.wait_for_url(re.compile("vneid-form="))
    assert citizen.status == 403
