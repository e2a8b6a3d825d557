"""VNeID's side of a push as the outbox's tests need it: applies what it gets as an honest receiver does, or fails as told; and
the model that says what must hold after each run."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import jwt

KEYS = {"mot-cua": "key-of-the-back-office-0123456789", "khac": "key-of-another-office-0123456789"}
SECRET = "a-secret-of-the-outbox-0123456789-abcdefghijklmn"
OK = (200, {}, {"status": "ok", "responseCode": "00"})
Document = tuple[str, str, str]


def settings_for(service: str, storage: str, key: str) -> dict[str, str]:
    """Return the settings of a portal with an outbox, but for its address."""
    digests = {name: hashlib.sha256(value.encode()).hexdigest() for name, value in KEYS.items()}
    return {
        "plugins": "documents", "secret": SECRET, "storage": storage, "documents.signing_key": key,
        "transport.vneid.kind": "direct", "transport.vneid.url": service, "transport.vneid.timeout": "2",
        "documents.transport": "vneid", "documents.push_path": "/push", "documents.GPLX.url": "sqlite:////nowhere",
        "documents.callers": f"vneid = key:sha256:{'0' * 64}", "documents.GPLX.provider": "sql",
        "documents.GPLX.lookup": "SELECT so, ten FROM gplx WHERE so_dinh_danh = :soDinhDanh", "documents.GPLX.id": "so",
        "documents.GPLX.fields": "HoVaTen = ten",
        "documents.submitters": "\n".join(f"{name} = sha256:{digest}" for name, digest in digests.items()),
    }


def write_ini(settings: Mapping[str, str], folder: Path, rest: str = "", name: str = "portal.ini") -> Path:
    """Write the ini of a portal and return its path; ``rest`` are the sections behind the portal's own."""
    lines = "\n".join(f"{key} = {value}".replace("\n", "\n  ").replace("%", "%%") for key, value in settings.items())
    path = folder / name
    path.write_text(f"[filter:vneid]\nuse = egg:vneid-middleware\n{lines}\n{rest}", encoding="utf-8")
    return path


class Got(NamedTuple):
    """One request as it came."""

    payload: dict[str, Any]
    token: str
    headers: Mapping[str, str]

    @property
    def document(self) -> Document:
        return self.payload["loaiGiayTo"], self.payload["soDinhDanh"], self.payload["maGiayTo"]

    @property
    def version(self) -> int:
        return int(self.payload["version"])


Answer = tuple[int, dict[str, str], Any]


class Receiver:
    """Takes pushes. ``answer`` may fail a request: it returns an answer, or None for what an honest receiver says; ``after``
    is called when the effect has taken place and before the answer goes out."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.reset()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                found = receiver.take(body.decode(), dict(self.headers.items()))
                if found is None:
                    self.close_connection = True
                    return
                status, headers, content = found
                encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                try:
                    self.wfile.write(encoded)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args: Any) -> None:
                """Nothing on the tests' terminal."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that was killed is what some tests want."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def reset(self) -> None:
        self.got: list[Got] = []
        self.effects: dict[Document, list[int]] = defaultdict(list)
        self.contents: dict[Document, Any] = {}
        self.regressions: list[Got] = []
        self.answer: Callable[[Got], Answer | None] = lambda got: None
        self.after: Callable[[Got], Answer | None] = lambda got: None
        self.busy: dict[Document, int] = defaultdict(int)
        self.together: list[Document] = []

    def take(self, token: str, headers: dict[str, str]) -> Answer | None:
        part = token.split(".")[1]
        got = Got(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))), token, headers)
        with self.lock:
            self.got.append(got)
            self.busy[got.document] += 1
            if self.busy[got.document] > 1:
                self.together.append(got.document)
        try:
            return self.answer(got) or self.applied(got)
        finally:
            with self.lock:
                self.busy[got.document] -= 1

    def applied(self, got: Got) -> Answer | None:
        """Take the effect of a push as a receiver does that knows versions."""
        with self.lock:
            seen = self.effects[got.document]
            newest = seen[-1] if seen else 0
            if got.version > newest:
                seen.append(got.version)
                self.contents[got.document] = got.payload["data"]
        if got.version < newest:
            self.regressions.append(got)
            return 409, {}, {"responseCode": "09", "version": newest}
        return self.after(got) or OK

    def versions(self) -> list[int]:
        """Return the versions in the order that they came."""
        return [got.version for got in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def verified(got: Got, jwk: Mapping[str, Any]) -> bool:
    """Tell whether a push was signed by the portal's published key."""
    key = jwt.PyJWK.from_dict(dict(jwk))
    jwt.api_jws.decode(got.token, key, algorithms=[jwk["alg"]])
    return True
