"""The counter's page in a real browser: what a clerk with a queue does there, and what must not stay behind."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from clerk import ARTIFACTS, LOCALES, ROOT, Clerk, film_of, filming
from support import Browser
from vneid_service import CITIZEN

# the machine may have much else to do
expect.set_options(timeout=15_000)

KEY = "key-of-the-first-counter-0123456789"
CARD = "100190000001|012345678|Nguyễn Thị Ánh Nguyệt|17051990|Nữ|Số 1 phố Đinh Tiên Hoàng, Hà Nội|01012022"
SHOWN = {"Số định danh cá nhân": "001204000123", "Họ và tên": "Nguyễn Thị Ánh Tuyết", "Ngày, tháng, năm sinh": "17/05/2004",
         "Giới tính": "Không có thông tin", "Nơi thường trú": "Số 1 phố Hòa Mã, Hà Nội"}
READY, WAITING, RECEIVED = "Sẵn sàng quét", "Chờ công dân đồng ý", "Đã nhận thông tin công dân"


def code() -> str:
    return f"qr-{uuid.uuid4()}"


@pytest.fixture
def portal(lasting: Callable[..., Any]) -> Any:
    """A portal whose counters have keys, and which has a page of its own."""
    portal = lasting()
    portal.host.update(status="200 OK", type="text/html", body=b"<!doctype html><title>host</title>")
    return portal


@pytest.fixture
def officers(lasting: Callable[..., Any]) -> Any:
    """A portal that says itself who an officer is, and asks for the dossier."""
    portal = lasting(qr__operators="subrequest:/can-bo/toi", qr__require="dossier officerId")
    portal.host.update(status="200 OK", body=b'{"officerId": "001080000001"}')
    return portal


@pytest.fixture
def enter(chrome: Any) -> Iterator[Callable[..., Clerk]]:
    """``enter(portal, key, lang)`` gives a clerk with a profile of their own, whose browser must not complain."""
    with ExitStack() as stack:
        def entered(portal: Any, key: str = KEY, lang: str = "vi", **options: Any) -> Clerk:
            context = chrome.new_context(locale=LOCALES[lang], viewport={"width": 1366, "height": 768}, **options)
            stack.callback(context.close)
            clerk = Clerk(context, portal.base, key)
            stack.callback(lambda: complain(clerk))
            return clerk

        yield entered


def complain(clerk: Clerk) -> None:
    assert clerk.complaints == []


@pytest.fixture
def clerk(enter: Callable[..., Clerk], portal: Any) -> Clerk:
    """A clerk who has typed the key and is ready."""
    return enter(portal).arrive()


# -- scanning ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("end", ["Enter", "Tab", ""])
def test_a_scan_becomes_a_citizen_whatever_the_scanner_ends_with(clerk: Clerk, portal: Any, end: str) -> None:
    expect(clerk.page.locator("#code")).to_be_focused()
    scanned = code()
    clerk.type(scanned, end)
    expect(clerk.title()).to_have_text(RECEIVED)
    assert clerk.citizen() == SHOWN
    assert portal.vneid.asked == [{"qrID": scanned}]
    expect(clerk.page.locator("#code")).to_be_focused()
    expect(clerk.page.locator("#code")).to_have_value("")


def test_the_next_scan_takes_the_place_of_the_last(clerk: Clerk, portal: Any) -> None:
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    portal.vneid.answer = portal.vneid.gives(hoVaTen="Trần Văn Đức")
    clerk.scan(code())
    expect(clerk.page.locator("dl.citizen")).to_contain_text("Trần Văn Đức")
    assert "Tuyết" not in clerk.page.content()


def test_a_scanner_that_fires_twice_asks_once(clerk: Clerk, portal: Any) -> None:
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives())
    scanned = code()
    clerk.scan(scanned)
    clerk.scan(scanned)
    expect(clerk.title()).to_have_text(WAITING)
    clerk.scan(scanned)
    expect(clerk.title()).to_have_text(RECEIVED)
    assert [question for question in portal.vneid.asked if "qrID" in question] == [{"qrID": scanned}]


def test_a_hand_that_types_is_not_taken_for_a_scanner(clerk: Clerk, portal: Any) -> None:
    clerk.page.keyboard.type("qr-by-hand", delay=80)
    clerk.page.wait_for_timeout(400)
    assert portal.vneid.asked == []
    clerk.page.keyboard.press("Enter")
    expect(clerk.title()).to_have_text(RECEIVED)
    assert portal.vneid.asked == [{"qrID": "qr-by-hand"}]


def test_what_was_left_in_the_field_is_no_part_of_the_scan(clerk: Clerk, portal: Any) -> None:
    clerk.page.keyboard.type("x")
    clerk.page.wait_for_timeout(1100)
    scanned = code()
    clerk.type(scanned)
    expect(clerk.title()).to_have_text(RECEIVED)
    assert portal.vneid.asked == [{"qrID": scanned}]


def test_pasting_is_enough(enter: Callable[..., Clerk], portal: Any) -> None:
    clerk = enter(portal, permissions=["clipboard-read", "clipboard-write"]).arrive()
    scanned = code()
    clerk.page.evaluate("text => navigator.clipboard.writeText(text)", f"  {scanned}\n")
    clerk.page.keyboard.press("Control+V")
    expect(clerk.title()).to_have_text(RECEIVED)
    assert portal.vneid.asked == [{"qrID": scanned}]


@pytest.mark.parametrize("focused", ["#camera", "body"])
def test_the_scanner_is_heard_wherever_the_focus_is(clerk: Clerk, portal: Any, focused: str) -> None:
    clerk.page.evaluate("document.activeElement.blur()")
    if focused != "body":
        clerk.page.locator(focused).focus()
    scanned = code()
    clerk.type(scanned)
    expect(clerk.title()).to_have_text(RECEIVED)
    assert portal.vneid.asked == [{"qrID": scanned}]


@pytest.mark.parametrize(("scanned", "said", "todo"), [
    ("eyJhbGciƠiJ.ưđ.âx", "Bộ gõ tiếng Việt đã làm sai mã vừa quét", "Unikey"),
    ("eyJhbGciOi.eyJzdWIi.x-_y".swapcase(), "Caps Lock đã làm sai mã vừa quét", "Caps Lock"),
    ("qr có dấu cách", "Bộ gõ tiếng Việt đã làm sai mã vừa quét", "Unikey"),
    ("two words", "Mã QR không đúng", "thẻ căn cước")])
def test_what_the_keyboard_did_to_a_scan_is_explained(clerk: Clerk, portal: Any, scanned: str, said: str, todo: str) -> None:
    clerk.scan(scanned)
    expect(clerk.title()).to_have_text(said)
    expect(clerk.page.locator("#todo")).to_contain_text(todo)
    expect(clerk.page.locator("#manual")).to_be_visible()
    assert portal.vneid.asked == []


def test_caps_lock_is_told_while_it_is_on(clerk: Clerk) -> None:
    press = "on => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', modifierCapsLock: on}))"
    clerk.page.evaluate(press, True)
    expect(clerk.page.locator("#caps")).to_be_visible()
    clerk.page.evaluate(press, False)
    expect(clerk.page.locator("#caps")).to_be_hidden()


# -- what comes of it --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("answer", "said", "offered"), [
    ("02", "Mã QR không đúng", {"manual"}), ("03", "Mã QR đã hết hạn", set()), ("04", "Công dân không đồng ý", {"manual"}),
    ("99", "Chưa kết nối được VNeID", {"manual", "retry"}), ("77", "Câu trả lời không hợp lệ", {"manual"})])
def test_each_end_says_what_to_do(clerk: Clerk, portal: Any, answer: str, said: str, offered: set[str]) -> None:
    portal.vneid.answer = portal.vneid.gives(answer)
    clerk.scan(code())
    expect(clerk.title()).to_have_text(said)
    assert {name for name in ("manual", "retry") if clerk.page.locator(f"#{name}").is_visible()} == offered
    assert clerk.citizen() == {}
    assert clerk.page.locator("#reference").is_visible() == (answer in ("99", "77"))
    expect(clerk.page.locator("#code")).to_be_focused()


def test_what_the_server_finds_wrong_in_a_field_is_told_there_and_the_scan_is_not_lost(clerk: Clerk, portal: Any) -> None:
    clerk.page.locator("#more summary").click()
    dossier = clerk.page.locator("#dossier")
    dossier.fill("HS\u200b\u0085")
    clerk.page.locator("#code").focus()
    clerk.scan(code())
    expect(clerk.page.locator("#alarm")).not_to_be_empty()
    expect(dossier).to_be_focused()
    dossier.fill("HS-8")
    clerk.page.keyboard.press("Enter")
    expect(clerk.title()).to_have_text(RECEIVED)


def test_a_card_fills_a_form_in_that_says_it_is_not_verified(clerk: Clerk, portal: Any) -> None:
    clerk.scan(CARD)
    expect(clerk.title()).to_have_text("Đây là mã QR in trên thẻ")
    expect(clerk.page.locator(".badge")).to_have_text("CHƯA XÁC THỰC")
    assert {name: clerk.page.locator(f"#typed-{name}").input_value() for name in CITIZEN} == {
        "soDinhDanh": "100190000001", "hoVaTen": "Nguyễn Thị Ánh Nguyệt", "gioiTinh": "2", "ngayThangNamSinh": "17/05/1990",
        "noiThuongTru": "Số 1 phố Đinh Tiên Hoàng, Hà Nội"}
    assert portal.vneid.asked == []


def test_what_disagrees_is_told_beside_the_data(clerk: Clerk, portal: Any) -> None:
    portal.vneid.answer = portal.vneid.gives(gioiTinh="1", soDinhDanh="001304000123", ngayThangNamSinh="1999")
    clerk.scan(code())
    for label, value in {"Giới tính": "Nam", "Ngày, tháng, năm sinh": "1999"}.items():
        row = clerk.page.locator("dl.citizen > div", has_text=label)
        expect(row.locator("dd").first).to_have_text(value)
        expect(row.locator(".warning")).to_contain_text("Hãy đối chiếu với giấy tờ")
    expect(clerk.page.locator(".warning")).to_have_count(2)


def test_the_citizen_is_waited_for(clerk: Clerk, portal: Any) -> None:
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives())
    clerk.scan(code())
    expect(clerk.title()).to_have_text(WAITING)
    expect(clerk.page.locator("#seconds")).to_have_text(re.compile(r"tối đa (60|59|58) giây"))
    expect(clerk.title()).to_have_text(RECEIVED)
    expect(clerk.page.locator("#life")).to_be_hidden()


def test_a_citizen_who_does_not_answer_is_not_waited_for_for_ever(clerk: Clerk, portal: Any) -> None:
    portal.vneid.answer = portal.vneid.pends()
    clerk.scan(code())
    expect(clerk.title()).to_have_text(WAITING)
    portal.clock.ahead = 130.0
    expect(clerk.title()).to_have_text("Công dân chưa trả lời")
    expect(clerk.page.locator("#manual")).to_be_visible()


def test_the_code_s_minute_is_counted_down(enter: Callable[..., Clerk], portal: Any) -> None:
    clerk = enter(portal)
    clerk.page.clock.install()
    clerk.arrive()
    portal.vneid.answer = portal.vneid.pends()
    clerk.scan(code())
    expect(clerk.title()).to_have_text(WAITING)
    clerk.page.clock.fast_forward(40_000)
    expect(clerk.page.locator("#seconds")).to_have_text(re.compile(r"tối đa (20|19|18|17) giây"))
    clerk.page.clock.fast_forward(21_000)
    expect(clerk.page.locator("#seconds")).to_contain_text("đã hết hiệu lực")
    # the citizen may still be thinking: it is the code that is over, not the lookup
    expect(clerk.title()).to_have_text(WAITING)


@pytest.mark.threat("A-214")
def test_a_code_can_be_tried_again_for_a_minute_and_no_longer(enter: Callable[..., Clerk], portal: Any) -> None:
    clerk = enter(portal)
    clerk.page.clock.install()
    clerk.arrive()
    portal.vneid.answer = portal.vneid.gives("99")
    clerk.scan(code())
    retry = clerk.page.locator("#retry")
    expect(retry).to_be_enabled()
    clerk.page.clock.fast_forward(61_000)
    expect(retry).to_be_disabled()
    expect(clerk.page.locator("#seconds")).to_contain_text("hãy xin công dân mã mới")
    portal.vneid.answer = portal.vneid.gives()
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)


@pytest.mark.parametrize("key", ["F2", "Escape"])
@pytest.mark.threat("A-215")
def test_the_next_citizen_is_one_key_away_and_ends_what_waits(clerk: Clerk, portal: Any, wait_until: Any, key: str) -> None:
    portal.result(portal.ask())
    before = cancelled(portal)
    portal.vneid.answer = portal.vneid.pends()
    clerk.scan(code())
    expect(clerk.title()).to_have_text(WAITING)
    clerk.page.keyboard.press(key)
    expect(clerk.title()).to_have_text(READY)
    wait_until(lambda: cancelled(portal) == before + 1)
    expect(clerk.page.locator("#life")).to_be_hidden()


def cancelled(portal: Any) -> int:
    return sum(row["what"]["status"] == "cancelled" for row in portal.audit("lookup.answered"))


def test_a_lookup_that_is_only_being_asked_is_ended_too(clerk: Clerk, portal: Any, wait_until: Any) -> None:
    portal.result(portal.ask())
    before, held = cancelled(portal), []
    portal.vneid.answer = portal.vneid.pends()
    clerk.page.route("**/qr/lookup", lambda route: held.append(route), times=1)
    clerk.scan(code())
    expect(clerk.title()).to_have_text("Đang hỏi VNeID…")
    clerk.page.keyboard.press("F2")
    expect(clerk.title()).to_have_text(READY)
    held[0].continue_()
    wait_until(lambda: clerk.page.wait_for_timeout(20) or cancelled(portal) == before + 1)
    expect(clerk.title()).to_have_text(READY)


# -- what goes wrong ---------------------------------------------------------------------------------------------------

def test_the_key_is_asked_for_until_it_is_right_and_kept_in_memory_only(enter: Callable[..., Clerk], portal: Any) -> None:
    clerk = enter(portal)
    clerk.page.goto(portal.base + "/vneid/qr/")
    expect(clerk.page.locator("#key")).to_be_focused()
    expect(clerk.page.locator("#desk")).to_be_hidden()
    assert clerk.page.locator("#key").get_attribute("type") == "password"
    assert clerk.page.locator("#key").get_attribute("autocomplete") == "off"
    for wrong in ("wrong-key-0123456789", "khóa-sai"):
        clerk.type_key(wrong)
        expect(clerk.page.locator("#gate-words")).to_have_text("Khóa không đúng. Hãy nhập lại.")
        expect(clerk.page.locator("#key")).to_have_value("")
    clerk.type_key(KEY)
    expect(clerk.title()).to_have_text(READY)
    assert KEY not in clerk.page.content()
    clerk.page.reload()
    expect(clerk.page.locator("#key")).to_be_focused()


def test_a_key_that_is_taken_away_is_asked_for_again_and_the_scan_is_not_lost(clerk: Clerk, portal: Any) -> None:
    refusal = json.dumps({"error": "operator_unknown", "message": "…"})
    headers = {"WWW-Authenticate": 'Bearer realm="vneid"', "Content-Type": "application/json"}
    clerk.page.route("**/qr/lookup", lambda route: route.fulfill(status=401, body=refusal, headers=headers), times=1)
    clerk.scan(code())
    expect(clerk.page.locator("#gate-words")).to_have_text("Khóa không đúng. Hãy nhập lại.")
    clerk.type_key(KEY)
    expect(clerk.title()).to_have_text(RECEIVED)


def test_too_many_lookups_say_when_to_go_on(make_portal: Callable[..., Any], enter: Callable[..., Clerk]) -> None:
    clerk = enter(make_portal(qr__rate_limit="1")).arrive()
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    clerk.scan(code())
    expect(clerk.title()).to_have_text("Tra cứu quá nhanh")
    expect(clerk.page.locator("#retry")).to_be_disabled()
    expect(clerk.page.locator("#retry")).to_have_text(re.compile(r"Có thể thử lại sau \d+ giây"))


def test_a_server_that_is_gone_is_told_and_asked_again(clerk: Clerk, portal: Any) -> None:
    clerk.context.set_offline(True)
    clerk.scan(code())
    expect(clerk.title()).to_have_text("Mất kết nối tới máy chủ")
    clerk.context.set_offline(False)
    clerk.page.locator("#retry").click()
    expect(clerk.title()).to_have_text(RECEIVED)


def test_waiting_outlives_a_moment_without_a_network(clerk: Clerk, portal: Any) -> None:
    portal.vneid.answer = portal.vneid.pends(portal.vneid.gives())
    clerk.scan(code())
    expect(clerk.title()).to_have_text(WAITING)
    clerk.context.set_offline(True)
    expect(clerk.page.locator("#told")).to_contain_text("Mạng chập chờn")
    clerk.context.set_offline(False)
    expect(clerk.title()).to_have_text(RECEIVED)


# -- who is there ------------------------------------------------------------------------------------------------------

def test_an_officer_of_the_portal_is_asked_for_nothing_but_the_dossier(enter: Callable[..., Clerk], officers: Any) -> None:
    clerk = enter(officers, "").arrive()
    expect(clerk.page.locator("#gate")).to_be_hidden()
    expect(clerk.page.locator("#officerId")).to_have_count(0)
    clerk.page.locator("#more summary").click()
    clerk.page.locator("#unitCode").fill("H01.02")
    clerk.page.locator("#code").focus()
    clerk.scan(code())
    expect(clerk.title()).to_have_text("Còn thiếu: Số hồ sơ")
    expect(clerk.page.locator("#dossier")).to_be_focused()
    expect(clerk.page.locator("#seconds")).to_contain_text("giây")
    assert officers.vneid.asked == []
    clerk.page.keyboard.type("HS-2026-1")
    clerk.page.keyboard.press("Enter")
    expect(clerk.title()).to_have_text(RECEIVED)
    asked = officers.audit("lookup.asked")[-1]["what"]
    assert (asked["officer_id"], asked["unit_code"], asked["dossier"]) == ("001080000001", "H01.02", "HS-2026-1")
    clerk.page.keyboard.press("F2")
    # the unit stays for the day, the dossier is one citizen's
    assert (clerk.page.locator("#unitCode").input_value(), clerk.page.locator("#dossier").input_value()) == ("H01.02", "")


def test_who_is_not_signed_in_is_sent_there_and_needs_no_reload(enter: Callable[..., Clerk], officers: Any) -> None:
    officers.host.update(status="401 Unauthorized", body=b"{}")
    clerk = enter(officers, "")
    clerk.page.goto(officers.base + "/vneid/qr/")
    expect(clerk.page.locator("#gate-words")).to_contain_text("Hãy đăng nhập")
    expect(clerk.page.locator("#gate-sign-in a").first).to_have_attribute("href", officers.base + "/")
    expect(clerk.page.locator("#key")).to_be_hidden()
    officers.host.update(status="200 OK", body=b'{"officerId": "001080000001"}')
    clerk.page.locator("#check-again").click()
    expect(clerk.title()).to_have_text(READY)


@pytest.mark.threat("A-210")
def test_who_is_no_officer_is_told_why(enter: Callable[..., Clerk], officers: Any) -> None:
    clerk = enter(officers, "").arrive()
    officers.host.update(status="200 OK", type="text/html", body=b"<form>")
    clerk.page.locator("#dossier").fill("HS-1")
    clerk.page.locator("#code").focus()
    clerk.scan(code())
    expect(clerk.page.locator("#gate-words")).to_contain_text("không phải là của cán bộ một cửa")
    expect(clerk.page.locator("#desk")).to_be_hidden()


# -- what the clerk does with it ---------------------------------------------------------------------------------------

def test_every_field_and_all_of_them_can_be_copied(enter: Callable[..., Clerk], portal: Any) -> None:
    clerk = enter(portal, permissions=["clipboard-read", "clipboard-write"]).arrive()
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    clerk.page.get_by_role("button", name="Sao chép: Ngày, tháng, năm sinh").click()
    expect(clerk.page.locator("#told")).to_have_text("Đã sao chép")
    read = "navigator.clipboard.readText()"
    assert clerk.page.evaluate(read) == "17/05/2004"
    clerk.page.keyboard.press("F8")
    clerk.page.wait_for_function(f"{read}.then(text => text.includes('\\n'))")
    assert clerk.page.evaluate(read).splitlines() == [
        "Số định danh cá nhân: 001204000123", "Họ và tên: Nguyễn Thị Ánh Tuyết", "Ngày, tháng, năm sinh: 17/05/2004",
        "Giới tính: Không có thông tin", "Nơi thường trú: Số 1 phố Hòa Mã, Hà Nội"]
    expect(clerk.page.locator("#code")).to_be_focused()


def test_copying_works_without_the_clipboard_s_own_interface(enter: Callable[..., Clerk], portal: Any) -> None:
    clerk = enter(portal, permissions=["clipboard-read", "clipboard-write"])
    clerk.page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new DOMException('', 'NotAllowedError'))")
    clerk.arrive()
    clerk.scan(code())
    clerk.page.get_by_role("button", name="Sao chép: Họ và tên").click()
    expect(clerk.page.locator("#told")).to_have_text("Đã sao chép")
    assert clerk.page.evaluate("navigator.clipboard.readText()") == "Nguyễn Thị Ánh Tuyết"


OPENER = """<!doctype html><title>opener</title><script>
window.got = [];
addEventListener("message", event => got.push([event.origin, event.data]));
const channel = new BroadcastChannel("vneid-counter");
window.heard = [];
channel.onmessage = event => {
  heard.push(event.data);
};
</script>"""


def stranger(environ: dict[str, Any], start_response: Any) -> Any:
    """Another site, with the page of the portal's dossiers."""
    start_response("200 OK", [("Content-Type", "text/html")])
    return [OPENER.encode()]


def hand_over_in_vain(clerk: Clerk) -> None:
    """Hand a citizen over, and see that the opener gets nothing of it."""
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    clerk.page.keyboard.press("F9")
    expect(clerk.page.locator("#told")).to_contain_text("Chưa trang hồ sơ nào báo đã nhận")
    assert clerk.opener.evaluate("[got, heard]") == [[], []]
    clerk.page.close()


def opened_from(clerk: Clerk, opener: str, counter: str) -> None:
    """Let a page of ``opener`` open the counter in a window of its own, and go on in that."""
    clerk.page.goto(opener)
    with clerk.page.expect_popup() as popup:
        clerk.page.evaluate("url => { window.counter = window.open(url, 'counter', 'width=1366,height=768'); }", counter)
    clerk.opener, clerk.page = clerk.page, popup.value
    clerk.type_key(KEY)
    clerk.page.locator("#desk").wait_for()


def test_the_dossier_s_page_gets_the_data_and_says_so(enter: Callable[..., Clerk], portal: Any) -> None:
    portal.host["body"] = OPENER.encode()
    clerk = enter(portal)
    opened_from(clerk, portal.base + "/ho-so", portal.base + "/vneid/qr/")
    clerk.page.locator("#more summary").click()
    clerk.page.locator("#dossier").fill("HS-7")
    clerk.page.locator("#code").focus()
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    clerk.page.keyboard.press("F9")
    clerk.opener.wait_for_function("got.length === 1 && heard.length === 1")
    [[origin, message]] = clerk.opener.evaluate("got")
    assert origin == portal.base
    assert clerk.opener.evaluate("heard") == [message]
    assert re.fullmatch("[0-9a-f]{24}", message.pop("id"))
    assert message == {"type": "vneid-counter/citizen", "version": 1, "verified": True, "source": "vneid", "data": CITIZEN,
                       "warnings": [], "unitCode": "", "dossier": "HS-7"}
    expect(clerk.page.locator("#told")).to_contain_text("Chưa trang hồ sơ nào báo đã nhận")


def test_the_example_of_the_documentation_fills_its_form_and_is_heard(clerk: Clerk, portal: Any) -> None:
    text = (ROOT / "docs" / "counter.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```html\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    portal.host.update(type="text/html; charset=utf-8", body=example.encode())
    dossier = clerk.context.new_page()
    dossier.goto(portal.base + "/ho-so")
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    clerk.page.keyboard.press("F9")
    expect(clerk.page.locator("#told")).to_have_text("Trang hồ sơ đã nhận thông tin.")
    assert {name: dossier.locator(f"[name={name}]").input_value() for name in CITIZEN} == CITIZEN
    expect(dossier.locator("output")).to_have_text("VNeID")


@pytest.mark.threat("A-219")
def test_no_page_of_another_origin_gets_the_data(enter: Callable[..., Clerk], portal: Any, serve: Any) -> None:
    clerk = enter(portal)
    with serve(stranger) as address:
        opened_from(clerk, address, portal.base + "/vneid/qr/")
        assert clerk.page.evaluate("window.opener") is None
        hand_over_in_vain(clerk)


@pytest.mark.threat("A-219")
def test_an_opener_that_has_gone_elsewhere_gets_nothing(enter: Callable[..., Clerk], portal: Any, serve: Any) -> None:
    """The browser compares the origin at the moment of sending, not of opening."""
    portal.host["body"] = OPENER.encode()

    clerk = enter(portal)
    with serve(stranger) as address:
        opened_from(clerk, portal.base + "/ho-so", portal.base + "/vneid/qr/")
        clerk.opener.goto(address)
        hand_over_in_vain(clerk)
    assert [text for text in clerk.complaints if "target origin" not in text] == []
    clerk.complaints.clear()


def test_what_is_typed_from_a_card_is_checked_and_goes_over_as_not_verified(enter: Callable[..., Clerk], portal: Any) -> None:
    portal.host["body"] = OPENER.encode()
    portal.vneid.answer = portal.vneid.gives("04")
    clerk = enter(portal)
    opened_from(clerk, portal.base + "/ho-so", portal.base + "/vneid/qr/")
    clerk.scan(code())
    clerk.page.locator("#manual").click()
    expect(clerk.page.locator("#typed-soDinhDanh")).to_be_focused()
    for name, value in {"soDinhDanh": "12345", "hoVaTen": " Lê Thị Hoa ", "ngayThangNamSinh": "31/02/1990"}.items():
        clerk.page.locator(f"#typed-{name}").fill(value)
    for name, right in {"soDinhDanh": "001190000001", "ngayThangNamSinh": "1990"}.items():
        clerk.page.keyboard.press("F9")
        assert clerk.page.locator(f"#typed-{name}").evaluate("input => input.validationMessage") != ""
        assert clerk.opener.evaluate("heard") == []
        clerk.page.locator(f"#typed-{name}").fill(right)
    clerk.page.keyboard.press("F9")
    expect(clerk.page.locator("#told")).to_contain_text("Chưa trang hồ sơ nào báo đã nhận")
    message = clerk.opener.evaluate("heard[0]")
    assert (message["verified"], message["source"]) == (False, "manual")
    assert message["data"] == {"soDinhDanh": "001190000001", "hoVaTen": "Lê Thị Hoa", "ngayThangNamSinh": "1990", "gioiTinh": "0"}


# -- what stays behind -------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-219")
def test_nothing_of_a_citizen_stays_in_the_browser(clerk: Clerk, portal: Any) -> None:
    start = clerk.page.evaluate("history.length")
    scanned = code()
    clerk.scan(scanned)
    expect(clerk.title()).to_have_text(RECEIVED)
    assert "Tuyết" not in clerk.page.title()
    kept = clerk.page.evaluate("""async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie,
        location.href, history.state, window.name, (await indexedDB.databases()), (await caches.keys())])""")
    assert kept == json.dumps([{}, {}, "", f"{portal.base}/vneid/qr/", None, "", [], []]).replace(", ", ",")
    assert clerk.page.evaluate("history.length") == start
    clerk.page.keyboard.press("F2")
    expect(clerk.title()).to_have_text(READY)
    content = clerk.page.content()
    assert not [text for text in (*CITIZEN.values(), "17/05/2004", scanned, KEY) if len(text) > 1 and text in content]


@pytest.mark.threat("A-116")
def test_the_back_button_brings_an_empty_counter(clerk: Clerk, portal: Any) -> None:
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    clerk.page.goto("about:blank")
    clerk.page.go_back()
    expect(clerk.page.locator("#key")).to_be_focused()
    assert "Tuyết" not in clerk.page.content()


def test_leaving_the_page_empties_it_for_a_browser_that_keeps_it(clerk: Clerk, portal: Any) -> None:
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    clerk.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert "Tuyết" not in clerk.page.content()
    clerk.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(clerk.page.locator("#key")).to_be_visible()


@pytest.mark.threat("A-219")
def test_a_screen_that_nobody_looks_at_is_emptied(enter: Callable[..., Clerk], portal: Any) -> None:
    clerk = enter(portal)
    clerk.page.clock.install()
    clerk.arrive()
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    clerk.page.clock.fast_forward(100_000)
    clerk.page.keyboard.press("Shift")
    clerk.page.clock.fast_forward(100_000)
    expect(clerk.title()).to_have_text(RECEIVED)
    clerk.page.clock.fast_forward(25_000)
    expect(clerk.title()).to_have_text(READY)
    expect(clerk.page.locator("#told")).to_contain_text("đã được xóa khỏi màn hình")
    assert "Tuyết" not in clerk.page.content()


# -- the camera --------------------------------------------------------------------------------------------------------

def test_the_camera_reads_a_code_from_a_telephone(playwright: Any, chromium: str, portal: Any, tmp_path: Path) -> None:
    scanned = "eyJhbGciOiJFUzI1NiJ9." + "Qr-_" * 60
    film_of(scanned, tmp_path / "film.y4m")
    with filming(playwright, chromium, tmp_path / "film.y4m") as context:
        clerk = Clerk(context, portal.base, KEY).arrive()
        clerk.page.keyboard.press("F4")
        expect(clerk.title()).to_have_text(RECEIVED)
        assert clerk.citizen() == SHOWN
        assert portal.vneid.asked == [{"qrID": scanned}]
        expect(clerk.page.locator("#picture")).to_be_hidden()
        assert clerk.page.evaluate("document.getElementById('video').srcObject") is None
        assert clerk.complaints == []
        # a browser that says no
        context.clear_permissions()
        clerk.page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject("
                            "new DOMException('', 'NotAllowedError')); }")
        clerk.page.keyboard.press("F4")
        expect(clerk.page.locator("#camera-problem")).to_contain_text("không cho dùng camera")


# -- the page itself ---------------------------------------------------------------------------------------------------

@pytest.mark.threat("A-160")
@pytest.mark.threat("A-024")
def test_the_page_s_policy_lets_nothing_in_but_its_own_files(portal: Any) -> None:
    answer = Browser().get(portal.base + "/vneid/qr/")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert re.fullmatch("'sha256-[^ ]+'", policy.pop("style-src"))
    assert policy == {"default-src": "'none'", "script-src": "'self'", "connect-src": "'self'", "frame-ancestors": "'none'",
                      "form-action": "'none'", "base-uri": "'none'", "img-src": "'self' data:",
                      "require-trusted-types-for": "'script'", "trusted-types": "'none'"}
    assert "unsafe" not in str(policy)
    assert answer.headers["Permissions-Policy"] == "camera=(self)"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert re.findall(r"<script(?![^>]* src=)|\bon\w+=|\bstyle=|https?://(?!127)", answer.text) == []


def test_the_page_s_files_are_served_by_name_and_nothing_else_is(portal: Any) -> None:
    for name in ("counter.js", "client.js", "qr/decode.js", "qr/index.js"):
        answer = Browser().get(f"{portal.base}/vneid/qr/static/{name}")
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("", "none.js", "../page.py", "..%2fpage.py", "%2e%2e/views.py", "qr", "qr/", "/etc/passwd", "counter.css",
                 "qr/source.json", "counter.js%00"):
        assert Browser().get(f"{portal.base}/vneid/qr/static/{name}").status == 404, name
    redirect = Browser().get(portal.base + "/vneid/qr")
    assert (redirect.status, redirect.location) == (303, portal.base + "/vneid/qr/")


def test_only_an_operator_is_told_that_lookups_would_be_answered(portal: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert portal.send("GET", "/vneid/qr/operator").json() == {"operator": "quay-1", "officerId": ""}
    assert portal.send("GET", "/vneid/qr/operator", key=None).status == 401
    # a page that is opened before anybody has signed in is nothing to look after; a key that is tried is
    assert caplog.records == []
    assert portal.send("GET", "/vneid/qr/operator", headers={"Authorization": "Bearer guessed"}).status == 401
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_without_script_the_page_says_so(enter: Callable[..., Clerk], portal: Any) -> None:
    clerk = enter(portal, java_script_enabled=False)
    clerk.page.goto(portal.base + "/vneid/qr/")
    expect(clerk.page.locator("h2").first).to_have_text("Trang này cần JavaScript")
    expect(clerk.page.locator("#counter")).to_be_hidden()


# -- how it looks ------------------------------------------------------------------------------------------------------

def at_the_key(clerk: Clerk, portal: Any) -> None:
    clerk.page.goto(portal.base + "/vneid/qr/")
    clerk.type_key("wrong")
    expect(clerk.page.locator("#gate-words")).not_to_be_empty()


def ended_as(answer: str, **changes: str) -> Callable[[Clerk, Any], None]:
    def arrive(clerk: Clerk, portal: Any) -> None:
        portal.vneid.answer = portal.vneid.gives(answer, **changes)
        clerk.arrive().scan(code())
        expect(clerk.page.locator("#state.good, #state.bad")).to_be_visible()

    return arrive


def waiting(clerk: Clerk, portal: Any) -> None:
    portal.vneid.answer = portal.vneid.pends()
    clerk.arrive().scan(code())
    expect(clerk.page.locator("#life")).to_be_visible()


def scanned_card(clerk: Clerk, portal: Any) -> None:
    clerk.arrive().scan(CARD)
    expect(clerk.page.locator(".badge")).to_be_visible()


def everything_open(clerk: Clerk, portal: Any) -> None:
    clerk.arrive()
    clerk.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    clerk.page.evaluate("document.getElementById('caps').hidden = false")


PLACES: dict[str, Callable[[Clerk, Any], Any]] = {
    "key": at_the_key, "ready": everything_open, "waiting": waiting, "card": scanned_card,
    "citizen": ended_as("00", gioiTinh="1", soDinhDanh="001304000123"), "denied": ended_as("04"), "unavailable": ended_as("99")}


@pytest.mark.parametrize("lang", ["vi", "en"])
@pytest.mark.parametrize("name", PLACES)
def test_it_can_be_read_on_every_screen_and_in_every_colour(enter: Callable[..., Clerk], portal: Any, name: str,
                                                            lang: str) -> None:
    clerk = enter(portal, lang=lang)
    PLACES[name](clerk, portal)
    page = clerk.page
    assert page.locator("html").get_attribute("lang") == lang
    assert page.locator("h1").count() == 1
    clerk.shoot(f"{name}-{lang}")
    for size in ((1920, 1080), (1366, 768), (360, 740), (320, 640)):
        clerk.resize(size)
        assert clerk.measure("wide()") == [], size
    assert clerk.measure("small(24)") == []
    for scheme, forced in (("light", "none"), ("dark", "none"), ("light", "active"), ("dark", "active")):
        page.emulate_media(color_scheme=scheme, forced_colors=forced)
        assert clerk.measure("texts()") > 3
        assert clerk.measure("faint(4.5)") == [], (scheme, forced)
    clerk.resize((1366, 768))
    page.emulate_media(color_scheme="dark", forced_colors="none")
    page.screenshot(path=ARTIFACTS / f"counter-{name}-{lang}-dark.png")
    unnamed = page.locator("input:visible, select:visible, button:visible").evaluate_all(
        "all => all.filter(one => !one.labels?.length && !one.textContent.trim() && !one.ariaLabel).map(one => one.outerHTML)")
    assert unnamed == []
    if lang == "en":
        assert not re.search("[ăâđêôơưĂÂĐÊÔƠƯạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]",
                             re.sub(r"Số 1 phố.*|Nguyễn.*", "", page.locator("main").inner_text()))


def test_everything_can_be_reached_with_the_keyboard_and_seen_there(clerk: Clerk, portal: Any) -> None:
    clerk.scan(code())
    expect(clerk.title()).to_have_text(RECEIVED)
    names = []
    for _ in range(14):
        clerk.page.keyboard.press("Tab")
        stop = clerk.measure("focus()")
        assert stop["shown"], stop
        assert stop["outline"] >= 2, stop
        assert stop["stands_out"] >= 3, stop
        names.append(stop["name"])
        if "copy" not in stop["name"] and "F8" in stop["name"]:
            break
    assert sum("copy" in name for name in names) == 5
    assert any("F9" in name for name in names)
    assert [clerk.page.locator(part).get_attribute("aria-live") or clerk.page.locator(part).get_attribute("role")
            for part in ("#said", "#alarm", "#told", "#gate-words", "#caps")] == ["polite", "alert", "status", "alert", "alert"]
