"""Pages whose rows the tests are named by: the threat model (``make threats``), and the tables that are read in the same way."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"


class Row(NamedTuple):
    """One row of a page: what it is about, and why no test holds it; empty where one does."""

    id: str
    threat: str
    reason: str


class Page(NamedTuple):
    """A page, the mark that names its rows, and the form of their names."""

    file: str
    mark: str
    names: str

    def rows(self) -> list[Row]:
        """Return the rows of the page."""
        found = re.findall(rf"^\| `?({self.names})`? \| (.*?) \| (.*?) ?\|$", (DOCS / self.file).read_text(encoding="utf-8"),
                           re.MULTILINE)
        return [Row(*groups) for groups in found]

    def marks(self, *, without: str = "") -> Counter[str]:
        """Return how often each row is named by a mark in the tests' text, leaving out the folder ``without``."""
        text = "".join(path.read_text(encoding="utf-8") for path in _tests() if without not in path.relative_to(HERE).parts)
        return Counter(re.findall(rf'\b{self.mark}\("({self.names})"\)', text))

    def report(self) -> int:
        """Run the marked tests and print the table; return what pytest returned."""
        held, rows = self.marks(), self.rows()
        run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", self.mark], cwd=HERE.parent, check=False)
        width = max(len(row.id) for row in rows)
        for row in rows:
            state = f"held by {held[row.id]}" if held[row.id] else row.reason.partition(":")[0]
            print(f"{row.id:{width}}  {state:16}  {row.threat}")
        by_state = Counter("held" if held[row.id] else row.reason.partition(":")[0].split(" ")[0] for row in rows)
        print(", ".join(f"{count} {state}" for state, count in by_state.most_common()))
        return run.returncode


def _tests() -> Iterator[Path]:
    return (path for path in HERE.rglob("test_*.py") if "node_modules" not in path.parts)


THREATS = Page("threats.md", "threat", r"A-(?:\d{3}|NAT-\d)|C-F\d\d")
MODULES = Page("conformance.md", "conformance", r"oidcc-client-test[\w-]*")

if __name__ == "__main__":
    sys.exit((MODULES if sys.argv[1:] == ["conformance"] else THREATS).report())
