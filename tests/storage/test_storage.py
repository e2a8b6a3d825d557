"""The database: its tables, what happens at the same time, and what happens when it is gone."""

from __future__ import annotations

import multiprocessing
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vneid_middleware.exceptions import StorageError
from vneid_middleware.storage import Storage, audit, logins, sessions, tables
from vneid_middleware.storage.schema import HEAD, VERSION_TABLE

NOW = 1_800_000_000


def row(session_id="s", expires_at=NOW + 100, **more):
    return {"session_id": session_id, "subject_key": "k", "personal_key": "p", "account": "1001******01",
            "account_type": "person", "level": 2, "started_at": NOW, "expires_at": expires_at, "hint": None, **more}


def test_the_migrations_make_what_the_code_expects(opened):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    storage = opened()
    storage.prepare()
    with storage.engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={
            "version_table": VERSION_TABLE, "compare_type": True,
            "include_name": lambda name, kind, parents: kind != "table" or str(name).startswith("vneid_")})
        found = [change for change in compare_metadata(context, tables.metadata) if VERSION_TABLE not in str(change)]
    assert found == []


def test_the_hosts_own_tables_are_left_alone(opened):
    storage = opened()
    with storage.engine().begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('host')")
        connection.exec_driver_sql("CREATE TABLE users (name TEXT)")
    with storage.begin() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "host"
        assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 0


def test_tables_of_a_newer_release_are_not_touched(opened):
    storage = opened()
    storage.prepare()
    with storage.engine().begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StorageError, match=r"9999.*newer release"):
        opened().prepare()


def test_an_interrupted_migration_leaves_nothing_half_made(opened, monkeypatch):
    from alembic import op

    def dies(*args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", dies)
        with pytest.raises(StorageError, match="No space left"):
            opened().prepare()
    storage = opened()
    storage.prepare()
    with storage.engine().connect() as connection:
        assert connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar() == HEAD


STARTS = """
import sys
from vneid_middleware.storage import Storage, audit

storage = Storage(sys.argv[1])
sys.stdin.readline()
with storage.begin() as connection:
    audit.append(connection, time="2026-01-01T00:00:00.000Z", event="e", outcome="success", record="{}", oldest="2025")
"""


def test_processes_that_start_at_once_agree(url, opened):
    processes = [subprocess.Popen([sys.executable, "-c", STARTS, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                 for _ in range(4)]
    for process in processes:
        process.stdin.write("now\n")
        process.stdin.flush()
    assert [(process.communicate(timeout=60)[1], process.returncode) for process in processes] == [("", 0)] * 4
    with opened().read() as connection:
        assert len(audit.records(connection)) == 4


@pytest.mark.threat("A-004")
def test_one_of_many_claims_a_login(opened):
    storages = [opened(), opened()]
    barrier = threading.Barrier(12)
    for storage in storages:
        storage.prepare()

    def claim(number):
        barrier.wait(30)
        with storages[number % 2].begin() as connection:
            return logins.claim(connection, "key", now=NOW, expires_at=NOW + 600)

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(claim, range(12))) == [False] * 11 + [True]


@pytest.mark.threat("A-113")
def test_no_reader_misses_what_was_ended_at_the_same_time(opened):
    """A reader that has seen number 6 never asks for a number 5 that is committed after it."""
    writers, reader = [opened(), opened()], opened()
    for storage in (*writers, reader):
        storage.prepare()
    seen, last = set(), 0

    def end(number):
        with writers[number % 2].begin() as connection:
            sessions.end(connection, sessions.SESSION, f"s{number}", now=NOW, expires_at=NOW + 1000)

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(end, number) for number in range(200)]
        while len(seen) < 200:
            all_done = all(done.done() for done in waiting)
            with reader.read() as connection:
                lines = sessions.ended_after(connection, last)
            last = lines[-1].seq if lines else last
            seen |= {line.target for line in lines}
            if all_done and not lines:
                break
    for done in waiting:
        done.result()
    assert seen == {f"s{number}" for number in range(200)}


def test_what_is_over_goes_along_with_what_comes(opened):
    storage = opened()
    with storage.begin() as connection:
        sessions.add(connection, row("old", NOW - 1), now=NOW - 50)
        sessions.end(connection, sessions.SESSION, "x", now=NOW - 50, expires_at=NOW - 1)
        logins.claim(connection, "old", now=NOW - 50, expires_at=NOW - 1)
        audit.append(connection, time="2025-01-01T00:00:00.000Z", event="old", outcome="success", record="1", oldest="2024")
        audit.append(connection, time="2025-10-01T00:00:00.000Z", event="kept", outcome="success", record="2", oldest="2024")
    with storage.begin() as connection:
        sessions.add(connection, row("new"), now=NOW)
        sessions.end(connection, sessions.SESSION, "y", now=NOW, expires_at=NOW + 1)
        logins.claim(connection, "new", now=NOW, expires_at=NOW + 1)
        audit.append(connection, time="2026-01-01T00:00:00.000Z", event="new", outcome="success", record="3",
                     oldest="2025-06-01T00:00:00")
    with storage.read() as connection:
        assert not sessions.exists(connection, "old")
        assert sessions.exists(connection, "new")
        assert [line.target for line in sessions.ended_after(connection, 0)] == ["y"]
        assert [logins.outcome(connection, key)[0] for key in ("old", "new")] == [False, True]
        assert [record for _, record in audit.records(connection)] == ["2", "3"]


def test_dropping_never_makes_two_writers_wait_for_each_other(opened):
    storages = [opened(), opened()]
    with storages[0].begin() as connection:
        connection.execute(tables.sessions.insert(), [row(f"old{number}", NOW - 1) for number in range(2000)])

    def add(number):
        with storages[number % 2].begin() as connection:
            sessions.add(connection, row(f"new{number}"), now=NOW)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    with storages[0].read() as connection:
        assert len(sessions.live(connection, now=0)) == 40


def test_the_database_file_is_its_owners(tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/var/vneid.db")
    storage.prepare()
    storage.close()
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "var").iterdir()} == {0o600}


@pytest.mark.parametrize("broken", ["folder-is-file", "no-database", "directory"])
def test_what_can_not_be_opened_is_one_clear_error(tmp_path, broken):
    file = tmp_path / "x"
    if broken == "folder-is-file":
        file.write_text("")
        url = f"sqlite:///{file}/vneid.db"
    elif broken == "directory":
        file.mkdir()
        url = f"sqlite:///{file}"
    else:
        file.write_bytes(b"this is no database, " * 100)
        url = f"sqlite:///{file}"
    with pytest.raises(StorageError) as caught, Storage(url).begin():
        pass
    assert caught.value.code == "storage_unavailable"
    # what the driver says goes on; our own words name the file
    assert (f"{file} is not a file" in caught.value.detail, str(tmp_path) in caught.value.detail) == (
        (broken == "directory",) * 2)


def test_the_password_of_the_database_is_in_no_error(free_port):
    with pytest.raises(StorageError) as caught, Storage(f"postgresql://u:geheim-123@127.0.0.1:{free_port()}/x").begin():
        pass
    assert "geheim" not in f"{caught.value}{caught.value.detail}{caught.value.__cause__}{caught.value.__context__}"


def test_values_are_in_no_error(opened):
    storage = opened()
    with storage.begin() as connection:
        sessions.add(connection, row("twice", account="1001******99"), now=NOW)
    with pytest.raises(StorageError) as caught, storage.begin() as connection:
        sessions.add(connection, row("twice", account="1001******99"), now=NOW)
    assert "1001" not in str(caught.value)


def test_a_database_that_comes_back_is_used_again(postgresql_cluster, postgresql_url):
    storage = Storage(postgresql_url)
    with storage.begin() as connection:
        sessions.add(connection, row(), now=NOW)
    name = postgresql_url.rpartition("/")[2]
    other = Storage(postgresql_cluster.url("postgres"))
    with other.engine().connect() as connection:
        connection.exec_driver_sql(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()")
    other.close()
    with storage.begin() as connection:
        assert sessions.exists(connection, "s")
    storage.close()


def test_a_lock_that_somebody_holds_is_given_up_on(postgresql_url, monkeypatch):
    monkeypatch.setattr("vneid_middleware.storage._TIMEOUT", 1)
    holder, storage = Storage(postgresql_url), Storage(postgresql_url)
    holder.prepare()
    storage.prepare()
    with holder.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE vneid_sessions IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StorageError, match="storage_unavailable"), storage.begin() as waiting:
            sessions.add(waiting, row(), now=NOW)
    with storage.begin() as connection:
        sessions.add(connection, row(), now=NOW)
    for each in (holder, storage):
        each.close()


def test_a_write_that_fails_leaves_nothing(opened):
    storage = opened()

    def fails():
        with storage.begin() as connection:
            sessions.add(connection, row("lost"), now=NOW)
            raise KeyError("a bug")

    with pytest.raises(KeyError):
        fails()
    with storage.read() as connection:
        assert not sessions.exists(connection, "lost")


def test_a_forked_process_opens_its_own(tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/vneid.db")
    storage.prepare()
    mine = storage.engine()
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    process = context.Process(target=lambda: results.put(storage.engine() is mine))
    process.start()
    assert results.get() is False
    process.join(10)
    storage.close()
    assert Path(tmp_path / "vneid.db").exists()
