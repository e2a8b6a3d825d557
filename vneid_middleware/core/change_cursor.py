"""How far a source of changes was read: a time, a number, or any other text that grows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

_TIME, _DATE, _NUMBER, _DECIMAL, _TEXT_TIME, _TEXT = "time", "date", "number", "decimal", "text-time", "text"


class Cursor(NamedTuple):
    """One value of the column ``since``."""

    kind: str
    text: str

    @classmethod
    def of(cls, value: Any) -> Cursor:
        """Return the cursor of a value as a database gives it.

        Raises:
            ValueError: it is NULL, no finite number, or of no type that can be kept.
        """
        if isinstance(value, bool) or value is None:
            raise ValueError("since must be a time, a number or text, and never NULL")
        if isinstance(value, (int, float, Decimal)) and not math.isfinite(float(str(value))):
            # a reading would go on behind it, where nothing ever comes
            raise ValueError("since must be finite: infinity, NaN and times beyond the year 9999 can't be compared")
        if isinstance(value, datetime):
            return cls(_TIME, value.isoformat())
        if isinstance(value, date):
            return cls(_DATE, value.isoformat())
        if isinstance(value, (int, float)):
            return cls(_NUMBER, repr(value))
        if isinstance(value, Decimal):
            return cls(_DECIMAL, str(value))
        if isinstance(value, str):
            # of a CHAR column it is padded
            value = value.rstrip(" ")
            return cls(_TEXT if _read_time(value) is None else _TEXT_TIME, value)
        raise ValueError("since must be a time, a number or text")

    @classmethod
    def stored(cls, text: str) -> Cursor:
        """Return what :meth:`store` kept."""
        return cls(*json.loads(text))

    def store(self) -> str:
        """Return the cursor as text."""
        return json.dumps([self.kind, self.text])

    @property
    def position(self) -> float | None:
        """Return the cursor as a number that grows with it; None where it is neither a time nor a number."""
        if self.kind in (_NUMBER, _DECIMAL):
            return float(self.text)
        found = _read_time(self.text) if self.kind != _TEXT else None
        return None if found is None else (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()

    @property
    def is_time(self) -> bool:
        """Tell whether it is a time or a date, also as text."""
        return self.kind in (_TIME, _DATE, _TEXT_TIME)

    @property
    def is_date(self) -> bool:
        """Tell whether it is a date alone, also as text."""
        return self.kind == _DATE or (self.kind == _TEXT_TIME and len(self.text) == 10)

    def back(self, overlap: int) -> Any:
        """Return what ``:since`` is bound to: the value, less the overlap where there can be one.

        Args:
            overlap: seconds of a time, a count of a number; of a date at least a day.
        """
        if self.kind == _NUMBER:
            number: Any = json.loads(self.text)
            return number - overlap
        if self.kind == _DECIMAL:
            return Decimal(self.text) - overlap
        if self.kind == _TEXT:
            return self.text
        time = _read_time(self.text)
        assert time is not None, "of() looked at it"  # noqa: S101
        earlier = _earlier(time, overlap)
        if self.kind == _DATE:
            return earlier.date()
        return earlier if self.kind == _TIME else _written_like(self.text, earlier)


def descends(found: Sequence[Cursor]) -> bool:
    """Tell whether one of some cursors is smaller than the one before it; text that is no time has the database's own order."""
    return any(_is_smaller(later, earlier) for earlier, later in pairwise(found))


def _is_smaller(one: Cursor, other: Cursor) -> bool:
    if one.position is None or other.position is None or one.position >= other.position:
        return False
    # a database compares times that are text as text, whatever zones they are of
    return one.kind != _TEXT_TIME or one.text < other.text


def _earlier(time: datetime, seconds: int) -> datetime:
    try:
        return time - timedelta(seconds=seconds)
    except OverflowError:
        # programs write the first and the last day that there is for "none"
        day = date.min if seconds > 0 else date.max
        return datetime(day.year, day.month, day.day, tzinfo=time.tzinfo)


def _read_time(text: str) -> datetime | None:
    """Read ISO 8601 as databases write it; nothing else that could be taken for a time."""
    if len(text) < 10 or text[4] != "-" or text[7] != "-":
        return None
    try:
        # before Python 3.11 the Z is not understood
        return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        return None


def _written_like(model: str, time: datetime) -> str:
    """Write a time in the form of another one, since a database compares them as text."""
    if len(model) == 10:
        return time.date().isoformat()
    places = model[19:20] in (".", ",")
    text = time.isoformat(sep=model[10], timespec=("milliseconds" if model[23:24] in ("", "Z", "+", "-") else "microseconds")
                          if places else "seconds" if len(model) > 16 and model[16] == ":" else "minutes")
    return text.replace("+00:00", "Z") if model.endswith("Z") else text
