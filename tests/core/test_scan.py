"""What officers scan: a code of VNeID, a printed card, an insurance card, or something an input method has damaged."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vneid_middleware.core.scan import CARD, HEALTH_INSURANCE, UNREADABLE, VNEID, damage_of, read_scan

CARD_TEXT = "100190000001|012345678|Nguyễn Thị Ánh Nguyệt|17051990|Nữ|Số 1 phố Đinh Tiên Hoàng, Hà Nội|01012022"


@pytest.mark.parametrize("value", ["9f2c1e6a-4b7d-4c7e-9a51-0c3f", "eyJhbGciOi.eyJ.x-_y", "A", "a|b|c", " abc\r\n"])
def test_a_vneid_code_is_any_printable_ascii(value: str):
    assert read_scan(value) == (VNEID, {})


def test_the_printed_card_prefills_and_is_no_vneid_code():
    assert read_scan(CARD_TEXT) == (CARD, {
        "soDinhDanh": "100190000001", "hoVaTen": "Nguyễn Thị Ánh Nguyệt", "gioiTinh": "2", "ngayThangNamSinh": "19900517",
        "noiThuongTru": "Số 1 phố Đinh Tiên Hoàng, Hà Nội"})


@pytest.mark.parametrize("change", [("|012345678|", "||"), ("|01012022", "|01012022|||Trần Văn Đức|Lê Thị Quỳnh|"), ("Nữ", "NỮ")])
def test_cards_of_other_years_have_no_old_number_or_more_fields(change: tuple[str, str]):
    kind, prefill = read_scan(CARD_TEXT.replace(*change))
    assert (kind, prefill["gioiTinh"]) == (CARD, "2")


def test_what_a_damaged_card_has_wrong_is_left_out_of_the_prefill():
    kind, prefill = read_scan(CARD_TEXT.replace("17051990", "31021990").replace("Nữ", "Nưx"))
    assert (kind, prefill.keys()) == (CARD, {"soDinhDanh", "hoVaTen", "noiThuongTru"})


@pytest.mark.parametrize("day", ["17050099", "00001990", "1051990", "١٧٠٥١٩٩٠", "1705199", "17/051990", "17051700", "17052201"])
def test_a_birthday_that_nobody_has_is_left_out(day: str):
    kind, prefill = read_scan(CARD_TEXT.replace("17051990", day))
    assert (kind, "ngayThangNamSinh" in prefill) == (CARD, False)


def test_a_name_that_is_cut_does_not_end_in_a_blank():
    _, prefill = read_scan(CARD_TEXT.replace("Nguyễn Thị Ánh Nguyệt", "ễ" * 99 + " An"))
    assert prefill["hoVaTen"] == "ễ" * 99


@pytest.mark.parametrize("name", ["Nguyễn Thị Ánh Nguyệt".encode().hex(), "Nguyễn Thị Ánh Nguyệt"])
def test_the_health_insurance_card_prefills_without_a_number(name: str):
    kind, prefill = read_scan(f"DN4010110100001|{name}|17/05/1990|2|{'Hà Nội'.encode().hex()}|01 - 065|01/01/2026|-|01/01/2026|$")
    assert (kind, prefill) == (HEALTH_INSURANCE, {"hoVaTen": "Nguyễn Thị Ánh Nguyệt", "ngayThangNamSinh": "19900517",
                                                  "gioiTinh": "2", "noiThuongTru": "Hà Nội"})


@pytest.mark.parametrize("value", ["", "  ", "âbcd-1234", "ab cd", "ab\x00cd", "x" * 4097, "mã-vneid"])
def test_what_no_vneid_code_can_be_is_unreadable(value: str):
    assert read_scan(value) == (UNREADABLE, {})


@given(st.text(max_size=300) | st.lists(st.text(max_size=20), min_size=6, max_size=9).map("|".join))
def test_whatever_is_scanned_has_a_kind_and_a_printable_prefill(value: str):
    kind, prefill = read_scan(value)
    assert kind in (VNEID, CARD, HEALTH_INSURANCE, UNREADABLE)
    assert all(0 < len(item) <= 100 for item in prefill.values())
    assert not {unicodedata.category(letter) for item in prefill.values() for letter in item} & {"Cc", "Cf", "Cs"}


@pytest.mark.parametrize("value", ["âbcd-1234", "mã-vneid", "eyJhbGciƠiJ.ưđ.x", "9f2c1e6á4b7d", "đ", "VNI-Á1"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_that_an_input_method_made_are_told(value: str, form):
    damaged = unicodedata.normalize(form, value)
    assert (read_scan(damaged).kind, damage_of(damaged)) == (UNREADABLE, "input_method")


@pytest.mark.parametrize("value", ["eyJhbGciOi.eyJzdWIi.x-_y", "eyJhbGciOi.k.iv.text.tag"])
def test_a_token_whose_letters_caps_lock_has_swapped_is_told(value: str):
    assert (read_scan(value).kind, damage_of(value)) == (VNEID, "")
    assert (read_scan(value.swapcase()).kind, damage_of(value.swapcase())) == (UNREADABLE, "caps_lock")


@pytest.mark.parametrize("value", ["EYjABC", "EYjABC.def", "9F2C1E6A.4B7D.X", "ABC.DEF.GHI"])
def test_capital_letters_alone_are_no_sign_of_caps_lock(value: str):
    assert (read_scan(value).kind, damage_of(value)) == (VNEID, "")


@pytest.mark.parametrize("value", ["код-1234", "9f2c 1e6a", "①②③", ""])
def test_where_it_can_t_be_seen_what_damaged_a_scan_nothing_is_told(value: str):
    assert (read_scan(value).kind, damage_of(value)) == (UNREADABLE, "")


def test_a_card_whose_letters_caps_lock_has_swapped_is_read_all_the_same():
    assert read_scan(CARD_TEXT.swapcase()) == read_scan(CARD_TEXT)
