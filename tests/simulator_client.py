"""Calls a running simulator by HTTP, and moves its clock."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

NOW = 1_800_000_000
"""Unix seconds at which a simulator's clock stands when a test begins."""


class SimulatorClient:
    """Calls a simulator whose clock reads ``now``.

    Args:
        base: where it listens.
        app: it.
    """

    def __init__(self, base: str, app: Any) -> None:
        self.base, self.app, self.now = base, app, float(NOW)

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = self.request("POST", path, json.dumps(body).encode(), sent)
        return answer.status, json.loads(answer.content)

    def get(self, path: str) -> Any:
        return json.loads(self.request("GET", path).content)

    def switch(self, **values: str) -> None:
        names = {name.replace("__", "."): value for name, value in values.items()}
        assert self.post("/control/switches", names)[0] == 200
