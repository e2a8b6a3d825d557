"""What the outbox costs: changes taken in and delivered a second beside the least that this can be, and how the cost of one
grows with what is there already. On SQLite and on a PostgreSQL of its own, both with every commit on disk.

The floor of taking in is a bare INSERT of as many bytes with one durable commit a batch; the floor of delivering is a bare HTTP
POST of a message of that size by the same client, as many at once, to the same receiver. Growth is the slope of the line of
log(CPU time) over log(rows); what a run of n changes costs has that slope and 1.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import math
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from outbox_service import settings_for
from postgresql import cluster
from vneid_middleware import make_filter
from vneid_middleware.cli import main
from vneid_middleware.outbox import Outbox
from vneid_middleware.plugins.documents.outbox.worker import AT_ONCE, Worker
from vneid_middleware.storage import Storage, outbox

SECRET = "a-secret-of-the-outbox-0123456789-abcdefghijklmn"
DATA = {"HoVaTen": "Nguyễn Thị Ánh Nguyệt", "NgaySinh": "19900517", "HangGPLX": "B2", "NoiCap": "Sở Giao thông vận tải Hà Nội",
        "GhiChu": "x" * 500}
BATCHES, BATCH = 12, 50
DELIVERIES = 1_000
SIZES = (1_000, 10_000, 100_000, 1_000_000)
CYCLES, ROUNDS = 300, 3
Row = tuple[str, str, str, str]


def outboxes(folder: str) -> list[Row]:
    """Return the rows of the table."""
    rows: list[Row] = []
    with receiving() as receiver:
        for name, url in databases(folder):
            storage = Storage(url, 12)
            rows += [*taking_in(name, storage), *growth(name, storage)]
            _empty(storage)
            storage.close()
            rows.append(delivering(name, url, receiver, Path(folder)))
    return rows


def databases(folder: str) -> Iterator[tuple[str, str]]:
    """Give the URL of a new SQLite database, and of one on a PostgreSQL that runs until the next is asked for."""
    yield "SQLite", f"sqlite:///{folder}/outbox.db"
    with cluster(durable=True) as found:
        yield "PostgreSQL", found.url("postgres")


# -- taking in ---------------------------------------------------------------------------------------------------------

_numbers = itertools.count(1)


def taking_in(name: str, storage: Storage) -> list[Row]:
    """A batch of changes of new documents in one transaction, and one change in one, beside bare INSERTs."""
    taker = Outbox(SECRET)
    sealed = "x" * (len(json.dumps(DATA)) * 4 // 3)
    with storage.begin() as connection:
        connection.execute(text("CREATE TABLE bare (id VARCHAR(36) PRIMARY KEY, at BIGINT, sealed TEXT)"))

    def ours(count: int) -> None:
        with storage.begin() as connection:
            for _ in range(count):
                taker.enqueue(connection, "GPLX", "001204000123", f"D-{next(_numbers)}", data=DATA)

    def bare(count: int) -> None:
        with storage.begin() as connection:
            for _ in range(count):
                connection.execute(text("INSERT INTO bare VALUES (:id, 1, :sealed)"),
                                   {"id": f"{next(_numbers):036}", "sealed": sealed})

    rows = []
    for label, count in ((f"{BATCH} a commit", BATCH), ("one a commit", 1)):
        taken: dict[Callable[[int], None], list[float]] = {ours: [], bare: []}
        for _ in range(BATCHES if count > 1 else BATCHES * 5):
            for way, times in taken.items():
                began = time.perf_counter()
                way(count)
                times.append((time.perf_counter() - began) / count)
        mine, floor = median(taken[ours]), median(taken[bare])
        rows.append((f"changes taken in a second, {name}, {label}", f"{1 / mine:.0f}/s",
                     f"{floor / mine:.2f} of bare INSERTs with a durable commit each ({1 / floor:.0f}/s)", ""))
    return rows


# -- growth ------------------------------------------------------------------------------------------------------------

def growth(name: str, storage: Storage) -> list[Row]:
    """What taking in, claiming and settling a change costs as history and backlog grow."""
    rows = []
    for label, fill in (("delivered changes", _history), ("changes that wait", _backlog),
                        ("changes of one document that wait behind a dead letter", _blocked)):
        costs = []
        _empty(storage)
        # not the disk: what a commit waits for it would hide what the queries cost
        with _undurable(storage):
            there = 0
            for size in SIZES:
                fill(storage, there, size)
                there = size
                costs.append(_cost(storage))
        slope = _slope(SIZES, costs)
        told = ", ".join(f"{cost * 1e3:.2f}" for cost in costs)
        rows.append((f"CPU of a change at 1,000 to 1,000,000 {label}, {name}", f"{told} ms", f"slope {1 + slope:.3f} in total",
                     "<= 1.05"))
    return rows


@contextmanager
def _undurable(storage: Storage) -> Iterator[None]:
    def relax(connection: Any, record: Any) -> None:
        statement = "PRAGMA synchronous=OFF" if isinstance(connection, sqlite3.Connection) else "SET synchronous_commit = off"
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        connection.commit()

    storage.close()
    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)
        storage.close()


def _empty(storage: Storage) -> None:
    with storage.begin() as connection:
        for table in ("outbox", "documents"):
            # what is only deleted stays in PostgreSQL's indexes for a while, and would be read
            emptying = "DELETE FROM" if connection.dialect.name == "sqlite" else "TRUNCATE"
            connection.execute(text(f"{emptying} vneid_{table}"))


_NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) "
_DOCUMENTS = _NUMBERS + """INSERT INTO vneid_documents (document_id, document_key, kind, version, person_key, sealed)
    SELECT -n, 'fill-' || n, 'GPLX', {version}, 'p-' || n, '' FROM numbers"""
# below what is made by itself
_CHANGES = _NUMBERS + """INSERT INTO vneid_outbox (seq, change_id, document_id, version, kind, action, state, reason, submitter,
    idempotency_hash, content_hash, message_hash, attempts, crashes, fence, next_at, touched_at, created_at, sealed)
    SELECT -n, 'c-' || n, {document}, {version}, 'GPLX', 'upsert', {state}, '', 'fill', 'i-' || n, 'h', '', 0, 0, 0, {at}, 1, 1,
    'sealed' FROM numbers"""


def _fill(storage: Storage, there: int, size: int, *, document: str = "-n", version: str = "1", state: str, at: str) -> None:
    numbers = {"first": there + 1, "last": size}
    # filled past the storage's own time limits
    with storage.engine().connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        if document == "-n" or not there:
            connection.execute(text(_DOCUMENTS.format(version=version, **numbers)))
        connection.execute(text(_CHANGES.format(document=document, version=version, state=state, at=at, **numbers)))
        connection.execute(text("ANALYZE"))


def _history(storage: Storage, there: int, size: int) -> None:
    # every tenth one is of one document that changes all the time
    _fill(storage, there, size, document="CASE WHEN n % 10 = 0 THEN -10 ELSE -n END", version="n", state="'delivered'", at="1")


def _backlog(storage: Storage, there: int, size: int) -> None:
    _fill(storage, there, size, state="'ready'", at="n / 1000.0")


def _blocked(storage: Storage, there: int, size: int) -> None:
    state = "CASE WHEN n = 1 THEN 'dead' ELSE 'waiting' END"
    _fill(storage, there, size, document="-1", version="n", state=state, at="1")


def _cost(storage: Storage) -> float:
    """Return the CPU seconds, the database's among them, that a change costs from coming in to being settled, but for its
    message."""
    taker = Outbox(SECRET)
    _cycle(storage, taker)
    before = time.process_time() + _of_servers(storage)
    for _ in range(CYCLES):
        _cycle(storage, taker)
    return (time.process_time() + _of_servers(storage) - before) / CYCLES


def _cycle(storage: Storage, taker: Outbox) -> None:
    with storage.begin() as connection:
        taker.enqueue(connection, "GPLX", "001204000123", f"G-{next(_numbers)}", data=DATA)
    with storage.read() as connection:
        assert outbox.is_any_due(connection, time.time())
    with storage.begin() as connection:
        now = outbox.present(connection, time.time())
        claimed, = outbox.claim(connection, 1, now=now, lease=60).claimed
    with storage.read() as connection:
        assert not outbox.is_passed(connection, claimed.document_id, claimed.version)
    with storage.begin() as connection:
        assert outbox.settle(connection, claimed, "delivered", "acknowledged", now=now)


def _of_servers(storage: Storage) -> float:
    """Return the CPU seconds that PostgreSQL's processes behind these connections have taken."""
    if storage.engine().dialect.name == "sqlite":
        return 0.0
    with storage.read() as connection:
        pids = connection.execute(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")).scalars().all()
    ticks = 0
    for pid in pids:
        with suppress(FileNotFoundError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _slope(sizes: tuple[int, ...], costs: list[float]) -> float:
    xs, ys = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return above / sum((x - middle_x) ** 2 for x in xs)


# -- delivering --------------------------------------------------------------------------------------------------------

_RECEIVER = r'''
import asyncio
ANSWER = b'{"status": "ok", "responseCode": "00"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)

async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            await reader.readexactly(length)
            writer.write(HEAD + ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
'''


@contextmanager
def receiving() -> Iterator[str]:
    """Run a receiver that acknowledges everything, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", _RECEIVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def delivering(name: str, storage: str, url: str, folder: Path) -> Row:
    """A worker with a backlog of documents, beside bare POSTs of messages of that size."""
    key = folder / "delivering.pem"
    if not key.exists():
        with redirect_stdout(io.StringIO()):
            assert main(["keys", "new", "signing", "--for", "documents.signing_key", "--out", str(key)]) == 0
    portal = make_filter({**settings_for(url, storage, str(key)), "public_url": "http://127.0.0.1:6543"})(lambda e, s: [])
    vneid = portal.services
    vneid.storage.prepare()
    rates, taker = [], vneid["outbox"]
    for _ in range(ROUNDS):
        with vneid.storage.begin() as connection:
            for number in range(DELIVERIES):
                taker.enqueue(connection, "GPLX", "001204000123", f"D-{number}", data=DATA)
        began = time.perf_counter()
        Worker(vneid).run(burst=True)
        rates.append(DELIVERIES / (time.perf_counter() - began))
        with vneid.storage.read() as connection:
            assert connection.execute(text("SELECT count(*) FROM vneid_outbox WHERE state <> 'delivered'")).scalar() == 0
    floor = max(asyncio.run(_bare_posts(url, 1_400)) for _ in range(ROUNDS))
    vneid.storage.close()
    vneid.outbound.close()
    mine = median(rates)
    return (f"changes delivered a second by one worker, {name}", f"{mine:.0f}/s",
            f"{mine / floor:.2f} of bare HTTP POSTs, {AT_ONCE} at once ({floor:.0f}/s)", "")


async def _bare_posts(url: str, size: int) -> float:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        async def some() -> None:
            for _ in range(DELIVERIES // AT_ONCE):
                async with session.post(url + "/push", data=b"x" * size) as answer:
                    await answer.read()

        began = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        return DELIVERIES // AT_ONCE * AT_ONCE / (time.perf_counter() - began)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as where:
        for what, figure, against, aim in outboxes(where):
            print(f"{what}  {figure}  {aim}  {against}")
