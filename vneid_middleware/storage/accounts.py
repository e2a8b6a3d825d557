"""The host's own table of accounts: one query, asked at a login, which changes nothing there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vneid_middleware.storage.foreign import ForeignDatabase, check_select

__all__ = ["BINDS", "AccountDatabase", "check_query"]

BINDS = ("personal_id", "subject", "issuer", "full_name", "birth_date", "account_type", "level")
"""What of an identity a query may ask by."""
TIMEOUT = 5
"""Seconds that a connection, a lock or the query may take."""


def check_query(query: str) -> None:
    """Check that a query is one SELECT that asks by something of an identity.

    Raises:
        ValueError: with the expectation in words.
    """
    names = check_select(query)
    known = ", ".join(f":{name}" for name in BINDS)
    if not names:
        raise ValueError(f"must ask by at least one of {known}: it would find the same account for everybody")
    if names - set(BINDS):
        raise ValueError(f"must ask by {known} only; :{min(names - set(BINDS))[:40]} is none of them")


class AccountDatabase:
    """The database named by ``accounts.url``.

    Connections are made for a login and closed after it: nothing is kept that could go stale or pass a ``fork``.

    Args:
        url: SQLAlchemy URL; a file's name is absolute.
        query: what :func:`check_query` found right.
    """

    def __init__(self, url: str, query: str) -> None:
        self._database = ForeignDatabase(url, "accounts", timeout=TIMEOUT)
        self._query = query

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
        with self._database.reading(asked.values()) as connection:
            return [row[0] for row in connection.execute(statement, asked).fetchmany(2)]
