"""Checking a database URL without opening anything."""

from __future__ import annotations

from vneid_middleware.converters import sqlalchemy_url
from vneid_middleware.settings import Source
from vneid_middleware.storage.foreign import absolute_url


def foreign_url(value: str, source: Source) -> str:
    """A SQLAlchemy URL of a database that is not ours; a relative SQLite file is relative to the ini."""
    url = absolute_url(sqlalchemy_url(value, source), source.path)
    check_url(url)
    return url


def check_url(url: str) -> None:
    """Check that SQLAlchemy knows the database of ``url`` and that its driver is installed.

    Raises:
        ValueError: with the expectation in words, and never the URL, which may hold a password.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        dialect = parsed.get_dialect()
    except (ArgumentError, ValueError) as error:
        known = "sqlite, postgresql, mysql, mariadb, oracle or mssql"
        raise ValueError(f"must be the URL of a database that SQLAlchemy knows, such as {known}") from error
    try:
        # SQLAlchemy 1.4 has the older name only
        getattr(dialect, "import_dbapi" if hasattr(dialect, "import_dbapi") else "dbapi")()
    except ImportError as error:
        raise ValueError(f"needs the database driver {error.name or parsed.drivername}, which is not installed") from error
