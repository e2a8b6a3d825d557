"""The portal's own keys, from PEM files, and their public half at ``GET /.well-known/jwks.json``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zope.interface import implementer

from vneid_middleware.core.keys import load_private_key, public_jwk
from vneid_middleware.directives import Registrations, unknown_implementation
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import IKeyProvider, IProvisioned
from vneid_middleware.settings import Problem, Setting, Settings, SettingsTable, exposed_file

_PRIVATE = ("signing_key", "decryption_key")
"""What the names of settings end in that name a PEM file with a private key."""

_PUBLIC = frozenset({"kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "x5u", "x5c", "x5t", "x5t#S256"})
"""Members of public JWKs (RFC 7517 section 4, RFC 7518 section 6)."""


def make_table(registrations: Registrations) -> SettingsTable:
    """Return the table; what ``keys.provider`` may name is known when all plugins are in."""

    def provider_rule(settings: Settings) -> list[Problem]:
        return unknown_implementation(settings, "keys.provider", registrations.implementations("key_provider"))

    return SettingsTable("keys", ROWS, (provider_rule, _exposed_rule, _separation_rule))


def _exposed_rule(settings: Settings) -> list[Problem]:
    return [problem for name, files in _named_files(settings).items() for file in files
            for problem in exposed_file(name, file, settings.source)]


def _named_files(settings: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the key files by setting; a plugin's setting may name one file alone."""
    return {name: (value,) if isinstance(value, str) else tuple(value) for name, value in settings.items()
            if value and name.endswith(_PRIVATE)}


def _separation_rule(settings: Settings) -> list[Problem]:
    """A key that signs must not decrypt, too: what was sent to be decrypted could be made to be signed (NIST SP 800-57)."""
    ids = [(name, public_jwk(load_private_key(Path(file).read_bytes()))["kid"])
           for name, files in _named_files(settings).items() for file in files]
    signing = {kid: name for name, kid in ids if name.endswith("signing_key")}
    return [settings.problem(name, f"is the same key as {signing[kid]}", "Make one for each: vneid keys new encryption.")
            for name, kid in ids if name.endswith("decryption_key") and kid in signing]


ROWS = (
    Setting("keys.provider", lambda value, source: value, "file",
            "Who signs and decrypts: file (PEM files named in the ini), or a plugin's, such as an HSM."),
)


@implementer(IKeyProvider, IProvisioned)
class FileKeys:
    """Keys in PEM files named by settings that end in ``signing_key`` or ``decryption_key``.

    Where a setting names several, the first signs, all decrypt, and all are published: a key is replaced by putting the new
    one first and taking the old one away when nobody uses it any more.
    """

    def provision(self, services: Any) -> None:
        self._files = _named_files(services.settings)
        # what the ini calls the newest key of a setting: documents.key_id for documents.signing_key
        self._ids = {name: services.settings.get(f"{name.rpartition('.')[0]}.key_id") for name in self._files
                     if name.endswith("signing_key")}
        self._keys: dict[str, tuple[Any, ...]] = {}

    def public_keys(self) -> list[dict[str, Any]]:
        return [self._jwk(name, key) for name in sorted(self._files) for key in self._all(name)]

    def sign(self, setting: str, payload: bytes, header: Mapping[str, Any]) -> str:
        from jwt import PyJWS

        key = self._all(setting)[0]
        jwk = self._jwk(setting, key)
        return PyJWS().encode(payload, key, algorithm=jwk["alg"],
                              headers={**header, "alg": jwk["alg"], "kid": jwk["kid"]})

    def unwrap(self, setting: str, wrapped: bytes, algorithm: str) -> list[bytes]:
        from cryptography.hazmat.primitives.asymmetric import padding
        from cryptography.hazmat.primitives.hashes import SHA256

        if algorithm == "RSA-OAEP-256":
            scheme: Any = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
        elif algorithm == "RSA1_5":
            scheme = padding.PKCS1v15()
        else:
            raise VNeIDError("algorithm_unknown", "the algorithm is neither RSA1_5 nor RSA-OAEP-256")
        return [_unwrapped(key, wrapped, scheme) for key in self._all(setting)]

    def decrypt(self, setting: str, token: str) -> bytes:
        from vneid_middleware.core.jwe import decrypt

        failed: VNeIDError | None = None
        for key in self._all(setting):
            try:
                return decrypt(token, key)
            except VNeIDError as error:
                # a key that does not even fit tells less than one that does
                failed = error if failed is None or error.code == "decryption_failed" else failed
        raise failed or VNeIDError("key_missing", f"{setting} names no key")

    def _jwk(self, setting: str, key: Any) -> dict[str, Any]:
        jwk, given = _jwk(setting, key), self._ids.get(setting)
        return {**jwk, "kid": given} if given and key is self._all(setting)[0] else jwk

    def _all(self, setting: str) -> tuple[Any, ...]:
        if setting not in self._files:
            raise VNeIDError("key_missing", f"{setting} is not set", setting=setting)
        if setting not in self._keys:
            self._keys[setting] = tuple(load_private_key(Path(file).read_bytes()) for file in self._files[setting])
        return self._keys[setting]


def _unwrapped(key: Any, wrapped: bytes, scheme: Any) -> bytes:
    try:
        return bytes(key.decrypt(wrapped, scheme))
    except (ValueError, AttributeError):
        # RFC 7516 section 11.5: go on with a random key, so that bad padding looks like a bad message
        return os.urandom(32)


def _jwk(setting: str, key: Any) -> dict[str, Any]:
    signing = setting.endswith("signing_key")
    jwk = public_jwk(key)
    by_kind = {"EC": ("ES256", "ECDH-ES+A256KW"), "RSA": ("RS256", "RSA-OAEP-256")}
    algorithm = by_kind[jwk["kty"]][0 if signing else 1]
    return {**jwk, "use": "sig" if signing else "enc", "alg": algorithm}


def jwks_view(request: Any) -> Any:
    """Publish the portal's public keys. Whatever a provider gives, no private member and no shared secret goes out."""
    keys = [{name: value for name, value in jwk.items() if name in _PUBLIC}
            for jwk in request.vneid.keys.public_keys() if jwk.get("kty") != "oct"]
    return request.vneid.pages.json({"keys": keys})


def includeme(config: Any) -> None:
    """Offer the key provider ``file`` and the key set."""
    config.add_vneid_settings(make_table(config.registry["vneid.registrations"]))
    config.add_vneid_key_provider("file", FileKeys())
    config.add_route("vneid.jwks", "/.well-known/jwks.json")
    config.add_view(jwks_view, route_name="vneid.jwks", request_method="GET")
