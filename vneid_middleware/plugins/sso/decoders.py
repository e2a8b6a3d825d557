"""Forms of the provider's token and userinfo answers, and the claims mappers for the known names."""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from zope.interface import implementer

from vneid_middleware.core.identity import ClaimNames, map_claims
from vneid_middleware.core.jose import JoseError, loads_object
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import IClaimsMapper, IResponseDecoder
from vneid_middleware.models import MappedClaims

_ENVELOPE = frozenset({"data", "key"})
_KEY_SIZES = (16, 24, 32)
_BLOCK = 16


def _malformed(detail: str) -> VNeIDError:
    return VNeIDError("response_malformed", detail)


@implementer(IResponseDecoder)
class Plain:
    """The answer is the claims. An envelope is refused: it is not what ``sso.response`` says."""

    def decode(self, answer: Mapping[str, Any], services: Any) -> Mapping[str, Any]:
        if set(answer) == _ENVELOPE:
            raise _malformed("an encrypted envelope came; sso.response says plain")
        return answer


@implementer(IResponseDecoder)
class RsaAes:
    """``{"data": …, "key": …}``: an AES key under RSA PKCS#1 v1.5, the JSON under AES-ECB with PKCS#5 padding.

    Neither part is authenticated: what comes out is believed only because it came from the provider over TLS. Whatever
    is wrong with it gives one and the same error, and bad RSA padding gives a random key (RFC 7516 section 11.5), so that
    nobody can ask it questions about a ciphertext.
    """

    def decode(self, answer: Mapping[str, Any], services: Any) -> Mapping[str, Any]:
        if set(answer) != _ENVELOPE or not all(isinstance(answer[part], str) for part in _ENVELOPE):
            raise _malformed("no encrypted envelope came; sso.response says rsa-aes")
        try:
            wrapped = b64decode(answer["key"], validate=True)
            data = b64decode(answer["data"], validate=True)
        except ValueError:
            raise _malformed("the encrypted envelope can't be read") from None
        # every key is tried to the end, so that the time tells nothing of which one fits, if any
        read = [_read(key, data) for key in services.keys.unwrap("sso.decryption_key", wrapped, "RSA1_5")]
        found = [claims for claims in read if claims is not None]
        if not found:
            raise _malformed("the encrypted envelope can't be read")
        return found[0]


def _read(key: bytes, data: bytes) -> dict[str, Any] | None:
    try:
        return loads_object(_decrypt(key, data))
    except (JoseError, ValueError):
        return None


def _decrypt(key: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import ECB
    from cryptography.hazmat.primitives.padding import PKCS7

    # a key of a wrong size goes on as a random one: the padding below fails then, like for any other wrong key
    usable = key if len(key) in _KEY_SIZES else os.urandom(32)
    if not data or len(data) % _BLOCK:
        raise ValueError("not whole blocks")
    decryptor = Cipher(AES(usable), ECB()).decryptor()  # noqa: S305  the provider's format
    unpadder = PKCS7(_BLOCK * 8).unpadder()
    return unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()


@implementer(IClaimsMapper)
class NamedClaims:
    """Reads the identity by claim names.

    Args:
        names: identity field to claim names, the first present one wins.
        strict: VNeID's rules hold (see :func:`vneid_middleware.core.identity.map_claims`).
    """

    def __init__(self, names: ClaimNames, *, strict: bool) -> None:
        self._names = names
        self._strict = strict

    def map(self, claims: Mapping[str, Any], now: int) -> MappedClaims:
        return map_claims(claims, self._names, now=now, strict=self._strict)
