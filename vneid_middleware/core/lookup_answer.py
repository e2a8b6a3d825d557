"""VNeID's signed answer to a lookup at the counter (the guide's part C, B10): signed, for us, and for this question."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from typing import Any, NamedTuple

from vneid_middleware.core.claims import (
    TokenError,
    check_audience,
    check_issuer,
    check_times,
    out_of_time,
    require,
    verify_jws,
)
from vneid_middleware.core.jose import KeySet

ALGORITHMS = ("ES256", "PS256", "RS256")
FRESHNESS = 60
"""Seconds that ``iat`` may differ from now, both ways: the clocks' difference is in it."""

_LETTERS_OF_R = 42
"""How much of an ES256 signature is r, but for its last four bits."""

BINDINGS = ("freshness", "request_id", "qr_id")


class LookupAnswer(NamedTuple):
    """A verified answer: its claims, and by what it is known again."""

    claims: dict[str, Any]
    answer_key: str
    """SHA-256 over what was signed and by which signature, as hex: an answer that was seen before is none."""
    remember_until: int
    """Unix seconds: from then on it is refused as too old anyway."""


def verify_answer(token: str, *, key_set: KeySet, now: int, issuer: str | None = None, audience: str | None = None,
                  bind: str = "freshness", request_id: str = "", qr_id: str = "",
                  algorithms: Collection[str] = ALGORITHMS) -> LookupAnswer:
    """Verify VNeID's answer in full. That it was never seen before is the caller's to look up, by ``answer_key``.

    Args:
        token: the compact JWS.
        key_set: the signer's keys.
        now: unix seconds.
        issuer: who must have signed it, where that is agreed.
        audience: our name in ``aud``, where that is agreed.
        bind: ``freshness``, or that the answer also repeats our ``request_id`` or the ``qr_id``.
        request_id: ours.
        qr_id: the one that was scanned.
        algorithms: allowed signature algorithms.

    Raises:
        TokenError: the answer is refused; beside the codes of that class ``binding_mismatch``.
    """
    if bind not in BINDINGS:
        raise ValueError(f"bind must be one of {', '.join(BINDINGS)}")
    header, claims = verify_jws(token, key_set, algorithms)
    if header.get("typ", "JWT").lower() != "jwt" or "cty" in header:
        # a logout token or an access token of the same signer is no answer to us
        raise TokenError("type_refused", "the header's typ is not JWT, or it has cty")
    if issuer is not None:
        check_issuer(claims, issuer)
    if audience is not None:
        check_audience(claims, audience, ())
    check_times(claims, now, FRESHNESS, 0)
    if claims["exp"] <= claims["iat"]:
        raise out_of_time("expired", claims["iat"] - claims["exp"])
    _check_binding(claims, bind, {"request_id": ("requestId", request_id), "qr_id": ("qrID", qr_id)})
    return LookupAnswer(claims, _answer_key(token, header["alg"]), claims["iat"] + FRESHNESS + 1)


def _answer_key(token: str, algorithm: str) -> str:
    """Return by what an answer is known again.

    What was signed does not suffice: two answers about one citizen within a second may say the same. Nor does the signature
    as it is: of an ECDSA signature (r, s) anybody can make (r, -s), which is as good. So r counts, which is another one each
    time; RSA signatures have one form.
    """
    signed, _, signature = token.rpartition(".")
    # the encoding is canonical, so that the text stands for the bytes
    shown = signature[:_LETTERS_OF_R] if algorithm == "ES256" else signature
    return hashlib.sha256(f"{signed}.{shown}".encode("ascii")).hexdigest()


def _check_binding(claims: dict[str, Any], bind: str, expected: dict[str, tuple[str, str]]) -> None:
    for kind, (name, value) in expected.items():
        # one that is there must agree even where it need not be there
        if bind == kind or (name in claims and value):
            repeated: str = require(claims, name, str)
            if not value or not hmac.compare_digest(repeated.encode("utf-8", "surrogatepass"), value.encode()):
                raise TokenError("binding_mismatch", f"{name} is not the one that was asked with", claim=name)
