"""Levels out of ``loAS``, as broken as the guide prints it, and out of ``accountLevel``."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vneid_middleware.core.assurance import level_from_account_level, level_from_loas

VIETNAM = timezone(timedelta(hours=7))
NOON = int(datetime(2026, 11, 24, 12, tzinfo=VIETNAM).timestamp())

# the two pieces of the guide's sample, as the document has them
FIRST_PIECE = (
    '[{"level":3,"claim":{"LoaiTaiKhoan":"","src":"","Bca":"","validDate":null,"expiredDate":null},"level":3,"claim":'
    '{"SoDinhDanh":"","src":"","Bca":"","validDate":null,"expiredDate":null},"level":3,"claim":{"HoVaTen":"","src":"",'
    '"Bca":"","validDate":null,"expiredDate":null},"level":3,"claim":{"NgayThangNamSinh":"","src":"","Bca":"",'
    '"validDate":null,"expiredDate":null}]'
)
SECOND_PIECE = (
    r'Date\":null,\"expiredDate\":null},{\"level\":3,\"claim\":"\"TechID\", \"src\":"\"Bca\", '
    r'\"validDate\":null,\"expiredDate\":null}}]"'
)


def entry(level: Any = 3, **members: Any) -> dict[str, Any]:
    """Return an entry as it ought to be; a member given as ``...`` is left out."""
    whole = {"level": level, "claim": "TechID", "src": "Bca", "validDate": None, "expiredDate": None,
        **members}
    return {name: value for name, value in whole.items() if value is not ...}


def level(value: Any, now: int = NOON) -> int:
    return level_from_loas(value, now)


class TestTheGuidesSample:
    @pytest.mark.threat("A-026")
    @pytest.mark.parametrize("between", ["", "\n", " ", "\r\n", "\n\n  "])
    def test_joined(self, between: str) -> None:
        assert level(FIRST_PIECE + between + SECOND_PIECE) == 2

    @pytest.mark.threat("A-026")
    @pytest.mark.parametrize("old", ['"level":3,"claim":{"HoVaTen"', r'\"level\":3', '[{"level":3'])
    @pytest.mark.parametrize(("number", "expected"), [("2", 1), ("1", 0), ("4", 0), ('""', 0), ("null", 0),
        ("30", 0), ("", 0)])
    def test_any_entry_lowers_it(self, old: str, number: str, expected: int) -> None:
        sample = FIRST_PIECE + "\n" + SECOND_PIECE
        assert old in sample
        assert level(sample.replace(old, old.replace("3", number), 1)) == expected

    @pytest.mark.threat("A-026")
    @pytest.mark.parametrize("date", ['"2020-01-01"', '""2020-01-01"', r'\"2020-01-01\"', "1577836800",
        '"never"', "x", "{}", '"2030', '""2030'])
    @pytest.mark.parametrize("old", ['"expiredDate":null}]', r'\"expiredDate\":null}}]'])
    def test_any_expired_entry_ends_it(self, old: str, date: str) -> None:
        sample = FIRST_PIECE + "\n" + SECOND_PIECE
        assert old in sample
        assert level(sample.replace(old, old.replace("null", date))) == 0

    @pytest.mark.threat("A-026")
    @pytest.mark.parametrize("date", ['"2030-01-01"', '""', '"20300101"', "1893456000", "1893456000000",
        '""2030-01-01"'])
    def test_an_entry_that_still_holds(self, date: str) -> None:
        sample = FIRST_PIECE + "\n" + SECOND_PIECE
        assert level(sample.replace('"expiredDate":null}]', f'"expiredDate":{date}}}]')) == 2

    @pytest.mark.threat("A-026")
    def test_an_entry_without_its_level(self) -> None:
        sample = FIRST_PIECE + "\n" + SECOND_PIECE
        assert level(sample.replace('"level":3,"claim":{"HoVaTen"', '"claim":{"HoVaTen"')) == 0


class TestEntries:
    @pytest.mark.threat("A-026")
    @pytest.mark.parametrize(("levels", "expected"), [
        ([3], 2), ([2], 1), ([3, 3, 3], 2), ([3, 2, 3], 1), ([2, 3], 1), ([3, 1], 0), ([3, 0], 0), ([4], 0),
        ([3, 4], 0), ([-3], 0), (["3"], 2), (["2", 3.0], 1), ([3.0], 2), ([2.0], 1), ([" 3 "], 2), ([3.5], 0),
        (["3.0"], 0), (["03"], 0), (["three"], 0), ([""], 0), ([True], 0), ([False], 0), ([None], 0),
        ([[3]], 0), ([{}], 0), (["\uff13"], 0), ([float("nan")], 0), ([float("inf")], 0), ([10**400], 0),
        ([], 0),
    ])
    def test_the_lowest_counts_in_every_form(self, levels: list[Any], expected: int) -> None:
        entries = [entry(one) for one in levels]
        assert level(entries) == expected
        text = json.dumps(entries)
        assert level(text) == expected
        assert level(json.dumps(text)) == expected
        assert level(json.dumps(json.dumps(text))) == expected
        assert level(text.replace('"', r'\"')) == expected

    @pytest.mark.threat("A-026")
    @pytest.mark.parametrize(("last", "expected"), [(3, 2), (2, 1), (None, 0), ("3", 2)])
    def test_a_thousand_entries(self, last: Any, expected: int) -> None:
        entries = [{"level": 3}] * 999 + [{"level": last}]
        assert level(entries) == level(json.dumps(entries)) == level(json.dumps(entries) + "}") == expected

    @pytest.mark.parametrize(("value", "expected"), [
        (entry(3), 2), (json.dumps(entry(2)), 1), ([entry(...)], 0), ([{}], 0), ([entry(3), {}], 0),
        ([entry(3), entry(...)], 0), ([entry(3), None], 0), ([entry(3), "x"], 0), ([entry(3), 3], 0),
        ([[entry(3)]], 0), ({"loAS": [entry(3)]}, 0), ([3], 0), (3, 0), ("3", 0), ("level", 0), ("null", 0),
        ("", 0), (" ", 0), (None, 0), (True, 0), (b'[{"level":3}]', 0), ((entry(3),), 0),
        ({"TechID": entry(3)}, 0), ([entry(3, claim={"TechID": {"src": "Bca"}})], 2), ("[{'level': 3}]", 0),
        ('[{"Level": 3}]', 0), ("level=3", 0), ('[{"level":3', 0), ('[{"level":', 0),
    ])
    @pytest.mark.threat("A-026")
    def test_other_shapes(self, value: Any, expected: int) -> None:
        assert level(value) == expected

    @pytest.mark.threat("A-026")
    @pytest.mark.parametrize(("text", "expected"), [
        ('[{"level":3,"level":2}]', 1), ('[{"level":2,"level":3}]', 1), ('[{"level":null,"level":3}]', 0),
        ('[{"level":3,"expiredDate":"2020-01-01","expiredDate":null}]', 0),
        ('[{"level":3,"claim":{"TechID":{"level":2}}}]', 1), (' [ { "level" : 3 } ] ', 2),
        ('[{"level":3}][{"level":2}]', 1), ('[{"level":3},', 2), ('{"level":3}}', 2), ('"level":3,', 2),
        ('"level":2,"level":3,', 1), ('[{"level":3,"claim":{"a":1},{"claim":{"b":1}]', 0),
        ('[{"level":"3"},]', 2), ('[{"level":3x},]', 0), ('[{"level":3"},]', 0),
    ])
    def test_members_given_twice_and_braces_that_do_not_close(self, text: str, expected: int) -> None:
        assert level(text) == expected


class TestDates:
    @pytest.mark.threat("A-026")
    @pytest.mark.parametrize(("form", "day"), [
        ("%Y-%m-%d", True), ("%Y%m%d", True), ("%d/%m/%Y", True), ("%Y-%m-%dT%H:%M:%S", False),
        ("%Y-%m-%d %H:%M:%S", False), ("%Y-%m-%dT%H:%M:%S+07:00", False), ("%Y-%m-%dT%H:%M:%S+0700", False),
        ("%Y-%m-%dT%H:%M:%S.000+07:00", False), ("%Y-%m-%dT%H:%M:%S.1234567", False),
    ])
    def test_forms(self, form: str, day: bool) -> None:
        today = datetime.fromtimestamp(NOON, VIETNAM)
        yesterday, tomorrow = ((today + timedelta(days=days)).strftime(form) for days in (-1, 1))
        for value, expired, valid in ((yesterday, 0, 2), (today.strftime(form), 2 if day else 0, 2),
            (tomorrow, 2, 0)):
            assert level([entry(expiredDate=value)]) == expired
            assert level([entry(validDate=value)]) == valid
            assert level(json.dumps([entry(expiredDate=value)])) == expired
            assert level([entry(3), entry(2, expiredDate=value)]) == min(expired, 1)
            assert level([entry(claim={"TechID": value, "expiredDate": value})]) == expired

    @pytest.mark.threat("A-026")
    def test_the_second_in_which_it_ends(self) -> None:
        for value in (NOON, str(NOON), float(NOON), NOON * 1000, str(NOON * 1000), "2026-11-24T05:00:00Z",
            "2026-11-24T12:00",
                      "2026-11-24T05:00:00.5Z", "2026-11-24T00:00:00-05:00"):
            assert level([entry(expiredDate=value)], NOON - 1) == 2
            assert level([entry(expiredDate=value)], NOON) == 0
            assert level([entry(validDate=value)], NOON - 1) == 0
            assert level([entry(validDate=value)], NOON) == 2

    @pytest.mark.threat("A-026")
    def test_a_day_ends_at_midnight_in_vietnam(self) -> None:
        midnight = int(datetime(2026, 11, 25, tzinfo=VIETNAM).timestamp())
        assert level([entry(expiredDate="2026-11-24")], midnight - 1) == 2
        assert level([entry(expiredDate="2026-11-24")], midnight) == 0
        assert level([entry(validDate="2026-11-25")], midnight - 1) == 0
        assert level([entry(validDate="2026-11-25")], midnight) == 2

    @pytest.mark.threat("A-026")
    @pytest.mark.parametrize("value", [
        "never", "2030", "2030-02-31", "31/02/2030", "20301301", "2030-1-1", "30-01-2030",
        "2030-01-01T25:00:00", "0000-01-01", "00000101", "2030-01-01T00:00:00+99:99",
        "\u0662\u0660\u0663\u0660-01-01", "2030-01-01x", "2030-01-01T", "null",
        True, False, [], {}, ["2030-01-01"],
        0, -1, 1, 10**10, 10**14, 10**400, 1e300, float("nan"), float("inf"), 1893456000.5e-9, "1893456000.5",
        "9" * 5000,
        "2030-01-01T00:00:00ZZ", "-20300101",
    ])
    def test_dates_that_nobody_can_read(self, value: Any) -> None:
        assert level([entry(expiredDate=value)]) == 0
        assert level([entry(validDate=value)]) == 0
        assert level([entry(3), entry(3, expiredDate=value)]) == 0

    @pytest.mark.parametrize("value", [None, "", ...])
    def test_no_date(self, value: Any) -> None:
        assert level([entry(expiredDate=value, validDate=value)]) == 2


class TestHostileInput:
    @pytest.mark.threat("A-026")
    @pytest.mark.timeout(20)
    @pytest.mark.parametrize("text", [
        '"level":' * 8_192, '"level"' + " " * 65_000, '"level": ' * 7_000, '"level":"' * 7_000,
        '"level":""' * 6_000, '"level":""' + " " * 65_000,
        '"level":' + "3" * 65_000, '"level":"' + "3" * 65_000, "\\" * 65_536, '"' * 65_536, "[" * 65_536,
        '{"a":' * 13_000, '[{"level":3},' * 5_000 + "x",
        "9" * 65_000, '[{"level":' + "9" * 65_000 + "}]", '"claim"' * 9_000,
        '"expiredDate":"' + "9" * 65_000 + '",', "-" * 65_000,
        json.dumps("\\" * 10_000), '"level"\t:\n' * 6_000,
        '[{"level":3,"expiredDate":"' + "2" * 64_000 + '"}]',
    ])
    def test_as_large_as_it_may_be(self, text: str) -> None:
        assert len(text) <= 65_536
        assert level(text) in (0, 2)
        assert level(text) == 0 or text.startswith('[{"level":3},')

    @pytest.mark.threat("A-026")
    def test_larger_than_it_may_be(self) -> None:
        text = json.dumps([entry(3)])
        assert level(text + " " * (65_536 - len(text))) == 2
        assert level(text + " " * (65_537 - len(text))) == 0
        assert level([entry(3)] * 20_001) == 0
        assert level([entry(3, claim=[0] * 20_000)]) == 0
        assert level([entry(3, claim=[0] * 10_000)]) == 2

    @pytest.mark.threat("A-026")
    def test_deep_and_endless(self) -> None:
        deep: Any = "x"
        for _ in range(5_000):
            deep = {"claim": [deep]}
        assert level([entry(3, claim=deep)]) == 2
        endless = entry(3)
        endless["claim"] = endless
        assert level([endless]) == 0
        text: Any = json.dumps([entry(3)])
        for _ in range(3):
            text = json.dumps(text)
        assert level(text) in (0, 2)

    @pytest.mark.threat("A-026")
    @given(st.text(alphabet='[]{}":,\\ 23lev"expirdDatcmnu/-\n', max_size=80) | st.text(max_size=40))
    def test_any_text_is_a_level(self, text: str) -> None:
        assert level(text) in (0, 1, 2)

    @pytest.mark.threat("A-026")
    @given(st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3)
        | st.sampled_from([2, 3, "3"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
            st.sampled_from(["level", "claim", "expiredDate", "validDate", "x"]), inner, max_size=4),
        max_leaves=12))
    def test_any_value_is_a_level(self, value: Any) -> None:
        assert level(value) in (0, 1, 2)
        assert level_from_account_level(value) in (0, 1, 2)

    @pytest.mark.threat("A-026")
    @given(st.lists(st.sampled_from([2, 3]), min_size=1, max_size=6), st.integers(0, 200),
        st.sampled_from(['"', "{", "}", "]", ",", "\\"]))
    def test_one_character_too_few_or_too_many_never_raises_the_level(self, levels: list[int], place: int,
        character: str) -> None:
        text = json.dumps([entry(one) for one in levels])
        place %= len(text)
        for bent in (text[:place] + text[place + 1:], text[:place] + character + text[place:]):
            assert level(bent) <= level(text)

    @pytest.mark.threat("A-026")
    @given(st.lists(st.sampled_from([2, 3]), min_size=1, max_size=6), st.randoms(use_true_random=False))
    def test_lost_braces_never_raise_the_level(self, levels: list[int], rng: Any) -> None:
        text = json.dumps([entry(one) for one in levels])
        bent = "".join(character for character in text if character not in "{}[]" or rng.random() < 0.7)
        assert level(bent) <= level(text)


class TestAccountLevel:
    @pytest.mark.parametrize(("value", "expected"), [
        (1, 1), (2, 2), ("1", 1), ("2", 2), (1.0, 1), (2.0, 2), (" 2 ", 2), (0, 0), (3, 0), (-1, 0), ("3", 0),
        ("02", 0), ("2.0", 0), (1.5, 0), (True, 0), (False, 0), (None, 0), ("", 0), ("mức 2", 0),
        ("\u0662", 0), ([2], 0), ({"level": 2}, 0), (b"2", 0), (float("nan"), 0), (float("inf"), 0),
        (10**400, 0), ("9" * 10_000, 0),
    ])
    @pytest.mark.threat("A-026")
    def test_levels(self, value: Any, expected: int) -> None:
        assert level_from_account_level(value) == expected
