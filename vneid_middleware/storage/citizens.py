"""A citizen database's own provider, its SQL: rows of one SELECT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vneid_middleware.exceptions import StorageError
from vneid_middleware.storage.explain import Trial, try_query
from vneid_middleware.storage.foreign import ForeignDatabase

__all__ = ["CitizenDatabase"]

TIMEOUT = 20
"""Seconds that a lock or a query may take."""


class CitizenDatabase:
    """The database named by ``documents.KIND.url``.

    Args:
        url: SQLAlchemy URL; a file's name is absolute.
        connections: how many questions are asked at once.
    """

    def __init__(self, url: str, connections: int) -> None:
        self._database = ForeignDatabase(url, "documents", timeout=TIMEOUT, connections=connections)

    def rows(self, query: str, values: Mapping[str, Any], most: int) -> list[dict[str, Any]]:
        """Return the rows of a SELECT, as mappings by column, its name in lower case: databases differ in what they make of it.

        Args:
            query: what ``check_select`` found right.
            values: for each name that it binds; only the driver puts them into the query, as parameters.
            most: how many rows at most.

        Raises:
            StorageError: ``documents_unavailable``, whose detail holds none of the values; ``documents_too_many`` rows.
        """
        from sqlalchemy import text

        with self._database.reading(values.values()) as connection:
            found = connection.execute(text(query), dict(values)).mappings().fetchmany(most + 1)
            rows = [{name.lower(): value for name, value in row.items()} for row in found]
        if len(rows) > most:
            raise StorageError("documents_too_many", f"the query found more than {most} rows")
        return rows

    def check(self) -> None:
        """Raise ``StorageError`` when the database does not answer."""
        from sqlalchemy import literal, select

        with self._database.reading() as connection:
            connection.scalar(select(literal(1)))

    def try_query(self, query: str, values: Mapping[str, Any]) -> Trial:
        """Ask a SELECT, and how the database finds its rows.

        Raises:
            StorageError: ``documents_unavailable``: the database is away, or does not understand the query.
        """
        return try_query(self._database, query, values)

    def close(self) -> None:
        """Close this process's connections."""
        self._database.close()
