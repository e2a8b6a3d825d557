"""What lookups at the counter cost: the verification of an answer, a whole lookup, and the portal's pages while many wait.

A portal of four threads is served by its ini, before a VNeID that signs at once or holds its answers back. Rounds in which
nobody waits take turns with rounds in which five hundred lookups do: idle, and asked after as often as ``Retry-After`` says.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from hanging import measured, milli, percentile, served

from vneid_middleware.core.jose import KeySet
from vneid_middleware.core.jwe import decrypt
from vneid_middleware.core.lookup_answer import verify_answer

KEY = "bench-key-of-the-counter-0123456789"
CITIZEN = {"soDinhDanh": "001204000123", "hoVaTen": "Nguyễn Thị Ánh Nguyệt", "gioiTinh": "0", "ngayThangNamSinh": "20040517",
           "noiThuongTru": "Số 1 phố Hòa Mã, phường Hai Bà Trưng, thành phố Hà Nội"}
WAITING = 500
ROUNDS = 8
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
LOOKUPS, AT_ONCE = 300, 8


def counter(folder: str, settings: Mapping[str, str], cookie: str) -> list[tuple[str, str, str, str]]:
    """Return the rows of the table.

    Args:
        folder: where the ini is written.
        settings: the filter's.
        cookie: of somebody who is signed in under these settings.
    """
    return [*verification(), *whole_lookups(folder, settings, cookie)]


# -- verification ------------------------------------------------------------------------------------------------------

def claims(now: int) -> dict[str, Any]:
    return {**CITIZEN, "iat": now, "exp": now + 60, "requestId": "6f4b2a9e-0000-4000-8000-000000000000"}


def verification() -> Iterator[tuple[str, str, str, str]]:
    now = int(time.time())
    for name, key, kind in (("ES256", ec.generate_private_key(ec.SECP256R1()), jwt.algorithms.ECAlgorithm),
                            ("RS256", rsa.generate_private_key(65537, 2048), jwt.algorithms.RSAAlgorithm)):
        jwk = {**json.loads(kind.to_jwk(key.public_key())), "kid": "k", "use": "sig", "alg": name}
        token = jwt.encode(claims(now), key, name, headers={"kid": "k"})
        ours = partial(verified, key_set=KeySet.from_jwks({"keys": [jwk]}), now=now)
        raw = raw_verification(token, key.public_key())
        mine, floor = timed(lambda: ours(token), raw)  # noqa: B023
        yield (f"verifying a signed answer, {name}", f"{mine * 1e6:.0f} us", f"{mine / floor:.2f} x the raw signature check",
               "<= 1.5 x")
        encrypted, raw_decryption, private = sealed(token)
        mine, floor = timed(lambda: ours(decrypt(encrypted, private).decode()), lambda: (raw_decryption(), raw()))  # noqa: B023
        yield (f"the same inside an encrypted one, {name}", f"{mine * 1e6:.0f} us",
               f"{mine / floor:.2f} x raw decryption and signature check", "<= 2 x")


def verified(token: str, key_set: KeySet, now: int) -> Any:
    return verify_answer(token, key_set=key_set, now=now, bind="request_id",
                         request_id="6f4b2a9e-0000-4000-8000-000000000000")


def raw_verification(token: str, key: Any) -> Callable[[], None]:
    signed, _, signature = token.rpartition(".")
    data, raw = signed.encode(), decoded(signature)
    if isinstance(key, rsa.RSAPublicKey):
        return lambda: key.verify(raw, data, padding.PKCS1v15(), SHA256())
    return lambda: key.verify(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")), data,
                              ec.ECDSA(SHA256()))


def sealed(token: str) -> tuple[str, Callable[[], Any], Any]:
    """Return a token inside an encrypted one, the raw decryption of it, and the key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from joserfc import jwe
    from joserfc.jwk import RSAKey

    key = rsa.generate_private_key(65537, 2048)
    public = RSAKey.import_key(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    encrypted = jwe.encrypt_compact({"alg": "RSA-OAEP-256", "enc": "A256GCM"}, token.encode(), public,
                                    algorithms=["RSA-OAEP-256", "A256GCM"])
    head, wrapped, nonce, text, tag = encrypted.split(".")

    def raw() -> bytes:
        content_key = key.decrypt(decoded(wrapped), padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))
        return AESGCM(content_key).decrypt(decoded(nonce), decoded(text) + decoded(tag), head.encode())

    return encrypted, raw, key


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def timed(*functions: Callable[[], Any], times: int = 100) -> list[float]:
    """Return the seconds of one call of each, of the best of several series that take turns."""
    best = [float("inf")] * len(functions)
    for _ in range(15):
        for number, function in enumerate(functions):
            begin = time.perf_counter()
            for _ in range(times):
                function()
            best[number] = min(best[number], (time.perf_counter() - begin) / times)
    return best


# -- whole lookups -----------------------------------------------------------------------------------------------------

class VNeID:
    """Answers lookups, at once or when it is told to. An event loop in a thread: it holds any number of them."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.held = 0
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        started = threading.Event()

        async def start() -> None:
            self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=1000)
            self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
            self._open.set()
            started.set()

        def run() -> None:
            self._loop.create_task(start())
            self._loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        started.wait(10)

    def hold(self, held: bool) -> None:
        self._loop.call_soon_threadsafe(self._open.clear if held else self._open.set)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split()[0]) if b"ontent-" in head else 0
                body = await reader.readexactly(length)
                if not head.startswith(b"GET"):
                    self.held += 1
                    await self._open.wait()
                    self.held -= 1
                answer = json.dumps(self._jwks() if head.startswith(b"GET") else self._envelope(body)).encode()
                writer.write(HEAD % len(answer) + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _jwks(self) -> dict[str, Any]:
        return {"keys": [{**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key())), "kid": "k", "use": "sig"}]}

    def _envelope(self, body: bytes) -> dict[str, Any]:
        said = {**claims(int(time.time())), "qrID": json.loads(body)["qrID"]}
        token = jwt.encode(said, self.key, "ES256", headers={"kid": "k"})
        return {"responseCode": "00", "responseMessage": "", "data": token}


def whole_lookups(folder: str, settings: Mapping[str, str], cookie: str) -> Iterator[tuple[str, str, str, str]]:
    vneid = VNeID()
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    more = {"plugins": "sso qr", "transport.vneid.kind": "direct", "transport.vneid.url": vneid.url, "qr.transport": "vneid",
            "qr.path": "/lookup", "qr.jwks": vneid.url + "/jwks", "qr.operators": f"quay = sha256:{digest}", "qr.bind": "qr_id",
            "qr.consent": "blocking", "qr.consent_timeout": "600", "qr.rate_limit": "100000"}
    with served(folder, {**settings, **more}, "http://127.0.0.1:9") as port:
        asyncio.run(ask(port, [f"warm-{number}" for number in range(20)]))
        begin = time.perf_counter()
        answers = asyncio.run(ask(port, [f"qr-{number}" for number in range(LOOKUPS)]))
        rate = LOOKUPS / (time.perf_counter() - begin)
        done = sum(answer[0] == 200 for answer in answers)
        yield ("whole lookups", f"{rate:.0f} /s", f"{AT_ONCE} at once on SQLite, {done} of {LOOKUPS} within the request; each is "
               "kept, audited twice and synced to the disk", "")
        yield from while_many_wait(port, cookie, vneid)


def while_many_wait(port: int, cookie: str, vneid: VNeID) -> Iterator[tuple[str, str, str, str]]:
    found: dict[str, list[tuple[float, float]]] = {"nobody waits": [], "500 wait": [], "500 wait and are asked after": []}
    for number in range(ROUNDS):
        found["nobody waits"].append(page(port, cookie))
        with waiting(port, vneid, number) as locations:
            found["500 wait"].append(page(port, cookie))
            with asking_after(port, locations):
                found["500 wait and are asked after"].append(page(port, cookie))
    floor = found["nobody waits"]
    for state, taken in found.items():
        half, most = (median(mine[which] / other[which] for mine, other in zip(taken, floor, strict=True)) for which in (0, 1))
        yield (f"page while {state}, anonymous", milli(median(half for half, _ in taken)),
               f"{half:.2f} x; 99th percentile {milli(median(most for _, most in taken))}, {most:.2f} x",
               "" if taken is floor else "<= 1.2 x")


def page(port: int, cookie: str) -> tuple[float, float]:
    taken = measured(port, cookie, None, [])["anonymous"]
    return median(taken), percentile(taken, 99)


@contextmanager
def waiting(port: int, vneid: VNeID, number: int) -> Iterator[list[str]]:
    """Let five hundred lookups wait for as long as the block lasts."""
    vneid.hold(True)
    answers = asyncio.run(ask(port, [f"wait-{number}-{each}" for each in range(WAITING)]))
    assert {status for status, _ in answers} == {202}
    end = time.perf_counter() + 20
    while vneid.held < WAITING and time.perf_counter() < end:
        time.sleep(0.05)
    assert vneid.held == WAITING, vneid.held
    try:
        yield [location for _, location in answers]
    finally:
        vneid.hold(False)
        for location in (location for _, location in answers):
            while asyncio.run(fetch(port, location)) == 202:
                time.sleep(0.02)


@contextmanager
def asking_after(port: int, locations: list[str]) -> Iterator[None]:
    """Ask after all lookups, each as often as it is told to."""
    stop = threading.Event()

    def run() -> None:
        pause = (1 + WAITING // 100) / len(locations)
        while not stop.is_set():
            for location in locations:
                if stop.wait(pause):
                    return
                assert asyncio.run(fetch(port, location)) == 202

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


async def ask(port: int, codes: list[str]) -> list[tuple[int, str]]:
    """Ask with all codes, some at once; return status and Location of each."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(code: str) -> tuple[int, str]:
        async with turns:
            return await send(port, "POST", "/vneid/qr/lookup", json.dumps({"qrID": code}))

    return await asyncio.gather(*map(one, codes))


async def fetch(port: int, location: str) -> int:
    return (await send(port, "GET", "/" + location.split("/", 3)[3], ""))[0]


async def send(port: int, method: str, path: str, body: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
                 f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = (await reader.read()).decode()
    writer.close()
    head = answer.partition("\r\n\r\n")[0]
    location = next((line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("location:")), "")
    return int(head.split(" ", 2)[1]), location
