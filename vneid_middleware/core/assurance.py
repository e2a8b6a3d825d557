"""Assurance levels out of VNeID's claims ``loAS`` and ``accountLevel`` (the guide, part A, userinfo fields).

``loAS`` is meant to be text that holds a JSON list of entries, one for each attested claim. The guide's own
sample is no JSON: it is partly escaped twice, its braces don't close, and one object repeats the key
``level``. So it is read as JSON where it is JSON, and else scanned for the few members that count. Whatever
can't be read is no level.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

_MAX_CHARACTERS = 64 * 1024
_MAX_MEMBERS = 20_000
_MAX_LAYERS = 4

_LOAS_LEVELS: Mapping[int, int] = {2: 1, 3: 2}
_ACCOUNT_LEVELS: Mapping[int, int] = {1: 1, 2: 2}

_VIETNAM = timezone(timedelta(hours=7))
_DAY = 86_400

_MEMBER = re.compile(
    r'"(?P<name>level|validDate|expiredDate)"\s*:\s*'
    r'(?:(?P<empty>"")(?=\s*[,}\]])|"{1,2}(?P<text>[^"]+)"|(?P<bare>[^\s",:\[\]{}]+)(?=[\s,}\]]))?'
)
_FRACTION = re.compile(r"\.[0-9]+")
_DAY_FORMS = ("%Y-%m-%d", "%Y%m%d", "%d/%m/%Y")
_DAY_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}")
_TIME_SHAPE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([+-][0-9]{2}:?[0-9]{2})?"
)
_EPOCH_SHAPE = re.compile(r"[0-9]{9,10}|[0-9]{12,13}")


class _Members(list[tuple[str, Any]]):
    """An object's members in order, with those that have the same name."""


class _Span(NamedTuple):
    """The moments, in unix seconds, between which a date holds: a day has two ends."""

    start: float
    end: float


def level_from_account_level(value: object) -> int:
    """Return the level that ``accountLevel`` stands for: 1 and 2 for themselves, anything else 0.

    Numbers may come as text or as floats without a fraction; a boolean is no number. Never raises.
    """
    return _read_level(value, _ACCOUNT_LEVELS)


def level_from_loas(value: object, now: int) -> int:
    """Return the assurance level that ``loAS`` attests: the lowest of its entries.

    An entry's level 3 is account level 2 (mức 2), 2 is account level 1 (mức 1). An entry is no level when it
    says anything else or nothing, when an ``expiredDate`` in it is past or a ``validDate`` lies ahead, and
    when one of these can't be read. A date without a time is a day in Vietnam: its last day still counts.

    Args:
        value: text, or the list or object that it holds. More than 65,536 characters or 20,000 members is no
            level.
        now: unix seconds.

    Returns:
        0 (below level 1, also for what is missing or unreadable), 1 or 2. Never raises.
    """
    if isinstance(value, str):
        return _level_of_text(value, now) if len(value) <= _MAX_CHARACTERS else 0
    return _level_of_entries(value, now)


def _level_of_text(text: str, now: int) -> int:
    unescaped = text.replace("\\", "")
    for candidate in (text, unescaped.strip().strip('"')):
        entries = _parse(candidate)
        if entries is not None:
            return _level_of_entries(entries, now)
    return _level_of_broken_text(unescaped, now)


def _parse(text: str) -> Any:
    """Return the JSON value, out of as many layers of text as there may be, or None."""
    value: Any = text
    try:
        for _ in range(_MAX_LAYERS):
            if not isinstance(value, str):
                return value
            value = json.loads(value, object_pairs_hook=_Members)
    except (ValueError, RecursionError):
        return None
    return None


def _level_of_entries(value: object, now: int) -> int:
    entries = value if isinstance(value, list) and not isinstance(value, _Members) else [value]
    budget = iter(range(_MAX_MEMBERS))
    return min((_level_of_entry(entry, now, budget) for entry in entries), default=0)


def _level_of_entry(entry: object, now: int, budget: Iterator[int]) -> int:
    own_members = _members(entry)
    if not any(name == "level" for name, _ in own_members):
        return 0
    found, pending = [], own_members
    while pending:
        if next(budget, None) is None:
            return 0
        name, value = pending.pop()
        found.append((name, value))
        pending.extend(_members(value))
    return _lowest(found, now)


def _members(value: object) -> list[tuple[Any, Any]]:
    if isinstance(value, _Members):
        return list(value)
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, list):
        return [("", item) for item in value]
    return []


def _level_of_broken_text(text: str, now: int) -> int:
    found: list[tuple[str, Any]] = []
    for match in _MEMBER.finditer(text):
        found.append((match["name"], _scanned_value(match)))
    levels = sum(name == "level" for name, _ in found)
    # more claims than levels: one of the entries says no level
    return _lowest(found, now) if levels >= text.count('"claim"') else 0


def _scanned_value(match: re.Match[str]) -> Any:
    if match["empty"] is not None:
        return ""
    if match["text"] is not None:
        return match["text"]
    return None if match["bare"] == "null" else match["bare"] or False


def _lowest(members: Iterable[tuple[Any, Any]], now: int) -> int:
    levels = [0 if name != "level" else _read_level(value, _LOAS_LEVELS)
              for name, value in members if name == "level" or _spoils(name, value, now)]
    return min(levels, default=0)


def _read_level(value: object, levels: Mapping[int, int]) -> int:
    if isinstance(value, bool):
        return 0
    told = value.strip() if isinstance(value, str) else value
    return next((level for number, level in levels.items() if told in (number, str(number))), 0)


def _spoils(name: object, value: object, now: int) -> bool:
    """Tell whether a member is a date because of which its entry doesn't hold now."""
    if name not in ("validDate", "expiredDate") or value is None or value == "":
        return False
    span = _read_date(value)
    if span is None:
        return True
    return span.end <= now if name == "expiredDate" else span.start > now


def _read_date(value: object) -> _Span | None:
    if not isinstance(value, (str, int, float)):
        return None
    try:
        return _read_date_text(value.strip() if isinstance(value, str) else f"{value:.0f}")
    except (ValueError, OverflowError):
        return None


def _read_date_text(text: str) -> _Span | None:
    if _EPOCH_SHAPE.fullmatch(text):
        moment = int(text) / (1000 if len(text) > 10 else 1)
        return _Span(moment, moment)
    if _DAY_SHAPE.fullmatch(text):
        form = _DAY_FORMS[0] if "-" in text else _DAY_FORMS[2] if "/" in text else _DAY_FORMS[1]
        midnight = datetime.strptime(text, form).replace(tzinfo=_VIETNAM).timestamp()
        return _Span(midnight, midnight + _DAY)
    return _read_time(_FRACTION.sub("", text.replace("Z", "+00:00"), count=1))


def _read_time(text: str) -> _Span | None:
    if not _TIME_SHAPE.fullmatch(text):
        return None
    if text[-5] in "+-":
        text = text[:-2] + ":" + text[-2:]
    parsed = datetime.fromisoformat(text)
    moment = (parsed if parsed.tzinfo else parsed.replace(tzinfo=_VIETNAM)).timestamp()
    return _Span(moment, moment)
