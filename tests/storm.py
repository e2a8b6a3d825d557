"""A storm over the outbox: workers that are killed and stopped, a receiver that fails, producers all the while: ``make storm``.

Prints its seed; ``STORM_SEED`` repeats what is chosen by it, ``STORM_SECONDS`` (20) says how long it lasts, on each database.
``STORM_BACKLOG=100000`` lets so many changes come in while the receiver is away, and then be delivered by two workers.
"""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

from outbox_service import SECRET, Receiver, settings_for, write_ini
from postgresql import cluster
from vneid_middleware.application import assemble
from vneid_middleware.cli import main
from vneid_middleware.outbox import Outbox
from vneid_middleware.settings import Source
from vneid_middleware.storage import Storage

WORKERS, DOCUMENTS, RATE = 4, 30, 40
TROUBLES: tuple[Any, ...] = (
    None, None, None, None, None, None, (500, {}, {}), (503, {"Retry-After": "1"}, {}), (200, {}, b"<html>"),
    (200, {}, {"responseCode": "99"}), "effect, then 502", "effect, then nothing")


class Storm:
    """One run on one database."""

    def __init__(self, storage: str, folder: Path, seed: int, workers: int = WORKERS) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.receiver = Receiver()
        self.receiver.answer = self.trouble
        self.storage = Storage(storage)
        self.announced = 0
        self.kills = self.stops = 0
        self.calm = False
        key = folder / "signing.pem"
        with redirect_stdout(io.StringIO()):
            main(["keys", "new", "signing", "--out", str(key)])
        settings = {**settings_for(self.receiver.url, storage, str(key)), "public_url": "https://dichvucong.example.gov.vn",
                    "documents.retry_max": "1", "transport.vneid.timeout": "1"}
        write_ini(settings, folder)
        self.workers = [self.start() for _ in range(workers)]

    def start(self) -> subprocess.Popen[bytes]:
        log = (self.folder / "workers.log").open("ab")
        return subprocess.Popen([sys.executable, "-W", "ignore", "-m", "vneid_middleware.cli", "worker",
                                 str(self.folder / "portal.ini")], stdout=log, stderr=log)

    def trouble(self, got: Any) -> Any:
        """Choose how a push fails; the choice is not by the seed's order, since workers come as they come."""
        found = None if self.calm else random.choice(TROUBLES)
        if isinstance(found, str):
            self.receiver.applied(got)
            return (502, {}, {}) if found.endswith("502") else (200, {}, b"")
        return found

    def produce(self, until: float) -> None:
        outbox = Outbox(SECRET)
        while time.monotonic() < until:
            name = f"D-{self.chance.randrange(DOCUMENTS)}"
            # PostgreSQL's and SQLite's faults alike: whoever gets an error announces again
            with suppress(Exception), self.storage.begin() as connection:
                outbox.enqueue(connection, "GPLX", "001204000123", name, data={"n": self.announced})
                if self.chance.random() < 0.1:
                    raise InterruptedError
                self.announced += 1
            time.sleep(self.chance.expovariate(RATE))

    def harm(self, until: float) -> None:
        while time.monotonic() < until:
            time.sleep(self.chance.uniform(1, 3))
            number = self.chance.randrange(WORKERS)
            if self.chance.random() < 0.6:
                self.workers[number].kill()
                self.workers[number].wait()
                self.workers[number] = self.start()
                self.kills += 1
            else:
                os.kill(self.workers[number].pid, signal.SIGSTOP)
                # longer than the lease of 3.5 seconds, sometimes
                threading.Timer(self.chance.uniform(0.2, 6), self.go_on, [self.workers[number]]).start()
                self.stops += 1

    @staticmethod
    def go_on(worker: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            worker.send_signal(signal.SIGCONT)

    def drained(self, seconds: float) -> bool:
        self.calm = True
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if set(self.states()) <= {"delivered"}:
                return True
            time.sleep(0.2)
        return False

    def states(self) -> dict[str, int]:
        from vneid_middleware.storage import outbox_desk

        with self.storage.read() as connection:
            return outbox_desk.counts(connection)

    def run(self, seconds: float) -> list[str]:
        """Return what did not hold."""
        with self.storage.begin() as connection:
            Outbox(SECRET).enqueue(connection, "GPLX", "001204000123", "first", data={})
        self.announced += 1
        while not self.receiver.got:
            time.sleep(0.1)
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self.produce, args=(until,)), threading.Thread(target=self.harm, args=(until,))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        drained = self.drained(90)
        ended = [self.stop(worker) for worker in self.workers]
        return self.faults(drained, ended)

    def stop(self, worker: subprocess.Popen[bytes]) -> int:
        self.go_on(worker)
        worker.terminate()
        try:
            return worker.wait(30)
        except subprocess.TimeoutExpired:
            worker.kill()
            return worker.wait()

    def faults(self, drained: bool, ended: list[int]) -> list[str]:
        effects, got = self.receiver.effects, self.receiver.got
        found = [] if drained else [f"not everything was delivered: {self.states()}"]
        applied = sum(map(len, effects.values()))
        if applied != self.announced:
            found.append(f"{self.announced} were announced and {applied} took effect")
        found += [f"{document[2]}: {seen}" for document, seen in effects.items() if seen != list(range(1, len(seen) + 1))]
        # an older one may come late and be refused by its version only if a lease was outlived: none may
        if self.receiver.regressions:
            found.append(f"{len(self.receiver.regressions)} came after a newer version")
        if any(ended):
            found.append(f"workers ended with {ended}")
        print(f"  {self.announced} announced, {len(got)} sent, {self.kills} workers killed, {self.stops} stopped, "
              f"{len(got) - applied} sent again, {len(self.receiver.regressions)} late")
        return found

    def close(self) -> None:
        for worker in self.workers:
            self.go_on(worker)
            worker.kill()
            worker.wait()
        self.storage.close()
        self.receiver.close()


def backlog(run: Storm, count: int) -> list[str]:
    """Let changes come in while the receiver is away; return what did not hold when it was back."""
    documents = max(1, count // 10)
    run.receiver.answer = lambda got: (503, {"Retry-After": "1"}, {})
    outbox, began = Outbox(SECRET), time.monotonic()
    for start in range(0, count, 500):
        with run.storage.begin() as connection:
            for number in range(start, min(start + 500, count)):
                outbox.enqueue(connection, "GPLX", "001204000123", f"D-{number % documents}", data={"n": number})
    run.announced = count
    print(f"  {count} came in within {time.monotonic() - began:.0f} s", flush=True)
    run.receiver.answer = lambda got: None
    began, spread = time.monotonic(), 0
    early: list[int] = []
    largest: list[int] = []
    while sum(map(len, run.receiver.effects.values())) < count and time.monotonic() < began + count / 10 + 60:
        time.sleep(1)
        done = sum(map(len, run.receiver.effects.values()))
        if done > count / 10:
            early = early or [resident(worker) for worker in run.workers]
            largest = [resident(worker) for worker in run.workers]
            seen = [len(versions) for versions in list(run.receiver.effects.values())]
            spread = max(spread, max(seen) - min(seen)) if len(seen) == documents else spread
    seconds = time.monotonic() - began
    ended = [run.stop(worker) for worker in run.workers]
    grown = max((after - before for before, after in zip(early, largest, strict=False)), default=0)
    print(f"  delivered in {seconds:.0f} s, {count / seconds:.0f} a second; memory of a worker grew by {grown >> 20} MB; "
          f"documents were at most {spread} versions apart", flush=True)
    found = run.faults(True, ended)
    if grown > 30 << 20:
        found.append(f"a worker's memory grew by {grown >> 20} MB")
    if spread > 3:
        found.append(f"some documents were {spread} versions ahead of others")
    return found


def resident(process: subprocess.Popen[bytes]) -> int:
    """Return the bytes of memory that a process has."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def storm(name: str, storage: str, seed: int, seconds: float) -> bool:
    """Run a storm and tell whether everything held."""
    print(f"{name}: seed {seed}, {seconds:g} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="vneid-storm-") as folder:
        assembly = assemble(Source({"plugins": "", "public_url": "https://a.example", "secret": SECRET, "storage": storage}))
        assert assembly.services is not None
        assembly.services.storage.prepare()
        assembly.services.storage.close()
        count = int(os.environ.get("STORM_BACKLOG") or 0)
        run = Storm(storage, Path(folder), seed, 2 if count else WORKERS)
        try:
            faults = backlog(run, count) if count else run.run(seconds)
        finally:
            run.close()
        if faults:
            print((Path(folder) / "workers.log").read_text(encoding="utf-8")[-3000:])
    for fault in faults:
        print(f"  DOES NOT HOLD: {fault}")
    return not faults


def storms() -> int:
    """Storm over SQLite, and over a PostgreSQL of its own, or the one that ``STORM_POSTGRESQL`` names."""
    seed = int(os.environ.get("STORM_SEED") or random.randrange(10**9))
    seconds = float(os.environ.get("STORM_SECONDS") or 20)
    with tempfile.TemporaryDirectory(prefix="vneid-storm-db-") as folder:
        held = [storm("SQLite", f"sqlite:///{folder}/vneid.db", seed, seconds)]
    if os.environ.get("STORM_POSTGRESQL"):
        held.append(storm("PostgreSQL", os.environ["STORM_POSTGRESQL"], seed, seconds))
    else:
        with cluster(durable=True) as found:
            held.append(storm("PostgreSQL", found.url("postgres"), seed, seconds))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(storms())
