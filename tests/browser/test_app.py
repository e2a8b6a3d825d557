"""The browser's part when an app signs in: VNeID's page, and the way back to the app, with nothing of ours kept in between."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser

from .conftest import MOBILE, Site

CALLBACK = "vn.example.dichvucong:/dang-nhap"


def post(site: Site, path: str, content: dict[str, str]) -> dict[str, Any]:
    asked = Request(site.portal + path, json.dumps(content).encode(), {"Content-Type": "application/json"})
    with urlopen(asked, timeout=20) as answer:
        return dict(json.load(answer))


@pytest.mark.parametrize("mode", ["web", "app"])
def test_a_citizen_taps_and_is_sent_back_to_the_app(site: Site, chrome: Browser, mode: str) -> None:
    verifier = secrets.token_urlsafe(32)
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    begun = post(site, "/vneid/mobile/start", {"app_id": "vn.example.dichvucong", "callback": CALLBACK, "mode": mode,
                                               "code_challenge": challenge})
    context = chrome.new_context(viewport=MOBILE, is_mobile=True, has_touch=True, locale="vi-VN")
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    if mode == "app":
        page.goto(site.simulator + "/app")
        page.get_by_label("Liên kết").fill(begun["url"])
    else:
        page.goto(begun["url"])
    # on a phone the system would hand the address to the app; here nothing is there to take it, but it is what is answered
    with page.expect_response(lambda response: response.headers.get("location", "").startswith(CALLBACK)) as back:
        page.get_by_role("button", name="Nguyễn Thị Ánh Nguyệt").tap()
    (code,) = parse_qs(urlsplit(back.value.headers["location"]).query)["code"]
    assert [line for line in said if "Content Security Policy" in line] == []
    assert [cookie["name"] for cookie in context.cookies(site.portal) if cookie["name"].startswith("vneid") and
            "simulator" not in cookie["name"]] == []
    context.close()
    granted = post(site, "/vneid/mobile/token", {"transaction": begun["transaction"], "code": code, "code_verifier": verifier})
    assert granted["identity"]["full_name"] == "Nguyễn Thị Ánh Nguyệt"
