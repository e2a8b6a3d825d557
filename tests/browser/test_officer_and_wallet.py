"""An officer changes a licence in the portal's own register, and the citizen's open wallet shows it: two windows, one worker."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from .conftest import BIN, Site, _running

SLOW = 30_000
"""Milliseconds: the worker looks every two seconds, and waits longer and longer after failures."""
NUMBER, CARD, NGUYET = "010000000001", "DN4000000000001", "100190000001"


@pytest.fixture(scope="module")
def worker(site: Site, wait_until: Callable[..., Any]) -> Iterator[None]:
    """The portal's worker, which has brought all papers into the wallets."""
    ports = (f"{name}={url.rpartition(':')[2]}" for name, url in (("port", site.portal), ("simulator_port", site.simulator)))
    log = site.folder / "worker.log"
    with _running([str(BIN / "vneid"), "worker", str(site.folder / "portal.ini"), *ports], log, {"PATH": "", "LANG": "C.UTF-8"}):
        wait_until(lambda: {NUMBER, CARD} <= set(actions(site)), 60, "the first papers")
        yield
    assert "Traceback" not in log.read_text(encoding="utf-8")
    assert "alembic" not in log.read_text(encoding="utf-8")


def pushed(site: Site) -> Any:
    with urlopen(f"{site.simulator}/wallet/documents?soDinhDanh={NGUYET}", timeout=10) as answer:
        return json.load(answer)


def actions(site: Site) -> dict[str, str]:
    """Return what was done last to each paper; other tests push papers of the same citizen."""
    return {paper["maGiayTo"]: paper["action"] for paper in pushed(site)["documents"]}


def sign_in_officer(page: Page, site: Site, path: str) -> None:
    page.goto(site.portal + path)
    page.get_by_label("Tên đăng nhập").fill("canbo")
    page.get_by_label("Mật khẩu").fill((site.folder / "var" / "canbo-password").read_text(encoding="ascii").strip())
    page.locator("main button").click()
    page.wait_for_url(site.portal + path)


def test_what_an_officer_does_shows_in_the_open_wallet(open_citizen: Callable[..., Any], worker: None,
                                                       wait_until: Callable[..., Any]) -> None:
    with open_citizen("vi") as officer, open_citizen("vi") as citizen:
        site, page, wallet = officer.site, officer.page, citizen.page
        wallet.goto(site.simulator + "/wallet")
        wallet.locator('button[value="nguyet"]').click()
        card = wallet.locator(".card", has_text=NUMBER)
        expect(card).to_contain_text("Giấy tờ đang có hiệu lực")
        expect(wallet.locator(".card", has_text=CARD)).to_contain_text("31/12/2026")

        def is_easy_to_read() -> None:
            for width in (320, 1280):
                page.set_viewport_size({"width": width, "height": 740})
                assert officer.measure("wide()") + officer.measure("faint(4.5)") + officer.measure("small(24)") == [], width

        sign_in_officer(page, site, "/can-bo/giay-phep-lai-xe/")
        expect(page.locator("tbody tr")).to_have_count(14)
        is_easy_to_read()
        page.get_by_label("Tìm giấy phép").fill("nguyễn thị ánh")
        page.get_by_role("button", name="Tìm").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_role("link", name=NUMBER).click()
        is_easy_to_read()
        page.get_by_role("button", name="Thu hồi giấy phép").click()
        expect(page.get_by_role("status")).to_contain_text("Đã thu hồi giấy phép lái xe")
        is_easy_to_read()
        officer.shoot("officer-revoked")
        expect(card).to_contain_text("Giấy tờ đã bị thu hồi", timeout=SLOW)

        with site.broken(fault_push="503"):
            page.get_by_role("button", name="Trả lại giấy phép").click()
            expect(page.get_by_role("status")).to_contain_text("Đã trả lại giấy phép lái xe")
            wait_until(lambda: any(arrival["fault"] == "503" for arrival in pushed(site)["arrivals"]), 30, "a failed attempt")
            expect(card).to_contain_text("Giấy tờ đã bị thu hồi")
        expect(card).to_contain_text("Giấy tờ đang có hiệu lực", timeout=SLOW)
        assert actions(site)[NUMBER] == "upsert"
        assert officer.complaints == citizen.complaints == []


def test_the_wallet_asks_with_and_without_typed_data(open_citizen: Callable[..., Any], worker: None) -> None:
    with open_citizen("vi") as citizen:
        page, site = citizen.page, citizen.site
        page.goto(site.simulator + "/wallet")
        page.locator('button[value="hai"]').click()

        def ask(kind: str, told: str, **typed: str) -> None:
            page.locator(f'button[value="{kind}"]').click()
            for label, value in typed.items():
                page.get_by_label(label.replace("_", " "), exact=False).first.fill(value)
            page.locator("button.main").click()
            expect(page.locator("main")).to_contain_text(told)

        ask("GPLX", "Có nhiều giấy tờ phù hợp. Hãy nhập thêm: Số giấy phép lái xe")
        ask("GPLX", "chưa khớp: Họ và tên", Họ_và_tên="Phạm Minh Hai")
        ask("GPLX", "Đã có giấy tờ", Số_giấy_phép_lái_xe="010000000004", Họ_và_tên="phạm minh hải", Ngày_sinh="01/01/2000")
        ask("BHYT", "Giấy tờ đã hết hạn", Họ_và_tên="Phạm Minh Hải")
        ask("DKX", "Cơ quan không nhận câu hỏi này")
        with site.broken(fault_pull="wrong-key"):
            ask("GPLX", "Cơ quan từ chối VNeID")
        assert citizen.complaints == []
