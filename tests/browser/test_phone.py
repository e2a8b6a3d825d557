"""The citizen's phone at the counter, as the simulator plays it: shows a code, asks by itself, and says what was given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

CODE = {"vi": "Mã QR định danh", "en": "Identity QR code"}
ASKED = {"vi": "Bạn có đồng ý cung cấp thông tin không?", "en": "Do you agree to give your information?"}
GIVEN = {"vi": "Đã cung cấp thông tin", "en": "Your information was given"}

CARDS = {"vi": "Thẻ in của công dân", "en": "The citizen's printed cards"}


def scan(site: Any, qr_id: str) -> Any:
    """Ask as the portal does when an officer has scanned a code."""
    body = json.dumps({"qrID": qr_id, "unitCode": "000.00.11.H01", "dossier": "000.00.11.H01-261127-0007"}).encode()
    with urlopen(Request(site.simulator + "/qr/lookup", body, {"Content-Type": "application/json"}), timeout=10) as answer:
        return json.load(answer)


def is_easy_to_read(citizen: Any) -> None:
    for width in (320, 1280):
        citizen.page.set_viewport_size({"width": width, "height": 740})
        assert citizen.measure("wide()") + citizen.measure("faint(4.5)") + citizen.measure("small(24)") == [], width


@pytest.mark.parametrize(("lang", "script"), [("vi", True), ("en", True), ("vi", False)])
def test_the_question_comes_when_the_code_was_scanned(lang: str, script: bool, open_citizen: Callable[..., Any]) -> None:
    with open_citizen(lang, java_script_enabled=script) as phone:
        page, heading = phone.page, phone.page.get_by_role("heading", level=1)
        page.goto(phone.site.simulator + "/phone")
        page.locator('button[value="dai"]').click()
        expect(heading).to_contain_text(CODE[lang])
        assert page.locator("img.qr").evaluate("image => image.complete && image.naturalWidth > 0")
        if script:
            # without it the page is loaded again all the time
            is_easy_to_read(phone)
        assert scan(phone.site, page.locator("#text").input_value())["responseCode"] == "01"
        if not script:
            page.reload()
        expect(heading).to_contain_text(ASKED[lang])
        expect(page.locator("main")).to_contain_text("000.00.11.H01-261127-0007")
        if script:
            expect(heading).to_be_focused()
        is_easy_to_read(phone)
        page.locator('button[value="yes"]').click()
        expect(heading).to_contain_text(GIVEN[lang])
        is_easy_to_read(phone)
        page.locator('button[value="new"]').click()
        page.locator("a", has_text="Thẻ in" if lang == "vi" else "printed cards").click()
        expect(heading).to_contain_text(CARDS[lang])
        is_easy_to_read(phone)
        assert phone.complaints == []
        assert phone.hosts == {phone.site.simulator.removeprefix("http://")}


def test_the_code_changes_by_itself_and_is_copied_by_a_button(open_citizen: Callable[..., Any]) -> None:
    with open_citizen(permissions=["clipboard-read", "clipboard-write"]) as phone:
        page = phone.page
        page.goto(phone.site.simulator + "/phone")
        page.locator('button[value="nguyet"]').click()
        shown = page.locator("#text")
        first = shown.input_value()
        page.locator("[data-copy]").click()
        expect(page.locator("[data-copy]")).to_have_text("Đã chép")
        assert page.evaluate("navigator.clipboard.readText()") == first
        expect(page.locator("[data-left]")).not_to_have_text(page.locator("[data-left]").get_attribute("data-left"))
        # in a second window the same phone asks for a new code
        device = page.locator("[data-device]").get_attribute("data-device")
        phone.context.request.post(phone.site.simulator + "/phone", form={"device": device, "action": "new"})
        expect(shown).not_to_have_value(first)
        assert phone.complaints == []
