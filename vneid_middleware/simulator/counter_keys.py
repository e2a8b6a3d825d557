"""How the simulator signs its answers at the counter and its questions for documents, and seals answers for the portal.

Keys of their own, not those of sign-on.
"""

from __future__ import annotations

import hmac
import json
import threading
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from vneid_middleware.core.keys import public_jwk

ALGORITHMS = ("ES256", "PS256", "RS256")
SPOILT_SIGNATURES = ("unsigned", "wrong-key", "unknown-kid", "alg-none", "hs256")


class CounterKeys:
    """The keys of one service, made when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}

    def rotate(self) -> None:
        """Sign with new keys from now on, and publish only those."""
        with self._lock:
            self._keys.clear()

    def jwks(self) -> dict[str, Any]:
        """Return the published key set: one key for each algorithm."""
        return {"keys": [{**public_jwk(self._key(name)), "use": "sig", "alg": name} for name in ALGORITHMS]}

    def sign(self, claims: dict[str, Any], algorithm: str, fault: str = "none") -> str:
        """Return a compact JWS, its signature spoilt as ``fault`` says."""
        import jwt

        key = self._key(("foreign " if fault == "wrong-key" else "") + algorithm)
        kid = "unknown" if fault == "unknown-kid" else public_jwk(self._key(algorithm))["kid"]
        payload = json.dumps(claims, ensure_ascii=False).encode()
        if fault == "alg-none":
            return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."
        if fault == "unsigned":
            return f"{_part({'alg': algorithm, 'typ': 'JWT', 'kid': kid})}.{_part(claims)}."
        if fault == "hs256":
            # the classical confusion: the public key taken for a shared secret. By hand, since PyJWT refuses to do it
            signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{_part(claims)}"
            public = json.dumps(public_jwk(self._key(algorithm))).encode()
            return f"{signed}.{_text(hmac.new(public, signed.encode(), 'sha256').digest())}"
        return jwt.PyJWS().encode(payload, key, algorithm=algorithm, headers={"kid": kid})

    def _key(self, name: str) -> Any:
        with self._lock:
            if name not in self._keys:
                self._keys[name] = (ec.generate_private_key(ec.SECP256R1()) if name.endswith("ES256")
                                    else rsa.generate_private_key(65537, 2048))
            return self._keys[name]


def _part(value: dict[str, Any]) -> str:
    return _text(json.dumps(value).encode())


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def encrypt(token: str, jwk: dict[str, Any]) -> str:
    """Return a compact JWE around a JWS, for the owner of a public key (RFC 7519 section 5.2).

    Raises:
        ValueError: the key is neither RSA nor EC on P-256.
    """
    from joserfc import jwe
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    kinds: dict[Any, tuple[Any, str]] = {"RSA": (RSAKey, "RSA-OAEP-256"), "EC": (ECKey, "ECDH-ES+A256KW")}
    if jwk.get("kty") not in kinds:
        raise ValueError("encryption_key: must be an RSA or EC public JWK")
    kind, algorithm = kinds[jwk["kty"]]
    members = {name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk}
    header = {"alg": algorithm, "enc": "A256GCM", "cty": "JWT", **({"kid": jwk["kid"]} if "kid" in jwk else {})}
    try:
        return jwe.encrypt_compact(header, token.encode("ascii"), kind.import_key(members), algorithms=[algorithm, "A256GCM"])
    except JoseError as error:
        raise ValueError(f"encryption_key: {error}") from error
