"""The one way out: what a server may do to us, and what it may not."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support import make_certificate, serving
from vneid_middleware.exceptions import UpstreamError
from vneid_middleware.outbound import MAX_BODY, Outbound


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    found = Outbound(timeout=5)
    yield found
    found.close()


def app(environ, start_response):
    """Misbehaves as its path says."""
    path, big = environ["PATH_INFO"], b"x" * 3_000_000
    headers, body, status = [("Content-Type", "text/plain")], b"ok", "200 OK"
    if path == "/redirect":
        status, headers = "302 Found", [*headers, ("Location", "/there")]
    elif path == "/large":
        body = big
    elif path == "/bomb":
        headers, body = [*headers, ("Content-Encoding", "gzip")], gzip.compress(b"0" * 50_000_000)
    elif path == "/gzip":
        headers, body = [*headers, ("Content-Encoding", "gzip")], gzip.compress("Nguyễn".encode())
    elif path == "/deflate":
        headers, body = [*headers, ("Content-Encoding", "deflate")], zlib.compress(b"deflated")
    elif path == "/cut":
        headers, body = [*headers, ("Content-Encoding", "gzip")], gzip.compress(b"0123456789" * 100)[:-10]
    elif path == "/brotli":
        headers = [*headers, ("Content-Encoding", "br")]
    elif path == "/cookie":
        headers = [*headers, ("Set-Cookie", "a=b; Path=/")]
    elif path == "/echo":
        body = "|".join(f"{key}={value}" for key, value in sorted(environ.items()) if key.startswith("HTTP_")).encode()
    elif path == "/500":
        status = "500 Internal Server Error"
    start_response(status, headers)
    return [body]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serving(lambda base: app) as (base, _):
        yield base


@contextmanager
def raw(answer: bytes, hold: bool = False) -> Iterator[str]:
    """A server that sends bytes, and then closes or keeps silent."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def run() -> None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)
                if hold:
                    stop.wait(10)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/x?secret=in-the-query"
        finally:
            stop.set()
            thread.join(10)


@pytest.mark.parametrize(("path", "code"), [("/redirect", "redirect"), ("/large", "too_large"), ("/bomb", "too_large"),
                                            ("/cut", "malformed"), ("/brotli", "malformed")])
@pytest.mark.threat("A-042")
@pytest.mark.threat("A-044")
def test_what_is_not_taken(outbound, server, path, code):
    with pytest.raises(UpstreamError) as caught:
        outbound.call("GET", server + path)
    assert caught.value.code == code


@pytest.mark.parametrize(("path", "status", "body"), [("/", 200, b"ok"), ("/gzip", 200, "Nguyễn".encode()),
                                                      ("/deflate", 200, b"deflated"), ("/500", 500, b"ok")])
def test_what_is_taken(outbound, server, path, status, body):
    answer = outbound.call("GET", server + path)
    assert (answer.status, answer.body) == (status, body)
    assert answer.date


def test_the_cap_is_the_callers(outbound, server):
    assert len(outbound.call("GET", server + "/large", max_body=3_000_000).body) == 3_000_000
    with pytest.raises(UpstreamError, match="too_large"):
        outbound.call("GET", server + "/large", max_body=2_999_999)
    assert MAX_BODY < 3_000_000


@pytest.mark.parametrize(("answer", "hold", "code"), [
    (b"", False, "connection"), (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", False, "malformed"),
    (b"rubbish\r\n\r\n", False, "malformed"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", False, "malformed"),
    (b"", True, "timeout"), (b"HTTP/1.1 200 OK\r\nContent-Le", True, "timeout"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", True, "timeout"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, True, "malformed")])
def test_rubbish_and_silence_end_in_one_clear_error(outbound, answer, hold, code):
    with raw(answer, hold) as url, pytest.raises(UpstreamError) as caught:
        outbound.call("POST", url, timeout=1)
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


def test_a_drip_does_not_lengthen_the_deadline(outbound):
    """Each byte comes in time, and all of them together do not."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                try:
                    while not stop.wait(0.05):
                        connection.sendall(b"x")
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(UpstreamError, match="timeout"):
            outbound.call("GET", f"http://127.0.0.1:{listening.getsockname()[1]}/", timeout=1)
        stop.set()
        thread.join(10)


def test_nobody_listens(outbound, free_port):
    with pytest.raises(UpstreamError, match="connection"):
        outbound.call("GET", f"http://127.0.0.1:{free_port()}/")


@pytest.mark.threat("A-043")
def test_nothing_of_the_environment_is_used(server, monkeypatch, free_port, tmp_path):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    outbound = Outbound(timeout=5)
    outbound.call("GET", server + "/cookie")
    seen = outbound.call("GET", server + "/echo").body.decode()
    outbound.close()
    assert "AUTHORIZATION" not in seen
    assert "COOKIE" not in seen


def test_the_proxy_of_the_ini_is_used(server):
    asked = []

    def proxy(environ, start_response):
        asked.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"from the proxy"]

    with serving(lambda base: proxy) as (base, _):
        outbound = Outbound(proxy=base, timeout=5)
        assert outbound.call("GET", server + "/x").body == b"from the proxy"
        outbound.close()
    assert len(asked) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> tuple[str, str]:
    """A certificate for 127.0.0.1 that is its own authority, and its key, as file names."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@contextmanager
def tls_server(certificate: tuple[str, str], newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.maximum_version = newest
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def run() -> None:
            try:
                connection, _ = listening.accept()
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(65_536)
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            except OSError:
                pass

        thread = threading.Thread(target=run)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(10)


@pytest.mark.threat("A-041")
def test_the_authorities_of_the_ini_are_trusted_and_no_others(certificate):
    for ca_file, works in ((certificate[0], True), (None, False)):
        outbound = Outbound(ca_file=ca_file, timeout=5)
        with tls_server(certificate) as url:
            if works:
                assert outbound.call("GET", url).body == b"ok"
            else:
                with pytest.raises(UpstreamError, match="tls"):
                    outbound.call("GET", url)
        outbound.close()


@pytest.mark.threat("A-041")
def test_a_certificate_of_another_name_is_refused(certificate):
    outbound = Outbound(ca_file=certificate[0], timeout=5)
    with tls_server(certificate) as url, pytest.raises(UpstreamError, match="tls"):
        outbound.call("GET", url.replace("127.0.0.1", "localhost"))
    outbound.close()


def test_what_still_waits_does_not_keep_the_client_open():
    outbound = Outbound(timeout=30)
    with raw(b"", hold=True) as url:
        failed = []
        waiting = threading.Thread(target=lambda: failed.append(_failure(outbound, url)))
        waiting.start()
        while not outbound._running:
            os.sched_yield()
        outbound.close()
        waiting.join(40)
    assert failed


def _failure(outbound: Outbound, url: str) -> str:
    try:
        outbound.call("GET", url, timeout=2)
    except Exception as error:
        return type(error).__name__
    return ""


def test_a_forked_process_has_its_own(server):
    outbound = Outbound(timeout=5)
    assert outbound.call("GET", server + "/").status == 200
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if outbound.call("GET", server + "/").status == 200 else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    outbound.close()
    assert os.waitstatus_to_exitcode(status) == 0
