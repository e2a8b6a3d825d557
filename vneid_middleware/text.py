"""Vietnamese names, dates and personal numbers as text."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timezone

from vneid_middleware.models import PartialDate

_MIN_YEAR, _MAX_YEAR = 1800, 2200
_DATE_FORMS = tuple(re.compile(form) for form in (
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?P<day>[0-9]{2})?)?",
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?",
    r"(?:(?P<day>[0-9]{1,2})/)?(?P<month>[0-9]{1,2})/(?P<year>[0-9]{4})",
))
_PERSONAL_NUMBER = re.compile(r"[0-9]{12}")
_MASK = "********"


def utc(seconds: float) -> str:
    """Return unix seconds as a time that people read (ISO 8601, UTC, whole seconds)."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_partial_date(value: str | None) -> PartialDate | None:
    """Read a date that may lack its day, or its day and month; what is missing stays missing.

    Args:
        value: ``YYYY``, ``YYYYMM``, ``YYYYMMDD``, ``YYYY-MM``, ``YYYY-MM-DD``, ``MM/YYYY`` or ``dd/MM/YYYY``;
            zeros in the place of the day, or of day and month, say that it is not known (QCVN 109:2017/BTTTT
            sends the year alone).

    Returns:
        the date with its precision; None where ``value`` is None or blank.

    Raises:
        TypeError: ``value`` is neither text nor None.
        ValueError: no such form, no such day in the calendar, or a year outside 1800 to 2200. The message
            does not repeat the value, which is personal data.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("a date must be text")
    value = value.strip()
    return _read_date(value) if value else None


def _read_date(value: str) -> PartialDate:
    match = next(filter(None, (form.fullmatch(value) for form in _DATE_FORMS)), None)
    if match is None:
        raise ValueError("not a date: expected YYYY, YYYYMM, YYYYMMDD, YYYY-MM-DD or dd/MM/YYYY")
    year, month, day = (int(match[part] or 0) for part in ("year", "month", "day"))
    if not _MIN_YEAR <= year <= _MAX_YEAR:
        raise ValueError(f"not a date: the year must lie between {_MIN_YEAR} and {_MAX_YEAR}")
    if day and not month:
        raise ValueError("not a date: a day without a month")
    date(year, month or 1, day or 1)
    return PartialDate(f"{year:04}" + (f"-{month:02}" if month else "") + (f"-{day:02}" if day else ""))


def normalise_name(value: str) -> str:
    """Return a name in NFC, every diacritic kept, with single spaces and without invisible formatting
    characters.

    Raises:
        ValueError: the name holds control characters or lone surrogates. The message does not repeat the
            name.
    """
    cleaned = unicodedata.normalize("NFC", "".join(_clean(character) for character in value))
    return " ".join(cleaned.split())


def _clean(character: str) -> str:
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category in ("Cc", "Cs"):
        raise ValueError("a name can't hold control characters")
    # Cf: marks that change the direction of writing, zero-width spaces and joiners, soft hyphens
    return "" if category == "Cf" else character


def is_personal_number(value: object) -> bool:
    """Tell whether ``value`` is text of exactly 12 ASCII digits, the form of a personal identification
    number.

    There is no check digit. What the digits say of place, century, gender and year is not looked at:
    civil-status corrections make it disagree with the rest lawfully.
    """
    return isinstance(value, str) and _PERSONAL_NUMBER.fullmatch(value) is not None


def mask(value: str, keep: int = 4) -> str:
    """Return ``value`` for the eyes of an operator: eight stars and the last ``keep`` characters.

    The stars tell nothing of the length. A value shorter than twice ``keep`` shows nothing at all.
    """
    shown = value[-keep:] if 0 < keep <= len(value) // 2 else ""
    return _MASK + shown
