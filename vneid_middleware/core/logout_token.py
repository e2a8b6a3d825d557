"""The logout token (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from vneid_middleware.core.claims import (
    MAX_LEEWAY,
    TokenError,
    check_audience,
    check_issuer,
    check_subject,
    check_times,
    require,
    verify_jws,
)
from vneid_middleware.core.jose import KeySet

EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_LIFETIME = 600
"""Seconds between ``iat`` and now, and between now and ``exp``: what was used must be remembered so long."""
MAX_ID = 255


class LogoutToken(NamedTuple):
    """What a verified logout token asks for: the end of the session ``session``, or of all of ``subject``.

    ``token_id`` is its ``jti``, to be used once, until ``expires_at`` (unix seconds, leeway included).
    """

    subject: str
    session: str
    token_id: str
    expires_at: int


def verify_logout_token(token: str, *, key_set: KeySet, issuer: str, client_id: str, algorithms: Collection[str],
                        now: int) -> LogoutToken:
    """Verify a logout token in full.

    Args:
        token: the compact JWS.
        key_set: the issuer's keys.
        issuer: the issuer, exactly.
        client_id: ours.
        algorithms: allowed signature algorithms.
        now: unix seconds.

    Raises:
        TokenError: the token is refused; beside the codes of that class ``event_missing`` and ``nonce_present``.
    """
    header, claims = verify_jws(token, key_set, algorithms)
    if header.get("typ", "JWT").lower() not in ("jwt", "logout+jwt") or "cty" in header:
        raise TokenError("type_refused", "the header's typ is neither logout+jwt nor JWT, or it has cty")
    check_issuer(claims, issuer)
    check_audience(claims, client_id, ())
    check_times(claims, now, MAX_LEEWAY, MAX_LIFETIME)
    if claims["exp"] > now + MAX_LIFETIME + MAX_LEEWAY:
        raise TokenError("claim_invalid", f"exp lies more than {MAX_LIFETIME} s ahead", claim="exp")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise TokenError("event_missing", f"events does not hold {EVENT}", claim="events")
    if "nonce" in claims:
        raise TokenError("nonce_present", "a logout token has no nonce", claim="nonce")
    if "sub" in claims:
        check_subject(claims)
    session = _identifier(claims, "sid") if "sid" in claims else ""
    if not (session or "sub" in claims):
        raise TokenError("claim_missing", "the token has neither sub nor sid", claim="sid")
    return LogoutToken(claims.get("sub", ""), session, _identifier(claims, "jti"), claims["exp"] + MAX_LEEWAY)


def _identifier(claims: Any, name: str) -> str:
    value: str = require(claims, name, str)
    if not 0 < len(value) <= MAX_ID:
        raise TokenError("claim_invalid", f"{name} is not 1 to {MAX_ID} characters", claim=name)
    return value
