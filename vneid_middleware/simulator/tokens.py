"""The simulator's keys, ID tokens and envelopes, right ones and wrong ones."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64encode, urlsafe_b64encode
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from vneid_middleware.core.keys import public_jwk


class Keys:
    """Signing keys, made when first needed."""

    @cached_property
    def signing(self) -> Any:
        return rsa.generate_private_key(65537, 2048)

    @cached_property
    def foreign(self) -> Any:
        """A key that is published nowhere."""
        return rsa.generate_private_key(65537, 2048)

    def rotate(self) -> None:
        """Sign with a new key from now on, and publish that one only."""
        self.__dict__.pop("signing", None)

    def jwks(self, with_kid: bool) -> dict[str, Any]:
        """Return the published key set."""
        jwk = {**public_jwk(self.signing), "use": "sig", "alg": "RS256"}
        return {"keys": [jwk if with_kid else {name: value for name, value in jwk.items() if name != "kid"}]}

    def id_token(self, claims: dict[str, Any], fault: str, client_secret: str, with_kid: bool) -> str:
        """Return an ID token, spoilt as ``fault`` says."""
        return self.sign(_spoilt(claims, fault), fault, client_secret, "JWT", with_kid)

    def sign(self, claims: dict[str, Any], fault: str, client_secret: str, kind: str, with_kid: bool = True) -> str:
        """Return a token of a kind (``typ``), its signature spoilt as ``fault`` says."""
        import jwt

        headers = {"kid": "unknown" if fault == "unknown-kid" else public_jwk(self.signing)["kid"]} if with_kid else {}
        headers["typ"] = kind
        if fault == "alg-none":
            head = urlsafe_b64encode(json.dumps({"alg": "none", "typ": kind}).encode()).rstrip(b"=")
            return (head + b"." + urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=") + b".").decode()
        if fault in ("hs256", "wrong-alg"):
            return jwt.encode(claims, client_secret.ljust(32, "0"), algorithm="HS256", headers=headers)
        key = self.foreign if fault == "wrong-signature" else self.signing
        return jwt.encode(claims, key, algorithm="RS256", headers=headers)


def _spoilt(claims: dict[str, Any], fault: str) -> dict[str, Any]:
    missing = {"no-nonce": "nonce", "no-sub": "sub", "no-iat": "iat"}.get(fault)
    changed = {"wrong-nonce": {"nonce": "another"}, "wrong-iss": {"iss": "https://evil.example"},
               "wrong-aud": {"aud": "another"}, "expired": {"exp": claims["iat"] - 3600},
               "wrong-at-hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}.get(fault, {})
    return {name: value for name, value in {**claims, **changed}.items() if name != missing}


def at_hash(access_token: str) -> str:
    """Return ``at_hash`` for RS256 (OpenID Connect Core 3.1.3.6)."""
    return urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()[:16]).rstrip(b"=").decode()


def envelope(answer: dict[str, Any], public_key: str) -> dict[str, str]:
    """Return ``{"data", "key"}``: AES-ECB with PKCS#5 padding under a key in RSA PKCS#1 v1.5."""
    key = os.urandom(32)
    padder = PKCS7(128).padder()
    plain = padder.update(json.dumps(answer, ensure_ascii=False).encode()) + padder.finalize()
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305  the provider's format
    wrapped = load_pem_public_key(public_key.encode()).encrypt(key, padding.PKCS1v15())  # type: ignore[union-attr]
    return {"data": b64encode(encryptor.update(plain) + encryptor.finalize()).decode(), "key": b64encode(wrapped).decode()}
