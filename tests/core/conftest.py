"""Signers whose tokens and keys can be bent at will; they refuse nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm, get_default_algorithms

import support
from vneid_middleware.core.jose import KeySet


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    def __init__(self, private_key: Any, alg: str, kid: str) -> None:
        self.private_key, self.alg, self.kid = private_key, alg, kid

    def jwk(self, **members: Any) -> dict[str, Any]:
        """Return the public JWK; a member given as ``...`` is left out."""
        is_rsa = isinstance(self.private_key, rsa.RSAPrivateKey)
        algorithm: Any = RSAAlgorithm if is_rsa else ECAlgorithm
        jwk = {**json.loads(algorithm.to_jwk(self.private_key.public_key())), "kid": self.kid, "use": "sig"}
        jwk.pop("key_ops", None)
        jwk.update(members)
        return {name: value for name, value in jwk.items() if value is not ...}

    def key_set(self, **members: Any) -> KeySet:
        return KeySet.from_jwks({"keys": [self.jwk(**members)]})

    def sign(self, signing_input: bytes, alg: str | None = None) -> bytes:
        signature: bytes = get_default_algorithms()[alg or self.alg].sign(signing_input, self.private_key)
        return signature

    def raw(self, header: bytes, payload: bytes) -> str:
        signing_input = f"{b64(header)}.{b64(payload)}"
        return f"{signing_input}.{b64(self.sign(signing_input.encode()))}"

    def token(self, claims: Any, **header: Any) -> str:
        """Return a signed token; a header parameter given as ``...`` is left out."""
        parameters = {"alg": self.alg, "kid": self.kid, **header}
        kept = {name: value for name, value in parameters.items() if value is not ...}
        return self.raw(json.dumps(kept).encode(), json.dumps(claims).encode())


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return support.rsa_key("signer")


@pytest.fixture(scope="session")
def signer(rsa_key: rsa.RSAPrivateKey) -> Signer:
    """Signs with RS256."""
    return Signer(rsa_key, "RS256", "rsa-1")


@pytest.fixture(scope="session")
def stranger() -> Signer:
    """Signs with RS256 under the same key id, and is nobody we know."""
    return Signer(support.rsa_key("stranger"), "RS256", "rsa-1")


@pytest.fixture(scope="session")
def ec_signer() -> Signer:
    """Signs with ES256."""
    return Signer(ec.generate_private_key(ec.SECP256R1()), "ES256", "ec-1")


@pytest.fixture(scope="session")
def make_signer() -> type[Signer]:
    return Signer
