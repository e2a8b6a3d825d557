"""Names, partial dates and masks."""

from __future__ import annotations

import unicodedata
from datetime import date

from fuzz.choices import Choices
from fuzz.targets import target
from vneid_middleware.models import PartialDate
from vneid_middleware.text import is_personal_number, mask, normalise_name, parse_partial_date

DATES = ("19900517", "1990", "199005", "1990-05-17", "1990-05", "17/05/1990", "5/1990", "00/00/1956", "19560000", "20000229",
         " 1990 ")
NAMES = ("Nguyễn Thị Hoà", "Nguye\u0302\u0303n  Thi\u0323\tHoa\u0300", "ĐẶNG  \u00a0Ư", "a\u200bb\u202ec", "\u1100\u1161\u11a8")


@target(40)
def partial_date(choices: Choices) -> None:
    """A date is one of the calendar, in one spelling, and invents nothing."""
    value = choices.bent(choices.pick((*DATES, choices.text(20))), 3)
    try:
        read = parse_partial_date(value)
    except ValueError as error:
        assert len(value) < 5 or value not in str(error)
        return
    if read is None:
        assert not value.strip()
        return
    assert type(read) is PartialDate
    assert date(read.year, read.month or 1, read.day or 1)
    assert 1_800 <= read.year <= 2_200
    assert read.precision == {(False, False): "year", (True, False): "month", (True, True): "day"}[
        read.month is not None, read.day is not None]
    assert parse_partial_date(str(read)) == read
    assert parse_partial_date(read.replace("-", "")) == read
    digits = [letter for letter in value if letter.isdigit()]
    assert len(read.replace("-", "")) <= len(digits) + 2
    assert str(read.year) in value


@target(30)
def name(choices: Choices) -> None:
    """A name is clean after the first time, and keeps every letter that it came with."""
    value = choices.bent(choices.pick((*NAMES, choices.text())), 4)
    try:
        read = normalise_name(value)
    except ValueError as error:
        assert any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value)
        assert len(value) < 5 or value not in str(error)
        return
    assert normalise_name(read) == read
    assert unicodedata.is_normalized("NFC", read)
    assert read == " ".join(read.split())
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in read)
    assert _letters(read) == _letters(value)
    assert normalise_name(unicodedata.normalize("NFD", value)) == read


def _letters(text: str) -> list[str]:
    return [letter for letter in unicodedata.normalize("NFD", text) if unicodedata.category(letter)[0] == "L"]


@target(10)
def masked(choices: Choices) -> None:
    """A mask shows at most the last characters, and no more than half."""
    value, keep = choices.bent(choices.pick(("001099012345", "hoa", "", choices.text())), 3), choices.number(12)
    shown = mask(value, keep)
    assert shown.startswith("********")
    tail = shown.removeprefix("********")
    assert tail in ("", value[-keep:] if keep else "")
    assert len(tail) <= len(value) // 2
    assert not is_personal_number(value) or (len(value) == 12 and value.isascii() and value.isdigit())
