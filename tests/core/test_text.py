"""Names, dates and personal numbers as they really come."""

from __future__ import annotations

import unicodedata
from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vneid_middleware.models import PartialDate
from vneid_middleware.text import is_personal_number, mask, normalise_name, parse_partial_date


class TestDates:
    @pytest.mark.parametrize(("value", "expected", "precision"), [
        ("19900517", "1990-05-17", "day"), ("199005", "1990-05", "month"), ("1990", "1990", "year"),
        ("19560000", "1956", "year"), ("19560500", "1956-05", "month"), ("195600", "1956", "year"),
        ("1990-05-17", "1990-05-17", "day"), ("1990-05", "1990-05", "month"), ("1990-00-00", "1990", "year"),
        ("1990-05-00", "1990-05", "month"), ("17/05/1990", "1990-05-17", "day"),
        ("7/5/1990", "1990-05-07", "day"), ("05/1990", "1990-05", "month"), ("5/1990", "1990-05", "month"),
        ("00/00/1956", "1956", "year"), ("00/05/1956", "1956-05", "month"),
        (" 19900517 ", "1990-05-17", "day"), ("20000229", "2000-02-29", "day"),
        ("18000101", "1800-01-01", "day"), ("22001231", "2200-12-31", "day"),
    ])
    def test_forms(self, value: str, expected: str, precision: str) -> None:
        read = parse_partial_date(value)
        assert type(read) is PartialDate
        assert (read, read.precision) == (expected, precision)

    @pytest.mark.parametrize("value", [None, "", "  ", "\t"])
    def test_none(self, value: Any) -> None:
        assert parse_partial_date(value) is None

    @pytest.mark.parametrize("value", [
        "31/02/1990", "19900231", "1990-02-30", "19000229", "19901301", "199013", "13/1990", "32/01/1990",
        "19560017", "1956-00-17", "17/00/1956", "17990101", "22010101", "1799", "2201", "0000", "00000000",
        "0", "90", "900517", "1990517", "199005170", "19900517T000000", "1990-05-17T00:00:00Z", "1990-5-17",
        "1990/05/17", "17-05-1990", "17.05.1990", "17051990x", "abc", "19 0517", "-1990", "+1990",
        "1990-05-17-", "1990-0517", "199005-17", "\u0661\u0669\u0669\u0660", "\uff11\uff19\uff19\uff10",
        "1990\u00b2", "1_990", "1e3", "19900517\u0000", "1990\n05", "17/05/90", "/05/1990", "a" * 100_000,
    ])
    def test_refused(self, value: str) -> None:
        with pytest.raises(ValueError) as caught:
            parse_partial_date(value)
        assert value not in str(caught.value)

    @pytest.mark.parametrize("value", [19900517, 1990, True, 1.5, ["1990"], {}, b"1990", date(1990, 5, 17)])
    def test_no_text(self, value: Any) -> None:
        with pytest.raises(TypeError):
            parse_partial_date(value)

    @given(st.dates(date(1800, 1, 1), date(2200, 12, 31)),
        st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%d/%m/%Y"]))
    def test_every_day_is_read_in_every_form(self, day: date, form: str) -> None:
        assert parse_partial_date(day.strftime(form)) == day.isoformat()

    @given(st.text(alphabet="0123456789/-", max_size=10))
    def test_what_is_read_holds_no_more_than_was_written(self, value: str) -> None:
        try:
            read = parse_partial_date(value)
        except ValueError:
            return
        assert not Counter(str(read or "").replace("-", "")) - Counter(value + "00")
        assert read is None or parse_partial_date(read) == read


class TestNames:
    @pytest.mark.parametrize(("value", "expected"), [
        ("Nguyễn Thị Hoà", "Nguyễn Thị Hoà"), ("  Nguyễn   Văn\tAn \n", "Nguyễn Văn An"),
        ("Nguyễn\r\nX: 1", "Nguyễn X: 1"), ("ĐẶNG ĐÌNH ĐỨC", "ĐẶNG ĐÌNH ĐỨC"), ("Hòa", "Hòa"), ("Hoà", "Hoà"),
        ("Y Moan Êban", "Y Moan Êban"), ("Trần\u00a0Văn\u3000B", "Trần Văn B"), ("Trần\u200bVăn", "TrầnVăn"),
        ("\u202eAn\u202c", "An"), ("\ufeffAn", "An"), ("A\u2066n\u2069", "An"), ("e\u200d\u0302", "ê"),
        ("A\u00adn", "An"), ("An\u2028Bình", "An Bình"), ("", ""), (" \u200b ", ""),
        ("O'Neil-Lê (Út)", "O'Neil-Lê (Út)"), ("A \u200b B", "A B"), ("\x1fAn\x85B", "An B"),
    ])
    def test_normalised(self, value: str, expected: str) -> None:
        assert normalise_name(value) == unicodedata.normalize("NFC", expected)

    def test_both_normal_forms_are_one(self) -> None:
        name = "Nguyễn Thị Phượng Đặng"
        assert normalise_name(unicodedata.normalize("NFD",
            name)) == normalise_name(unicodedata.normalize("NFC", name)) == name

    @pytest.mark.threat("A-152")
    @pytest.mark.parametrize("value", ["An\u0000", "\x1b[31mAn", "A\x08n", "An\x7f", "An\x90", "An\ud800"])
    def test_refused(self, value: str) -> None:
        with pytest.raises(ValueError) as caught:
            normalise_name(value)
        assert "An" not in str(caught.value)

    @pytest.mark.threat("A-152")
    @given(st.text(max_size=40))
    def test_what_comes_out_is_clean(self, value: str) -> None:
        try:
            name = normalise_name(value)
        except ValueError:
            return
        assert normalise_name(name) == name
        assert name == name.strip()
        assert "  " not in name
        assert not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl",
            "Zp") for character in name)


class TestNumbers:
    @pytest.mark.parametrize("value", ["001096012345", "000000000000", "100000000001"])
    def test_personal_numbers(self, value: str) -> None:
        assert is_personal_number(value)

    @pytest.mark.parametrize("value", [
        "", "00109601234", "0010960123456", "00109601234x", " 001096012345", "001096012345\n",
        "001096012345 ", "-01096012345", "+01096012345", "0010 9601234", "\u0660" * 12, "\uff10" * 12,
        "00109601234\u00b2", 1096012345, 100000000001, None,
        True, b"001096012345", ["001096012345"],
    ])
    def test_other_values(self, value: Any) -> None:
        assert not is_personal_number(value)

    @pytest.mark.parametrize(("value", "keep", "expected"), [
        ("001096012345", 4, "********2345"), ("001096012345", 0, "********"),
        ("001096012345", -4, "********"), ("001096012345", 6, "********012345"),
        ("001096012345", 7, "********"), ("12345678", 4, "********5678"), ("1234567", 4, "********"),
        ("", 4, "********"), ("x" * 10_000, 4, "********xxxx"),
    ])
    def test_masked(self, value: str, keep: int, expected: str) -> None:
        assert mask(value, keep) == expected

    def test_four_characters_stay_unless_another_number_is_given(self) -> None:
        assert mask("001096012345") == "********2345"
