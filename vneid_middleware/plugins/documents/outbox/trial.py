"""What ``vneid check --online`` says of sources of changes: each is asked as a worker will ask it, and nothing is taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from zope.interface import implementer

from vneid_middleware.core.change_cursor import Cursor, descends
from vneid_middleware.exceptions import VNeIDError
from vneid_middleware.interfaces import ITrial
from vneid_middleware.plugins.documents.outbox.source_rows import NEEDED
from vneid_middleware.plugins.documents.outbox.sources import Source, sources
from vneid_middleware.storage.change_source import ChangeDatabase

_WARNING = "warning"
FEW = 20
"""Rows that a source is tried with."""
_FAR = 1_000_000
"""How far behind the last number of a few the newest one is taken to be."""


@implementer(ITrial)
class ChangeTrial:
    """Tries each ``documents.KIND.changes``.

    Args:
        services: everything of the middleware.
    """

    def __init__(self, services: Any) -> None:
        self._vneid = services

    def try_online(self) -> Iterator[tuple[str, ...]]:
        """Ask for the first rows and for what follows them, and how the database finds these."""
        for source in sources(self._vneid):
            name = f"documents.{source.kind}.changes"
            told = False
            try:
                for fault, *severity in _faults(source, self._vneid.clock()):
                    told = True
                    yield name, fault, *severity
            except VNeIDError as error:
                told = True
                yield name, str(error)
            if not told:
                yield name, ""


def _faults(source: Source, now: float) -> Iterator[tuple[str, ...]]:
    """Give what is wrong with a source, and the severity where it is a warning."""
    columns, rows = source.database.asked(None, FEW)
    fault = _column_fault(columns) or _row_fault(source, rows)
    if fault:
        yield (fault,)
        return
    if not rows:
        yield "it finds no row yet: what since is, and whether an index leads to it, can't be told", _WARNING
        return
    found = [Cursor.of(row["since"]) for row in rows]
    if any(cursor.position is None for cursor in found):
        yield ("since is neither a time nor a number: there is no overlap, and rows that are committed late are missed. Use the "
               "time of the change, or a number that grows"), _WARNING
    if all(cursor.is_date for cursor in found) and set(columns) <= {*NEEDED, "action"}:
        yield ("since is a date: of two changes of a paper on one day the second is missed. Use the time of the change, or add a "
               "column to the SELECT that tells the two apart, such as a version: all columns count"), _WARNING
    if descends(found):
        yield ("since does not ascend: give the SELECT an ORDER BY its column, without DESC",)
        return
    yield from _faults_of_the_next(source.database, found, now)


def _column_fault(columns: Sequence[str]) -> str:
    lacking = [name for name in NEEDED if name not in columns]
    doubled = [name for name in (*NEEDED, "action") if columns.count(name) > 1]
    if doubled:
        return f"its rows have several columns {', '.join(doubled)}: give each a name of its own, by AS"
    return f"its rows have no column {', '.join(lacking)}: name it, by AS" if lacking else ""


def _row_fault(source: Source, rows: Sequence[dict[str, Any]]) -> str:
    for number, row in enumerate(rows, 1):
        fault = source.told(row).fault
        if fault:
            return f"row {number}: {fault}"
    return ""


def _faults_of_the_next(database: ChangeDatabase, found: Sequence[Cursor], now: float) -> Iterator[tuple[str, ...]]:
    """Ask for what follows the rows that were found: ``:since`` is a value now, of the column's own type."""
    last = found[-1]
    _, following = database.asked(last.back(0), FEW)
    again = [Cursor.of(row["since"]) for row in following[:1]] == [found[0]]
    if again and found[0] != last:
        yield "it gives the first rows again whatever :since is: all of them are read each time", _WARNING
    if last.position is None:
        return
    # as it is asked most often: nearly all rows are behind it, or a database would rightly read them all
    ahead = _FAR if last.kind in ("number", "decimal") else max(0, int(now - last.position))
    scanned = database.try_query(last.back(-ahead)).scanned
    if scanned:
        yield (f"the database reads all of {', '.join(scanned)} at each reading: an index on the column that is compared with "
               ":since is missing, or the comparison keeps it from being used. Write column > COALESCE(:since, …) with a first "
               "value, without OR"), _WARNING
