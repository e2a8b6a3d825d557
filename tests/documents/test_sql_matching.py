"""The rules that compare what a citizen typed with what a column holds."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vneid_middleware.core.matching import (
    MatchRule,
    StateRule,
    matches,
    narrow,
    state_of,
    telling_apart,
)
from vneid_middleware.exceptions import VNeIDError

TONES = "\u0300\u0301\u0303\u0309\u0323"
SYLLABLES = ("nguyễn", "trần", "hoà", "hòa", "thuý", "thúy", "quỳnh", "khuê", "đỗ", "giang", "ươm", "yến", "mỹ", "huệ", "oanh",
             "thoại", "loan", "đặng", "tuyết", "ánh", "ê", "ý")
names = st.lists(st.sampled_from(SYLLABLES), min_size=1, max_size=6)


def same(rule: str, held: object, typed: str) -> bool:
    return matches(MatchRule("c", rule), {"c": held}, typed)


@given(names, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]), st.sampled_from([str.upper, str.lower, str.title]),
       st.sampled_from([" ", "  ", "\t", "\u00a0", "\u200b "]))
def test_form_case_and_spaces_make_no_difference(syllables, form, case, space) -> None:
    held = " ".join(syllables).title()
    assert same("name", held, f" {space.join(unicodedata.normalize(form, case(each)) for each in syllables)} ")


@given(names, st.data())
def test_another_tone_is_another_name(syllables, data) -> None:
    held = " ".join(syllables)
    plain = "".join(letter for letter in unicodedata.normalize("NFD", held) if letter not in TONES)
    assert same("name", held, plain) == (unicodedata.normalize("NFC", plain) == held)
    changed = list(syllables)
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] += "x"
    assert not same("name", held, " ".join(changed))


@given(names, st.data())
def test_a_tone_may_stand_on_any_vowel_of_its_syllable_and_on_no_other_syllable(syllables, data) -> None:
    place = data.draw(st.integers(0, len(syllables) - 1))
    decomposed = unicodedata.normalize("NFD", syllables[place])
    tone = "".join(letter for letter in decomposed if letter in TONES)
    bare = unicodedata.normalize("NFC", "".join(letter for letter in decomposed if letter not in TONES))
    vowels = [at for at, letter in enumerate(bare) if unicodedata.normalize("NFD", letter)[0] in "aeiouy"]
    at = data.draw(st.sampled_from(vowels))
    moved = bare[:at + 1] + tone + bare[at + 1:]
    assert same("name", " ".join(syllables), " ".join([*syllables[:place], moved, *syllables[place + 1:]]))


@pytest.mark.parametrize(("held", "typed", "equal"), [
    ("Hòa", "Hoà", True), ("Thúy", "thuý", True), ("KHUÊ", "khuê", True), ("Đỗ", "đỗ", True), ("Đỗ", "Dỗ", False),
    ("Đỗ", "đô", False), ("Hòa", "Hoa", False), ("Hòa", "Hóa", False), ("Tuấn", "Tuân", False), ("Ngô", "Ngo", False),
    ("Mỹ", "Mĩ", False), ("Nguyễn Văn A", "Nguyễn A Văn", False), ("Nguyễn Văn", "NguyễnVăn", False), ("Nuñez", "Nũnez", False),
    ("An", "", False), ("An", "An\u0007", False), (None, "An", False), ("", "", True)])
def test_names(held, typed, equal) -> None:
    assert same("name", held, typed) is equal


@given(st.dates(date(1800, 1, 1), date(2200, 12, 31)))
def test_the_forms_of_a_date_are_one(day) -> None:
    forms = [day.isoformat(), f"{day:%d/%m/}{day.year:04}", f"{day.year:04}{day:%m%d}", f"{day.day}/{day.month}/{day.year:04}"]
    for held in (day, datetime(day.year, day.month, day.day, 23, 59), *forms):
        assert all(same("date", held, typed) for typed in forms)
        assert not any(same("date", held, typed) for typed in (f"{day.year:04}", f"{day.year:04}-{day.month:02}"))
    other = day + timedelta(days=1)
    assert not any(same("date", day, typed) for typed in (other.isoformat(), f"{other:%d/%m/}{other.year:04}"))


@pytest.mark.parametrize(("held", "typed", "equal"), [
    ("1985", "1985", True), ("19850000", "1985", True), ("1985-05", "05/1985", True), ("1985", "1985-01-01", False),
    (20040517, "2004-05-17", True), ("n/a", "n/a", False), ("2004-05-17", "2004-02-30", False), (None, "2004", False),
    ("2004-05-17", "17-05-2004", False), ("", "", False), ("2004-05-17", "<script>", False)])
def test_dates(held, typed, equal) -> None:
    assert same("date", held, typed) is equal


@given(st.text(max_size=40), st.text(max_size=40))
def test_exact_is_exact_but_for_normal_form_and_the_spaces_around(held, typed) -> None:
    one, other = (unicodedata.normalize("NFC", value).strip() for value in (held, typed))
    assert same("exact", held, typed) is (one == other)


@given(st.text(max_size=60))
def test_anything_may_be_typed(typed) -> None:
    for rule in ("exact", "name", "date"):
        assert same(rule, "Nguyễn Thị Hòa", typed) in (True, False)


RULES = {"A": MatchRule("a", "exact"), "B": MatchRule("b", "exact"), "C": MatchRule("c", "exact")}
rows = st.lists(st.fixed_dictionaries({name: st.sampled_from("12") for name in "abc"}), max_size=5)
inputs = st.dictionaries(st.sampled_from("ABC"), st.sampled_from("12"))


@given(rows, inputs)
def test_narrowing_keeps_what_fits_and_else_names_what_does_not(found, typed) -> None:
    got = narrow(found, typed, RULES)
    fitting = [row for row in found if all(row[name.lower()] == value for name, value in typed.items())]
    assert got.rows == fitting
    assert bool(got.mismatched) == bool(found and not fitting)
    assert set(got.mismatched) <= set(typed)
    # mending what is named makes one of the rows fit
    if got.mismatched:
        rest = {name: value for name, value in typed.items() if name not in got.mismatched}
        assert narrow(found, rest, RULES).rows


@given(rows, inputs)
def test_inputs_that_tell_apart_were_not_typed_and_differ(found, typed) -> None:
    left = narrow(found, typed, RULES).rows
    for name in telling_apart(left, typed, RULES):
        assert name not in typed
        assert len({row[name.lower()] for row in left}) > 1


EXPIRY = (StateRule("expired", "until", "before-today"), StateRule("revoked", "state", "2"), StateRule("revoked", "state", "3"))
MIDNIGHT = 1_798_736_400
"""2027-01-01 in Vietnam: 17:00 of the day before in UTC."""


@pytest.mark.parametrize(("until", "state", "now", "status"), [
    ("2026-12-31", "1", MIDNIGHT - 1, "ok"), ("2026-12-31", "1", MIDNIGHT, "expired"), (date(2027, 1, 1), "1", MIDNIGHT, "ok"),
    ("2026", "1", MIDNIGHT - 1, "ok"), ("2026", "1", MIDNIGHT, "expired"), ("2027", "1", MIDNIGHT, "ok"),
    ("31/12/2026", "1", MIDNIGHT, "expired"), (None, "1", MIDNIGHT, "ok"), ("", "1", MIDNIGHT, "ok"),
    ("2026-12-31", "2", MIDNIGHT, "revoked"), ("2099-12-31", "3", MIDNIGHT, "revoked"), ("2099-12-31", 2, MIDNIGHT, "revoked"),
    ("2099-12-31", "22", MIDNIGHT, "ok"), ("2099-12-31", None, MIDNIGHT, "ok")])
def test_states(until, state, now, status) -> None:
    assert state_of({"until": until, "state": state}, EXPIRY, now) == status


def test_a_column_without_a_date_is_an_error_and_no_valid_paper() -> None:
    with pytest.raises(VNeIDError, match="until holds no date") as error:
        state_of({"until": "never ends", "state": "1"}, EXPIRY, MIDNIGHT)
    assert "never" not in str(error.value)
