"""The receiver can't be reached, really: nobody listens, no such name, a certificate that does not hold, a connection cut off."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from outbox_model import check_ended
from outbox_service import Receiver
from support import make_certificate

pytestmark = [pytest.mark.threat("C-F28"), pytest.mark.parametrize("_portal", ["sqlite"], indirect=True)]
Portal = Any


@contextmanager
def listening(answer: Callable[[socket.socket], None], tls: tuple[str, str] | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """Listen on loopback: gives the port and what came in the clear; each connection is handed to ``answer``."""
    came: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls:
        context.load_cert_chain(*tls)

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) if tls else connection as talking:
                    came.append(talking.recv(65_536))
                    answer(talking)
            except OSError:
                """The client does not trust us."""

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1], came
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def cut_off(talking: socket.socket) -> None:
    """Begin an answer and reset the connection in the midst of its body."""
    talking.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n" + b'{"status": "ok", ')
    talking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def takes(talking: socket.socket) -> None:
    """Answer that all is well: who comes to this has trusted us."""
    talking.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "ok"}')


@pytest.fixture
def sent_to(portal: Portal, receiver: Receiver) -> Iterator[Callable[[str], None]]:
    """``sent_to(url)`` makes that the address of the receiver; at the end it is the right one, and all must get there."""
    transport = portal.services["transports"]["vneid"]
    right = transport.base
    yield lambda url: setattr(transport, "base", url)
    transport.base = right
    transport._breaker._failures = 0
    portal.work(2)
    check_ended(portal)
    assert receiver.versions() == [1]


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://receiver.invalid"], ids=["refused", "no such name"])
def test_nobody_is_there(portal: Portal, receiver: Receiver, sent_to: Callable[[str], None], free_port: Callable[[], int],
                         url: str) -> None:
    sent_to(url.format(port=free_port()))
    assert portal.announce("A").status == 202
    portal.work()
    assert portal.rows() == [(1, "ready", "connection", 1)]
    portal.work(2)
    assert portal.rows() == [(1, "ready", "connection", 2)]
    assert receiver.got == []


def test_a_connection_that_is_reset_in_the_midst_of_the_answer(portal: Portal, sent_to: Callable[[str], None]) -> None:
    """Half an answer is none, though it begins with the right words."""
    with listening(cut_off) as (port, came):
        sent_to(f"http://127.0.0.1:{port}")
        assert portal.announce("A").status == 202
        portal.work()
    assert len(came) == 1
    assert portal.rows() == [(1, "ready", "malformed", 1)]


@pytest.mark.parametrize("what", ["unknown authority", "wrong name", "expired", "no TLS at all"])
def test_tls_that_does_not_hold(portal: Portal, receiver: Receiver, sent_to: Callable[[str], None], tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, what: str) -> None:
    """Nothing of the message goes out, however often it is tried, and a person is told once."""
    pair = make_certificate(tmp_path, -1 if what == "expired" else 1)
    outbound = portal.services.outbound
    outbound.close()
    if what != "unknown authority":
        monkeypatch.setattr(outbound, "_ca_file", pair[0])
    host = "localhost" if what == "wrong name" else "127.0.0.1"
    with listening(takes, None if what == "no TLS at all" else pair) as (port, came):
        sent_to(f"https://{host}:{port}")
        assert portal.announce("A").status == 202
        portal.work(4)
    assert portal.rows() == [(1, "ready", "tls", 4)]
    assert not [data for data in came if b"HTTP" in data or b"eyJ" in data]
    assert caplog.text.count("alarm: delivery_tls") == 1
    assert receiver.got == []
    outbound.close()
