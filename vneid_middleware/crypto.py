"""Sealing: authenticated encryption under keys derived from ``secret``, one key for each purpose.

A sealed value is standard base64 of ``key id (4) | nonce (12) | AES-256-GCM ciphertext and tag``. Its length is always a
multiple of four without padding, so that every character counts: none can be changed, added or dropped unnoticed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence
from typing import Any

from vneid_middleware.exceptions import SealError

KEY_ID_BYTES = 4
NONCE_BYTES = 12
TAG_BYTES = 16
LEAST_SECRET = 32
"""Characters of a line of ``secret``."""
_LEAST_VARIETY = 8
HEAD_BYTES = KEY_ID_BYTES + NONCE_BYTES
OVERHEAD_BYTES = HEAD_BYTES + TAG_BYTES

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_decode = json.JSONDecoder().decode


def secret_lines(value: str) -> list[str]:
    """Return the lines of the setting ``secret``, newest first.

    Raises:
        ValueError: with the expectation in words.
    """
    lines = [line.strip() for line in value.splitlines() if line.strip()]
    if not lines or any(len(line) < LEAST_SECRET for line in lines):
        raise ValueError(f"must have at least {LEAST_SECRET} characters in each line")
    if any(len(set(line)) < _LEAST_VARIETY for line in lines):
        raise ValueError("must be random: a line repeats the same few characters")
    return lines


class KeyRing:
    """The portal's secrets: the first seals, all of them open, so that a secret can be rotated.

    Args:
        secrets: lines of the setting ``secret``, newest first.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a key ring needs at least one secret")
        self._secrets = tuple(secret.encode("utf-8") for secret in secrets)
        self._derived: dict[str, list[tuple[bytes, bytes]]] = {}

    def derive(self, purpose: str) -> list[tuple[bytes, bytes]]:
        """Return ``(key id, 256-bit key)`` of each secret for one purpose (HKDF-SHA256, RFC 5869)."""
        found = self._derived.get(purpose)
        if found is None:
            found = self._derived[purpose] = [
                (_expand(secret, purpose, b"id", KEY_ID_BYTES), _expand(secret, purpose, b"key", 32)) for secret in self._secrets]
        return found

    def ids(self, purpose: str) -> list[str]:
        """Return what each secret is called, newest first: it says nothing of the secret."""
        return [key_id.hex() for key_id, _ in self.derive(purpose)]

    def box(self, purpose: str) -> SealedBox:
        """Return the box that seals and opens for ``purpose``, such as ``session``."""
        return SealedBox(self.derive(purpose), purpose)

    def keyed_hashes(self, purpose: str, value: str) -> list[str]:
        """Return HMAC-SHA256 of ``value`` under each secret, newest first, as hex.

        For looking a citizen up without keeping the number: store the first, search for all.
        """
        return [hmac.new(key, value.encode("utf-8"), hashlib.sha256).hexdigest() for _, key in self.derive(purpose)]

    def account_keys(self, issuer: str, subject: str) -> list[str]:
        """Return the keyed hashes that a provider's account is found by, newest secret first."""
        return self.keyed_hashes("subject", f"{issuer}\n{subject}")

    def number_keys(self, issuer: str, personal_id: str) -> list[str]:
        """Return the keyed hashes of a number as one provider gives it, newest secret first."""
        return self.keyed_hashes("account-number", f"{issuer}\n{personal_id}")


class SealedBox:
    """Seals bytes or JSON for one purpose; what was sealed for another purpose does not open.

    Thread-safe and safe to share across ``fork``: it holds nothing but keys.
    """

    __slots__ = ("_aad", "_ciphers", "_key_id", "_newest")

    def __init__(self, keys: Sequence[tuple[bytes, bytes]], purpose: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._ciphers = {key_id: AESGCM(key) for key_id, key in reversed(list(keys))}
        self._key_id = keys[0][0]
        self._newest = self._ciphers[self._key_id]
        self._aad = f"vneid-middleware/v1/{purpose}".encode()

    def seal_bytes(self, plain: bytes, context: bytes = b"") -> str:
        """Seal ``plain``; ``context`` (a row's key, say) must be given again to open it."""
        pad = -(len(plain) + OVERHEAD_BYTES) % 3
        nonce = os.urandom(NONCE_BYTES)
        data = self._newest.encrypt(nonce, plain + b" " * pad, self._aad + context)
        return b2a_base64(self._key_id + nonce + data, newline=False).decode("ascii")

    def open_bytes(self, sealed: str, context: bytes = b"") -> bytes:
        """Open what :meth:`seal_bytes` made. Trailing spaces may have been added.

        Raises:
            SealError: with code ``sealed_value_invalid`` for every kind of damage, so that nothing is told apart.
        """
        try:
            raw = a2b_base64(sealed)
            if len(raw) * 4 != len(sealed) * 3:
                raise SealError("sealed_value_invalid")
            cipher = self._ciphers[raw[:KEY_ID_BYTES]]
            return cipher.decrypt(raw[KEY_ID_BYTES:HEAD_BYTES], raw[HEAD_BYTES:], self._aad + context)
        except SealError:
            raise
        except Exception as error:
            # binascii, KeyError, InvalidTag, ValueError: the reason is of no use to anybody but an attacker
            raise SealError("sealed_value_invalid") from error

    @property
    def mark(self) -> str:
        """What everything that is sealed by the newest secret begins with, and nothing else."""
        # five characters of base64 are 30 bits, all of the key's id
        return b2a_base64(self._key_id + b"\0\0", newline=False).decode("ascii")[:5]

    def seal(self, value: Any, context: bytes = b"") -> str:
        """Seal a JSON value."""
        return self.seal_bytes(_encode(value).encode("utf-8"), context)

    def open(self, sealed: str, context: bytes = b"") -> Any:
        """Open what :meth:`seal` made.

        Raises:
            SealError: the value is not ours, altered, or sealed with a secret that is gone.
        """
        return _decode(self.open_bytes(sealed, context).decode("utf-8"))

    def opener(self) -> Callable[[str], Any]:
        """Return a function that opens JSON with as few steps as there can be: for the hot path.

        It raises any exception at all on a value that does not open.
        """
        ciphers, aad = self._ciphers, self._aad

        def open_fast(sealed: str) -> Any:
            raw = a2b_base64(sealed)
            if len(raw) * 4 != len(sealed) * 3:
                raise Base64Error("not canonical")
            return _decode(ciphers[raw[:4]].decrypt(raw[4:16], raw[16:], aad).decode())

        return open_fast

    @staticmethod
    def sealed_length(plain_length: int) -> int:
        """Return how many characters ``plain_length`` bytes take when sealed."""
        return (plain_length + OVERHEAD_BYTES + 2) // 3 * 4


def _expand(secret: bytes, purpose: str, kind: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = b"vneid-middleware/v1/" + purpose.encode("utf-8") + b"/" + kind
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)
