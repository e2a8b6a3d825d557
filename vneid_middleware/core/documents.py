"""Documents as VNeID pulls them (the guide's part B): the question's form, the answer's statuses and codes.

The guide gives no endpoint, field or code for part B; these are the project's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from vneid_middleware import text
from vneid_middleware.core.claims import check_audience, check_issuer, check_times, out_of_time, require, verify_jws
from vneid_middleware.core.jose import JoseError, KeySet, loads_object, parse_compact
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.models import DocumentRequest, FoundDocument

OK, PENDING, NOT_FOUND, MISMATCH, MULTIPLE = "ok", "pending", "not_found", "mismatch", "multiple"
REVOKED, EXPIRED, INVALID_REQUEST, UNAVAILABLE = "revoked", "expired", "invalid_request", "unavailable"

RESPONSE_CODES: Mapping[str, str] = {
    OK: "00", PENDING: "01", NOT_FOUND: "02", MISMATCH: "03", MULTIPLE: "04", REVOKED: "05", EXPIRED: "06",
    INVALID_REQUEST: "07", UNAVAILABLE: "99",
}
"""Status to code, where ``documents.response_codes`` says nothing else; its keys are all statuses that there are."""
FINDINGS = frozenset({OK, NOT_FOUND, MISMATCH, MULTIPLE, REVOKED, EXPIRED, INVALID_REQUEST})
"""What a provider may say."""
WITH_DATA = frozenset({OK, REVOKED, EXPIRED})
HTTP_STATUS: Mapping[str, int] = {INVALID_REQUEST: 400, UNAVAILABLE: 503}
"""200 where nothing is said."""

ALGORITHMS = ("ES256", "PS256", "RS256")
LEEWAY = 60
"""Seconds that the caller's clock may be off."""
MAX_AGE = 300
"""Seconds that a signed request lives, whatever its ``exp`` says."""
MAX_BODY = 65_536
MAX_DATA = 10 * 1024 * 1024
"""Bytes of an answer's data."""
_MAX_INPUTS, _MAX_INPUT = 32, 500
_KIND = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_ID = re.compile(r"[\x21-\x7e]{1,128}")

MESSAGES: Mapping[str, str] = {
    OK: "Thành công",
    PENDING: "Đang xử lý, vui lòng hỏi lại sau",
    NOT_FOUND: "Không tìm thấy giấy tờ",
    MISMATCH: "Thông tin cung cấp không khớp",
    MULTIPLE: "Có nhiều giấy tờ phù hợp, cần thêm thông tin",
    REVOKED: "Giấy tờ đã bị thu hồi",
    EXPIRED: "Giấy tờ đã hết hạn",
    INVALID_REQUEST: "Yêu cầu không hợp lệ",
    UNAVAILABLE: "Hệ thống tạm thời không trả lời được",
}
"""Status to ``responseMessage``."""


class PullRequest(NamedTuple):
    """A well-formed question."""

    request_id: str
    kind: str
    asked: DocumentRequest


class SignedRequest(NamedTuple):
    """A request whose signature holds; that its ``jti`` is new is the caller's to look up."""

    claims: dict[str, Any]
    token_id: str
    remember_until: int
    """Unix seconds: from then on it is refused as too old anyway."""


def is_kind(value: str) -> bool:
    """Tell whether ``value`` may name a kind of document, such as ``GPLX``."""
    return _KIND.fullmatch(value) is not None


def is_input(value: str) -> bool:
    """Tell whether ``value`` may name an input, such as ``SoGPLX``."""
    return _NAME.fullmatch(value) is not None


def is_request_id(value: object) -> bool:
    """Tell whether ``value`` may be a ``requestId``: 1 to 128 printable ASCII characters without spaces."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def signer_of(token: str) -> str:
    """Return the ``iss`` that a token claims, unverified: whose keys are to be looked up.

    Raises:
        VNeIDError: it is no compact JWS with an issuer.
    """
    parsed = parse_compact(token, max_size=MAX_BODY)
    issuer: str = require(parsed.claims(), "iss", str)
    return issuer


def verify_request(token: str, *, caller: str, key_set: KeySet, audience: str, now: int) -> SignedRequest:
    """Verify a pull in the form of a compact JWS: by this caller, for us, now.

    Args:
        caller: NAME in ``documents.callers``, which ``iss`` must be.
        key_set: the caller's keys.
        audience: ``public_url``.
        now: unix seconds.

    Raises:
        TokenError: the request is refused.
    """
    _, claims = verify_jws(token, key_set, ALGORITHMS, max_size=MAX_BODY)
    check_issuer(claims, caller)
    check_audience(claims, audience, ())
    check_times(claims, now, LEEWAY, MAX_AGE)
    if claims["exp"] <= claims["iat"]:
        raise out_of_time("expired", claims["iat"] - claims["exp"])
    token_id: str = require(claims, "jti", str)
    if not _ID.fullmatch(token_id):
        raise JoseError("claim_invalid", "jti is not 1 to 128 printable ASCII characters", claim="jti")
    return SignedRequest(claims, token_id, claims["iat"] + MAX_AGE + LEEWAY + 1)


def read_request(content: Mapping[str, Any]) -> PullRequest:
    """Check the form of a question. Members that are not ours are not looked at.

    Raises:
        VNeIDError: ``request_malformed``, with evidence ``field``; never a value.
    """
    request_id, kind, personal_id = (content.get(name) for name in ("requestId", "loaiGiayTo", "soDinhDanh"))
    if not isinstance(request_id, str) or not is_request_id(request_id):
        raise _malformed("requestId", "is not 1 to 128 printable ASCII characters without spaces")
    if not isinstance(kind, str) or not is_kind(kind):
        raise _malformed("loaiGiayTo", "is not the name of a kind of document")
    if not isinstance(personal_id, str) or not text.is_personal_number(personal_id):
        raise _malformed("soDinhDanh", "is not 12 digits")
    return PullRequest(request_id, kind, DocumentRequest(personal_id, _read_inputs(content.get("thamSo"))))


def read_json(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; raises ``VNeIDError`` with code ``request_malformed``."""
    try:
        return loads_object(body)
    except VNeIDError as error:
        raise VNeIDError("request_malformed", error.detail) from None


def _read_inputs(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > _MAX_INPUTS:
        raise _malformed("thamSo", f"is not an object of at most {_MAX_INPUTS} members")
    for name, value in given.items():
        if not is_input(name):
            raise _malformed("thamSo", "has a name that is none")
        if not isinstance(value, str) or len(value) > _MAX_INPUT or "\0" in value:
            raise _malformed(name, f"is not text of at most {_MAX_INPUT} characters")
    return {name: value for name, value in given.items() if value.strip()}


def answer(found: FoundDocument, request_id: str, codes: Mapping[str, str], retry_after: int = 0) -> dict[str, Any]:
    """Return an answer's members.

    Args:
        codes: status to code.
        retry_after: seconds, with ``pending``.
    """
    members: dict[str, Any] = {"requestId": request_id, "status": found.status, "responseCode": codes[found.status],
                               "responseMessage": MESSAGES[found.status]}
    if found.status in WITH_DATA:
        members["data"] = found.data
        if found.document_id is not None:
            members["maGiayTo"] = found.document_id
    if found.status in (MISMATCH, MULTIPLE) or (found.status == INVALID_REQUEST and found.fields):
        members["fields"] = list(found.fields)
    if found.status == PENDING:
        members["retryAfter"] = retry_after
    return members


def check_found(found: Any) -> FoundDocument:
    """Check what a provider returned: a vendor's code is not taken at its word.

    Raises:
        VNeIDError: ``provider_invalid``.
    """
    if not isinstance(found, FoundDocument) or found.status not in FINDINGS:
        raise VNeIDError("provider_invalid", "the provider returned no FoundDocument with a status that there is")
    if not isinstance(found.fields, tuple) or not all(isinstance(name, str) and is_input(name) for name in found.fields):
        raise VNeIDError("provider_invalid", "the provider's fields are no names of inputs")
    papers = found.data if isinstance(found.data, list) else [found.data]
    if found.status in WITH_DATA and not all(isinstance(paper, Mapping) for paper in papers):
        raise VNeIDError("provider_invalid", "the provider's data are neither a mapping nor a list of mappings")
    return found


def _malformed(field: str, what: str) -> VNeIDError:
    return VNeIDError("request_malformed", f"{field} {what}", field=field)
