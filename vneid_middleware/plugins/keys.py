"""The portal's own keys, from PEM files, and their public half at ``GET /.well-known/jwks.json``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zope.interface import implementer

from vneid_middleware.core.keys import load_private_key, public_jwk
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import IKeyProvider, IProvisioned
from vneid_middleware.settings import Setting, SettingsTable

TABLE = SettingsTable("keys", (
    Setting("keys.provider", lambda value, source: value, "file",
            "Who signs and decrypts: file (PEM files named in the ini), or a plugin's, such as an HSM."),
))


@implementer(IKeyProvider, IProvisioned)
class FileKeys:
    """Keys in PEM files named by settings that end in ``signing_key`` or ``decryption_key``."""

    def provision(self, services: Any) -> None:
        self._files = {name: value for name, value in services.settings.items()
                       if value and name.endswith(("signing_key", "decryption_key"))}
        self._keys: dict[str, Any] = {}

    def public_keys(self) -> list[dict[str, Any]]:
        return [self._jwk(name) for name in sorted(self._files)]

    def sign(self, setting: str, payload: bytes, header: Mapping[str, Any]) -> str:
        from jwt import PyJWS

        jwk = self._jwk(setting)
        return PyJWS().encode(payload, self._key(setting), algorithm=jwk["alg"],
                              headers={**header, "kid": jwk["kid"]})

    def unwrap(self, setting: str, wrapped: bytes, algorithm: str) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import padding
        from cryptography.hazmat.primitives.hashes import SHA256

        key = self._key(setting)
        if algorithm == "RSA-OAEP-256":
            scheme: Any = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
        elif algorithm == "RSA1_5":
            scheme = padding.PKCS1v15()
        else:
            raise VNeIDError("algorithm_unknown", "the algorithm is neither RSA1_5 nor RSA-OAEP-256")
        try:
            return bytes(key.decrypt(wrapped, scheme))
        except (ValueError, AttributeError):
            # RFC 7516 section 11.5: go on with a random key, so that bad padding looks like a bad message
            return os.urandom(32)

    def _key(self, setting: str) -> Any:
        if setting not in self._files:
            raise VNeIDError("key_missing", f"{setting} is not set", setting=setting)
        if setting not in self._keys:
            self._keys[setting] = load_private_key(Path(self._files[setting]).read_bytes())
        return self._keys[setting]

    def _jwk(self, setting: str) -> dict[str, Any]:
        signing = setting.endswith("signing_key")
        jwk = public_jwk(self._key(setting))
        algorithm = ("ES256" if jwk["kty"] == "EC" else "RS256") if signing else "RSA-OAEP-256"
        return {**jwk, "use": "sig" if signing else "enc", "alg": algorithm}


def jwks_view(request: Any) -> Any:
    """Publish the portal's public keys."""
    return request.vneid.pages.json({"keys": list(request.vneid.keys.public_keys())})


def includeme(config: Any) -> None:
    """Offer the key provider ``file`` and the key set."""
    config.add_vneid_settings(TABLE)
    config.add_vneid_key_provider("file", FileKeys())
    config.add_route("vneid.jwks", "/.well-known/jwks.json")
    config.add_view(jwks_view, route_name="vneid.jwks", request_method="GET")
