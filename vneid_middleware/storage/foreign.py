"""Databases that are not ours: one SELECT of the administrator's, asked by bound values, which changes nothing there."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vneid_middleware.exceptions import StorageError
from vneid_middleware.per_process import PerProcess
from vneid_middleware.storage.driver_errors import told

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

__all__ = ["ForeignDatabase", "absolute_url", "check_select"]

CONNECT_TIMEOUT = 5
"""Seconds until a server must have answered a new connection."""

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`""")
_READ_ONLY = {"mysql": "START TRANSACTION READ ONLY", "mariadb": "START TRANSACTION READ ONLY",
              "oracle": "SET TRANSACTION READ ONLY"}
_STATEMENT_LIMIT = {"mysql": "SET SESSION max_execution_time = {milliseconds}",
                    "mariadb": "SET SESSION max_statement_time = {seconds}"}


def check_select(query: str) -> frozenset[str]:
    """Check that a query is one SELECT without comments; return the names that it binds.

    Raises:
        ValueError: with the expectation in words.
    """
    from sqlalchemy import text

    bare = _QUOTED.sub("''", query)
    if "--" in bare or "/*" in bare:
        raise ValueError("must be one SELECT without comments")
    if not re.match(r"select\s", bare, re.IGNORECASE) or ";" in bare or "\0" in query:
        raise ValueError("must be one SELECT, without a semicolon")
    if re.search(r"\binto\b", bare, re.IGNORECASE):
        # a file or a table of the database's server: a read-only transaction does not keep all from it
        raise ValueError("must be one SELECT that writes nowhere, without INTO")
    cast = re.search(r":(\w+)\s*::\s*(\w+)", bare)
    if cast:
        # it would not be bound: two colons are no end of a name
        raise ValueError(f"must write CAST(:{cast[1]} AS {cast[2]}) in place of :{cast[1]}::{cast[2]}")
    names = frozenset(text(query).compile().params)
    if names != frozenset(text(bare).compile().params):
        raise ValueError("must not bind inside quotes: a colon there is written \\:")
    return names


def absolute_url(url: str, path: Callable[[str], Any]) -> str:
    """Return a database URL with the name of an SQLite file made absolute.

    Args:
        path: makes a name absolute.

    Raises:
        ValueError: the URL names no file.
    """
    scheme, _, rest = url.partition("://")
    if scheme.split("+")[0] != "sqlite":
        return url
    name = rest.removeprefix("/")
    if not rest.startswith("/") or not name or "?" in name or ":memory:" in name:
        raise ValueError("must name the file of the portal's own database, such as sqlite:////var/lib/portal/portal.db")
    return f"{scheme}:///{path(name)}"


class ForeignDatabase:
    """A database that is only read.

    Nothing is opened before the first question, and a forked process opens its own connections.

    Args:
        url: SQLAlchemy URL; a file's name is absolute.
        name: what of ours asks, for the database's list of connections; and the start of the error's code.
        timeout: seconds that a lock or a query may take.
        connections: how many are kept; 0: each is closed after its question.
    """

    def __init__(self, url: str, name: str, *, timeout: int, connections: int = 0) -> None:
        self._url = url
        self._name = name
        self._timeout = timeout
        self._connections = connections
        self._engine = PerProcess(self._make_engine)

    @contextmanager
    def reading(self, values: Iterable[Any] = ()) -> Iterator[Connection]:
        """Give a connection in a transaction that can't write.

        Args:
            values: what will be asked with; no error repeats it.

        Raises:
            StorageError: ``NAME_unavailable``.
        """
        with _translated(f"{self._name}_unavailable", values), self._engine().connect() as connection, connection.begin():
            if connection.dialect.name == "sqlite":
                # the servers' own limits do it elsewhere
                end = time.monotonic() + self._timeout
                driver: Any = connection.connection
                driver.set_progress_handler(lambda: time.monotonic() > end, 100_000)
            yield connection

    def close(self) -> None:
        """Close this process's connections; the next question opens new ones."""
        from vneid_middleware.storage.pools import close_connections

        engine = self._engine.known()
        self._engine.forget()
        if engine is not None:
            close_connections(engine)

    def _make_engine(self) -> Engine:
        from sqlalchemy import create_engine, event
        from sqlalchemy.engine import make_url
        from sqlalchemy.pool import NullPool

        parsed = make_url(self._url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        backend = parsed.get_backend_name()
        if backend == "sqlite":
            # never makes the file: an empty database would look as if there were nobody in it
            parsed = parsed.set(database=f"file:{quote(str(parsed.database))}", query={"mode": "ro", "uri": "true"})
        options: dict[str, Any] = {"poolclass": NullPool}
        if self._connections and backend != "sqlite":
            # asked whether it lives before each use: the server may have been started anew
            options = {"pool_pre_ping": True, "pool_size": self._connections, "max_overflow": 0,
                       "pool_timeout": CONNECT_TIMEOUT, "pool_recycle": 1800}
        engine = create_engine(parsed, hide_parameters=True, connect_args=self._connect_args(parsed.get_driver_name()),
                               execution_options={"postgresql_readonly": True} if backend == "postgresql" else {}, **options)
        if backend in _STATEMENT_LIMIT:
            event.listen(engine, "connect", self._limit_session)
        if engine.dialect.driver == "psycopg":
            event.listen(engine, "connect", _take_all_times)
        begin = _READ_ONLY.get(backend)
        if begin:
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _connect_args(self, driver: str) -> dict[str, Any]:
        if driver in ("psycopg", "psycopg2"):
            return {"connect_timeout": CONNECT_TIMEOUT, "application_name": f"vneid-middleware-{self._name}",
                    "options": f"-c statement_timeout={self._timeout}s -c lock_timeout={self._timeout}s"}
        if driver in ("pymysql", "mysqldb"):
            return {"connect_timeout": CONNECT_TIMEOUT, "read_timeout": self._timeout + 1}
        return {"timeout": self._timeout, "check_same_thread": False} if driver == "pysqlite" else {}

    def _limit_session(self, connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT VERSION()")
            kind = "mariadb" if "mariadb" in str(cursor.fetchone()[0]).lower() else "mysql"
            # also where a statement ends the transaction: CREATE TABLE does
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute(_STATEMENT_LIMIT[kind].format(seconds=self._timeout, milliseconds=self._timeout * 1000))
        finally:
            cursor.close()


def _take_all_times(connection: Any, record: Any) -> None:
    """Let times that Python has none for, PostgreSQL's ``infinity`` above all, come as an infinite number: the driver would give
    up all rows because of one."""
    from psycopg import DataError
    from psycopg.types import datetime as types

    def lenient(loader: type[Any]) -> type[Any]:
        class Lenient(loader):  # type: ignore[misc]
            def load(self, data: Any) -> Any:
                try:
                    return super().load(data)
                except DataError:
                    text = bytes(data)
                    return -math.inf if text.startswith(b"-") or text.endswith(b"BC") else math.inf

        return Lenient

    for name, loader in (("date", types.DateLoader), ("timestamp", types.TimestampLoader),
                         ("timestamptz", types.TimestamptzLoader)):
        connection.adapters.register_loader(name, lenient(loader))


@contextmanager
def _translated(code: str, values: Iterable[Any]) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        raise StorageError(code, told(error, values)) from None
    except (ValueError, TypeError, ArithmeticError) as error:
        # a value that the driver can't make something of: its words quote it
        raise StorageError(code, f"a value can't be read: {type(error).__name__}") from None
    except OSError as error:
        raise StorageError(code, error.strerror or type(error).__name__) from None
