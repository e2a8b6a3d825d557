"""What stands in a citizen's QR code: nothing that anybody but the simulator can read, encrypted and signed, for one minute.

The guide says that the code is "structured, encrypted and signed" and not how. Nobody outside may look into it, so that the
form here need only be as long, as mixed and as opaque as the real one is likely to be.
"""

from __future__ import annotations

import os
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "VNeID1."
LIFETIME = 60
"""Seconds that a code lives (the guide: about one minute)."""

_FORM = struct.Struct(">16sQ")
_NONCE = 12


class QrCodes:
    """Makes the contents of codes and tells its own ones from others. Keys live as long as the process."""

    def __init__(self) -> None:
        self._cipher, self._signer = AESGCM(AESGCM.generate_key(256)), Ed25519PrivateKey.generate()

    def make(self, expires: float) -> str:
        """Return a new ``qrID``: about 160 characters of printable ASCII, which a phone's screen shows well.

        Args:
            expires: unix seconds.
        """
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, _FORM.pack(secrets.token_bytes(16), int(expires * 1000)), None)
        return f"{PREFIX}{_text(sealed)}.{_text(self._signer.sign(sealed))}"

    def expiry(self, qr_id: str) -> float | None:
        """Return until when a code was made for, in unix seconds; None: it is not ours, or somebody changed it."""
        head, _, signature = qr_id.removeprefix(PREFIX).partition(".")
        if not (qr_id.startswith(PREFIX) and qr_id.isascii()):
            return None
        try:
            sealed = _bytes(head)
            self._signer.public_key().verify(_bytes(signature), sealed)
            _, expires = _FORM.unpack(self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], None))
        except (ValueError, InvalidSignature, InvalidTag):
            return None
        return float(expires) / 1000


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
