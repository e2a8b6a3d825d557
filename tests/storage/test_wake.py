"""A bell that is rung wakes who waits, and writes to nobody else."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from vneid_middleware.storage import Storage, wake
from vneid_middleware.storage.wake import Bell


@pytest.fixture
def bell(tmp_path: Path) -> Bell:
    return Bell(Storage(f"sqlite:///{tmp_path}/vneid.db"))


def test_a_bell_that_was_rung_before_ends_the_waiting_at_once(bell: Bell) -> None:
    for _ in range(100_000):
        # more than the pipe holds
        bell.ring()
    began = time.monotonic()
    bell.rest(20)
    assert time.monotonic() - began < 5


def test_another_thread_wakes_who_waits(bell: Bell) -> None:
    thread = threading.Thread(target=bell.rest, args=(20,))
    thread.start()
    bell.ring()
    thread.join(5)
    assert not thread.is_alive()


def test_who_rings_while_the_bell_is_closed_writes_into_no_connection(bell: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is about to ring holds the number of a file; another one's new connection may get it meanwhile."""
    write = os.write
    with ExitStack() as stack:
        pairs: list[tuple[socket.socket, socket.socket]] = []

        def late(file: int, data: bytes) -> int:
            bell.close()
            pairs.extend(socket.socketpair() for _ in range(8))
            for pair in pairs:
                for end in pair:
                    stack.enter_context(end)
                    end.setblocking(False)
            return write(file, data)

        monkeypatch.setattr(wake.os, "write", late)
        bell.ring()
        for pair in pairs:
            for end in pair:
                with pytest.raises(BlockingIOError):
                    end.recv(1)


def test_nothing_is_left_open_when_it_is_gone(tmp_path: Path) -> None:
    def count() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    before = count()
    bells: list[Any] = [Bell(Storage(f"sqlite:///{tmp_path}/vneid.db")) for _ in range(5)]
    assert count() == before + 10
    bells.pop().close()
    bells.clear()
    assert count() == before
