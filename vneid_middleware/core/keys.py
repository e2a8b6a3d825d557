"""The portal's own private keys: which are accepted, and how their public half is shown."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any

_CURVES = ("secp256r1",)
_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}


def load_private_key(content: bytes) -> Any:
    """Return the private key in PEM or in a JWK (RFC 7517): RSA of at least 2048 bits, or EC on P-256.

    Raises:
        ValueError: with the expectation in words.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = _from_jwk(content) if content.lstrip().startswith(b"{") else load_pem_private_key(content, None)
    except (ValueError, TypeError) as error:
        raise ValueError("must be a private key in PEM form without a passphrase, or a private JWK") from error
    if isinstance(key, RSAPrivateKey) and key.key_size >= 2048:
        return key
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return key
    raise ValueError("must be an RSA key of at least 2048 bits or an EC key on P-256")


def _from_jwk(content: bytes) -> Any:
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm
    from jwt.exceptions import PyJWTError

    try:
        jwk = json.loads(content)
        algorithm: Any = RSAAlgorithm if jwk.get("kty") == "RSA" else ECAlgorithm
        return algorithm.from_jwk(jwk)
    except (PyJWTError, KeyError) as error:
        raise ValueError("not a private JWK") from error


def public_jwk(key: Any) -> dict[str, Any]:
    """Return the public JWK of a private key, with its thumbprint (RFC 7638) as ``kid``; no private member."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm

    algorithm: Any = RSAAlgorithm if isinstance(key, RSAPrivateKey) else ECAlgorithm
    jwk = json.loads(algorithm.to_jwk(key.public_key()))
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
    digest = hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    return {**members, "kid": urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")}
