"""Several writers of SQLite share a commit; none is told of what is not there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from vneid_middleware.exceptions import StorageError
from vneid_middleware.storage import Storage

WRITERS = 8


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    found = Storage(f"sqlite:///{tmp_path}/turns.db", WRITERS)
    with found.begin() as connection:
        connection.execute(text("CREATE TABLE written (name TEXT PRIMARY KEY, content TEXT)"))
    return found


def together(work: Callable[[int], None]) -> list[BaseException | None]:
    """Let all writers begin while one holds the turn; return how each ended."""
    ended: list[BaseException | None] = [None] * WRITERS
    begin = threading.Barrier(WRITERS)

    def run(number: int) -> None:
        begin.wait()
        try:
            work(number)
        except BaseException as error:
            ended[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


def names(storage: Storage) -> set[str]:
    with storage.read() as connection:
        return set(connection.execute(text("SELECT name FROM written")).scalars())


def put(connection: Any, name: str, content: str = "") -> None:
    connection.execute(text("INSERT INTO written VALUES (:name, :content)"), {"name": name, "content": content})


def test_writers_that_wait_share_a_commit(storage: Storage, wait_until: Callable[..., Any]) -> None:
    commits = []
    event.listen(storage.engine(), "commit", commits.append)
    turns = storage._opened().turns
    slow: list[int] = []

    def work(number: int) -> None:
        for turn in range(20):
            with storage.begin() as connection:
                put(connection, f"{number}-{turn}")
                if not slow:
                    slow.append(number)
                    wait_until(lambda: turns._waiting == WRITERS - 1)
            assert f"{number}-{turn}" in names(storage), "it is there for everybody when begin() has ended"

    assert together(work) == [None] * WRITERS
    assert len(names(storage)) == WRITERS * 20
    writes = [connection for connection in commits if not connection.get_execution_options().get("vneid_read")]
    # those that waited for the slow one ended with it
    assert len(writes) <= WRITERS * 20 - (WRITERS - 1)


def test_a_part_that_fails_takes_none_of_the_others_along(storage: Storage) -> None:
    def work(number: int) -> None:
        for turn in range(20):
            with storage.begin() as connection:
                put(connection, f"{number}-{turn}")
                if turn == 19 and number % 2:
                    raise LookupError
                if turn == 18 and number % 2:
                    # a statement's own fault, seen to by whoever wrote it
                    with pytest.raises(Exception, match="UNIQUE"):
                        put(connection, f"{number}-{turn}")

    ended = together(work)
    assert [isinstance(error, LookupError) for error in ended] == [bool(number % 2) for number in range(WRITERS)]
    assert names(storage) == {f"{number}-{turn}" for number in range(WRITERS) for turn in range(20)
                              if not (turn == 19 and number % 2)}


def test_where_the_disk_is_full_nobody_is_told_of_what_is_not_there(storage: Storage) -> None:
    def fill(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA max_page_count=700")

    event.listen(storage.engine(), "connect", fill)
    storage.engine().dispose()
    told: list[str] = []

    def work(number: int) -> None:
        for turn in range(60):
            name = f"{number}-{turn}"
            try:
                with storage.begin() as connection:
                    put(connection, name, "x" * 20_000)
            except StorageError:
                continue
            told.append(name)

    assert together(work) == [None] * WRITERS
    assert 20 < len(told) < WRITERS * 60
    assert names(storage) == set(told)


def test_nobody_waits_for_one_who_gave_up(storage: Storage) -> None:
    """Who ends leaves the commit to the next one in the row; that one's patience may end at that very moment."""
    turns = storage._opened().turns
    assert turns is not None
    turns._waiting += 1
    with storage.begin() as connection:
        put(connection, "left alone")
    assert names(storage) == {"left alone"}
