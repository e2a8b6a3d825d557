"""The citizen's wallet in a real browser: a paper is asked for, and a change shows by itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from papers_portal import OK, Portal, change, signed
from support import serving

NEWS = {"vi": "Thay đổi vừa nhận", "en": "Changes that arrived"}
REVOKED = {"vi": "Giấy tờ đã bị thu hồi", "en": "The paper was revoked"}
MISMATCH = {"vi": "chưa khớp: Họ và tên", "en": "does not match: Full name"}


def send(url: str, body: bytes, kind: str = "application/json") -> Any:
    with urlopen(Request(url, body, {"Content-Type": kind}), timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def portal(site: Any) -> Iterator[Portal]:
    """A portal that the simulator takes for the agency's while these tests run."""
    with urlopen(site.simulator + "/control/agency", timeout=10) as answer:
        before = json.load(answer)
    with serving(Portal) as (base, portal):
        there = {"jwks": base + "/vneid/.well-known/jwks.json", "documents": base + "/", "audience": base}
        send(site.simulator + "/control/agency", json.dumps(there).encode())
        yield portal
        send(site.simulator + "/control/agency", json.dumps(before).encode())


@pytest.mark.parametrize(("lang", "script"), [("vi", True), ("en", True), ("vi", False)])
def test_papers_come_when_asked_for_and_by_themselves(lang: str, script: bool, portal: Portal,
                                                      open_citizen: Callable[..., Any]) -> None:
    paper = f"{lang}-{script}"

    def push(site: Any, step: int, action: str) -> None:
        token = signed(change(step, changeId=f"{paper}-{step}", maGiayTo=paper, action=action))
        assert send(site.simulator + "/documents/changes", token.encode(), "application/jose")["status"] == "ok"

    with open_citizen(lang, java_script_enabled=script) as citizen:
        page, site = citizen.page, citizen.site

        def is_easy_to_read() -> None:
            for width in (320, 1280):
                page.set_viewport_size({"width": width, "height": 740})
                assert citizen.measure("wide()") + citizen.measure("faint(4.5)") + citizen.measure("small(24)") == [], width

        page.goto(site.simulator + "/wallet")
        page.locator('button[value="nguyet"]').click()
        page.locator('button[value="GPLX"]').click()
        is_easy_to_read()
        page.get_by_label("Họ và tên" if lang == "vi" else "Full name").fill("Nguyễn Thị Ánh")
        portal.answers = [{**OK, "status": "mismatch", "data": None, "fields": ["HoVaTen"]}]
        page.locator("button.main").click()
        expect(page.locator("main")).to_contain_text(MISMATCH[lang])
        push(site, 1, "upsert")
        push(site, 2, "revoke")
        if not script:
            page.reload()
        card = page.locator(".card", has_text=paper)
        expect(card).to_contain_text(REVOKED[lang])
        expect(page.locator(".news li").first).to_contain_text(paper)
        if script:
            expect(page.get_by_role("heading", name=NEWS[lang])).to_be_focused()
            is_easy_to_read()
        assert citizen.complaints == []
        assert citizen.hosts == {site.simulator.removeprefix("http://")}
