"""A citizen database's own provider, its SQL: rows of one SELECT, and what the database says of how it finds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vneid_middleware.exceptions import StorageError
from vneid_middleware.storage.foreign import ForeignDatabase

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["CitizenDatabase", "Trial"]

TIMEOUT = 20
"""Seconds that a lock or a query may take."""


class Trial(NamedTuple):
    """What trying a query came to."""

    columns: tuple[str, ...]
    scanned: tuple[str, ...]
    """Tables that the database reads from end to end, because no index leads to the rows."""


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
        from sqlalchemy import text

        with self._database.reading(values.values()) as connection:
            found = connection.execute(text(query), dict(values))
            columns = tuple(map(str.lower, found.keys()))
        with self._database.reading(values.values()) as connection:
            explain = _EXPLAINERS.get(connection.dialect.name)
            return Trial(columns, tuple(dict.fromkeys(explain(connection, query, dict(values)))) if explain else ())

    def close(self) -> None:
        """Close this process's connections."""
        self._database.close()


def _explain_sqlite(connection: Connection, query: str, values: dict[str, Any]) -> Iterable[str]:
    from sqlalchemy import text

    for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}"), values).mappings():
        words = str(row["detail"]).split()
        # older versions say SCAN TABLE; a subquery or a constant row is no table
        if words[0] == "SCAN" and len(words) > 1 and not words[1].startswith("(") and words[1] not in ("CONSTANT", "SUBQUERY"):
            yield words[2] if words[1] == "TABLE" and len(words) > 2 else words[1]


def _explain_postgresql(connection: Connection, query: str, values: dict[str, Any]) -> Iterable[str]:
    from sqlalchemy import text

    # a small table is read from end to end although it has an index: only one without an index is, still
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    plan = connection.execute(text(f"EXPLAIN (FORMAT JSON) {query}"), values).scalar()
    waiting = [part["Plan"] for part in (json.loads(plan) if isinstance(plan, str) else plan or ())]
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", ())
        if node.get("Node Type") in ("Seq Scan", "Parallel Seq Scan"):
            yield str(node.get("Relation Name"))


def _explain_mysql(connection: Connection, query: str, values: dict[str, Any]) -> Iterable[str]:
    from sqlalchemy import text

    for row in connection.execute(text(f"EXPLAIN {query}"), values).mappings():
        members = {name.lower(): value for name, value in row.items()}
        if str(members.get("type")).lower() in ("all", "index"):
            yield str(members.get("table"))


_EXPLAINERS = {"sqlite": _explain_sqlite, "postgresql": _explain_postgresql, "mysql": _explain_mysql,
               "mariadb": _explain_mysql}
