"""Which rows of a citizen database are meant: what the citizen typed against what the columns hold.

A rule is ``column : RULE``. Three are known: ``exact``, ``name``, ``date``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple

from vneid_middleware import text
from vneid_middleware.core.documents import EXPIRED, OK, REVOKED
from vneid_middleware.exceptions import VNeIDError

BEFORE_TODAY = "before-today"
STATES = (REVOKED, EXPIRED)
_VIETNAM = timezone(timedelta(hours=7))
_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")
"""Huyền, sắc, ngã, hỏi, nặng. Circumflex, breve and horn make another letter and stay where they are."""
_VOWELS = frozenset("aeiouy")

Row = Mapping[str, Any]


class MatchRule(NamedTuple):
    """How an input is compared."""

    column: str
    rule: str


class StateRule(NamedTuple):
    """What makes a document ``revoked`` or ``expired``: a column's value, or a date that is over."""

    status: str
    column: str
    value: str


class Narrowed(NamedTuple):
    """What is left of some rows, or why nothing is."""

    rows: list[Row]
    mismatched: tuple[str, ...] = ()


def fold_name(value: str) -> str:
    """Return a form of a name that is for comparing only.

    NFC and NFD, upper and lower case, spaces and the place of the tone in its syllable (``hòa``, ``hoà``) make no difference;
    every letter and every tone does (``đ`` is not ``d``, ``hoa`` is not ``hòa``).

    Raises:
        ValueError: control characters.
    """
    return " ".join(_fold_syllable(syllable) for syllable in text.normalise_name(value).casefold().split())


def _fold_syllable(syllable: str) -> str:
    letters: list[str] = []
    tones: list[str] = []
    vowel = False
    for character in unicodedata.normalize("NFD", syllable):
        if character in _TONES and vowel:
            tones.append(character)
            continue
        if not unicodedata.combining(character):
            vowel = character in _VOWELS
        letters.append(character)
    # NFC: marks that stay behind come in one order; no name has the character between, so that no tone joins a letter
    return unicodedata.normalize("NFC", "".join(letters)) + "\0" + "".join(tones)


def as_text(value: Any) -> str:
    """Return what a column holds as text: dates in ISO form, whole numbers without a fraction."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "1" if value else "0"
    return unicodedata.normalize("NFC", str(value)).strip()


def _exact(held: str, typed: str) -> bool:
    return held == as_text(typed)


def _same_name(held: str, typed: str) -> bool:
    return fold_name(held) == fold_name(typed)


def _same_date(held: str, typed: str) -> bool:
    # of the same precision: a year alone proves less than a day
    read = text.parse_partial_date(held)
    return read is not None and read == text.parse_partial_date(typed)


RULES: Mapping[str, Callable[[str, str], bool]] = {"exact": _exact, "name": _same_name, "date": _same_date}


def matches(rule: MatchRule, row: Row, typed: str) -> bool:
    """Tell whether an input fits a row; what is no date, or no name, fits nothing."""
    held = row[rule.column]
    if held is None:
        return False
    try:
        return RULES[rule.rule](as_text(held), typed)
    except ValueError:
        return False


def narrow(rows: Sequence[Row], inputs: Mapping[str, str], rules: Mapping[str, MatchRule]) -> Narrowed:
    """Keep the rows that everything fits that the citizen typed.

    Returns:
        the rows; or, where none is left, the inputs that are wrong of the row that most of them fit.
    """
    if not rows:
        return Narrowed([])
    typed = [name for name in rules if name in inputs]
    wrong = [tuple(name for name in typed if not matches(rules[name], row, inputs[name])) for row in rows]
    left = [row for row, names in zip(rows, wrong, strict=True) if not names]
    return Narrowed(left) if left else Narrowed([], min(wrong, key=len))


def telling_apart(rows: Sequence[Row], inputs: Mapping[str, str], rules: Mapping[str, MatchRule]) -> tuple[str, ...]:
    """Return the inputs that were not typed and whose columns differ among the rows."""
    return tuple(name for name, rule in rules.items() if name not in inputs
                 and len({None if row[rule.column] is None else as_text(row[rule.column]) for row in rows}) > 1)


def state_of(row: Row, rules: Sequence[StateRule], now: float) -> str:
    """Return ``revoked``, ``expired`` or ``ok``; revoked wins.

    Args:
        now: unix seconds; the day is Vietnam's.
    """
    today = datetime.fromtimestamp(now, _VIETNAM).date().isoformat()
    said = {rule.status for rule in rules if _applies(rule, row[rule.column], today)}
    return next((status for status in STATES if status in said), OK)


def _applies(rule: StateRule, held: Any, today: str) -> bool:
    if held is None:
        return False
    if rule.value != BEFORE_TODAY:
        return as_text(held) == rule.value
    try:
        day = text.parse_partial_date(as_text(held))
    except ValueError:
        raise VNeIDError("column_invalid", f"the column {rule.column} holds no date", column=rule.column) from None
    # a year alone is over when it is over
    return day is not None and day < today[:len(day)]
