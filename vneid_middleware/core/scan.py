"""What a scanner read at the counter: a VNeID code, or another code that officers take for one."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from vneid_middleware import text
from vneid_middleware.core.citizen import FEMALE, MALE

VNEID, CARD, HEALTH_INSURANCE, UNREADABLE = "vneid", "card", "health_insurance", "unreadable"
INPUT_METHOD, CAPS_LOCK = "input_method", "caps_lock"
"""What the clerk's keyboard did to what the scanner typed."""
HINTS = frozenset({INPUT_METHOD, CAPS_LOCK})
MAX_SCAN = 4_096

_QR_ID = re.compile(r"[\x21-\x7e]{1,4096}")
_OLD_NUMBER = re.compile(r"[0-9]{9}|[0-9]{12}|")
_INSURANCE_NUMBER = re.compile(r"(?:[A-Z]{2}[0-9]{13})|[0-9]{10}")
_DAY = re.compile(r"(?P<day>[0-9]{2})(?P<slash>/?)(?P<month>[0-9]{2})(?P=slash)(?P<year>[0-9]{4})")
_SWAPPED_JOSE = re.compile(r"EYj[\w-]*(\.[\w-]*){2}(\.[\w-]*\.[\w-]*)?", re.ASCII)
_SWAPPED_GENDERS = ("nAM", "nỮ")
_GENDERS = {"nam": MALE, "nữ": FEMALE}


class Scan(NamedTuple):
    """What was scanned.

    ``prefill`` has the guide's field names. It fills a form and proves nothing: a printed code is a copy that anybody
    can make.
    """

    kind: str
    prefill: dict[str, str]


def read_scan(value: str) -> Scan:
    """Tell what was scanned.

    Args:
        value: as the scanner typed it.

    Returns:
        ``vneid``: may be a ``qrID``, printable ASCII without blanks; ``card``: the printed identity card's
        ``number|old number|name|ddMMyyyy|gender|address|ddMMyyyy…``; ``health_insurance``: the printed health insurance
        card's; ``unreadable``: none of them, as when the clerk's keyboard changed what the scanner typed; :func:`damage_of`
        tells how.
    """
    line = value.strip()
    if not line or len(line) > MAX_SCAN:
        return Scan(UNREADABLE, {})
    parts = [part.strip() for part in line.split("|")]
    if len(parts) >= 7 and text.is_personal_number(parts[0]) and _OLD_NUMBER.fullmatch(parts[1]):
        if _nfc(parts[4]) in _SWAPPED_GENDERS:
            return Scan(CARD, _card([_nfc(part).swapcase() for part in parts]))
        return Scan(CARD, _card(parts))
    if len(parts) >= 6 and _INSURANCE_NUMBER.fullmatch(parts[0]):
        return Scan(HEALTH_INSURANCE, _health_insurance(parts))
    is_code = _QR_ID.fullmatch(line) and not _SWAPPED_JOSE.fullmatch(line)
    return Scan(VNEID if is_code else UNREADABLE, {})


def damage_of(value: str) -> str:
    """Tell what the clerk's keyboard did to an unreadable scan.

    Returns:
        ``input_method``: Telex or VNI made Vietnamese letters; ``caps_lock``: the letters of a signed token are swapped;
        empty where it can't be seen.
    """
    if _SWAPPED_JOSE.fullmatch(value.strip()):
        return CAPS_LOCK
    return INPUT_METHOD if _has_vietnamese_letters(value) else ""


def _nfc(value: str) -> str:
    return unicodedata.normalize("NFC", value)


def _has_vietnamese_letters(value: str) -> bool:
    """Telex and VNI make such letters of pairs like ``aa``, ``w``, ``dd``, ``a1``; a code has ASCII only."""
    return any(not letter.isascii() and unicodedata.name(letter, "").startswith("LATIN ") for letter in _nfc(value))


def _card(parts: list[str]) -> dict[str, str]:
    return _present({"soDinhDanh": parts[0], "hoVaTen": _name(parts[2]), "gioiTinh": _GENDERS.get(_name(parts[4]).lower(), ""),
                     "ngayThangNamSinh": _day(parts[3]), "noiThuongTru": _name(parts[5])})


def _health_insurance(parts: list[str]) -> dict[str, str]:
    return _present({"hoVaTen": _name(_unhex(parts[1])), "ngayThangNamSinh": _day(parts[2]),
                     "gioiTinh": parts[3] if parts[3] in (MALE, FEMALE) else "", "noiThuongTru": _name(_unhex(parts[4]))})


def _present(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


def _name(value: str) -> str:
    try:
        return text.normalise_name(value)[:100].rstrip()
    except ValueError:
        return ""


def _unhex(value: str) -> str:
    # the older health insurance cards hold names as the hexadecimal digits of UTF-8
    try:
        return bytes.fromhex(value).decode("utf-8")
    except ValueError:
        return value


def _day(value: str) -> str:
    """Return ``YYYYMMDD``; nothing where the value is no whole day that somebody can have been born on."""
    parts = _DAY.fullmatch(value)
    try:
        read = text.parse_partial_date("{year}-{month}-{day}".format(**parts.groupdict())) if parts else None
    except ValueError:
        return ""
    return read.replace("-", "") if read and read.precision == "day" else ""
