"""Everything kept between requests: one database, its tables and the only SQL of ours."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from vneid_middleware.exceptions import StorageError
from vneid_middleware.per_process import PerProcess
from vneid_middleware.storage.files import DatabaseFile
from vneid_middleware.storage.turns import WriteTurns

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

__all__ = ["Storage"]

_TIMEOUT = 5
"""Seconds that a connection, a statement or a lock may take: less than a person waits for a page."""


class _Opened(NamedTuple):
    """What a process has open."""

    engine: Engine
    file: DatabaseFile | None
    """SQLite's; None elsewhere."""
    turns: WriteTurns | None
    """Of this process's writers; None where the database sees to that itself."""


class Storage:
    """The database named by ``storage``.

    Nothing is opened before the first call, and a forked process opens its own: connections don't survive ``fork``.

    Args:
        url: SQLAlchemy URL; relative SQLite files were made absolute by the settings.
        threads: how many connections may be in use at once.
    """

    def __init__(self, url: str, threads: int = 4) -> None:
        self._url = url
        self._threads = threads
        self._opened = PerProcess(self._make)
        self._prepared_by = 0

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Give a connection in a write transaction, committed at the end, rolled back on any exception.

        Raises:
            StorageError: ``storage_unavailable``; the cause has the driver's words, never values.
        """
        shared = getattr(self._threads_own(), "connection", None)
        if shared is not None:
            with _translated():
                yield shared
            return
        self.prepare()
        turns = self._opened().turns
        with self._transaction({}) if turns is None else self._in_turn(turns) as connection:
            yield connection

    @contextmanager
    def sharing(self, connection: Connection) -> Iterator[None]:
        """Let :meth:`begin` give this connection to whatever this thread calls meanwhile: what others write, an audit sink say,
        is committed with the transaction under way, or not at all. On any exception the transaction must be rolled back."""
        own = self._threads_own()
        own.connection = connection
        try:
            yield
        finally:
            own.connection = None

    def _threads_own(self) -> threading.local:
        found: threading.local = self.__dict__.setdefault("_own", threading.local())
        return found

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading only: on SQLite it does not wait for writers."""
        self.prepare()
        with self._transaction({"vneid_read": True}) as connection:
            yield connection

    def prepare(self) -> None:
        """Create or upgrade the tables, once per process; several processes may do it at the same time."""
        if self._prepared_by == os.getpid():
            return
        from vneid_middleware.storage.schema import upgrade

        opened = self._opened()
        with _translated():
            upgrade(opened.engine, opened.file.refuse_empty if opened.file else None)
            if opened.file:
                opened.file.mark()
        self._prepared_by = os.getpid()

    def check(self) -> None:
        """Raise ``StorageError`` when the database can't be written now."""
        from vneid_middleware.storage import tables

        with self.begin() as connection:
            connection.execute(tables.login_claims.delete().where(tables.login_claims.c.state_key == ""))

    def probe(self) -> None:
        """Raise ``StorageError`` when the database can't be read now."""
        from sqlalchemy import select

        from vneid_middleware.storage import tables

        with self.read() as connection:
            connection.execute(select(tables.channels.c.name).limit(1)).first()

    def wal_bytes(self) -> int | None:
        """Return the size of SQLite's write-ahead log; None where the database has none of its own.

        A checkpoint writes it back into the database, but never past what a reader still sees: while one reads, it grows.
        """
        file = self._sqlite_file()
        if file is None:
            return None
        try:
            return os.stat(f"{file}-wal").st_size
        except OSError:
            return 0

    def checkpoint(self, *, waits: bool = False) -> bool:
        """Write SQLite's write-ahead log back and empty it; what was deleted is gone with it.

        Args:
            waits: for whoever is in the way, and keeps writers waiting meanwhile; else nobody has to wait.

        Returns:
            False where somebody reads an older state of the database, so that it can't be done. Other databases have their own
            housekeeping.

        Raises:
            StorageError: ``storage_unavailable``.
        """
        if self._sqlite_file() is None:
            return True
        with _translated(), closing(self.engine().raw_connection()) as connection:
            cursor = connection.cursor()
            if not waits:
                cursor.execute("PRAGMA busy_timeout=0")
            try:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy, *_ = cursor.fetchone() or (1,)
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) and "busy" not in str(error):
                    raise StorageError("storage_unavailable", str(error)[:200]) from None
                return False
            finally:
                cursor.execute(f"PRAGMA busy_timeout={_TIMEOUT * 1000}")
                cursor.close()
            return not busy

    def _sqlite_file(self) -> str | None:
        name = self._url.partition(":///")[2].partition("?")[0] if self._url.startswith("sqlite") else ""
        return name if name and ":memory:" not in name else None

    def engine(self) -> Engine:
        """Return this process's SQLAlchemy engine."""
        return self._opened().engine

    def _make(self) -> _Opened:
        with _translated():
            engine, file = _make_engine(self._url, self._threads)
        if engine.dialect.name != "sqlite":
            return _Opened(engine, file, None)
        return _Opened(engine, file, WriteTurns(engine.connect, file.check if file else lambda: None, _TIMEOUT))

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""
        from vneid_middleware.storage.pools import close_connections

        opened, self._prepared_by = self._opened.known(), 0
        self._opened.forget()
        if opened is not None:
            close_connections(opened.engine)

    @contextmanager
    def _in_turn(self, turns: WriteTurns) -> Iterator[Connection]:
        file = self._opened().file
        if file is not None:
            file.check()
        with _translated(), turns.write() as connection:
            yield connection

    @contextmanager
    def _transaction(self, options: dict[str, Any]) -> Iterator[Connection]:
        engine, file, _ = self._opened()
        if file is not None:
            file.check()
        with _translated(), engine.connect() as connection:
            connection = connection.execution_options(**options)
            with connection.begin():
                yield connection
                if file is not None:
                    # before the commit: what is written to a file without a name must not be acknowledged
                    file.check()


@contextmanager
def _translated() -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        raise StorageError("storage_unavailable", _reason(error)) from None
    except OSError as error:
        raise StorageError("storage_unavailable", error.strerror or type(error).__name__) from None


def _reason(error: Exception) -> str:
    # the statement's parameters may be personal: only the driver's own message goes on, and it is for the log
    cause = getattr(error, "orig", None)
    reason = str(cause or type(error).__name__).splitlines()[0][:200]
    # of all of SQLite's errors only that of a damaged file is of this type itself: SQLITE_CORRUPT and SQLITE_NOTADB
    if type(cause) is sqlite3.DatabaseError:
        return (f"the database is damaged ({reason}): stop the portal and its workers, restore the file from a backup, then "
                "start them again")
    return reason


def _make_engine(url: str, threads: int) -> tuple[Engine, DatabaseFile | None]:
    from sqlalchemy import create_engine, event
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
    file = None
    if parsed.get_backend_name() == "sqlite":
        parsed, file = _open_file(parsed)
        options["connect_args"] = {"timeout": _TIMEOUT, "check_same_thread": False}
    else:
        options.update(pool_size=max(2, threads), max_overflow=2, pool_timeout=_TIMEOUT, pool_recycle=1800)
    if parsed.get_backend_name() == "postgresql":
        options["connect_args"] = {"connect_timeout": _TIMEOUT, "application_name": "vneid-middleware",
                                   "options": f"-c statement_timeout={_TIMEOUT}s -c lock_timeout={_TIMEOUT}s"}
    engine = create_engine(parsed, **options)
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine, file


def _open_file(parsed: Any) -> tuple[Any, DatabaseFile | None]:
    """Return the URL by which SQLite never makes a file, and the file, made if there never was one."""
    if not parsed.database or parsed.database == ":memory:":
        return parsed, None
    path = os.path.abspath(parsed.database)
    file = DatabaseFile(path)
    file.open()
    return parsed.set(database=f"file:{quote(path)}", query={**parsed.query, "mode": "rw", "uri": "true"}), file


def _set_up_sqlite(connection: Any, record: Any) -> None:
    # the driver's own transaction handling is off, so that a write transaction can begin as one: a deferred one that
    # turns into a writer fails at once instead of waiting for its turn
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    # what is deleted is overwritten with zeros, and not only given free
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()


def _use_wal(cursor: Any) -> None:
    # SQLite does not wait by itself here: processes that open a new database at the same moment would refuse each other
    end = time.monotonic() + _TIMEOUT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("vneid_read", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
