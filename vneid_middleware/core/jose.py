"""Strict reading of signed tokens: compact JWS (RFC 7515), key sets (RFC 7517) and the JSON inside both.

PyJWT does the cryptography. What stands here is what it leaves open: size, one spelling for one token, names
given twice, the kind and strength of keys. Which claims a token must carry is the affair of its profile.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm, RSAPSSAlgorithm
from jwt.exceptions import PyJWTError

from vneid_middleware.exceptions import VNeIDError

MAX_TOKEN = 16_384
MAX_HEADER = 1_024
MAX_KEYS = 100

_MAX_DEPTH = 32
_MAX_INT = 2**63
_MIN_RSA_BITS, _MAX_RSA_BITS = 2_048, 16_384
_MAX_EXPONENT = 2**64
_KEY_ID = re.compile(r"[\x20-\x7e]{1,256}")
_REFUSED_PARAMETERS = ("crit", "b64", "zip", "enc")
_PARAMETER_TYPES: Mapping[str, type] = {
    "alg": str, "typ": str, "cty": str, "jku": str, "x5u": str, "x5t": str, "x5t#S256": str, "x5c": list,
    "jwk": dict,
}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ALGORITHMS: Mapping[str, tuple[str, RSAAlgorithm | ECAlgorithm]] = {
    "RS256": ("RSA", RSAAlgorithm(RSAAlgorithm.SHA256)),
    "RS384": ("RSA", RSAAlgorithm(RSAAlgorithm.SHA384)),
    "RS512": ("RSA", RSAAlgorithm(RSAAlgorithm.SHA512)),
    "PS256": ("RSA", RSAPSSAlgorithm(RSAAlgorithm.SHA256)),
    "PS384": ("RSA", RSAPSSAlgorithm(RSAAlgorithm.SHA384)),
    "PS512": ("RSA", RSAPSSAlgorithm(RSAAlgorithm.SHA512)),
    "ES256": ("P-256", ECAlgorithm(ECAlgorithm.SHA256)),
    "ES384": ("P-384", ECAlgorithm(ECAlgorithm.SHA384)),
    "ES512": ("P-521", ECAlgorithm(ECAlgorithm.SHA512)),
}
SUPPORTED_ALGORITHMS = frozenset(_ALGORITHMS)
"""Every signature algorithm that can be allowed; all are asymmetric (RFC 7518 section 3.1)."""

_STALE_KEY_SET_CODES = frozenset({"key_unknown", "key_ambiguous", "signature_invalid"})


class JoseError(VNeIDError):
    """A signed token, a key set or JSON is refused.

    Codes: ``too_large``, ``malformed``, ``json_invalid``, ``header_refused``, ``alg_not_allowed``,
    ``key_set_invalid``, ``key_unknown``, ``key_ambiguous``, ``signature_invalid``.
    """

    @property
    def key_set_may_be_stale(self) -> bool:
        """Whether a newer key set of the signer may cure it: fetch it and verify once more."""
        return self.code in _STALE_KEY_SET_CODES


class ParsedJWS(NamedTuple):
    """A compact JWS taken apart; nothing in it is verified."""

    header: dict[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes

    def claims(self) -> dict[str, Any]:
        """Return the payload as a JSON object (:func:`loads_object`)."""
        return loads_object(self.payload)


def loads_object(data: bytes | str) -> dict[str, Any]:
    """Read one JSON object, without the freedom that makes two readers see two things (RFC 8259).

    Args:
        data: UTF-8 bytes, or text. The caller bounds the size.

    Raises:
        JoseError: ``json_invalid``: not JSON, not an object, not UTF-8, a byte order mark, a lone surrogate,
            a name twice in one object, NaN or an infinity, an integer beyond 2**63, or more than 32 levels.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value = _DECODER.decode(text)
        if not isinstance(value, dict):
            raise ValueError("not an object")
        _check_tree(value)
    except (json.JSONDecodeError, UnicodeError):
        # the message of these two would repeat what was read
        raise JoseError("json_invalid", "not JSON in UTF-8") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise JoseError("json_invalid", reason) from None
    return value


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) != len(members):
        raise ValueError("an object gives one name twice")
    return value


def _bounded_int(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > _MAX_INT:
        raise ValueError("an integer is out of range")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is out of range")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_bounded_int, parse_float=_finite,
                            parse_constant=_refuse_constant)


def _check_tree(value: dict[str, Any]) -> None:
    level: list[Any] = [value]
    for _ in range(_MAX_DEPTH):
        members = [member for item in level for member in _members(item)]
        "".join([member for member in members if isinstance(member, str)]).encode("utf-8")
        level = [member for member in members if isinstance(member, (dict, list))]
        if not level:
            return
    raise ValueError("nested too deeply")


def _members(container: dict[str, Any] | list[Any]) -> list[Any]:
    return [*container, *container.values()] if isinstance(container, dict) else container


def encode_base64url(data: bytes) -> str:
    """Return ``data`` in base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_base64url(text: str) -> bytes:
    """Decode base64url in its one canonical form: no padding, no whitespace, unused bits zero.

    Raises:
        JoseError: ``malformed``.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    if encode_base64url(data) != text:
        raise JoseError("malformed", "a part is not canonical base64url")
    return data


def parse_compact(token: str, *, max_size: int = MAX_TOKEN, max_header: int = MAX_HEADER) -> ParsedJWS:
    """Take a compact JWS apart (RFC 7515 section 3.1) without verifying it.

    ``jwk``, ``jku``, ``x5u`` and ``x5c`` in the header are never looked at: a token can't bring its own key.

    Args:
        token: the token as it came.
        max_size: characters of the whole token.
        max_header: bytes of the decoded header.

    Raises:
        JoseError: ``too_large`` before anything is decoded; ``malformed`` or ``json_invalid``;
            ``header_refused`` for ``crit``, ``b64`` (RFC 7797) and what belongs to encryption, and for a
            parameter of the wrong form.
    """
    if not isinstance(token, str):
        raise JoseError("malformed", "the token is not text")
    if len(token) > max_size:
        raise JoseError("too_large", f"the token has more than {max_size} characters", size=len(token))
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise JoseError("malformed", "the token does not have three parts")
    if len(parts[0]) * 3 // 4 > max_header:
        raise JoseError("too_large", f"the token's header has more than {max_header} bytes")
    header, payload, signature = (decode_base64url(part) for part in parts)
    signing_input = token.rpartition(".")[0].encode("ascii")
    return ParsedJWS(_check_header(loads_object(header)), payload, signing_input, signature)


def _check_header(header: dict[str, Any]) -> dict[str, Any]:
    for name in _REFUSED_PARAMETERS:
        if name in header:
            raise JoseError("header_refused", f"the header has {name}", parameter=name)
    for name, kind in _PARAMETER_TYPES.items():
        if not isinstance(header.get(name, kind()), kind):
            raise JoseError("header_refused", f"{name} is of the wrong type", parameter=name)
    if "alg" not in header:
        raise JoseError("header_refused", "alg is missing", parameter="alg")
    if "kid" in header and not _is_key_id(header["kid"]):
        raise JoseError("header_refused", "kid is not 1 to 256 printable ASCII characters", parameter="kid")
    return header


def _is_key_id(value: object) -> bool:
    return isinstance(value, str) and _KEY_ID.fullmatch(value) is not None


class VerificationKey(NamedTuple):
    """One usable public key of a key set."""

    kid: str | None
    kind: str
    """``RSA``, or the curve."""
    alg: str | None
    """The only algorithm that the signer means it for, where he says one."""
    public_key: RSAPublicKey | EllipticCurvePublicKey


@dataclass(frozen=True)
class KeySet:
    """The public signature keys of one signer. Immutable; false in a condition when none is usable."""

    keys: tuple[VerificationKey, ...]
    ignored: tuple[str, ...] = ()
    """Why the other keys of the document are of no use: ``keys[2]: reason``."""

    def __bool__(self) -> bool:
        return bool(self.keys)

    @classmethod
    def from_jwks(cls, document: Mapping[str, Any]) -> KeySet:
        """Keep what can verify a signature, and say of the rest why it can't (RFC 7517 sections 4 and 5).

        Kept are RSA keys of 2048 to 16384 bits and keys on P-256, P-384 and P-521. Ignored are private and
        symmetric keys, keys for encryption or for another algorithm, points off their curve, further keys
        under a ``kid`` that is taken, and whatever follows the hundredth.

        Raises:
            JoseError: ``key_set_invalid`` when there is no list ``keys``.
        """
        entries = document.get("keys")
        if not isinstance(entries, list):
            raise JoseError("key_set_invalid", "the key set has no list named keys")
        keys: list[VerificationKey] = []
        ignored = [f"keys[{MAX_KEYS}:]: more than {MAX_KEYS} keys"] if len(entries) > MAX_KEYS else []
        for index, entry in enumerate(entries[:MAX_KEYS]):
            try:
                keys.append(_read_new_key(entry, keys))
            except (ValueError, PyJWTError, UnsupportedAlgorithm) as error:
                ignored.append(f"keys[{index}]: {error}")
        return cls(tuple(keys), tuple(ignored))

    def candidates(self, alg: str, kid: str | None) -> list[VerificationKey]:
        """Return the keys that may have made a signature with ``alg``.

        Args:
            alg: one of :data:`SUPPORTED_ALGORITHMS`.
            kid: the key id in the token's header: the key must carry exactly it. None where the header has
                none: then every key of the type that ``alg`` implies.
        """
        kind = _ALGORITHMS[alg][0]
        return [key for key in self.keys
                if key.kind == kind and key.alg in (None, alg) and (kid is None or key.kid == kid)]


def _read_new_key(jwk: object, known: list[VerificationKey]) -> VerificationKey:
    key = _read_key(jwk)
    if key.kid is not None and any(key[:3] == other[:3] for other in known):
        raise ValueError("an earlier key of this type has the same kid")
    return key


def _read_key(jwk: object) -> VerificationKey:
    if not isinstance(jwk, Mapping):
        raise ValueError("not an object")
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise ValueError("holds private or symmetric key material")
    _check_purpose(jwk)
    if jwk.get("kty") == "RSA":
        return VerificationKey(jwk.get("kid"), "RSA", jwk.get("alg"), _read_rsa(jwk))
    if jwk.get("kty") == "EC" and jwk.get("crv") in ("P-256", "P-384", "P-521"):
        return VerificationKey(jwk.get("kid"), jwk["crv"], jwk.get("alg"), _read_ec(jwk))
    raise ValueError("neither RSA nor EC on P-256, P-384 or P-521")


def _check_purpose(jwk: Mapping[str, Any]) -> None:
    if jwk.get("use") not in (None, "sig"):
        raise ValueError("use is not sig")
    operations = jwk.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        raise ValueError("key_ops does not hold verify")
    if jwk.get("alg") not in (None, *_ALGORITHMS):
        raise ValueError("alg is not a supported signature algorithm")
    if jwk.get("kid") is not None and not _is_key_id(jwk["kid"]):
        raise ValueError("kid is not 1 to 256 printable ASCII characters")


def _read_rsa(jwk: Mapping[str, Any]) -> RSAPublicKey:
    numbers = _texts(jwk, "n", "e")
    if len(numbers["n"]) > _MAX_RSA_BITS // 6 + 4:
        raise ValueError(f"longer than {_MAX_RSA_BITS} bits")
    key = RSAAlgorithm.from_jwk({"kty": "RSA", **numbers})
    if not isinstance(key, RSAPublicKey) or not _MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
        raise ValueError(f"not of {_MIN_RSA_BITS} to {_MAX_RSA_BITS} bits")
    exponent = key.public_numbers().e
    if not 3 <= exponent < _MAX_EXPONENT or exponent % 2 == 0:
        raise ValueError("e is not an odd number from 3 to 2**64")
    return key


def _read_ec(jwk: Mapping[str, Any]) -> EllipticCurvePublicKey:
    key = ECAlgorithm.from_jwk({"kty": "EC", "crv": jwk["crv"], **_texts(jwk, "x", "y")})
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("not a public key")
    return key


def _texts(jwk: Mapping[str, Any], *names: str) -> dict[str, str]:
    values = {name: jwk.get(name) for name in names}
    if not all(isinstance(value, str) for value in values.values()):
        raise ValueError(f"{' or '.join(names)} is missing or not text")
    return {name: str(value) for name, value in values.items()}


def verify_signature(parsed: ParsedJWS, key_set: KeySet, algorithms: Collection[str]) -> dict[str, Any]:
    """Verify the signature and return the header.

    Args:
        parsed: what :func:`parse_compact` returned.
        key_set: the signer's keys.
        algorithms: the allowed ones, out of :data:`SUPPORTED_ALGORITHMS`; others in it allow nothing.

    Raises:
        JoseError: ``alg_not_allowed``; ``key_unknown`` when no key fits; ``key_ambiguous`` when the header
            names no key and several fit; ``signature_invalid``. See :attr:`JoseError.key_set_may_be_stale`.
    """
    alg, kid = parsed.header["alg"], parsed.header.get("kid")
    if alg not in algorithms or alg not in _ALGORITHMS:
        raise JoseError("alg_not_allowed", f"alg {alg[:20]!a} is not among {' '.join(algorithms)}")
    candidates = key_set.candidates(alg, kid)
    if not candidates:
        raise JoseError("key_unknown", f"no key for {alg} with kid {kid!a}", kid=kid, alg=alg)
    if kid is None and len(candidates) > 1:
        raise JoseError("key_ambiguous", f"several keys for {alg}, and the header names none", alg=alg)
    verify = _ALGORITHMS[alg][1].verify
    if not any(verify(parsed.signing_input, key.public_key, parsed.signature) for key in candidates):  # type: ignore[arg-type]
        raise JoseError("signature_invalid", f"the {alg} signature does not verify", kid=kid, alg=alg)
    return parsed.header
