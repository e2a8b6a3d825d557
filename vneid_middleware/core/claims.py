"""What every token of the provider must hold, whatever it is for (RFC 7519, RFC 8725, OpenID Connect Core 1.0 section 2)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from vneid_middleware.core.jose import MAX_TOKEN, JoseError, KeySet, parse_compact, verify_signature

MAX_LEEWAY = 60
"""Seconds that the two clocks may differ."""

_SUBJECT = re.compile(r"[\x20-\x7e]{1,255}")

Claims = Mapping[str, Any]


class TokenError(JoseError):
    """A token of the provider is refused. Neither text nor evidence holds the token or a claim about the citizen.

    Codes: those of :class:`vneid_middleware.core.jose.JoseError`; ``type_refused``, ``claim_missing`` and
    ``claim_invalid`` (evidence ``claim``), ``issuer_mismatch``, ``audience_mismatch``, ``azp_mismatch``,
    ``nonce_missing``, ``nonce_mismatch``, ``at_hash_mismatch``; and, with evidence ``seconds`` (how far off
    the time is, leeway not counted), ``expired``, ``not_yet_valid``, ``issued_in_future``, ``too_old``,
    ``auth_too_old``.
    """


def verify_jws(
    token: str, key_set: KeySet, algorithms: Collection[str], *, max_size: int = MAX_TOKEN
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token of at most ``max_size`` characters whose signature holds."""
    try:
        parsed = parse_compact(token, max_size=max_size)
        return verify_signature(parsed, key_set, algorithms), parsed.claims()
    except JoseError as error:
        raise TokenError(error.code, error.detail, **error.evidence) from None


def check_issuer(claims: Claims, issuer: str) -> None:
    """Check ``iss``: exactly the issuer."""
    if require(claims, "iss", str) != issuer:
        raise TokenError("issuer_mismatch", f"iss is not {issuer}")


def check_audience(claims: Claims, client_id: str, trusted: Collection[str]) -> None:
    """Check ``aud`` and ``azp``: for us, and for nobody else who is not trusted."""
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if not all(isinstance(audience, str) for audience in audiences):
        raise TokenError("claim_invalid", "aud is neither text nor a list of texts", claim="aud")
    if client_id not in audiences:
        raise TokenError("audience_mismatch", "aud does not hold our client id")
    others = set(audiences) - {client_id}
    if not others <= set(trusted):
        raise TokenError("audience_mismatch", "aud holds others that are not trusted")
    if claims.get("azp", None if others else client_id) != client_id:
        raise TokenError("azp_mismatch", "azp is not our client id, or missing beside several audiences")


def check_subject(claims: Claims) -> None:
    """Check that ``sub`` is there and has a subject's form."""
    if not _SUBJECT.fullmatch(require(claims, "sub", str)):
        raise TokenError("claim_invalid", "sub is not 1 to 255 printable ASCII characters", claim="sub")


def check_times(claims: Claims, now: int, leeway: int, max_token_age: int) -> None:
    """Check ``exp``, ``iat`` and ``nbf`` against our clock."""
    expires, issued = require(claims, "exp", int), require(claims, "iat", int)
    if now >= expires + leeway:
        raise out_of_time("expired", now - expires)
    if issued > now + leeway:
        raise out_of_time("issued_in_future", issued - now)
    if now - issued > max_token_age + leeway:
        raise out_of_time("too_old", now - issued)
    if "nbf" in claims and require(claims, "nbf", int) > now + leeway:
        raise out_of_time("not_yet_valid", claims["nbf"] - now)


def require(claims: Claims, name: str, kind: type) -> Any:
    """Return the claim; ``type`` and not ``isinstance``, because True is an int."""
    if name not in claims:
        raise TokenError("claim_missing", f"the token has no {name}", claim=name)
    if type(claims[name]) is not kind:
        expected = "an integer" if kind is int else "text"
        raise TokenError("claim_invalid", f"{name} is not {expected}", claim=name)
    return claims[name]


def out_of_time(code: str, seconds: int) -> TokenError:
    """Return the error for a time that is ``seconds`` off."""
    return TokenError(code, f"off by {seconds} s; compare the clocks of both sides", seconds=seconds)
