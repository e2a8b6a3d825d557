"""What rows of a source of changes tell, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from vneid_middleware.core.change_cursor import Cursor, descends
from vneid_middleware.core.matching import as_text
from vneid_middleware.core.outbox import UPSERT, Change, checked
from vneid_middleware.exceptions import VNeIDError

NEEDED = ("soDinhDanh", "maGiayTo", "since")
DAY = 86_400
_TEXT_AMONG_NUMBERS = "since must be of one kind: it is text in rows between others that have a time or a number"


class Told(NamedTuple):
    """What one row tells."""

    keys: Sequence[str]
    """Keyed hashes of all of it, newest secret first: the same row with the same content was taken before."""
    cursor: Cursor | None
    """None where ``since`` is none."""
    change: Change | None
    """None where the row can't be taken."""
    fault: str
    """Why it can't be: the column and what it must be, never a value."""

    @property
    def order(self) -> tuple[str, str]:
        """Two readers that take the same documents take them in the same order, so that neither waits for the other."""
        return (self.change.personal_id, self.change.document_id) if self.change else ("", "")

    @property
    def position(self) -> float | None:
        """The cursor as a number."""
        return self.cursor.position if self.cursor else None

    def is_ahead(self, now: float) -> bool:
        """Tell whether its time lies more than a day after now, as that of a typing error or of a "never" does.

        Args:
            now: unix seconds; a time without a zone may be that of any zone.
        """
        return self.cursor is not None and self.cursor.is_time and (self.cursor.position or 0.0) > now + DAY


class Page(NamedTuple):
    """Rows that were read at once."""

    rows: Sequence[Mapping[str, Any]]
    is_last: bool
    is_ordered: bool
    """Rows have times or numbers; text among them is wrong."""


def check_page(kind: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Look at rows as a whole; tell whether their ``since`` are times or numbers.

    Raises:
        VNeIDError: ``changes_malformed``: a column is missing, or ``since`` does not ascend.
    """
    name = f"documents.{kind}.changes"
    missing = sorted(set(NEEDED) - set(rows[0])) if rows else []
    if missing:
        raise VNeIDError("changes_malformed", f"the SELECT of {name} has no column {' and no column '.join(missing)}")
    found = [cursor for cursor in (cursor_of(row) for row in rows) if cursor is not None]
    if descends(found):
        raise VNeIDError("changes_malformed", f"since goes down from one row of {name} to the next: rows would be missed. Give "
                         "the SELECT an ORDER BY the column that is since, without DESC; then all is read once more")
    return any(cursor.position is not None for cursor in found)


def cursor_of(row: Mapping[str, Any]) -> Cursor | None:
    """Return a row's cursor; None where it has none."""
    try:
        return Cursor.of(row["since"])
    except ValueError:
        return None


def read_row(kind: str, row: Mapping[str, Any], keys: Sequence[str], key: str, *, is_ordered: bool = False) -> Told:
    """Return what a row tells.

    Args:
        kind: KIND in ``documents.KIND``.
        keys: keyed hashes of all of the row, newest secret first.
        key: returns nothing else for the same row, and for no other: the change's idempotency key.
        is_ordered: other rows have times or numbers.
    """
    try:
        cursor = Cursor.of(row["since"])
    except ValueError as error:
        return Told(keys, None, None, str(error))
    if is_ordered and cursor.position is None:
        return Told(keys, None, None, _TEXT_AMONG_NUMBERS)
    number, document, action = (_text(row.get(name)) for name in ("soDinhDanh", "maGiayTo", "action"))
    try:
        return Told(keys, cursor, checked(Change(kind, number, document, action or UPSERT, key)), "")
    except VNeIDError as error:
        return Told(keys, cursor, None, error.detail)


def content_of(row: Mapping[str, Any]) -> str:
    """Return all of a row as text."""
    return "\n".join(f"{name}={value.isoformat() if isinstance(value, (datetime, date)) else repr(value)}"
                     for name, value in sorted(row.items()))


def further(known: Cursor | None, found: Cursor) -> Cursor:
    """Return the larger one; of two that can't be compared the one that came later."""
    if known is None or known.position is None or found.position is None:
        return found
    return found if found.position >= known.position else known


def _text(value: Any) -> str:
    return "" if value is None else as_text(value)
