"""Whole logins before endpoints that hang, drip, flood, break off or talk nonsense: a page in time, and nobody is let in."""

from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from support import Browser

REFERENCE = re.compile(r"[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


Misbehaviour = Callable[[socket.socket, threading.Event], None]


def send(*parts: bytes) -> Misbehaviour:
    return lambda connection, stop: connection.sendall(b"".join(parts))


def hang(connection: socket.socket, stop: threading.Event) -> None:
    stop.wait(30)


def drip(connection: socket.socket, stop: threading.Event) -> None:
    """A byte now and then: no read ever waits long."""
    connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    while not stop.wait(0.1):
        connection.sendall(b" ")


def drip_headers(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-A: ")
    while not stop.wait(0.1):
        connection.sendall(b"x")


def endless(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(HEAD + b'\r\n{"a":"')
    while not stop.is_set():
        connection.sendall(b"x" * 65_536)


def body(content: bytes, kind: bytes = b"application/json", more: bytes = b"") -> Misbehaviour:
    return send(b"HTTP/1.1 200 OK\r\nContent-Type: ", kind, b"\r\n", more, b"Content-Length: %d\r\n\r\n" % len(content), content)


NO_ANSWER = {
    "hangs": hang, "drips": drip, "drips headers": drip_headers,
    "closes at once": send(b""), "closes in the headers": send(b"HTTP/1.1 200 OK\r\nContent-Ty"),
}
WRONG = {
    "endless": endless,
    "closes in the body": send(HEAD, b"Content-Length: 500\r\n\r\n", b'{"a":'),
    "is no http": send(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "floods headers": send(HEAD, b"X-Flood: " + b"x" * 500_000 + b"\r\n\r\n{}"),
    "a bomb": body(gzip.compress(b'{"a":"' + b"0" * 50_000_000 + b'"}'), more=b"Content-Encoding: gzip\r\n"),
    "html": body("<h1>Đang bảo trì</h1>".encode(), b"text/html; charset=utf-8"),
    "cut json": body(b'{"access_token": "a'),
    "a list": body(b"[]"), "nothing": body(b""), "null": body(b"null"), "a number": body(b"NaN"),
    "a byte order mark": body(b"\xef\xbb\xbf{}"), "latin-1": body('{"a":"é"}'.encode("latin-1")),
    "a name twice": body(b'{"a":1,"a":2}'),
    "deep": body(b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
    "elsewhere": send(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
    "an error": send(b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nTrace"),
}


class Endpoint:
    """Listens on loopback and does one thing to all who call."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.misbehave = WRONG["nothing"]
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while not self.stop.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65_536)
                self.misbehave(connection, self.stop)
                # what was not read would turn the end into a reset, and take the answer with it
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(5)
                connection.recv(65_536)
            except OSError:
                return

    def close(self) -> None:
        self.stop.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()
    yield found
    found.close()


@pytest.mark.threat("A-044")
@pytest.mark.threat("A-045")
@pytest.mark.parametrize(("profile", "setting"), [
    ("guide-2023", "sso.token_endpoint"), ("guide-2023", "sso.userinfo_endpoint"),
    ("oidc", "sso.jwks_uri"), ("oidc", "sso.issuer")])
def test_a_login_ends_with_a_page_in_time(journey, endpoint, profile, setting):
    shift = [0.0]
    j = journey(profile, clock=lambda: time.time() + shift[0], **{setting: endpoint.url, "http.timeout": "1"})
    for name, misbehave in {**NO_ANSWER, **WRONG}.items():
        endpoint.misbehave = misbehave
        # past all cool-downs, so that this endpoint is asked and not the memory of the one before
        shift[0] += 3_700
        browser = Browser()
        answer = j.sign_in("nguyet", browser=browser)
        assert answer.status == (504 if name in NO_ANSWER else 502), name
        assert REFERENCE.search(answer.text), name
        assert "VNeID" in answer.text, name
        assert not j.session(browser)["authenticated"], name
        assert Browser().get(j.portal + "/").status == 200, name
        for told in ("Trace", "Oops", "127.0.0.1", "Traceback", "SSH-2.0"):
            assert told not in answer.text.replace(j.portal, ""), name
    refused = [record for record in j.audit() if record["event"] == "login.refused"]
    assert len(refused) == len(NO_ANSWER) + len(WRONG)
