"""The threat model's rows and the tests that hold them: ``make threats``."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "threats.md"


class Row(NamedTuple):
    """One row of docs/threats.md."""

    id: str
    threat: str
    reason: str


def rows() -> list[Row]:
    """Return the rows of the page."""
    found = re.findall(r"^\| (A-\d{3}|C-F\d\d) \| (.*?) \| (.*?) ?\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [Row(*groups) for groups in found]


def marks() -> Counter[str]:
    """Return how often each row is named by a mark in the tests' text."""
    text = "".join(path.read_text(encoding="utf-8") for path in HERE.rglob("test_*.py") if "node_modules" not in path.parts)
    return Counter(re.findall(r'mark\.threat\("(A-\d{3}|C-F\d\d)"\)', text))


def main() -> int:
    """Run the marked tests and print the table; fail when one of them fails."""
    held = marks()
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "threat"], cwd=HERE.parent, check=False)
    for row in rows():
        state = f"held by {held[row.id]}" if held[row.id] else row.reason.partition(":")[0]
        print(f"{row.id}  {state:16}  {row.threat}")
    by_state = Counter("held" if held[row.id] else row.reason.partition(":")[0].split(" ")[0] for row in rows())
    print(", ".join(f"{count} {state}" for state, count in by_state.most_common()))
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
