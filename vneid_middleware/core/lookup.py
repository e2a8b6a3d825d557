"""A lookup at the counter: what is asked, what VNeID's envelope says, and in which words it is passed on (the guide's part C)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from vneid_middleware.core.jose import loads_object
from vneid_middleware.core.scan import HINTS
from vneid_middleware.exceptions import VNeIDError

OK, PENDING, INVALID_QR, EXPIRED_QR = "ok", "pending", "invalid_qr", "expired_qr"
CONSENT_DENIED, CONSENT_TIMEOUT, CARD_QR = "consent_denied", "consent_timeout", "card_qr"
INVALID_RESPONSE, UNAVAILABLE = "invalid_response", "upstream_unavailable"

STATUSES = {OK: 200, PENDING: 202, INVALID_QR: 200, EXPIRED_QR: 200, CONSENT_DENIED: 200, CONSENT_TIMEOUT: 200, CARD_QR: 200,
            INVALID_RESPONSE: 502, UNAVAILABLE: 503}
"""Status to HTTP status; ``upstream_unavailable`` is 504 where the time ran out."""
FALLBACK = frozenset({INVALID_QR, CONSENT_DENIED, CONSENT_TIMEOUT, CARD_QR})
"""Where the officer asks for the card and types its data in: the guide's B6 and B7."""
RESPONSE_CODES = {"00": OK, "01": PENDING, "02": INVALID_QR, "03": EXPIRED_QR, "04": CONSENT_DENIED, "99": UNAVAILABLE}
"""VNeID's codes, as the simulator has them: the guide names none."""
CONTEXT = ("officerId", "unitCode", "dossier")
"""What a request may say of itself beside ``qrID``."""

TIMEOUT = "timeout"
"""The reason of an ``upstream_unavailable`` that is 504."""

_MAX_CONTEXT = 128
_MAX_MESSAGE = 200
_MAX_QR = 4_096
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_TRANSACTION = re.compile(r"[\x21-\x7e]{0,512}")


class Question(NamedTuple):
    """What an officer asks."""

    qr_id: str
    officer_id: str = ""
    unit_code: str = ""
    dossier: str = ""


class Envelope(NamedTuple):
    """VNeID's answer as it came: only its form is checked."""

    code: str
    message: str
    data: Any
    """An object with ``plain``, else the compact token; None where there is none."""
    transaction_id: str


class Result(NamedTuple):
    """Where a lookup stands, or how it ended."""

    status: str
    code: str | None = None
    """VNeID's ``responseCode``; None where this is not VNeID's own answer."""
    message: str = ""
    """VNeID's ``responseMessage``."""
    data: Mapping[str, str] | None = None
    warnings: tuple[str, ...] = ()
    prefill: Mapping[str, str] | None = None
    reason: str = ""
    """A stable word for the log and the audit: why VNeID's answer was refused, say."""

    @property
    def http_status(self) -> int:
        """The HTTP status that goes with it."""
        return 504 if self.status == UNAVAILABLE and self.reason == TIMEOUT else STATUSES[self.status]

    def body(self, words: str) -> dict[str, Any]:
        """Return the members of the answer.

        Args:
            words: what this status means for the officer, and what to do next.
        """
        body: dict[str, Any] = {"status": self.status, "responseCode": self.code,
                                "responseMessage": self.message or words, "message": words}
        if self.data is not None:
            body["data"] = dict(self.data)
            body["warnings"] = list(self.warnings)
        if self.prefill is not None:
            body["prefill"] = dict(self.prefill)
        if self.status in FALLBACK:
            body["fallback"] = "manual_entry"
        if self.reason in HINTS:
            body["hint"] = self.reason
        return body


def read_question(body: bytes, required: Collection[str] = ()) -> Question:
    """Read the body of a lookup.

    Args:
        body: JSON.
        required: which of :data:`CONTEXT` must be there.

    Raises:
        VNeIDError: ``request_malformed``; evidence ``field`` where it is one member's fault.
    """
    try:
        asked = loads_object(body)
    except VNeIDError as error:
        raise VNeIDError("request_malformed", "the body is not a JSON object") from error
    qr_id = asked.get("qrID")
    # what a scanner typed may be anything, also what an input method made of it: what it is is told by read_scan
    if not isinstance(qr_id, str) or not qr_id.strip() or len(qr_id) > _MAX_QR or not _is_text(qr_id):
        raise _malformed("qrID", f"must be text of 1 to {_MAX_QR} characters")
    officer_id, unit_code, dossier = (_context(asked, name, name in required) for name in CONTEXT)
    return Question(qr_id.strip(), officer_id, unit_code, dossier)


def _context(asked: Mapping[str, Any], name: str, required: bool) -> str:
    value = asked.get(name)
    if value is None:
        value = ""
    if not isinstance(value, str) or len(value) > _MAX_CONTEXT or not _is_text(value):
        raise _malformed(name, f"must be text of at most {_MAX_CONTEXT} characters without control characters")
    said = unicodedata.normalize("NFC", value.strip())
    if required and not said:
        raise _malformed(name, "is required")
    return said


def _is_text(value: str) -> bool:
    return all(unicodedata.category(letter) not in ("Cc", "Cs") for letter in value)


def _malformed(field: str, what: str) -> VNeIDError:
    return VNeIDError("request_malformed", f"{field} {what}", field=field)


def read_envelope(body: bytes) -> Envelope:
    """Read VNeID's envelope.

    Raises:
        VNeIDError: ``envelope_malformed``, with the member's name.
    """
    try:
        members = loads_object(body)
    except VNeIDError as error:
        raise VNeIDError("envelope_malformed", "the answer is not a JSON object") from error
    code = members.get("responseCode")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise VNeIDError("envelope_malformed", "responseCode is not a short word")
    transaction_id = members.get("transactionId")
    if transaction_id is None:
        transaction_id = ""
    if not isinstance(transaction_id, str) or not _TRANSACTION.fullmatch(transaction_id):
        raise VNeIDError("envelope_malformed", "transactionId is not printable ASCII")
    return Envelope(code, _message(members.get("responseMessage")), members.get("data"), transaction_id)


def _message(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_MESSAGE or not value.isprintable():
        return ""
    return unicodedata.normalize("NFC", value)


def status_of(envelope: Envelope, codes: Mapping[str, str]) -> Result:
    """Return what an envelope says by its code; of ``ok`` the data are not looked at yet.

    A code that nobody agreed on is ``invalid_response``: it must not pass for a yes.
    """
    status = codes.get(envelope.code)
    if status is None:
        return Result(INVALID_RESPONSE, envelope.code, reason="code_unknown")
    return Result(status, envelope.code, envelope.message)
