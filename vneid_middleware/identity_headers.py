"""The identity as header values: ASCII only, in an encoding that is declared, since names are Vietnamese."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote

from vneid_middleware.models import Identity

Encode = Callable[[str], str]

SPOOFABLE = frozenset({"HTTP_REMOTE_USER"} | {f"HTTP_X_VNEID_{name}" for name in (
    "SUBJECT", "SUB", "PERSONAL_ID", "FULL_NAME", "BIRTH_DATE", "ACCOUNT_TYPE", "LEVEL")})
"""What only we may set. WSGI folds ``-`` and ``_`` and the case of header names, so these keys catch every spelling."""


def percent(value: str) -> str:
    """Return UTF-8, percent-encoded (RFC 3986 section 2.1)."""
    return quote(value, safe="")


def base64(value: str) -> str:
    """Return base64 of UTF-8."""
    return b64encode(value.encode("utf-8")).decode("ascii")


ENCODERS: dict[str, Encode] = {"percent": percent, "base64": base64}
"""By the words of ``identity_headers``; ``off`` is none of them."""


def identity_headers(identity: Identity, encode: Encode) -> dict[str, str]:
    """Return header names and encoded values for an identity."""
    return {
        "X-VNeID-Personal-ID": encode(identity.personal_id),
        "X-VNeID-Full-Name": encode(identity.full_name),
        "X-VNeID-Birth-Date": encode(identity.birth_date or ""),
        "X-VNeID-Account-Type": encode(identity.account_type),
        "X-VNeID-Level": encode(str(identity.level)),
    }
