"""What a database of the agency's says of a SELECT: its columns, and the tables that it reads from end to end for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vneid_middleware.storage.foreign import ForeignDatabase

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["Trial", "try_query"]


class Trial(NamedTuple):
    """What trying a query came to."""

    columns: tuple[str, ...]
    scanned: tuple[str, ...]
    """Tables that the database reads from end to end, because no index leads to the rows."""


def try_query(database: ForeignDatabase, query: str, values: Mapping[str, Any]) -> Trial:
    """Ask a SELECT, and how the database finds its rows.

    Args:
        query: what ``check_select`` found right.
        values: for each name that it binds.

    Raises:
        StorageError: the database is away, or does not understand the query.
    """
    from sqlalchemy import text

    with database.reading(values.values()) as connection:
        found = connection.execute(text(query), dict(values))
        columns = tuple(map(str.lower, found.keys()))
    with database.reading(values.values()) as connection:
        explain = _EXPLAINERS.get(connection.dialect.name)
        return Trial(columns, tuple(dict.fromkeys(explain(connection, query, dict(values)))) if explain else ())


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
        kind = str(node.get("Node Type"))
        # an index without a condition is read from end to end, too
        if kind in ("Seq Scan", "Parallel Seq Scan") or (kind.endswith(("Index Scan", "Index Only Scan"))
                                                         and not {"Index Cond", "Order By"} & set(node)
                                                         and not kind.startswith("Bitmap")):
            yield str(node.get("Relation Name"))


def _explain_mysql(connection: Connection, query: str, values: dict[str, Any]) -> Iterable[str]:
    from sqlalchemy import text

    for row in connection.execute(text(f"EXPLAIN {query}"), values).mappings():
        members = {name.lower(): value for name, value in row.items()}
        if str(members.get("type")).lower() in ("all", "index"):
            yield str(members.get("table"))


_EXPLAINERS = {"sqlite": _explain_sqlite, "postgresql": _explain_postgresql, "mysql": _explain_mysql,
               "mariadb": _explain_mysql}
