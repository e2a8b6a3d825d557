"""The ID token's profile (OpenID Connect Core 1.0 sections 2 and 3.1.3.7; RFC 7519; RFC 8725)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from typing import Any

from vneid_middleware.core.jose import (
    JoseError,
    KeySet,
    encode_base64url,
    parse_compact,
    verify_signature,
)

MAX_LEEWAY = 60
MAX_TOKEN_AGE = 600

_SUBJECT = re.compile(r"[\x20-\x7e]{1,255}")
_HASHES: Mapping[str, Any] = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}

Claims = Mapping[str, Any]


class IdTokenError(JoseError):
    """An ID token is refused. Neither text nor evidence holds the token or a claim about the citizen.

    Codes: those of :class:`vneid_middleware.core.jose.JoseError`; ``type_refused``, ``claim_missing`` and
    ``claim_invalid`` (evidence ``claim``), ``issuer_mismatch``, ``audience_mismatch``, ``azp_mismatch``,
    ``nonce_missing``, ``nonce_mismatch``, ``at_hash_mismatch``; and, with evidence ``seconds`` (how far off
    the time is, leeway not counted), ``expired``, ``not_yet_valid``, ``issued_in_future``, ``too_old``,
    ``auth_too_old``.
    """


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
        IdTokenError: the token is refused.
        ValueError: the arguments make no sense: a nonce is required and none given, or the leeway is out of
            range.
    """
    if require_nonce and not nonce:
        raise ValueError("nonce: required, and none given")
    if not 0 <= leeway <= MAX_LEEWAY:
        raise ValueError(f"leeway: expected 0 to {MAX_LEEWAY} seconds, got {leeway}")
    header, claims = _verify_jws(token, key_set, algorithms)
    _check_type(header)
    _check_issuer(claims, issuer)
    _check_audience(claims, client_id, trusted_audiences)
    _check_subject(claims)
    _check_times(claims, now, leeway, max_token_age)
    _check_nonce(claims, nonce, require_nonce)
    _check_at_hash(claims, header["alg"], access_token)
    if max_age is not None:
        _check_auth_time(claims, now, leeway, max_age)
    return claims


def _verify_jws(
    token: str, key_set: KeySet, algorithms: Collection[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        parsed = parse_compact(token)
        return verify_signature(parsed, key_set, algorithms), parsed.claims()
    except JoseError as error:
        raise IdTokenError(error.code, error.detail, **error.evidence) from None


def _check_type(header: Claims) -> None:
    # no other kind of token passes for an ID token (RFC 8725 section 3.11), nor a token within a token (cty)
    if header.get("typ", "JWT") != "JWT" or "cty" in header:
        raise IdTokenError("type_refused", "the header's typ is not JWT, or it has cty")


def _check_issuer(claims: Claims, issuer: str) -> None:
    if _require(claims, "iss", str) != issuer:
        raise IdTokenError("issuer_mismatch", f"iss is not {issuer}")


def _check_audience(claims: Claims, client_id: str, trusted: Collection[str]) -> None:
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if not all(isinstance(audience, str) for audience in audiences):
        raise IdTokenError("claim_invalid", "aud is neither text nor a list of texts", claim="aud")
    if client_id not in audiences:
        raise IdTokenError("audience_mismatch", "aud does not hold our client id")
    others = set(audiences) - {client_id}
    if not others <= set(trusted):
        raise IdTokenError("audience_mismatch", "aud holds others that are not trusted")
    if claims.get("azp", None if others else client_id) != client_id:
        raise IdTokenError("azp_mismatch", "azp is not our client id, or missing beside several audiences")


def _check_subject(claims: Claims) -> None:
    if not _SUBJECT.fullmatch(_require(claims, "sub", str)):
        raise IdTokenError("claim_invalid", "sub is not 1 to 255 printable ASCII characters", claim="sub")


def _check_times(claims: Claims, now: int, leeway: int, max_token_age: int) -> None:
    expires, issued = _require(claims, "exp", int), _require(claims, "iat", int)
    if now >= expires + leeway:
        raise _out_of_time("expired", now - expires)
    if issued > now + leeway:
        raise _out_of_time("issued_in_future", issued - now)
    if now - issued > max_token_age + leeway:
        raise _out_of_time("too_old", now - issued)
    if "nbf" in claims and _require(claims, "nbf", int) > now + leeway:
        raise _out_of_time("not_yet_valid", claims["nbf"] - now)


def _check_nonce(claims: Claims, nonce: str | None, required: bool) -> None:
    if "nonce" not in claims:
        if required:
            raise IdTokenError("nonce_missing", "the token has no nonce", claim="nonce")
        return
    if not _same(_require(claims, "nonce", str), nonce or "") or nonce is None:
        raise IdTokenError("nonce_mismatch", "nonce is not the one of this login")


def _check_at_hash(claims: Claims, alg: str, access_token: str | None) -> None:
    """OpenID Connect Core section 3.1.3.8: half the hash of the access token, by the hash of ``alg``."""
    if "at_hash" not in claims:
        return
    digest = _HASHES[alg[-3:]]((access_token or "").encode("utf-8")).digest()
    expected = encode_base64url(digest[: len(digest) // 2])
    if access_token is None or not _same(_require(claims, "at_hash", str), expected):
        raise IdTokenError("at_hash_mismatch", "at_hash does not belong to the access token")


def _check_auth_time(claims: Claims, now: int, leeway: int, max_age: int) -> None:
    authenticated = _require(claims, "auth_time", int)
    if authenticated > now + leeway:
        raise IdTokenError("claim_invalid", "auth_time lies in the future", claim="auth_time",
                           seconds=authenticated - now)
    if now - authenticated > max_age + leeway:
        raise _out_of_time("auth_too_old", now - authenticated)


def _require(claims: Claims, name: str, kind: type) -> Any:
    """Return the claim; ``type`` and not ``isinstance``, because True is an int."""
    if name not in claims:
        raise IdTokenError("claim_missing", f"the token has no {name}", claim=name)
    if type(claims[name]) is not kind:
        expected = "an integer" if kind is int else "text"
        raise IdTokenError("claim_invalid", f"{name} is not {expected}", claim=name)
    return claims[name]


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode("utf-8"), right.encode("utf-8"))


def _out_of_time(code: str, seconds: int) -> IdTokenError:
    return IdTokenError(code, f"off by {seconds} s; compare the clocks of both sides", seconds=seconds)
