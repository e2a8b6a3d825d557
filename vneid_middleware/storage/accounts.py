"""The host's own table of accounts: one query, asked at a login, which changes nothing there."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from vneid_middleware.exceptions import StorageError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

__all__ = ["BINDS", "AccountDatabase", "absolute_url", "check_query"]

BINDS = ("personal_id", "subject", "issuer", "full_name", "birth_date", "account_type", "level")
"""What of an identity a query may ask by."""
TIMEOUT = 5
"""Seconds that a connection, a lock or the query may take."""

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`""")
_CONNECT_ARGS: Mapping[str, Mapping[str, Any]] = {
    "psycopg": {"connect_timeout": TIMEOUT, "application_name": "vneid-middleware-accounts",
                "options": f"-c statement_timeout={TIMEOUT}s -c lock_timeout={TIMEOUT}s"},
    "psycopg2": {"connect_timeout": TIMEOUT, "options": f"-c statement_timeout={TIMEOUT}s -c lock_timeout={TIMEOUT}s"},
    "pymysql": {"connect_timeout": TIMEOUT, "read_timeout": TIMEOUT},
    "mysqldb": {"connect_timeout": TIMEOUT, "read_timeout": TIMEOUT},
    "pysqlite": {"timeout": TIMEOUT},
}
_READ_ONLY = {"mysql": "SET TRANSACTION READ ONLY", "mariadb": "SET TRANSACTION READ ONLY",
              "oracle": "SET TRANSACTION READ ONLY"}


def check_query(query: str) -> None:
    """Check that a query is one SELECT that asks by something of an identity.

    Raises:
        ValueError: with the expectation in words.
    """
    from sqlalchemy import text

    bare = _QUOTED.sub("''", query)
    if "--" in bare or "/*" in bare:
        raise ValueError("must be one SELECT without comments")
    if not re.match(r"select\s", bare, re.IGNORECASE) or ";" in bare or "\0" in query:
        raise ValueError("must be one SELECT, without a semicolon")
    names = set(text(query).compile().params)
    known = ", ".join(f":{name}" for name in BINDS)
    if not names:
        raise ValueError(f"must ask by at least one of {known}: it would find the same account for everybody")
    if names - set(BINDS):
        raise ValueError(f"must ask by {known} only; :{min(names - set(BINDS))[:40]} is none of them")


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


class AccountDatabase:
    """The database named by ``accounts.url``.

    Connections are made for a login and closed after it: nothing is kept that could go stale or pass a ``fork``.

    Args:
        url: SQLAlchemy URL; a file's name is absolute.
        query: what :func:`check_query` found right.
    """

    def __init__(self, url: str, query: str) -> None:
        self._url = url
        self._query = query
        self._opened: tuple[int, Engine] | None = None

    def find(self, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the first column of the rows, of at most two.

        Args:
            values: a value for each of ``BINDS``. Only the driver puts them into the query, as parameters.

        Raises:
            StorageError: ``accounts_unavailable``; its detail holds none of the values.
        """
        from sqlalchemy import text

        statement = text(self._query)
        asked = {name: values[name] for name in statement.compile().params}
        with _translated(asked), self._engine().connect() as connection, connection.begin(), _limited(connection):
            return [row[0] for row in connection.execute(statement, asked).fetchmany(2)]

    def _engine(self) -> Engine:
        opened = self._opened
        if opened is None or opened[0] != os.getpid():
            opened = self._opened = (os.getpid(), _make_engine(self._url))
        return opened[1]


def _make_engine(url: str) -> Engine:
    from sqlalchemy import create_engine, event
    from sqlalchemy.engine import make_url
    from sqlalchemy.pool import NullPool

    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        # never makes the file: an empty database would look as if nobody had an account
        parsed = parsed.set(database=f"file:{quote(str(parsed.database))}", query={"mode": "ro", "uri": "true"})
    options = {"postgresql_readonly": True} if parsed.get_backend_name() == "postgresql" else {}
    engine = create_engine(parsed, poolclass=NullPool, hide_parameters=True, execution_options=options,
                           connect_args=dict(_CONNECT_ARGS.get(parsed.get_driver_name(), {})))
    begin = _READ_ONLY.get(parsed.get_backend_name())
    if begin:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


@contextmanager
def _limited(connection: Connection) -> Iterator[None]:
    """Give up a query on SQLite that takes too long; the servers' own limits do it elsewhere."""
    if connection.dialect.name == "sqlite":
        end = time.monotonic() + TIMEOUT
        driver: Any = connection.connection
        driver.set_progress_handler(lambda: time.monotonic() > end, 100_000)
    yield


@contextmanager
def _translated(values: Mapping[str, Any]) -> Iterator[None]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]
        # some drivers quote the value that they could not take
        for value in filter(None, map(str, values.values())):
            reason = reason.replace(value, "…")
        raise StorageError("accounts_unavailable", reason[:200]) from None
    except OSError as error:
        raise StorageError("accounts_unavailable", error.strerror or type(error).__name__) from None
