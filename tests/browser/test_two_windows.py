"""The two windows of the counter: the citizen's phone, as the simulator plays it, and the officer's page of an unchanged portal.

Nothing goes between them but what goes between people: a picture that a camera sees, or a code that a scanner types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from clerk import ARTIFACTS, Clerk, film_of_picture, filming
from vneid_middleware.simulator.personas import PERSONAS

ASKED, WAITING, RECEIVED = "Bạn có đồng ý cung cấp thông tin không?", "Chờ công dân đồng ý", "Đã nhận thông tin công dân"
TELEPHONE = {"width": 390, "height": 844}


class Phone:
    """A citizen's window."""

    def __init__(self, context: Any, site: Any, persona: str) -> None:
        self.page = context.new_page()
        self.page.goto(site.simulator + "/phone")
        self.page.locator(f'button[value="{persona}"]').click()
        self.heading = self.page.get_by_role("heading", level=1)
        expect(self.heading).to_contain_text("Mã QR định danh")

    def press(self, button: str) -> None:
        self.page.locator(f'button[value="{button}"]').click()


@pytest.fixture
def phone_of(chrome: Any, site: Any) -> Iterator[Callable[[str], Phone]]:
    """``phone_of("dau")`` is the phone of that persona, in a browser of its own."""
    context = chrome.new_context(locale="vi-VN", viewport=TELEPHONE)
    context.set_default_timeout(10_000)
    yield lambda persona: Phone(context, site, persona)
    context.close()


def shoot(step: str, **windows: Any) -> None:
    """Keep a picture of both windows."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for name, page in windows.items():
        page.screenshot(path=ARTIFACTS / f"windows-{step}-{name}.png", full_page=name != "counter")


def shown_of(persona: str) -> dict[str, str]:
    """Return what an officer must read of a persona, letter for letter."""
    who = PERSONAS[persona]
    return {"Số định danh cá nhân": who.personal_id, "Họ và tên": who.full_name, "Ngày, tháng, năm sinh": who.born,
            "Giới tính": {"1": "Nam", "2": "Nữ"}[who.counter_fields()["gioiTinh"]], "Nơi thường trú": who.address}


def sign_in(clerk: Clerk, site: Any) -> None:
    """Sign in with the portal's own account, and open a new dossier."""
    page = clerk.page
    page.goto(site.portal + "/can-bo/")
    page.get_by_label("Tên đăng nhập").fill("canbo")
    page.get_by_label("Mật khẩu").fill((site.folder / "var" / "canbo-password").read_text().strip())
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Cán bộ một cửa")
    shoot("0-officers", portal=page)
    page.get_by_role("main").get_by_role("link", name="Tiếp nhận hồ sơ").click()


@pytest.mark.threat("A-219")
def test_what_a_citizen_agrees_to_reaches_the_officer_and_nothing_else_does(
        phone_of: Callable[[str], Phone], site: Any, playwright: Any, chromium: str, chrome: Any, tmp_path: Path) -> None:
    film = tmp_path / "film.y4m"
    with filming(playwright, chromium, film) as context:
        clerk = Clerk(context, site.portal)
        dossier = clerk.page
        sign_in(clerk, site)
        with context.expect_page() as opened:
            dossier.get_by_role("link", name="Mở quầy tra cứu").click()
        clerk.page = opened.value
        clerk.page.locator("#code").wait_for()
        # the browser opens the film when the camera is switched on: the code is as fresh as can be
        first = phone_of("dau")
        film_of_picture(first.page.locator("img.qr").screenshot(), chrome, film)
        shoot("1-code", phone=first.page, counter=clerk.page, dossier=dossier)

        agrees(clerk, first)
        takes_over(clerk, dossier)
        refuses(clerk, phone_of("nguyet"))
        is_silent(clerk, phone_of("duc"), site)
        finds(chrome, site)
        assert clerk.complaints == []


def agrees(clerk: Clerk, phone: Phone) -> None:
    """The camera reads the phone's picture, and the citizen says yes."""
    clerk.page.keyboard.press("F4")
    expect(clerk.title()).to_have_text(WAITING)
    expect(phone.heading).to_contain_text(ASKED)
    shoot("2-asked", phone=phone.page, counter=clerk.page)
    phone.press("yes")
    expect(phone.heading).to_contain_text("Đã cung cấp thông tin")
    expect(clerk.title()).to_have_text(RECEIVED)
    assert clerk.citizen() == shown_of("dau")
    shoot("3-given", phone=phone.page, counter=clerk.page)


def takes_over(clerk: Clerk, dossier: Any) -> None:
    """The portal's own form takes the data, and the portal the form."""
    who = PERSONAS["dau"]
    clerk.page.keyboard.press("F9")
    expect(clerk.page.locator("#told")).to_have_text("Trang hồ sơ đã nhận thông tin.")
    given = [dossier.locator(f"[name={name}]").input_value()
             for name in ("personal_id", "applicant_name", "applicant_birth_date", "address")]
    assert given == [who.personal_id, who.full_name, who.born, who.address]
    expect(dossier.locator("#proof")).to_have_text("Thông tin công dân do VNeID cung cấp.")
    shoot("4-taken", counter=clerk.page, dossier=dossier)
    dossier.locator("[name=phone]").fill("0912345678")
    dossier.locator("[name=service]").select_option("Đăng ký khai sinh")
    dossier.locator("[name=reason]").fill("Đăng ký khai sinh cho con.")
    dossier.get_by_role("button", name="Tiếp nhận hồ sơ").click()
    expect(dossier.get_by_role("status")).to_contain_text("Đã tiếp nhận hồ sơ")
    assert dossier.locator("[name=applicant_name]").input_value() == ""
    shoot("5-received", dossier=dossier)


def finds(chrome: Any, site: Any) -> None:
    """The first citizen reads at home what the officer took down."""
    context = chrome.new_context(locale="vi-VN")
    page = context.new_page()
    page.goto(site.portal + "/vneid/login?return_to=/ho-so/")
    page.locator('button[value="dau"]').click()
    expect(page.get_by_role("main")).to_contain_text("Đăng ký khai sinh")
    context.close()


def refuses(clerk: Clerk, phone: Phone) -> None:
    """A scanner types the code of the next citizen, who says no: of neither is anything on the officer's page."""
    clerk.scan(phone.page.locator("#text").input_value())
    expect(phone.heading).to_contain_text(ASKED)
    is_empty(clerk)
    phone.press("no")
    expect(phone.heading).to_contain_text("Bạn đã từ chối")
    expect(clerk.title()).to_have_text("Công dân không đồng ý")
    is_empty(clerk)
    shoot("6-refused", phone=phone.page, counter=clerk.page)


def is_silent(clerk: Clerk, phone: Phone, site: Any) -> None:
    """Somebody who does not answer is waited for until the officer goes on."""
    site.switch(consent="silent")
    try:
        clerk.scan(phone.page.locator("#text").input_value())
        expect(clerk.title()).to_have_text(WAITING)
        expect(phone.heading).to_contain_text("Mã QR định danh")
        shoot("7-silent", phone=phone.page, counter=clerk.page)
        clerk.page.keyboard.press("F2")
        expect(clerk.title()).to_have_text("Sẵn sàng quét")
        is_empty(clerk)
    finally:
        site.switch(consent="ask")


def is_empty(clerk: Clerk) -> None:
    """Nothing of any citizen is on the page, its title included, or in what the browser keeps for it."""
    page = clerk.page
    kept = page.content() + page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])")
    people = [PERSONAS[name] for name in ("dau", "nguyet", "duc")]
    assert [part for who in people for part in (who.personal_id, who.full_name, who.born, who.address) if part in kept] == []
    assert page.locator("dl.citizen").count() == 0
