"""A storage that is closed leaves no connection behind, also of threads that are in the middle of something."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text

from vneid_middleware.storage.foreign import ForeignDatabase


def closings(engine: Any) -> list[Any]:
    """Return the list of the driver's connections that were closed."""
    found: list[Any] = []
    event.listen(engine, "close", lambda connection, record: found.append(connection))
    return found


@pytest.mark.parametrize("way", ["begin", "read"])
def test_what_is_in_use_when_the_storage_is_closed_is_closed_when_it_comes_back(opened: Callable[..., Any], way: str) -> None:
    storage = opened()
    with storage.read():
        """Leaves an idle connection in the pool."""
    closed = closings(storage.engine())
    is_inside, may_go = threading.Event(), threading.Event()
    used = []

    def work() -> None:
        with getattr(storage, way)() as connection:
            used.append(connection.connection.driver_connection)
            is_inside.set()
            may_go.wait(10)
            assert connection.execute(text("SELECT 1")).scalar() == 1, "it is not taken away from under who uses it"

    with storage.read():
        thread = threading.Thread(target=work)
        thread.start()
        assert is_inside.wait(10)
    storage.close()
    idle = len(closed)
    assert idle >= 1
    may_go.set()
    thread.join()
    assert closed[idle:] == used
    if isinstance(used[0], sqlite3.Connection):
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            used[0].execute("SELECT 1")
    else:
        assert used[0].closed


def test_who_asks_a_closed_storage_gets_a_connection_that_stays(opened: Callable[..., Any]) -> None:
    storage = opened()
    storage.check()
    storage.close()
    storage.check()
    closed = closings(storage.engine())
    for _ in range(3):
        storage.check()
    assert closed == []


def test_a_database_of_the_agencys_is_left_in_the_same_way(postgresql_url: str) -> None:
    database = ForeignDatabase(postgresql_url, "lookup", timeout=5, connections=2)
    with database.reading() as connection:
        used: Any = connection.connection.driver_connection
        database.close()
        assert connection.execute(text("SELECT 1")).scalar() == 1
    assert used.closed
