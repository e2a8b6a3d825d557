"""Changes of documents on their way to VNeID (the guide's part B, push): what may be announced, and what an answer means.

A document is told by kind, personal number and its own number. Its changes have versions 1, 2, 3, …; a version is sent when
every older one of the same document is settled. A change is ``ready``, ``waiting`` once a worker saw that an older one stands
before it, ``leased`` while a worker is at it, and then ``delivered`` or ``dead``; an operator makes a dead one ``ready`` again,
or ``discarded``; ``superseded`` is one that the receiver is known to be beyond.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from vneid_middleware.core.jose import loads_object
from vneid_middleware.exceptions import UpstreamError, VNeIDError

READY, WAITING, LEASED, DEAD = "ready", "waiting", "leased", "dead"
DELIVERED, DISCARDED, SUPERSEDED = "delivered", "discarded", "superseded"
OPEN = (READY, WAITING, LEASED, DEAD)
"""What keeps newer versions of the same document waiting."""
SETTLED = (DELIVERED, DISCARDED, SUPERSEDED)
STATES = (*OPEN, *SETTLED)

UPSERT, REVOKE = "upsert", "revoke"
ACTIONS = (UPSERT, REVOKE)

PYTHON = "python"
"""The submitter of what the portal's own code announces."""

MAX_REQUEST = 65_536
"""Bytes of an announcement that are left for all but its ``data``."""
MAX_DATA = 10_485_760
LONGEST_WAIT = 3_600
"""Seconds that a server may ask us to wait by ``Retry-After``."""
MOST_CRASHES = 10
"""Workers that may end while they are at a change, before it is taken for the cause."""
CALM_CRASHES = 2
"""Workers that ended at a change from which on it is claimed by itself only."""
MOST_MISSES = 12
"""Attempts after which a document that its provider does not have, or that is never made in time, is given up."""
NEWER_THERE = "newer_there"
"""Why a change is settled that its receiver did not take: it has a version that was not made here, or not for this change."""
MOST_AHEAD = 1_000_000
"""Versions that a receiver may be ahead of ours; what names more is not believed."""
LARGEST = 2**53
"""No version is larger: what is beyond it is not the same number for everybody who reads JSON."""

_MAX_NAME = 128
_REQUIRED = ("loaiGiayTo", "soDinhDanh", "maGiayTo", "action", "idempotencyKey")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True).encode


class Change(NamedTuple):
    """What happened to a document."""

    kind: str
    """``loaiGiayTo``, such as ``GPLX``."""
    personal_id: str
    document_id: str
    action: str
    """``upsert`` or ``revoke``."""
    idempotency_key: str
    """The announcer's own name for this change: announced once more under it, it is the same change."""
    data: Mapping[str, Any] | None = None
    """The document; None: its provider is asked when it is delivered."""

    def text(self) -> str:
        """Return the change as text, the same for the same change."""
        return _encode(self._asdict())


class Receipt(NamedTuple):
    """A change is on disk, or will be when the transaction it belongs to is."""

    change_id: str
    version: int


class Verdict(NamedTuple):
    """What becomes of a change after an attempt."""

    outcome: str
    """``delivered``, ``retry``, ``dead`` or ``pause``."""
    reason: str = ""
    """A stable word."""
    wait: float | None = None
    """Seconds that the server asked us to wait."""
    slow_down: bool = False
    """The wait holds for every change: the server asks for fewer requests."""
    there: int = 0
    """The newest version that the receiver says it has, where it says so."""


RETRY, PAUSE = "retry", "pause"


def read_change(body: bytes, kinds: frozenset[str]) -> Change:
    """Read an announcement.

    Args:
        body: JSON.
        kinds: the kinds of documents there are.

    Raises:
        VNeIDError: ``change_malformed`` with evidence ``field``; ``change_too_large``.
    """
    try:
        found = loads_object(body)
    except VNeIDError as error:
        raise VNeIDError("change_malformed", error.detail) from None
    unknown = found.keys() - {*_REQUIRED, "data"}
    if unknown:
        # a misspelt data would be content that is silently lost
        raise _malformed(min(unknown)[:40], "is no member of an announcement")
    data = found.get("data")
    if data is not None and not isinstance(data, dict):
        raise _malformed("data", "must be an object")
    kind, personal_id, document_id, action, key = (found.get(name, "") for name in _REQUIRED)
    return checked(Change(kind, personal_id, document_id, action, key, data), kinds)


def checked(change: Change, kinds: frozenset[str] | None = None) -> Change:
    """Return a change whose parts have the form that they must have; its ``maGiayTo`` in NFC, so that a document has one name.

    Args:
        kinds: the kinds of documents there are; None where that is not known.

    Raises:
        VNeIDError: ``change_malformed`` with evidence ``field``.
    """
    if isinstance(change.document_id, str):
        change = change._replace(document_id=unicodedata.normalize("NFC", change.document_id))
    if not _is_name(change.kind) or (kinds is not None and change.kind not in kinds):
        raise _malformed("loaiGiayTo", "must be a kind of document of this portal")
    if not (isinstance(change.personal_id, str) and len(change.personal_id) == 12 and change.personal_id.isascii()
            and change.personal_id.isdigit()):
        raise _malformed("soDinhDanh", "must be 12 digits")
    for field, value in (("maGiayTo", change.document_id), ("idempotencyKey", change.idempotency_key)):
        if not _is_name(value):
            raise _malformed(field, f"must be 1 to {_MAX_NAME} printable characters")
    if change.action not in ACTIONS:
        raise _malformed("action", "must be upsert or revoke")
    if change.data is not None and _size(change.data) > MAX_DATA:
        raise VNeIDError("change_too_large", f"data is larger than {MAX_DATA} bytes")
    return change


def _size(data: Mapping[str, Any]) -> int:
    try:
        return len(_encode(data).encode())
    except (TypeError, ValueError, RecursionError):
        raise _malformed("data", "must be ready for JSON") from None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME and value.isprintable() and value.strip() == value


def _malformed(field: str, expectation: str) -> VNeIDError:
    return VNeIDError("change_malformed", f"{ascii(field)[1:-1]} {expectation}", field=field)


def message(change: Change, change_id: str, version: int, *, issuer: str, now: int) -> bytes:
    """Return the payload of the JWS that is sent.

    Args:
        change: with the document as it is to be sent in ``data``.
        issuer: the portal's ``public_url``.
        now: unix seconds.
    """
    return _encode({
        "changeId": change_id, "idempotencyKey": change.idempotency_key, "loaiGiayTo": change.kind,
        "soDinhDanh": change.personal_id, "maGiayTo": change.document_id, "version": version, "action": change.action,
        "data": change.data, "iat": now, "iss": issuer}).encode()


def judge(status: int, body: bytes, *, change_id: str, version: int, sent_before: bool = False, retry_after: str = "",
          now: float = 0) -> Verdict:
    """Tell what an answer means (contract, section 6; Standard Webhooks for what is repeated).

    Args:
        status: HTTP status.
        body: the envelope, where it is one.
        change_id: what was sent.
        version: what was sent.
        sent_before: an earlier attempt may have sent this version.
        retry_after: the header's value (RFC 9110 section 10.2.3).
        now: unix seconds.
    """
    envelope = _envelope(body)
    if status == 409:
        return _judge_conflict(envelope, change_id, version, sent_before)
    wait = waiting_time(retry_after, now)
    if status in (401, 403):
        return Verdict(PAUSE, f"http_{status}")
    if status == 429:
        return Verdict(RETRY, "http_429", wait, slow_down=True)
    if status in (408, 425):
        return Verdict(RETRY, f"http_{status}", wait)
    if 400 <= status < 500:
        return Verdict(DEAD, f"http_{status}")
    if not 200 <= status < 300:
        return Verdict(RETRY, f"http_{status}", wait)
    return _judge_envelope(envelope, change_id, wait)


def _judge_conflict(envelope: Mapping[str, Any], change_id: str, version: int, sent_before: bool) -> Verdict:
    """Tell what it means that the receiver has this version or a newer one.

    Versions go out one after the other: what we never sent was sent before a backup of our database was restored. That the
    answer repeats our change's id proves nothing, since it may repeat the question's.
    """
    there = _version_in(envelope)
    if there < version:
        return Verdict(DEAD, "http_409")
    if there > min(version + MOST_AHEAD, LARGEST):
        return Verdict(DEAD, "version_unbelievable")
    if there == version and sent_before and _member(envelope, "changeId") in (None, change_id):
        return Verdict(DELIVERED, "already_there", there=there)
    return Verdict(DELIVERED, NEWER_THERE, there=there)


def _judge_envelope(envelope: Mapping[str, Any], change_id: str, wait: float | None) -> Verdict:
    status, code = envelope.get("status"), envelope.get("responseCode")
    if envelope.get("changeId", change_id) != change_id:
        return Verdict(RETRY, "answer_of_another_change", wait)
    if status == "ok" or (status is None and code == "00"):
        return Verdict(DELIVERED, "acknowledged")
    if not envelope:
        return Verdict(RETRY, "answer_malformed", wait)
    named = code if isinstance(code, str) and len(code) <= 16 and code.isalnum() and code.isascii() else "unknown"
    return Verdict(RETRY, f"code_{named}", wait)


def _envelope(body: bytes) -> Mapping[str, Any]:
    try:
        return loads_object(body)
    except VNeIDError:
        return {}


def _version_in(envelope: Mapping[str, Any]) -> int:
    known = _member(envelope, "version")
    return known if isinstance(known, int) and not isinstance(known, bool) else 0


def _member(envelope: Mapping[str, Any], name: str) -> object:
    inner = envelope.get("data")
    return envelope.get(name, inner.get(name) if isinstance(inner, dict) else None)


def judge_failure(error: UpstreamError) -> Verdict:
    """Tell what it means that no answer came, or the platform's own.

    Whether the message arrived is not known then: it is sent once more, and the receiver knows it by its version.
    """
    status = error.evidence.get("status", 0)
    if error.code == "platform" and status in (401, 403):
        return Verdict(PAUSE, f"platform_{status}")
    return Verdict(RETRY, error.code)


def waiting_time(value: str, now: float) -> float | None:
    """Return the seconds that ``Retry-After`` names, at most ``LONGEST_WAIT``; None where it names none."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), LONGEST_WAIT))
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return min(max(date.replace(tzinfo=date.tzinfo or timezone.utc).timestamp() - now, 0.0), LONGEST_WAIT)


def delay(attempts: int, *, first: float, longest: float, chance: float, wait: float | None = None) -> float:
    """Return the seconds until the next attempt.

    Args:
        attempts: made so far.
        first: the first wait; each further one is twice as long, up to ``longest``.
        chance: from 0 to 1: spreads what failed together over half of the wait.
        wait: what the server asked for, which wins.
    """
    if wait is not None:
        return wait + chance * first
    whole = min(longest, first * 2.0 ** min(max(attempts, 1) - 1, 40))
    return whole * (0.5 + chance / 2)


def lease_seconds(timeout: float) -> float:
    """Return for how long a worker has a change to itself: the whole time of a call, with time before and after it."""
    return timeout * 1.5 + 2


def may_send(left: float, timeout: float) -> bool:
    """Tell whether a call may begin: it must be over before the lease is, whatever happens.

    Args:
        left: seconds left of the lease, by a clock that nobody sets.
        timeout: seconds for all of the call.
    """
    return left > needed(timeout)


def needed(timeout: float) -> float:
    """Return the seconds that must be left of a lease for a call to begin."""
    return timeout + 0.5
