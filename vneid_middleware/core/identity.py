"""From the provider's claims to the identity.

The names are the guide's (part A, userinfo fields), those seen at the newer gateway, and OpenID Connect Core 5.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vneid_middleware import text
from vneid_middleware.core.assurance import level_from_account_level, level_from_loas
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.models import ORGANISATION, PERSON, MappedClaims, PartialDate

ClaimNames = Mapping[str, Sequence[str]]

FIELDS = ("subject", "personal_id", "full_name", "birth_date", "account_type", "level")

GUIDE_2023: ClaimNames = {
    "subject": ("sub", "SoDinhDanh"),
    "personal_id": ("SoDinhDanh",),
    "full_name": ("HoVaTen",),
    "birth_date": ("NgayThangNamSinh",),
    "account_type": ("LoaiTaiKhoan",),
    "level": ("loAS",),
}
GATEWAY_2026: ClaimNames = {
    "subject": ("sub", "citizenPid"),
    "personal_id": ("citizenPid",),
    "full_name": ("fullName",),
    "birth_date": ("birthDate",),
    "account_type": ("accountType",),
    "level": ("accountLevel",),
}
OIDC: ClaimNames = {
    "subject": ("sub",),
    "personal_id": ("SoDinhDanh", "sub"),
    "full_name": ("HoVaTen", "name"),
    "birth_date": ("NgayThangNamSinh", "birthdate"),
    "account_type": ("LoaiTaiKhoan",),
    "level": ("loAS", "acr"),
}
PRESETS: Mapping[str, ClaimNames] = {"guide-2023": GUIDE_2023, "gateway-2026": GATEWAY_2026, "oidc": OIDC}

_ACCOUNT_TYPES = {"1": PERSON, "2": ORGANISATION}
_MAX_ID = 255
_MAX_NAME = 200
_PROTOCOL_CLAIMS = frozenset({"iss", "aud", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "azp", "typ", "jti"})
_AUTHENTICATION_CLAIMS = ("sub", "auth_time", "acr", "amr", "sid")


def merge_claims(id_token: Mapping[str, Any], userinfo: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims of both answers: userinfo's win, but for those that tell of the authentication itself."""
    merged = {name: value for name, value in id_token.items() if name not in _PROTOCOL_CLAIMS}
    merged.update(userinfo)
    merged.update({name: id_token[name] for name in _AUTHENTICATION_CLAIMS if name in id_token})
    return merged


def map_claims(claims: Mapping[str, Any], names: ClaimNames, *, now: int, strict: bool) -> MappedClaims:
    """Read the identity out of ``claims``; of several names the first present one wins.

    Args:
        claims: as the provider sent them.
        names: identity field to claim names.
        now: unix seconds, for levels that have expired.
        strict: VNeID's rules: the account type must be told, and a person's number has 12 digits.

    Raises:
        VNeIDError: ``claims_invalid``, naming the claim and never its value.
    """
    account_type = _account_type(claims, names, strict)
    personal_id = _identifier(claims, names, "personal_id")
    if strict and account_type == PERSON and not text.is_personal_number(personal_id):
        raise _invalid(names, "personal_id", "is not 12 digits")
    name, value = _first(claims, names, "level")
    return MappedClaims(
        subject=_identifier(claims, names, "subject"),
        personal_id=personal_id,
        full_name=_full_name(claims, names),
        birth_date=_birth_date(claims, names),
        account_type=account_type,
        level=_level(name, value, now),
    )


def _first(claims: Mapping[str, Any], names: ClaimNames, field: str) -> tuple[str, Any]:
    for name in names.get(field, ()):
        if claims.get(name) not in (None, ""):
            return name, claims[name]
    return "", None


def _identifier(claims: Mapping[str, Any], names: ClaimNames, field: str) -> str:
    _, value = _first(claims, names, field)
    if value is None:
        raise _invalid(names, field, "is missing")
    if not (isinstance(value, str) and 0 < len(value) <= _MAX_ID and value.isascii() and value.isprintable()):
        raise _invalid(names, field, f"is not a printable ASCII string of at most {_MAX_ID} characters")
    return value


def _account_type(claims: Mapping[str, Any], names: ClaimNames, strict: bool) -> str:
    _, value = _first(claims, names, "account_type")
    if value is None and not strict:
        return PERSON
    if type(value) in (str, int) and str(value) in _ACCOUNT_TYPES:
        return _ACCOUNT_TYPES[str(value)]
    raise _invalid(names, "account_type", "is neither 1 (person) nor 2 (organisation)")


def _full_name(claims: Mapping[str, Any], names: ClaimNames) -> str:
    _, value = _first(claims, names, "full_name")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _invalid(names, "full_name", "is not a string")
    try:
        name = text.normalise_name(value)
    except ValueError as error:
        raise _invalid(names, "full_name", "holds characters that no name has") from error
    if len(name) > _MAX_NAME:
        raise _invalid(names, "full_name", f"is longer than {_MAX_NAME} characters")
    return name


def _birth_date(claims: Mapping[str, Any], names: ClaimNames) -> PartialDate | None:
    _, value = _first(claims, names, "birth_date")
    if value is None:
        return None
    try:
        return text.parse_partial_date(str(value) if type(value) is int else value)
    except (ValueError, TypeError) as error:
        raise _invalid(names, "birth_date", "is not a date") from error


def _level(name: str, value: Any, now: int) -> int:
    if name.lower() == "loas" or isinstance(value, (list, dict)):
        return level_from_loas(value, now)
    return level_from_account_level(value)


def _invalid(names: ClaimNames, field: str, what: str) -> VNeIDError:
    claim = " or ".join(names.get(field, ())) or field
    return VNeIDError("claims_invalid", f"the claim {claim} {what}", claim=claim, field=field)
