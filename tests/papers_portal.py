"""A portal that publishes keys, answers questions for documents as a test says, and signs changes that it pushes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from webob import Request, Response

from vneid_middleware.core.keys import public_jwk

NGUYET = "100190000001"
LICENCE = {"SoGPLX": "790123456789", "HangGPLX": "B", "HoVaTen": "Nguyễn Thị Ánh Nguyệt", "NgaySinh": "19900517"}
KEYS = {"ES256": ec.generate_private_key(ec.SECP256R1()), "RS256": rsa.generate_private_key(65537, 2048)}
OK = {"status": "ok", "responseCode": "00", "responseMessage": "Thành công", "data": LICENCE}


def signed(claims: Any, alg: str = "ES256", key: Any = None, **headers: Any) -> str:
    header = {"kid": public_jwk(KEYS[alg])["kid"], **headers}
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key or KEYS[alg], algorithm=alg, headers=header)


class Portal:
    """Publishes its keys, notes what it is asked, and answers what the test says."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.start_again()

    def start_again(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.requests: list[Any] = []
        self.answers: list[Any] = []
        self.published = list(KEYS.values())

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path_info == "/vneid/.well-known/jwks.json":
            keys = [{**public_jwk(key), "use": "sig"} for key in self.published]
            return Response(json.dumps({"keys": keys}).encode(), content_type="application/json")
        self.requests.append((request.content_type, request.headers.get("Authorization"), request.body))
        with suppress(jwt.InvalidTokenError, ValueError):
            # read without trust: the tests verify where it matters
            self.asked.append(jwt.decode(request.body, options={"verify_signature": False})
                              if request.content_type == "application/jose" else json.loads(request.body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Response):
            return answer.copy()
        content = {"requestId": self.asked[-1].get("requestId"), **answer}
        if request.content_type == "application/jose":
            return Response(signed(content).encode(), content_type="application/jose")
        return Response(json.dumps(content).encode(), content_type="application/json")


def change(version: int = 1, **changed: Any) -> dict[str, Any]:
    claims = {"changeId": f"c-{version}", "idempotencyKey": f"k-{version}", "loaiGiayTo": "GPLX", "soDinhDanh": NGUYET,
              "maGiayTo": "790123456789", "version": version, "action": "upsert", "data": {**LICENCE, "SoSeri": str(version)},
              "iat": int(time.time()), **changed}
    return {name: value for name, value in claims.items() if value is not ...}
