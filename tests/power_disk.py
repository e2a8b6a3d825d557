"""A portal and a worker on a disk whose power is cut (``power.c``); run as a program it is their parent.

The program reads a line of JSON for each round, forks the portal and the worker, tells the portal's address and both process
ids, and ends them when the next line comes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BLOCK = 4096
ROLLED_BACK = "ROLLEDBACK"
"""The kind of changes whose transaction is rolled back."""


def remains(live: Path, disk: Path, to: Path, chance: random.Random | None = None) -> None:
    """Put into ``to`` what a folder has when the power comes back: what was synced, and by chance some of the rest.

    Args:
        live: the folder as its processes saw it at last.
        disk: what was synced of it.
        chance: None: nothing that was not synced.
    """
    to.mkdir()
    names = dict(reversed(line.split(" ", 1)) for line in _read(disk / "names").decode().splitlines())
    seen = {path.name: path for path in live.iterdir()}
    for name in {*names, *seen}:
        if name.endswith("-shm") or (name not in names and (chance is None or chance.random() < 0.5)):
            # nobody syncs SQLite's shared memory, and it makes it anew
            continue
        inode = str(seen[name].stat().st_ino) if name in seen else ""
        content = bytearray(_read(disk / names.get(name, inode)))
        if chance is not None and inode and names.get(name, inode) == inode:
            _write_some(content, seen[name].read_bytes(), chance)
        (to / name).write_bytes(content)


def _write_some(content: bytearray, unsynced: bytes, chance: random.Random) -> None:
    for start in range(0, len(unsynced), BLOCK):
        if chance.random() < 0.5:
            content.extend(bytes(max(0, start - len(content))))
            content[start:start + BLOCK] = unsynced[start:start + BLOCK]


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def put(model: Path, live: Path, disk: Path) -> None:
    """Put a database that is all on disk."""
    file = live / "vneid.db"
    shutil.copyfile(model, file)
    shutil.copyfile(model, disk / str(file.stat().st_ino))
    (disk / "names").write_text(f"{file.stat().st_ino} vneid.db\n", encoding="utf-8")


def main() -> None:
    """Run rounds until there are no more lines."""
    children: list[int] = []
    for line in sys.stdin:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        told = json.loads(line)
        if not children:
            _load(told["settings"])
        base, portal = _begun(told)
        children = [portal, _forked(_worker, told, base)]
        print(json.dumps({"base": base, "children": children}), flush=True)


def _load(settings: dict[str, str]) -> None:
    """Load what each child would have to."""
    import aiohttp
    import alembic.command
    import sqlalchemy.dialects.sqlite
    import waitress

    from vneid_middleware.paste import make_filter
    from vneid_middleware.plugins.documents.outbox import worker
    from vneid_middleware.storage import Storage

    _ = aiohttp, alembic, sqlalchemy, waitress, worker
    make_filter({**settings, "public_url": "http://127.0.0.1:9"})(lambda environ, start: [])
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(f"sqlite:///{folder}/vneid.db")
        storage.prepare()
        storage.close()


def _begun(told: dict[str, Any]) -> tuple[str, int]:
    reads, writes = os.pipe()
    portal = _forked(_portal, told, writes)
    os.close(writes)
    with os.fdopen(reads) as answer:
        return answer.readline().strip(), portal


def _forked(run: Any, *words: Any) -> int:
    child = os.fork()
    if not child:
        try:
            run(*words)
        finally:
            os._exit(99)
    return child


def _portal(told: dict[str, Any], writes: int) -> None:
    from vneid_middleware.outbox import Outbox
    from vneid_middleware.paste import make_filter
    from vneid_middleware.testing.server import serving

    # one that knows no kinds: the portal's own would refuse this one
    outbox = Outbox(told["settings"]["secret"])
    _synchronous(told["synchronous"])
    with serving(lambda base: make_filter({**told["settings"], "public_url": base})(lambda environ, start: [])) as (base, found):
        os.write(writes, f"{base}\n".encode())
        number = 0
        while True:
            number += 1
            try:
                with found.services.storage.begin() as connection:
                    outbox.enqueue(connection, ROLLED_BACK, "001204000123", f"R-{number}", data={})
                    raise KeyError(number)
            except KeyError:
                time.sleep(0.003)


def _worker(told: dict[str, Any], base: str) -> None:
    from vneid_middleware.paste import make_filter
    from vneid_middleware.plugins.documents.outbox.worker import Worker

    _synchronous(told["synchronous"])
    Worker(make_filter({**told["settings"], "public_url": base})(lambda environ, start: []).services).run()


def _synchronous(value: str) -> None:
    """Let SQLite sync less than the product has it do."""
    import vneid_middleware.storage as storage

    if not value:
        return
    before = storage._set_up_sqlite

    def less(connection: Any, record: Any) -> None:
        before(connection, record)
        connection.execute(f"PRAGMA synchronous={value}")

    storage._set_up_sqlite = less


if __name__ == "__main__":
    main()
