"""A browser that keeps cookies and tells what it got, a server for the tests' own applications, and certificates."""

from __future__ import annotations

import http.client
import ipaddress
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from waitress import create_server

NAVIGATION = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


class Answer(NamedTuple):
    """One answer, redirects not followed."""

    status: int
    headers: http.client.HTTPMessage
    text: str
    url: str

    @property
    def location(self) -> str:
        return self.headers["Location"] or ""

    def json(self) -> Any:
        return json.loads(self.text)


class Browser:
    """Keeps cookies by host and port and follows redirects, as far as a login needs it."""

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = {}

    def get(self, url: str, headers: dict[str, str] | None = None, follow: bool = False) -> Answer:
        answer = self.send("GET", url, headers)
        for _ in range(15):
            if not (follow and answer.status in (302, 303)):
                return answer
            answer = self.send("GET", urljoin(answer.url, answer.location), headers)
        raise AssertionError(f"redirects without end at {answer.url}")

    def post(self, url: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Answer:
        kind = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.send("POST", url, kind, urlencode(form or {}).encode())

    def send(self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Answer:
        parts = urlsplit(url)
        jar = self.cookies.setdefault(parts.netloc, {})
        sent = {**NAVIGATION, **(headers or {})}
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        connection = http.client.HTTPConnection(parts.netloc, timeout=40)
        try:
            connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, sent)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie") or ():
            self._keep(jar, line)
        return Answer(response.status, response.headers, text, url)

    @staticmethod
    def _keep(jar: dict[str, str], line: str) -> None:
        pair, *attributes = line.split(";")
        name, _, value = pair.partition("=")
        if any(part.strip().lower() == "max-age=0" for part in attributes):
            jar.pop(name, None)
        else:
            jar[name] = value


@contextmanager
def serving(make: Callable[[str], Any], **options: Any) -> Iterator[tuple[str, Any]]:
    """Serve ``make(base_url)`` by waitress on a free port of loopback and give base URL and application."""
    holder: dict[str, Any] = {}
    server = create_server(lambda environ, start: holder["app"](environ, start), host="127.0.0.1", port=0,
                           **{"threads": 8, "clear_untrusted_proxy_headers": False, **options})
    base = f"http://127.0.0.1:{server.effective_port}"
    holder["app"] = make(base)
    thread = threading.Thread(target=server.run, name="test-server", daemon=True)
    thread.start()
    try:
        yield base, holder["app"]
    finally:
        # the thread that waits on the sockets closes them: closed by another one they would break its select, or leave it
        # waiting for its time-out
        with suppress(OSError):
            # a thread that answers at this moment may have woken it before us, and then it closed already
            server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
        thread.join(10)
        # idle threads end at once; one that hangs is not waited for
        server.task_dispatcher.shutdown(timeout=1)


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
