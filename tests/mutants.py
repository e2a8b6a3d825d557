"""Mutation testing: changes one expression of the security core at a time and sees whether a test notices.

Prints for each module how many mutants were made, killed, survived, ran into their time limit or had no test, and what
the survivors change. The tool is mutmut, its settings are in pyproject.toml; docs/security-tests.md goes through the survivors.
Run ``make mutants``. With ``--shown`` nothing is run, and the last run is shown.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MUTANTS = ROOT / "mutants"
COLUMNS = ("made", "killed", "survived", "timeout", "no tests", "segfault", "suspicious", "not checked")
ENCODINGS = ("utf-8", "ascii", "latin-1")


def outcomes() -> Iterator[tuple[Path, str, str]]:
    """Give module, mutant and what became of it, in mutmut's words."""
    from mutmut.stats import status_by_exit_code

    for meta in sorted(MUTANTS.rglob("*.py.meta")):
        for mutant, code in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"].items():
            yield meta.relative_to(MUTANTS).with_suffix(""), mutant, status_by_exit_code[code]


def changed_lines(mutant: str, module: Path) -> tuple[str, str]:
    """Return what a mutant takes away and what it puts there."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    lines = get_diff_for_mutant(mutant, path=module).splitlines()
    return tuple(" ".join(line[1:].strip() for line in lines if line.startswith(sign) and not line.startswith(sign * 3))
                 for sign in "-+")  # type: ignore[return-value]


def is_wording(before: str, after: str) -> bool:
    """Tell whether only a sentence for people differs, put into other letters or between ``XX``, or an encoding's name does."""
    text = _difference(before, after)
    if "XXXX" in after:  # was empty, and no sentence
        return False
    return after.replace("XX", "").lower() == before.lower() and (" " in text or text.strip("\"'") in ENCODINGS)


def _difference(before: str, after: str) -> str:
    """Return the quoted text around the first difference."""
    at = next((place for place, (left, right) in enumerate(zip(before, after, strict=False)) if left != right), 0)
    start = max(before.rfind(quote, 0, at + 1) for quote in "\"'")
    end = min((before.find(quote, at + 1) for quote in "\"'" if before.find(quote, at + 1) > 0), default=len(before))
    return before[start:end]


def show() -> None:
    """Print the table and the mutants that were not killed."""
    found = list(outcomes())
    table: dict[str, Counter[str]] = {}
    for module, _, status in found:
        table.setdefault(str(module), Counter()).update(("made", status))
    table["together"] = sum(table.values(), Counter())
    print(f"{'module':<40}" + "".join(f"{column:>12}" for column in COLUMNS))
    for name, counts in table.items():
        print(f"{name:<40}" + "".join(f"{counts[column]:>12}" for column in COLUMNS))
    left = [(mutant, status, *changed_lines(mutant, module)) for module, mutant, status in found
            if status not in ("killed", "not checked")]
    others = [one for one in left if not is_wording(*one[2:])]
    for mutant, status, before, after in others:
        print(f"\n{mutant} ({status})\n  - {before}\n  + {after}")
    print(f"\n{len(others)} are shown above; {len(left) - len(others)} more change a sentence for people, or the case of an "
          "encoding's name, and nothing else")


def main() -> int:
    """Run mutmut and show what came of it."""
    if "--shown" not in sys.argv:
        tool = Path(sys.executable).with_name("mutmut")
        subprocess.run([str(tool), "run", "--max-children", "2"], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
