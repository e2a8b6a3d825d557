"""``loAS``: however broken it is, the level is never above what a strict reading gives."""

from __future__ import annotations

import json
import re
from typing import Any

from fuzz.choices import Choices
from fuzz.targets import target
from vneid_middleware.core.assurance import level_from_account_level, level_from_loas

NOW = 1_790_000_000  # 21 September 2026
ENTRY = {"level": 3, "claim": "TechID", "src": "Bca", "validDate": None, "expiredDate": None}
GUIDE = (
    '[{"level":3,"claim":{"LoaiTaiKhoan":"","src":"","Bca":"","validDate":null,"expiredDate":null},"level":3,"claim":'
    '{"SoDinhDanh":"","src":"","Bca":"","validDate":null,"expiredDate":null}]'
    r'Date\":null,\"expiredDate\":null},{\"level\":3,\"claim\":"\"TechID\", \"src\":"\"Bca\", \"validDate\":null}}]"'
)
_LEVELS: dict[Any, int] = {2: 1, 3: 2, "2": 1, "3": 2}


@target(60)
def loas(choices: Choices) -> None:
    """Text and JSON in ``loAS``."""
    entries = [{**ENTRY, "level": choices.pick((3, 3, 2, 1, "3", "2", 3.0, True, None, "3 ")),
                "expiredDate": choices.pick((None, "", "2030-01-01", "2020-01-01", "never", 1_577_836_800, "20200101"))}
               for _ in range(choices.number(4))]
    text = choices.bent(choices.pick((GUIDE, choices.bent_json(entries), choices.bent_json(ENTRY), choices.text())))
    level = level_from_loas(text, NOW)
    assert level in (0, 1, 2)
    assert level <= _at_most(text)
    value = _plain(text)
    if isinstance(value, (list, dict)):
        assert level == level_from_loas(value, NOW)
        entries = value if isinstance(value, list) else [value]
        assert level_from_loas([*entries, {**ENTRY, "level": 2}], NOW) == min(level, 1) or not entries
        assert level_from_loas(json.dumps(json.dumps(value)), NOW) == level
        assert level_from_loas([*entries, {"claim": "x"}], NOW) == 0
    assert level_from_account_level(value) in (0, 1, 2)
    assert level_from_account_level(value) <= (value if value in (1, 2) and not isinstance(value, bool) else 0) or (
        isinstance(value, str))


def _plain(text: str) -> Any:
    """Return JSON that gives no name twice, or None."""
    def unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(members)) != len(members):
            raise ValueError
        return dict(members)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return None


def _at_most(text: str) -> int:
    """Return the level of a reader that wants every entry to say its level, and believes the lowest."""
    value = _plain(text)
    if isinstance(value, (list, dict)):
        entries = value if isinstance(value, list) else [value]
        return min((_of_entry(entry) for entry in entries), default=0)
    bare = text.replace("\\", "")
    told = re.split(r'"level"\s*:', bare)[1:]
    if not told:
        return 2 if "level" in bare or "\\u" in text else 0
    return min(_of_text(after) for after in told)


def _of_entry(entry: Any) -> int:
    if not isinstance(entry, dict) or "level" not in entry:
        return 0
    level = entry["level"].strip() if isinstance(entry["level"], str) else entry["level"]
    expired = entry.get("expiredDate")
    if isinstance(level, (bool, list, dict)) or expired in ("2020-01-01", "never", "20200101", 1_577_836_800):
        return 0
    return _LEVELS.get(level, 0)


def _of_text(after: str) -> int:
    found = re.match(r'[\s"]*([23])(?![0-9])', after)
    return _LEVELS[found[1]] if found else 0
