"""A portal with driving licences, and VNeID as it asks for them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import create_engine, text

from support import Answer, Browser, Clock, serving
from vneid_middleware.core.jose import KeySet, parse_compact, verify_signature
from vneid_middleware.paste import make_filter
from vneid_middleware.storage import audit

KEY = "key-of-the-land-registry-0123456789"
OTHER_KEY = "key-of-another-ministry-0123456789"
SECRET = "a-secret-of-the-documents-0123456789-abcdefghijk"
TUYET, HOA, AN, NOBODY = "001204000123", "079085001234", "038190004567", "001000000000"

TABLE = """
CREATE TABLE gplx (so_dinh_danh VARCHAR(12), so_gplx VARCHAR(20), hang VARCHAR(8), ngay_cap DATE, ngay_het_han DATE,
                   noi_cap VARCHAR(100), ho_ten VARCHAR(100), ngay_sinh VARCHAR(10), trang_thai VARCHAR(2))
"""
ROWS = (
    (TUYET, "010123456789", "B2", "2020-03-01", "2099-03-01", "Sở GTVT Hà Nội", "NGUYỄN THỊ ÁNH TUYẾT", "20040517", "1"),
    (HOA, "790111111111", "A1", "2010-01-01", None, "Sở GTVT TP. Hồ Chí Minh", "Trần Văn Hoà", "1985", "1"),
    (HOA, "790222222222", "C", "2015-01-01", "2020-01-01", "Sở GTVT TP. Hồ Chí Minh", "Trần Văn Hoà", "1985", "1"),
    (AN, "380333333333", "B2", "2015-01-01", "2020-01-01", "Sở GTVT Thanh Hóa", "Lê An", "19900101", "2"),
)
LOOKUP = "SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh"
FIELDS = "SoGPLX = so_gplx\nHangGPLX = hang\nNgayHHGPLX = ngay_het_han\nHoVaTen = ho_ten"
DATA = {"SoGPLX": "010123456789", "HangGPLX": "B2", "NgayHHGPLX": "2099-03-01", "HoVaTen": "NGUYỄN THỊ ÁNH TUYẾT"}
MATCH = "SoGPLX = so_gplx : exact\nHoVaTen = ho_ten : name\nNgaySinh = ngay_sinh : date"
STATE = "revoked = trang_thai : 2\nexpired = ngay_het_han : before-today"


def make_rows(file: Path) -> str:
    """Make the driving licences in SQLite and return the URL."""
    connection = sqlite3.connect(file)
    connection.execute(TABLE)
    connection.executemany("INSERT INTO gplx VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", ROWS)
    connection.execute("CREATE INDEX gplx_citizen ON gplx (so_dinh_danh)")
    connection.commit()
    connection.close()
    return f"sqlite:///{file}"


def run_sql(url: str, *statements: str) -> None:
    """Run statements in a database of the agency's, in one transaction; a colon in them is a colon."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement.replace(":", "\\:")))
    engine.dispose()


class Keys:
    """VNeID's keys, and the portal's."""

    def __init__(self, folder: Path) -> None:
        self.ec: Any = ec.generate_private_key(ec.SECP256R1())
        self.rsa: Any = rsa.generate_private_key(65537, 2048)
        self.other: Any = ec.generate_private_key(ec.SECP256R1())
        self.jwks = folder / "vneid.jwks"
        self.jwks.write_text(json.dumps({"keys": [self.public(self.ec, "one"), self.public(self.rsa, "two")]}))
        self.portal = folder / "portal.pem"
        made = ec.generate_private_key(ec.SECP256R1())
        self.portal.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.portal.chmod(0o600)

    @staticmethod
    def public(key: Any, kid: str) -> dict[str, Any]:
        algorithm: Any = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
        return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"}


def settings_for(folder: Path, keys: Keys) -> dict[str, str]:
    """Return the settings of a portal with driving licences, but for its address and their database."""
    return {
        "plugins": "documents", "secret": SECRET, "storage": f"sqlite:///{folder / 'vneid.db'}", "server_threads": "8",
        "documents.signing_key": str(keys.portal),
        "documents.callers": f"VNeID = jwks:file:{keys.jwks}\nregistry = key:sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n"
                             f"ministry = key:sha256:{hashlib.sha256(OTHER_KEY.encode()).hexdigest()}",
        "documents.GPLX.provider": "sql", "documents.GPLX.lookup": LOOKUP, "documents.GPLX.fields": FIELDS,
        "documents.GPLX.match": MATCH, "documents.GPLX.id": "so_gplx", "documents.GPLX.state": STATE,
    }


class Portal(NamedTuple):
    """A running portal."""

    base: str
    keys: Keys
    clock: Any
    folder: Path
    middleware: Any

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        return Browser().send("POST", self.base + "/vneid/documents/lookup", headers, body)

    def question(self, personal_id: str = TUYET, request_id: str = "", kind: str = "GPLX", **inputs: str) -> dict[str, Any]:
        return {"requestId": request_id or str(uuid.uuid4()), "loaiGiayTo": kind, "soDinhDanh": personal_id,
                **({"thamSo": inputs} if inputs else {})}

    def ask(self, personal_id: str = TUYET, *, key: str = KEY, headers: dict[str, str] | None = None, **asked: str) -> Answer:
        """Ask with a bearer key."""
        sent = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", **(headers or {})}
        return self.post(json.dumps(self.question(personal_id, **asked)).encode(), sent)

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.clock())
        claims = {"iss": "VNeID", "aud": self.base, "iat": now, "exp": now + 60, "jti": str(uuid.uuid4()), **self.question(),
                  **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, claims: dict[str, Any], key: Any = None, alg: str = "ES256", kid: str = "one", **header: Any) -> bytes:
        return jwt.api_jws.encode(json.dumps(claims).encode(), key or self.keys.ec, alg, headers={"kid": kid, **header}).encode()

    def send_signed(self, token: bytes) -> Answer:
        return self.post(token, {"Content-Type": "application/jose"})

    def opened(self, answer: Answer) -> dict[str, Any]:
        """Return what a signed answer says, verified by the keys that the portal publishes."""
        assert answer.headers["Content-Type"] == "application/jose", answer.text
        published = KeySet.from_jwks(Browser().get(self.base + "/vneid/.well-known/jwks.json").json())
        parsed = parse_compact(answer.text, max_size=1_000_000)
        verify_signature(parsed, published, ("ES256",))
        return parsed.claims()

    def audit(self, event: str = "document.answered") -> list[dict[str, Any]]:
        with self.middleware.services.storage.read() as connection:
            rows = [json.loads(record) for _, record in audit.records(connection)]
        return [row for row in rows if row["event"] == event]


@contextmanager
def portals(folder: Path, new_database: Callable[[Path], None]) -> Iterator[Callable[..., Portal]]:
    """Give ``make(**settings)``, which starts a portal; a dot in a name is written as two underscores, None takes it away."""
    keys = Keys(folder)
    url = make_rows(folder / "licences.db")
    new_database(folder / "vneid.db")
    with ExitStack() as stack:
        def make(**given: str | None) -> Portal:
            clock = Clock()
            settings: dict[str, str | None] = {**settings_for(folder, keys), "documents.GPLX.url": url,
                                               **{name.replace("__", "."): value for name, value in given.items()}}
            settings = {name: value for name, value in settings.items() if value is not None}

            def host(environ: dict[str, Any], start_response: Any) -> list[bytes]:
                start_response("200 OK", [("Content-Type", "text/plain")])
                return [b"host"]

            base, middleware = stack.enter_context(serving(
                lambda base: make_filter({**settings, "public_url": base}, clock=clock)(host), threads=8))
            stack.callback(middleware.services.storage.close)
            stack.callback(middleware.services.outbound.close)
            return Portal(base, keys, clock, folder, middleware)

        yield make
