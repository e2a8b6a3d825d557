"""Strict reading of encrypted tokens: compact JWE (RFC 7516) with one kind of content encryption.

joserfc does the cryptography. What stands here is what it leaves open: size, header, the kind and strength of keys, and one
answer for every kind of damage, so that nobody learns from it how far a forged token came.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from vneid_middleware.core.jose import JoseError, decode_base64url, loads_object

MAX_TOKEN = 65_536
KEY_ALGORITHMS = ("RSA-OAEP-256", "ECDH-ES+A256KW")
CONTENT_ALGORITHM = "A256GCM"

_MAX_HEADER = 2_048
_HEADER = frozenset({"alg", "enc", "kid", "typ", "cty", "epk", "apu", "apv"})


def decrypt(token: str, private_key: Any) -> bytes:
    """Return what is inside an encrypted token. It says nothing of who made it: that is the signature's affair.

    Args:
        token: the compact JWE.
        private_key: an RSA key, or an EC key on P-256, of the library ``cryptography``.

    Raises:
        JoseError: ``too_large``, ``malformed``, ``json_invalid``, ``header_refused`` and ``alg_not_allowed`` for what
            anybody can see; ``decryption_failed``, without a reason, for all else.
    """
    header = _header(token)
    if header["alg"] != _algorithm(private_key):
        raise JoseError("alg_not_allowed", "alg does not fit our key")
    from joserfc import jwe
    from joserfc.errors import JoseError as LibraryError

    try:
        opened = jwe.decrypt_compact(token, _library_key(private_key), algorithms=[header["alg"], CONTENT_ALGORITHM])
        return bytes(opened.plaintext or b"")
    except (LibraryError, ValueError, TypeError, KeyError, OverflowError):
        raise JoseError("decryption_failed") from None


def _header(token: str) -> dict[str, Any]:
    if not isinstance(token, str) or not token.isascii():
        raise JoseError("malformed", "the token is not ASCII text")
    if len(token) > MAX_TOKEN:
        raise JoseError("too_large", f"the token has more than {MAX_TOKEN} characters")
    parts = token.split(".")
    if len(parts) != 5 or not all(parts):
        raise JoseError("malformed", "the token does not have five parts")
    if len(parts[0]) * 3 // 4 > _MAX_HEADER:
        raise JoseError("too_large", f"the token's header has more than {_MAX_HEADER} bytes")
    header_bytes, *_ = (decode_base64url(part) for part in parts)
    header = loads_object(header_bytes)
    unknown = sorted(header.keys() - _HEADER)
    if unknown:
        # zip above all: what is compressed may grow without bounds; crit, jku and jwk as with signatures
        raise JoseError("header_refused", f"the header has {unknown[0][:20]!a}", parameter=unknown[0][:20])
    if header.get("alg") not in KEY_ALGORITHMS or header.get("enc") != CONTENT_ALGORITHM:
        raise JoseError("alg_not_allowed", f"must be {' or '.join(KEY_ALGORITHMS)} with {CONTENT_ALGORITHM}")
    epk = header.get("epk")
    if (header["alg"] == "ECDH-ES+A256KW") != (isinstance(epk, dict) and epk.get("crv") == "P-256"):
        raise JoseError("header_refused", "epk is not a key on P-256, or has no place there", parameter="epk")
    return header


def _algorithm(private_key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    return KEY_ALGORITHMS[0] if isinstance(private_key, RSAPrivateKey) else KEY_ALGORITHMS[1]


@lru_cache(maxsize=8)
def _library_key(private_key: Any) -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from joserfc.jwk import ECKey, RSAKey

    kind: Any = RSAKey if _algorithm(private_key) == KEY_ALGORITHMS[0] else ECKey
    return kind.import_key(private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
