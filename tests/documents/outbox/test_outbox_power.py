"""The power is cut while changes come in and are delivered: what was acknowledged is there, whatever the disk did not get to."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

import power_disk
from outbox_model import check_ended
from outbox_service import KEYS, Receiver, settings_for
from support import Browser

Portal = Any
PERSON = "001204000123"
ROUNDS = int(os.environ.get("VNEID_POWER_CUTS", "8"))
SEED = int(os.environ.get("VNEID_SEED", random.SystemRandom().randrange(1 << 32)))


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that is preloaded."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is missing")
    built = tmp_path_factory.mktemp("power") / "power.so"
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-o", str(built),
                    str(Path(power_disk.__file__).with_name("power.c"))], check=True)
    return built


class Disk:
    """Where portals and workers run until the power is cut."""

    def __init__(self, folder: Path, shim: Path, receiver: Receiver, signing_key: str) -> None:
        self._live, self._disk = folder / "live", folder / "disk"
        self._live.mkdir()
        self._disk.mkdir()
        self._receiver, self._key, self._round = receiver, signing_key, 0
        self._parent = subprocess.Popen(
            [sys.executable, "-W", "ignore", power_disk.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
            env={**os.environ, "LD_PRELOAD": str(shim), "POWER_LIVE": str(self._live), "POWER_DISK": str(self._disk)})

    def run(self, wait_until: Callable[..., Any], seconds: float, model: Path | None = None, synchronous: str = "") -> list[str]:
        """Announce changes until the power is cut; return the ids of those that were acknowledged.

        Args:
            seconds: when it is cut, after the first delivery.
            model: a database to begin with; None: it is made in this round, and no delivery is waited for.
            synchronous: let SQLite sync less.
        """
        self._round += 1
        self.live, self.disk = self._live / str(self._round), self._disk / str(self._round)
        self.live.mkdir()
        self.disk.mkdir()
        if model is not None:
            power_disk.put(model, self.live, self.disk)
        settings = settings_for(self._receiver.url, f"sqlite:///{self.live / 'vneid.db'}", self._key)
        assert self._parent.stdin
        assert self._parent.stdout
        self._parent.stdin.write(json.dumps({"settings": settings, "synchronous": synchronous}) + "\n")
        self._parent.stdin.flush()
        told = json.loads(self._parent.stdout.readline())
        acknowledged: list[str] = []
        threads = [threading.Thread(target=_announce, args=(told["base"], name, acknowledged)) for name in "AB"]
        for thread in threads:
            thread.start()
        if model is not None:
            wait_until(lambda: self._receiver.got, 30)
        threading.Event().wait(seconds)
        for child in told["children"]:
            os.kill(child, signal.SIGKILL)
        for thread in threads:
            thread.join(30)
        return acknowledged

    def remains(self, chance: random.Random | None = None) -> Path:
        """Return the database as it is when the power is back."""
        folder = self.live.with_name(f"{self.live.name}-again")
        power_disk.remains(self.live, self.disk, folder, chance)
        return folder / "vneid.db"

    def close(self) -> None:
        # its children hold the pipe, too
        with suppress(ProcessLookupError):
            os.killpg(self._parent.pid, signal.SIGKILL)
        self._parent.communicate()


def _announce(base: str, document: str, acknowledged: list[str]) -> None:
    """Announce changes of one document until nobody answers."""
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Sec-Fetch-Mode": "cors",
               "Authorization": f"Bearer {KEYS['mot-cua']}"}
    number = 0
    try:
        while True:
            number += 1
            change = {"loaiGiayTo": "GPLX", "soDinhDanh": PERSON, "maGiayTo": document, "action": "upsert",
                      "idempotencyKey": f"{document}-{number}", "data": {"n": number}}
            answer = Browser().send("POST", f"{base}/vneid/documents/changes", headers, json.dumps(change).encode())
            if answer.status == 202:
                acknowledged.append(answer.json()["changeId"])
            # what is left must be delivered in the end
            threading.Event().wait(0.02)
    except (OSError, HTTPException):
        """The power is cut."""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory, shim: Path, _receiver: Receiver, signing_key: str) -> Iterator[Disk]:
    with closing(Disk(tmp_path_factory.mktemp("disk"), shim, _receiver, signing_key)) as found:
        yield found


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], None]) -> Path:
    """A database with this version's tables and nothing in it."""
    file = tmp_path_factory.mktemp("model") / "vneid.db"
    new_database(file)
    return file


def kept(file: Path) -> set[str]:
    """Return the ids of the changes in a database, as it is; none where it can't be read."""
    with closing(sqlite3.connect(file)) as connection:
        try:
            return {row[0] for row in connection.execute("SELECT change_id FROM vneid_outbox")}
        except sqlite3.DatabaseError:
            return set()


@pytest.mark.threat("C-F09")
def test_what_was_acknowledged_outlives_a_power_cut(
        disk: Disk, model: Path, receiver: Receiver, portal_on: Callable[[str], AbstractContextManager[Portal]],
        wait_until: Callable[..., Any]) -> None:
    print(f"VNEID_SEED={SEED}")
    chance = random.Random(SEED)
    announced = delivered = 0
    for number in range(ROUNDS):
        receiver.reset()
        # in the first rounds the database itself is made at that moment
        is_new = number < 2
        acknowledged = disk.run(wait_until, chance.uniform(0, 1.5 if is_new else 0.1), None if is_new else model)
        announced, delivered = announced + len(acknowledged), delivered + len(receiver.got)
        # what the disk wrote without being told to, it wrote in no order
        file = disk.remains(None if number % 2 else chance)
        with portal_on(f"sqlite:///{file}") as portal:
            portal.services.storage.prepare()
            assert portal.sql("PRAGMA integrity_check") == [("ok",)]
            rows = portal.rows("change_id, kind")
            assert set(acknowledged) <= {change_id for change_id, _ in rows}
            assert power_disk.ROLLED_BACK not in {kind for _, kind in rows}
            assert {got.payload["changeId"] for got in receiver.got} <= {change_id for change_id, _ in rows}
            portal.sql("UPDATE vneid_outbox SET next_at = 0 WHERE state = 'leased'")
            portal.work()
            check_ended(portal)
    assert announced > ROUNDS
    assert delivered > ROUNDS


@pytest.mark.parametrize("synchronous", ["OFF", "NORMAL"])
def test_with_less_syncing_it_would_not(disk: Disk, model: Path, receiver: Receiver, wait_until: Callable[..., Any],
                                        synchronous: str) -> None:
    acknowledged = disk.run(wait_until, 0.1, model, synchronous)
    assert not set(acknowledged) <= kept(disk.remains())
