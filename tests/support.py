"""The browser and the server of the tests are those of the kit that everybody tests with; a clock, and certificates."""

from __future__ import annotations

import ipaddress
import time
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from vneid_middleware.testing.browser import NAVIGATION, Answer, Browser
from vneid_middleware.testing.server import serving

__all__ = ["NAVIGATION", "Answer", "Browser", "Clock", "make_certificate", "rsa_key", "serving"]


class Clock:
    """Goes as the tests say."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return the RSA key of ``name``: made once in a process, since that takes long."""
    return rsa.generate_private_key(65_537, 2_048)


def make_certificate(folder: Path, days: int = 1) -> tuple[str, str]:
    """Write a certificate for 127.0.0.1 that is its own authority, and its key; return their file names.

    Args:
        days: how long it holds; below zero it held before today.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, folder.name)])
    now = datetime.now(timezone.utc)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days)).add_extension(address, False)
            .add_extension(x509.BasicConstraints(True, None), True).sign(key, SHA256()))
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "key.pem").chmod(0o600)
    return str(folder / "cert.pem"), str(folder / "key.pem")
