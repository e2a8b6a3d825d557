"""VNeID as the counter's tests need it: answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CITIZEN = {"soDinhDanh": "001204000123", "hoVaTen": "Nguyễn Thị Ánh Tuyết", "gioiTinh": "0", "ngayThangNamSinh": "20040517",
           "noiThuongTru": "Số 1 phố Hòa Mã, Hà Nội"}

KEYS = {"quay-1": "key-of-the-first-counter-0123456789", "quay-2": "key-of-the-second-counter-0123456789"}
SECRET = "a-secret-of-the-counter-0123456789-abcdefghijklm"


def settings_for(folder: Path, keys: str, service: str, threads: int) -> dict[str, str]:
    """Return the settings of a portal with a counter, but for its address."""
    digests = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
    return {
        "plugins": "qr", "secret": SECRET, "storage": f"sqlite:///{folder / 'vneid.db'}", "server_threads": str(threads),
        "transport.vneid.kind": "direct", "transport.vneid.url": service, "transport.vneid.timeout": "5",
        "qr.transport": "vneid", "qr.path": "/qr/lookup", "qr.jwks": keys + "/jwks",
        "qr.operators": "\n".join(f"{name} = sha256:{digest}" for name, digest in digests.items()),
    }


class VNeID:
    """The service behind the transport.

    ``answer`` is called with the question and returns the envelope, or a WSGI-like ``(status, headers, body)``.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.key: Any = ec.generate_private_key(ec.SECP256R1())
        self.other: Any = ec.generate_private_key(ec.SECP256R1())
        self.rsa: Any = rsa.generate_private_key(65537, 2048)
        self.asked: list[dict[str, Any]] = []
        self.requests: list[dict[str, str]] = []
        self.answer: Callable[[dict[str, Any]], Any] = self.gives()
        self.released = threading.Event()

    def jwks(self) -> dict[str, Any]:
        def public(key: Any, algorithm: Any, kid: str, alg: str) -> dict[str, Any]:
            return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", "alg": alg}

        return {"keys": [public(self.key, jwt.algorithms.ECAlgorithm, "one", "ES256"),
                         public(self.rsa, jwt.algorithms.RSAAlgorithm, "two", "RS256")]}

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.clock())
        found = {**CITIZEN, "iat": now, "exp": now + 60, "jti": str(uuid.uuid4()), **changes}
        return {name: value for name, value in found.items() if value is not None}

    def signed(self, claims: dict[str, Any] | None = None, *, key: Any = None, alg: str = "ES256", kid: str = "one",
               **headers: Any) -> str:
        # by the JWS half of the library: the JWT half would refuse the claims that tests need
        return jwt.api_jws.encode(json.dumps(claims or self.claims()).encode(), key or self.key, alg,
                                  headers={"typ": "JWT", "kid": kid, **headers})

    def gives(self, code: str = "00", **changes: Any) -> Callable[[dict[str, Any]], Any]:
        """Return an answer: a signed citizen, or a code without data."""
        def answer(question: dict[str, Any]) -> Any:
            envelope: dict[str, Any] = {"responseCode": code, "responseMessage": "Thành công" if code == "00" else ""}
            return {**envelope, "data": self.signed(self.claims(**changes))} if code == "00" else envelope

        return answer

    def pends(self, *then: Callable[[dict[str, Any]], Any], transaction: str = "") -> Callable[[dict[str, Any]], Any]:
        """Return an answer: asked with a QR it is pending, asked after that transaction it gives what ``then`` says in turn."""
        waiting: dict[str, list[Any]] = {}

        def answer(question: dict[str, Any]) -> Any:
            known = question.get("transactionId")
            if known is None:
                name = transaction or f"transaction-{uuid.uuid4()}"
                waiting[name] = list(then)
                return {"responseCode": "01", "responseMessage": "", "transactionId": name}
            left = waiting[known]
            return left.pop(0)(question) if left else {"responseCode": "01", "transactionId": known}

        return answer

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/jwks":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.jwks()).encode()]
        question = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        self.asked.append(question)
        self.requests.append({key: value for key, value in environ.items() if isinstance(value, str)})
        found = self.answer(question)
        if isinstance(found, tuple):
            status, headers, body = found
            start_response(status, headers)
            return [body]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(found).encode()]

    def holds(self, then: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """Return an answer that does not come before the test releases it."""
        def answer(question: dict[str, Any]) -> Any:
            self.released.wait(30)
            return then(question)

        return answer
