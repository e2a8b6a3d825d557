"""Workers are killed while they write down what came of a change; ``VNEID_KILLS=200`` does it two hundred times."""

from __future__ import annotations

import os
import random
import signal
import threading
import warnings
from itertools import pairwise
from typing import Any

import pytest

from outbox_model import check_ended
from outbox_service import Receiver
from vneid_middleware.plugins.documents.outbox.delivery import Courier

Portal = Any
PERSON = "001204000123"
SEED = int(os.environ.get("VNEID_SEED", random.SystemRandom().randrange(1 << 32)))
ROUNDS = {"sqlite": int(os.environ.get("VNEID_KILLS", "14")), "postgresql": 6}
LONGEST = 0.02
"""Seconds after the start of the writing in which a worker is killed: about what it takes."""


def _killed(portal: Portal, seconds: float) -> None:
    """Let a worker of its own deliver what is due, and kill it so many seconds after it began to write down."""
    # the connections of this process must not be the child's
    portal.services.storage.close()
    reads, writes = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if not child:
        try:
            _deliver(portal, writes)
        finally:
            os._exit(0)
    os.close(writes)
    try:
        os.read(reads, 1)
        threading.Event().wait(seconds)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reads)


def _deliver(portal: Portal, writes: int) -> None:
    courier, settle = Courier(portal.services), Courier._settle

    def told(self: Courier, *words: Any) -> str:
        os.write(writes, b".")
        return settle(self, *words)

    Courier._settle = told  # type: ignore[method-assign]
    for lease in courier.claim(8, alone=True):
        courier.deliver(lease)


@pytest.mark.threat("C-F08")
def test_workers_are_killed_while_they_write_down(portal: Portal, receiver: Receiver) -> None:
    print(f"VNEID_SEED={SEED}")
    chance = random.Random(SEED)
    kind = "sqlite" if portal.settings["storage"].startswith("sqlite") else "postgresql"
    # loaded once, and not by each child
    portal.announce("FIRST")
    portal.work()
    written = [1]
    for number in range(ROUNDS[kind]):
        with portal.services.storage.begin() as connection:
            for document in ("A", "B"):
                portal.services["outbox"].enqueue(connection, "GPLX", PERSON, document, data={"n": number})
        _killed(portal, chance.uniform(0, LONGEST))
        if kind == "sqlite":
            assert portal.sql("PRAGMA integrity_check") == [("ok",)]
        states = [row[0] for row in portal.rows("state")]
        # I1: all are there; I3, I4: in order, each once
        assert len(states) == 1 + 2 * (number + 1)
        assert set(states) <= {"ready", "waiting", "leased", "delivered"}
        assert receiver.regressions == []
        assert all(seen == list(range(1, len(seen) + 1)) for seen in receiver.effects.values())
        assert states.count("delivered") <= sum(map(len, receiver.effects.values()))
        written.append(states.count("delivered"))
        # the leases end, and nobody takes the change for the cause
        portal.sql("UPDATE vneid_outbox SET next_at = 0, crashes = 0 WHERE state IN ('leased', 'ready')")
    steps = [after - before for before, after in pairwise(written)]
    if ROUNDS[kind] >= 100:
        # of a few it may be by chance that all were killed before it was written down, or after
        assert 0 in steps
        assert max(steps) > 0
    portal.work()
    check_ended(portal)
