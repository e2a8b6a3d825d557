"""The ID token's profile (OpenID Connect Core 1.0 sections 2 and 3.1.3.7; RFC 7519; RFC 8725)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from typing import Any

from vneid_middleware.core.claims import (
    MAX_LEEWAY,
    Claims,
    TokenError,
    check_audience,
    check_issuer,
    check_subject,
    check_times,
    out_of_time,
    require,
    verify_jws,
)
from vneid_middleware.core.jose import KeySet, encode_base64url

MAX_TOKEN_AGE = 600

_HASHES: Mapping[str, Any] = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}

def verify_id_token(
    token: str,
    *,
    key_set: KeySet,
    issuer: str,
    client_id: str,
    nonce: str | None,
    algorithms: Collection[str],
    now: int,
    access_token: str | None = None,
    max_age: int | None = None,
    leeway: int = MAX_LEEWAY,
    max_token_age: int = MAX_TOKEN_AGE,
    require_nonce: bool = True,
    trusted_audiences: Collection[str] = (),
) -> dict[str, Any]:
    """Verify an ID token in full and return its claims.

    Args:
        token: the compact JWS.
        key_set: the issuer's keys.
        issuer: the issuer, exactly.
        client_id: ours.
        nonce: the one sent with the authentication request; None where none was.
        algorithms: allowed signature algorithms.
        now: unix seconds.
        access_token: the one that came with the ID token. A token with ``at_hash`` is refused without it.
        max_age: seconds since the citizen last authenticated, where that was asked for.
        leeway: seconds that the two clocks may differ, 0 to 60.
        max_token_age: seconds since ``iat``.
        require_nonce: whether ``nonce`` must be in the token. One that is there must agree in any case.
        trusted_audiences: others that may stand in ``aud`` beside us.

    Raises:
        TokenError: the token is refused.
        ValueError: the arguments make no sense: a nonce is required and none given, or the leeway is out of
            range.
    """
    if require_nonce and not nonce:
        raise ValueError("nonce: required, and none given")
    if not 0 <= leeway <= MAX_LEEWAY:
        raise ValueError(f"leeway: expected 0 to {MAX_LEEWAY} seconds, got {leeway}")
    header, claims = verify_jws(token, key_set, algorithms)
    _check_type(header)
    check_issuer(claims, issuer)
    check_audience(claims, client_id, trusted_audiences)
    check_subject(claims)
    check_times(claims, now, leeway, max_token_age)
    _check_nonce(claims, nonce, require_nonce)
    _check_at_hash(claims, header["alg"], access_token)
    if max_age is not None:
        _check_auth_time(claims, now, leeway, max_age)
    return claims


def _check_type(header: Claims) -> None:
    # no other kind of token passes for an ID token (RFC 8725 section 3.11), nor a token within a token (cty)
    if header.get("typ", "JWT") != "JWT" or "cty" in header:
        raise TokenError("type_refused", "the header's typ is not JWT, or it has cty")


def _check_nonce(claims: Claims, nonce: str | None, required: bool) -> None:
    if "nonce" not in claims:
        if required:
            raise TokenError("nonce_missing", "the token has no nonce", claim="nonce")
        return
    if not _same(require(claims, "nonce", str), nonce or "") or nonce is None:
        raise TokenError("nonce_mismatch", "nonce is not the one of this login")


def _check_at_hash(claims: Claims, alg: str, access_token: str | None) -> None:
    """OpenID Connect Core section 3.1.3.8: half the hash of the access token, by the hash of ``alg``."""
    if "at_hash" not in claims:
        return
    digest = _HASHES[alg[-3:]]((access_token or "").encode("utf-8")).digest()
    expected = encode_base64url(digest[: len(digest) // 2])
    if access_token is None or not _same(require(claims, "at_hash", str), expected):
        raise TokenError("at_hash_mismatch", "at_hash does not belong to the access token")


def _check_auth_time(claims: Claims, now: int, leeway: int, max_age: int) -> None:
    authenticated = require(claims, "auth_time", int)
    if authenticated > now + leeway:
        raise TokenError("claim_invalid", "auth_time lies in the future", claim="auth_time",
                           seconds=authenticated - now)
    if now - authenticated > max_age + leeway:
        raise out_of_time("auth_too_old", now - authenticated)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode("utf-8"), right.encode("utf-8"))


