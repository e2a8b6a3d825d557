"""The simulator's keys, ID tokens and envelopes, right ones and wrong ones."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64encode, urlsafe_b64encode
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
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

    @cached_property
    def signing_on_curve(self) -> Any:
        """The key for ES256."""
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def foreign_on_curve(self) -> Any:
        """A key for ES256 that is published nowhere."""
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def _of_other_kinds(self) -> list[dict[str, Any]]:
        """Keys that can't be meant by RS256: on three curves, and one for encryption."""
        from jwt.algorithms import ECAlgorithm, OKPAlgorithm

        bitcoins, edwards = ec.generate_private_key(ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate()
        on_curves = [public_jwk(ec.generate_private_key(ec.SECP256R1())), ECAlgorithm.to_jwk(bitcoins.public_key(), True),
                     OKPAlgorithm.to_jwk(edwards.public_key(), True)]
        return [{**jwk, "use": "sig"} for jwk in on_curves] + [{**public_jwk(self.foreign), "use": "enc"}]

    @cached_property
    def _of_the_same_kind(self) -> list[dict[str, Any]]:
        """A key that could have signed by RS256, and did not."""
        return [{**public_jwk(rsa.generate_private_key(65537, 2048)), "use": "sig"}]

    def rotate(self) -> None:
        """Sign with new keys from now on, and publish those only."""
        for name in ("signing", "signing_on_curve"):
            self.__dict__.pop(name, None)

    def jwks(self, with_kid: bool, algorithm: str = "RS256", others: str = "none") -> dict[str, Any]:
        """Return the published key set: the key that signs last, after ``others`` (a value of the switch ``other_keys``)."""
        keys = [*self._beside(others), {**public_jwk(self._key(algorithm)), "use": "sig", "alg": algorithm}]
        # a key for encryption keeps its id: it is told apart by its use
        return {"keys": [jwk if with_kid or jwk["use"] == "enc" else _without(jwk, "kid") for jwk in keys]}

    def _beside(self, others: str) -> list[dict[str, Any]]:
        if others == "of-other-kinds":
            return self._of_other_kinds
        return self._of_the_same_kind if others == "of-the-same-kind" else []

    def _key(self, algorithm: str) -> Any:
        return self.signing_on_curve if algorithm == "ES256" else self.signing

    def id_token(self, claims: dict[str, Any], fault: str, client_secret: str, with_kid: bool, algorithm: str = "RS256") -> str:
        """Return an ID token, spoilt as ``fault`` says."""
        return self.sign(_spoilt(claims, fault), fault, client_secret, "JWT", with_kid, algorithm)

    def sign(self, claims: dict[str, Any], fault: str, client_secret: str, kind: str, with_kid: bool = True,
             algorithm: str = "RS256") -> str:
        """Return a token of a kind (``typ``), its signature spoilt as ``fault`` says."""
        import jwt

        key = self._key(algorithm)
        headers = {"kid": "unknown" if fault == "unknown-kid" else public_jwk(key)["kid"]} if with_kid else {}
        headers["typ"] = kind
        if fault == "alg-none":
            head = urlsafe_b64encode(json.dumps({"alg": "none", "typ": kind}).encode()).rstrip(b"=")
            return (head + b"." + urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=") + b".").decode()
        if fault in ("hs256", "wrong-alg"):
            return jwt.encode(claims, client_secret.ljust(32, "0"), algorithm="HS256", headers=headers)
        if fault == "wrong-signature":
            key = self.foreign_on_curve if algorithm == "ES256" else self.foreign
        return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def _without(members: dict[str, Any], name: str | None) -> dict[str, Any]:
    return {known: value for known, value in members.items() if known != name}


def _spoilt(claims: dict[str, Any], fault: str) -> dict[str, Any]:
    missing = {"no-nonce": "nonce", "no-sub": "sub", "no-iat": "iat", "no-aud": "aud", "no-auth-time": "auth_time"}.get(fault)
    changed = {"wrong-nonce": {"nonce": "another"}, "wrong-iss": {"iss": "https://evil.example"},
               "wrong-aud": {"aud": "another"}, "expired": {"exp": claims["iat"] - 3600},
               "old-auth-time": {"auth_time": claims["iat"] - 864_000},
               "wrong-at-hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}.get(fault, {})
    return _without({**claims, **changed}, missing)


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
