"""What a pull costs beside the SELECT that it asks: the whole way through the middleware, in this process.

A table of 200,000 driving licences lies in SQLite. In turn, round by round, the bare SELECT is asked over a connection that is
kept open, then over one that is opened for it (as the provider does it with SQLite), then the middleware, by a caller with a
key and by one that signs. The rate is by the clock, and most of that time is the disk's: the audit is on disk before an answer
leaves. The ratios are of CPU time.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from vneid_middleware import make_filter
from vneid_middleware.core.keys import load_private_key, public_jwk

CITIZENS = 200_000
ROUNDS, CALLS = 5, 100
PORTAL = "http://127.0.0.1:6543"
KEY = "key-of-the-bench-0123456789-abcdefgh"
QUERY = "SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh"


def pulls(folder: str) -> list[tuple[str, str, str, str]]:
    """Return the rows of the table."""
    file, app, key = _prepare(Path(folder))
    numbers = itertools.cycle(f"{serial * 7919 % CITIZENS:012}" for serial in range(CITIZENS))
    kept = sqlite3.connect(file)

    def opened() -> None:
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        assert connection.execute(QUERY, {"soDinhDanh": next(numbers)}).fetchall()
        connection.close()

    ways: dict[str, Callable[[], Any]] = {
        "kept": lambda: kept.execute(QUERY, {"soDinhDanh": next(numbers)}).fetchall(), "opened": opened,
        "key": lambda: _ask(app, _body(next(numbers)), "application/json"),
        "jws": lambda: _ask(app, _signed(key, _body(next(numbers))), "application/jose")}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    clock: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, ask in ways.items():
            begin, began = time.process_time(), time.perf_counter()
            for _ in range(CALLS):
                ask()
            cpu[name].append((time.process_time() - begin) / CALLS)
            clock[name].append((time.perf_counter() - began) / CALLS)
    kept.close()
    app.services.storage.close()
    # what others do on the machine only adds
    least = {name: min(times) for name, times in cpu.items()}
    ratios = {name: f"{least[name] / least['opened']:.1f} x the SELECT on a new connection, {least[name] / least['kept']:.0f} x "
                    "on a kept one" for name in ("key", "jws")}
    return [(f"a pull by a caller {how}", f"{1 / median(clock[name]):.0f}/s, {least[name] * 1e3:.2f} ms of CPU", ratios[name], "")
            for name, how in (("key", "with a key"), ("jws", "that signs (its signing included)"))]


def _prepare(folder: Path) -> tuple[Path, Any, Any]:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    file = folder / "licences.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE gplx (so_dinh_danh TEXT, so_gplx TEXT, hang TEXT, ho_ten TEXT, ngay_sinh TEXT)")
        connection.executemany("INSERT INTO gplx VALUES (?, ?, 'B2', 'Nguyễn Thị Ánh Nguyệt', '19900517')",
                               ((f"{serial:012}", f"{serial:012}") for serial in range(CITIZENS)))
        connection.execute("CREATE INDEX gplx_citizen ON gplx (so_dinh_danh)")
    connection.close()
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "signing.pem").write_bytes(pem)
    (folder / "signing.pem").chmod(0o600)
    key = load_private_key(pem)
    (folder / "caller.jwks").write_text(json.dumps({"keys": [public_jwk(key)]}))
    app = make_filter({
        "public_url": PORTAL, "secret": "bench-0123456789abcdefghijklmnopqrstuvwxyz", "plugins": "documents",
        "storage": f"sqlite:///{folder}/pulls.db", "documents.signing_key": str(folder / "signing.pem"),
        "documents.callers": f"bench = key:sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n"
                             f"VNeID = jwks:file:{folder / 'caller.jwks'}",
        "documents.rate_limit": "1000000", "documents.GPLX.provider": "sql", "documents.GPLX.url": f"sqlite:///{file}",
        "documents.GPLX.lookup": QUERY, "documents.GPLX.id": "so_gplx",
        "documents.GPLX.match": "HoVaTen = ho_ten : name\nNgaySinh = ngay_sinh : date",
        "documents.GPLX.fields": "SoGPLX = so_gplx\nHangGPLX = hang\nHoVaTen = ho_ten"})(lambda environ, start: [])
    return file, app, key


_serial = itertools.count()


def _body(personal_id: str) -> dict[str, Any]:
    return {"requestId": f"bench-{next(_serial)}", "loaiGiayTo": "GPLX", "soDinhDanh": personal_id,
            "thamSo": {"HoVaTen": "NGUYỄN THỊ ÁNH NGUYỆT", "NgaySinh": "17/05/1990"}}


def _signed(key: Any, body: dict[str, Any]) -> bytes:
    from jwt import PyJWS

    now = int(time.time())
    claims = {**body, "iss": "VNeID", "aud": PORTAL, "iat": now, "exp": now + 60, "jti": body["requestId"]}
    return PyJWS().encode(json.dumps(claims).encode(), key, "ES256", headers={"kid": public_jwk(key)["kid"]}).encode()


def _ask(app: Any, body: Any, kind: str) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    environ = {"REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/vneid/documents/lookup", "QUERY_STRING": "",
               "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "6543", "REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
               "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(content)), "HTTP_AUTHORIZATION": f"Bearer {KEY}",
               "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(content), "wsgi.errors": sys.stderr,
               "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False}
    told: list[str] = []
    answer = b"".join(app(environ, lambda status, headers, exc_info=None: told.append(status)))
    assert told == ["200 OK"], (told, answer[:200])
