"""A citizen's data as VNeID gives them at the counter (the guide's part C): form, lengths, and what contradicts itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from vneid_middleware import text
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.models import PartialDate

FIELDS = ("soDinhDanh", "hoVaTen", "gioiTinh", "ngayThangNamSinh", "noiThuongTru")
"""The guide's five, in its order and spelling."""

MALE, FEMALE = "1", "2"
"""QCVN 109:2017/BTTTT; ``0`` is "no information"."""

_REQUIRED = ("soDinhDanh", "hoVaTen")
_MAX_TEXT = 100
_MAX_AGREED = 500
"""Characters of a field beyond the guide's five, which agencies may agree on."""


class Citizen(NamedTuple):
    """Checked data of one citizen."""

    data: dict[str, str]
    """Field to value, under the guide's names; only what the citizen has and the portal asked for."""
    warnings: tuple[str, ...]
    """What disagrees without being wrong: ``gender_disagrees``, ``birth_year_disagrees``. Civil-status corrections make
    such numbers lawfully, so that a person looks at it and no rule refuses it."""


def read_citizen(payload: Mapping[str, Any], fields: Collection[str] = FIELDS) -> Citizen:
    """Check the fields of VNeID's answer and keep those that the portal asked for.

    The number and the name must be there. A date keeps its precision: one without a day is not given one.

    Args:
        payload: the answer's data; members that ``fields`` does not name are dropped.
        fields: the names that may leave the middleware.

    Returns:
        texts in NFC; ``ngayThangNamSinh`` as ``YYYY``, ``YYYYMM`` or ``YYYYMMDD``.

    Raises:
        VNeIDError: ``citizen_invalid`` with the field's name, never its value.
    """
    checked = {name: _READERS[name](name, payload[name]) for name in FIELDS if payload.get(name) not in (None, "")}
    for name in _REQUIRED:
        if name not in checked:
            raise _invalid(name, "is missing")
    agreed = {name: _text(name, payload[name], _MAX_AGREED) for name in fields
              if name not in FIELDS and payload.get(name) not in (None, "")}
    data = {name: value for name, value in {**checked, **agreed}.items() if name in fields}
    return Citizen(data, tuple(_disagreements(checked)))


def _number(name: str, value: Any) -> str:
    if not text.is_personal_number(value):
        raise _invalid(name, "is not 12 digits")
    return str(value)


def _gender(name: str, value: Any) -> str:
    digit = str(value) if type(value) is int else value
    if digit not in ("0", MALE, FEMALE):
        raise _invalid(name, "is not 0, 1 or 2")
    return str(digit)


def _date(name: str, value: Any) -> str:
    digits = str(value) if type(value) is int else value
    # the other forms that people write are for forms, not for a service that promises digits
    if not (isinstance(digits, str) and digits.isascii() and digits.isdigit() and len(digits) in (4, 6, 8)):
        raise _invalid(name, "is not YYYY, YYYYMM or YYYYMMDD")
    try:
        read = text.parse_partial_date(digits)
    except ValueError as error:
        raise _invalid(name, "is no date of the calendar") from error
    return (read or "").replace("-", "")


def _short_text(name: str, value: Any) -> str:
    return _text(name, value, _MAX_TEXT)


def _text(name: str, value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > 4 * most:
        raise _invalid(name, f"is not text of at most {most} characters")
    try:
        cleaned = text.normalise_name(value)
    except ValueError as error:
        raise _invalid(name, "holds control characters") from error
    if not 0 < len(cleaned) <= most:
        raise _invalid(name, f"is not text of at most {most} characters")
    return cleaned


_READERS = {"soDinhDanh": _number, "hoVaTen": _short_text, "gioiTinh": _gender, "ngayThangNamSinh": _date,
            "noiThuongTru": _short_text}


def _disagreements(data: Mapping[str, str]) -> list[str]:
    """Compare the number with the rest: its fourth digit tells century and gender, the two after it the year of birth."""
    century, is_female = divmod(int(data["soDinhDanh"][3]), 2)
    found = []
    if data.get("gioiTinh") in (MALE, FEMALE) and (data["gioiTinh"] == FEMALE) != bool(is_female):
        found.append("gender_disagrees")
    born = 1900 + 100 * century + int(data["soDinhDanh"][4:6])
    if "ngayThangNamSinh" in data and PartialDate(data["ngayThangNamSinh"]).year != born:
        found.append("birth_year_disagrees")
    return found


def _invalid(name: str, what: str) -> VNeIDError:
    return VNeIDError("citizen_invalid", f"{name} {what}", field=name)
