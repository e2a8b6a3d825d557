"""The citizen's data at the counter: what is refused, what is kept as it came, what a person must look at."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vneid_middleware.core.citizen import FIELDS, read_citizen
from vneid_middleware.exceptions import VNeIDError

NGUYET = {"soDinhDanh": "100190000001", "hoVaTen": "Nguyễn Thị Ánh Nguyệt", "gioiTinh": "2", "ngayThangNamSinh": "19900517",
          "noiThuongTru": "Số 1 phố Đinh Tiên Hoàng, phường Hoàn Kiếm, Hà Nội"}


def test_a_citizens_five_fields_come_through():
    assert read_citizen(NGUYET) == (NGUYET, ())


@pytest.mark.parametrize(("field", "value"), [
    ("soDinhDanh", "10019000001"), ("soDinhDanh", "1001900000011"), ("soDinhDanh", "10019000000a"),
    ("soDinhDanh", "１００１９００００００１"), ("soDinhDanh", 100190000001), ("soDinhDanh", ["100190000001"]),
    ("soDinhDanh", "100190000001\n"), ("soDinhDanh", ""), ("soDinhDanh", None),
    ("hoVaTen", "N" * 101), ("hoVaTen", "Nguyễn\x00"), ("hoVaTen", "\ud800"), ("hoVaTen", 7), ("hoVaTen", ""),
    ("hoVaTen", " \t "),
    ("hoVaTen", {"ho": "Nguyễn"}),
    ("gioiTinh", "3"), ("gioiTinh", "02"), ("gioiTinh", "Nữ"), ("gioiTinh", True), ("gioiTinh", -1),
    ("ngayThangNamSinh", "19900230"), ("ngayThangNamSinh", "19901301"), ("ngayThangNamSinh", "1990-05-17"),
    ("ngayThangNamSinh", "17/05/1990"), ("ngayThangNamSinh", "19900017"), ("ngayThangNamSinh", "00000000"),
    ("ngayThangNamSinh", "١٩٩٠٠٥١٧"), ("ngayThangNamSinh", "199005177"), ("ngayThangNamSinh", False),
    ("noiThuongTru", "x" * 101), ("noiThuongTru", "Hà\x1bNội"), ("noiThuongTru", []),
])
def test_what_is_not_in_the_guides_form_is_refused_by_name_and_never_by_value(field: str, value: Any):
    with pytest.raises(VNeIDError) as caught:
        read_citizen({**NGUYET, field: value})
    assert caught.value.code == "citizen_invalid"
    assert caught.value.evidence == {"field": field}
    assert not (isinstance(value, str) and len(value) > 3 and value in str(caught.value))


def test_fields_that_nobody_asked_for_are_dropped():
    assert read_citizen({**NGUYET, "tonGiao": "Không", "iat": 1, "__class__": "x"}).data == NGUYET


def test_only_the_listed_fields_leave_but_all_are_checked():
    assert read_citizen(NGUYET, ("hoVaTen",)).data == {"hoVaTen": NGUYET["hoVaTen"]}
    with pytest.raises(VNeIDError):
        read_citizen({**NGUYET, "soDinhDanh": "1"}, ("hoVaTen",))


def test_an_agreed_field_beyond_the_five_is_kept_and_bounded():
    assert read_citizen({**NGUYET, "danToc": "Kinh"}, (*FIELDS, "danToc")).data["danToc"] == "Kinh"
    for value in ("x" * 501, {"ma": "01"}, "a\x07"):
        with pytest.raises(VNeIDError, match="danToc"):
            read_citizen({**NGUYET, "danToc": value}, (*FIELDS, "danToc"))


@pytest.mark.parametrize(("sent", "kept"), [("1956", "1956"), ("195600", "1956"), ("19560000", "1956"), ("195605", "195605"),
                                            ("19560500", "195605"), (19560517, "19560517")])
def test_a_date_keeps_its_precision_and_is_given_no_day(sent: Any, kept: str):
    assert read_citizen({**NGUYET, "ngayThangNamSinh": sent}).data["ngayThangNamSinh"] == kept


def test_names_come_in_nfc_with_every_diacritic():
    data = read_citizen({**NGUYET, "hoVaTen": unicodedata.normalize("NFD", "Đỗ  Thị Ỷ\u200b Lưỡng ")}).data
    assert data["hoVaTen"] == "Đỗ Thị Ỷ Lưỡng"


def test_what_a_citizen_does_not_have_is_absent_and_not_empty():
    data = read_citizen({**NGUYET, "noiThuongTru": "", "gioiTinh": None}).data
    assert data.keys() == {"soDinhDanh", "hoVaTen", "ngayThangNamSinh"}


@pytest.mark.parametrize(("change", "warnings"), [
    ({"gioiTinh": "1"}, ("gender_disagrees",)), ({"gioiTinh": "0"}, ()),
    ({"ngayThangNamSinh": "1991"}, ("birth_year_disagrees",)),
    ({"ngayThangNamSinh": "20900517", "gioiTinh": "1"}, ("gender_disagrees", "birth_year_disagrees")),
    ({"soDinhDanh": "100309000001", "ngayThangNamSinh": "20090517"}, ()),
])
def test_a_number_that_disagrees_is_a_warning_and_no_refusal(change: dict[str, str], warnings: tuple[str, ...]):
    found = read_citizen({**NGUYET, **change})
    assert (found.warnings, found.data["soDinhDanh"]) == (warnings, change.get("soDinhDanh", NGUYET["soDinhDanh"]))


values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=120), st.lists(st.text(), max_size=2))


@given(st.dictionaries(st.sampled_from([*FIELDS, "iat", "khac"]), values), st.booleans())
def test_whatever_comes_is_refused_or_in_form(change: dict[str, Any], whole: bool):
    try:
        data = read_citizen({**(NGUYET if whole else {}), **change}).data
    except VNeIDError:
        return
    assert data.keys() <= set(FIELDS)
    assert len(data["soDinhDanh"]) == 12
    assert data["soDinhDanh"].isdigit()
    assert all(isinstance(value, str) and 0 < len(value) <= 100 and unicodedata.is_normalized("NFC", value)
               and not {unicodedata.category(letter) for letter in value} & {"Cc", "Cf", "Cs"} for value in data.values())
