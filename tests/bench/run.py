"""What the middleware costs, as ratios against a floor or a bare host measured in the same run.

Digits differ from machine to machine; the ratios are what counts. Run it with: make bench
"""

from __future__ import annotations

import gc
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any

from hanging import while_logins_hang
from outbox import outboxes
from pulls import pulls

from counter import counter
from vneid_middleware import make_filter
from vneid_middleware.models import Identity, PartialDate

PORTAL = "http://127.0.0.1:6543"
CLAIMS = {
    "SoDinhDanh": "100199000001", "HoVaTen": "Nguyễn Thị Ánh Nguyệt", "NgayThangNamSinh": "19900517", "LoaiTaiKhoan": "1",
    "loAS": json.dumps([{"level": 3, "claim": name, "src": "Bca", "validDate": None, "expiredDate": None}
                        for name in ("SoDinhDanh", "HoVaTen", "NgayThangNamSinh")]),
}
BROWSER = {
    "HTTP_HOST": "127.0.0.1:6543", "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0",
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "HTTP_ACCEPT_LANGUAGE": "vi,en;q=0.8",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate, br", "HTTP_CONNECTION": "keep-alive", "HTTP_SEC_FETCH_SITE": "same-origin",
    "HTTP_SEC_FETCH_DEST": "document", "HTTP_UPGRADE_INSECURE_REQUESTS": "1",
}


def settings(folder: str, **more: str) -> dict[str, str]:
    return {"public_url": PORTAL, "secret": "bench-0123456789abcdefghijklmnopqrstuvwxyz", "sso.client_id": "bench",
            "storage": f"sqlite:///{folder}/bench.db", "sso.client_secret": "bench", **more}


def host(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    return [b""]


def answering_host(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    body = b"<!doctype html><title>Portal</title>" + b"x" * 2000
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(body)))])
    return [body]


def sign_in(app: Any) -> tuple[list[Any], str]:
    """Return the session of a citizen of a wrapped host, and its cookie."""
    now = int(time.time())
    identity = Identity("100199000001", "https://vneid.gov.vn", "100199000001", CLAIMS["HoVaTen"], PartialDate("1990-05-17"),
                        "person", 2, CLAIMS, now, "bench-session-id-of-32-characters")
    record, cookie = app.services.sessions.begin(identity, now)
    return record, cookie


def opening_host(record: list[Any]) -> Callable[..., Any]:
    """Return the answering host that also opens a session's payload, as somebody has to."""
    floor = floor_of(record)

    def opening(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        floor()
        return answering_host(environ, start_response)

    return opening


def make_environ(**more: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/ho-so/danh-sach", "QUERY_STRING": "trang=2",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "6543", "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": None, "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False, **BROWSER, **more,
    }


def per_call(function: Callable[[], Any], rounds: int = 15, calls: int = 20_000) -> float:
    """Return the least CPU seconds of one call over several rounds: what others do on the machine only adds."""
    best = float("inf")
    gc.disable()
    try:
        for _ in range(rounds):
            begin = time.process_time()
            for _ in range(calls):
                function()
            best = min(best, (time.process_time() - begin) / calls)
    finally:
        gc.enable()
    return best


def floor_of(record: list[Any]) -> Callable[[], Any]:
    """Return the least that opening a session can be: base64, AES-256-GCM and JSON of the same payload."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher, nonce, decode = AESGCM(os.urandom(32)), os.urandom(12), json.JSONDecoder().decode
    plain = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    text = b64encode(nonce + cipher.encrypt(nonce, plain, b"aad")).decode()

    def floor() -> Any:
        raw = a2b_base64(text)
        return decode(cipher.decrypt(raw[:12], raw[12:], b"aad").decode())

    return floor


def in_process(folder: str) -> list[tuple[str, str, str, str]]:
    def portal(**more: str) -> Any:
        return make_filter(settings(folder, **more))(host)

    def cost(app: Any, environ: dict[str, Any]) -> float:
        app(environ.copy(), None)
        return per_call(lambda: app(environ.copy(), None)) - per_call(lambda: host(environ.copy(), None))

    plain, watching = portal(challenge="false"), portal()
    navigation = make_environ(HTTP_SEC_FETCH_MODE="navigate")
    record, cookie = sign_in(plain)
    signed_in = make_environ(HTTP_COOKIE=cookie.split(";")[0] + "; csrftoken=abcdefghijklmnop; theme=light")
    bare = per_call(lambda: host(make_environ(), None))
    anonymous, watched = cost(plain, make_environ()), cost(watching, navigation)
    floor, session = per_call(floor_of(record)), cost(plain, signed_in)
    return [
        ("anonymous request, added", micro(anonymous), f"{anonymous / bare:.2f} x making the bare environ", "<= 0.5 us"),
        ("anonymous navigation with challenge, added", micro(watched), f"{watched / bare:.2f} x", "<= 1 us"),
        ("floor: base64 + AES-GCM open + JSON", micro(floor), f"cookie of {len(cookie)} bytes", ""),
        ("signed-in request, added", micro(session), f"{session / floor:.2f} x the floor", "<= 2 x"),
        ("memory after 100,000 signed-in requests", memory_growth(plain, signed_in), "growth of resident memory", "flat"),
    ]


def memory_growth(app: Any, environ: dict[str, Any]) -> str:
    for _ in range(2_000):
        app(environ.copy(), None)
    before = resident()
    for _ in range(100_000):
        app(environ.copy(), None)
    gc.collect()
    return f"{(resident() - before) / 1024:+.0f} KiB"


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as handle:
        return int(handle.read().split()[1]) * resource.getpagesize()


def micro(seconds: float) -> str:
    return f"{seconds * 1e6:.2f} us"


# -- a server ----------------------------------------------------------------------------------------------------------

def throughput(folder: str, rounds: int = 7) -> list[tuple[str, str, str, str]]:
    """Bare and wrapped host in turn, each in a process of its own, round by round; and a host that does the floor's work."""
    servers = {name: Server(folder, name) for name in ("bare", "floor", "wrapped")}
    ratios: dict[str, list[float]] = {"anonymous": [], "signed in": [], "the floor alone": []}
    try:
        cookie = servers["wrapped"].cookie
        for _ in range(rounds):
            ratios["anonymous"].append(servers["wrapped"].rate() / servers["bare"].rate())
            # the bare host is sent the same cookie, since reading a longer request costs the server too
            bare = servers["bare"].rate(cookie)
            ratios["signed in"].append(servers["wrapped"].rate(cookie) / bare)
            ratios["the floor alone"].append(servers["floor"].rate(cookie) / bare)
        rate = servers["bare"].rate()
    finally:
        for server in servers.values():
            server.stop()
    return [(f"requests per second under waitress, {name}", f"{rate * statistics.median(found):.0f}/s",
             f"{statistics.median(found):.3f} of the bare host (from {min(found):.3f} to {max(found):.3f})",
             "" if name.startswith("the floor") else ">= 0.97")
            for name, found in ratios.items()]


class Server:
    """waitress in a process of its own."""

    def __init__(self, folder: str, name: str) -> None:
        self._process = subprocess.Popen([sys.executable, __file__, "--serve", name, folder], stdout=subprocess.PIPE,
                                         text=True)
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        self._port, self.cookie = told["port"], told["cookie"]

    def rate(self, cookie: str = "", requests: int = 6_000) -> float:
        """Return answers per CPU second of the server, over one connection that is kept open."""
        head = "".join(f"{name[5:].replace('_', '-').title()}: {value}\r\n" for name, value in BROWSER.items())
        extra = f"Cookie: {cookie}\r\n" if cookie else ""
        request = f"GET / HTTP/1.1\r\n{head}{extra}\r\n".encode()
        with socket.create_connection(("127.0.0.1", self._port)) as connection, connection.makefile("rb") as answers:
            begin = self._cpu()
            for _ in range(requests):
                connection.sendall(request)
                read_answer(answers)
            return requests / (self._cpu() - begin)

    def _cpu(self) -> float:
        with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def read_answer(answers: Any) -> None:
    length = 0
    while (line := answers.readline().strip()):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    answers.read(length)


def serve(name: str, folder: str) -> None:
    from waitress import create_server

    app, cookie = answering_host, ""
    if name != "bare":
        wrapped = make_filter(settings(folder))(answering_host)
        record, line = sign_in(wrapped)
        cookie, app = line.split(";")[0], wrapped if name == "wrapped" else opening_host(record)
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    print(json.dumps({"port": server.effective_port, "cookie": cookie}), flush=True)
    threading.Thread(target=server.run, daemon=True).start()
    threading.Event().wait()


# -- start-up ----------------------------------------------------------------------------------------------------------

def start_up(folder: str) -> list[tuple[str, str, str, str]]:
    code = "import time; t = time.perf_counter(); import vneid_middleware; print(time.perf_counter() - t)"
    imported = min(run(code) for _ in range(5))
    made = min(run("import time; t = time.perf_counter(); from vneid_middleware import make_filter; "
                   f"make_filter({settings(folder)!r})(lambda e, s: []); print(time.perf_counter() - t)") for _ in range(3))
    pyramid = min(run("import time; t = time.perf_counter(); from pyramid.config import Configurator; "
                      "Configurator().make_wsgi_app(); print(time.perf_counter() - t)") for _ in range(3))
    return [("import vneid_middleware", f"{imported * 1e3:.1f} ms", "", "< 50 ms"),
            ("making the middleware", f"{made * 1e3:.0f} ms", f"{made / pyramid:.2f} x an empty Pyramid application", "")]


def run(code: str) -> float:
    answer = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    return float(answer.stdout)


def main() -> int:
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:4])
        return 0
    with tempfile.TemporaryDirectory() as folder:
        cookie = sign_in(make_filter(settings(folder))(host))[1].split(";")[0]
        rows = [*in_process(folder), *throughput(folder), *while_logins_hang(folder, settings(folder), cookie),
                *counter(folder, settings(folder), cookie), *pulls(folder), *outboxes(folder), *start_up(folder)]
    width = max(len(row[0]) for row in rows)
    print(f"{'what':{width}}  {'figure':>12}  {'aim':>10}  against")
    for what, figure, against, aim in rows:
        print(f"{what:{width}}  {figure:>12}  {aim:>10}  {against}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
