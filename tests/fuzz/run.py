"""Runs the fuzz targets and prints what came of it; the exit status is 1 where there are findings. See ``make fuzz``.

``FUZZ_INPUTS`` is how many inputs all targets get together (1,000,000), each its part by weight; ``FUZZ_SECONDS`` how long a
target may take at most (900). Named targets get all of it: ``python tests/fuzz/run.py loas return_to``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

from fuzz.targets import CORPUS, Target, load  # noqa: E402  the folder above is not on the path before

WORK = ROOT / "artifacts" / "fuzz"
FINDINGS, FOUND = WORK / "findings", WORK / "corpus"
MOST_BYTES = 256
_TRIED = re.compile(r"stat::number_of_executed_units:\s*([0-9]+)")


class Outcome(NamedTuple):
    """What came of one target's run."""

    tried: int
    seconds: float
    findings: list[Path]


def fuzz(target: Target, inputs: int, seconds: int) -> Outcome:
    """Run one target in a process of its own."""
    known, grown = CORPUS / target.name, FOUND / target.name
    for folder in (FINDINGS, known, grown):
        folder.mkdir(parents=True, exist_ok=True)
    for old in FINDINGS.glob(f"{target.name}-*"):
        old.unlink()
    began = time.monotonic()
    done = _child(target, f"-runs={inputs}", f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}", "-len_control=0",
                  "-timeout=30", "-rss_limit_mb=2048", "-print_final_stats=1",
                  f"-artifact_prefix={FINDINGS}/{target.name}-", str(grown), str(known))
    said = _TRIED.search(done.stderr)
    if done.returncode or not said:
        (FINDINGS / f"{target.name}-process.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return Outcome(int(said[1]) if said else 0, time.monotonic() - began, sorted(FINDINGS.glob(f"{target.name}-*.txt")))


def _child(target: Target, *arguments: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory(prefix="vneid-fuzz-") as folder:
        return subprocess.run([sys.executable, str(HERE / "one.py"), target.run.__module__, target.name, str(FINDINGS),
                               *arguments], cwd=folder,
                              env={**os.environ, "TMPDIR": folder}, capture_output=True, text=True, errors="replace", check=False)


def main(arguments: list[str]) -> int:
    """Run what is asked for and return the exit status."""
    targets = load()
    chosen = [targets[name] for name in arguments or targets]
    inputs, seconds = int(os.environ.get("FUZZ_INPUTS", "1000000")), int(os.environ.get("FUZZ_SECONDS", "900"))
    weights = sum(target.weight for target in chosen)
    outcomes = []
    print(f"{'target':<24}{'inputs':>10}{'seconds':>9}{'findings':>10}")
    for target in chosen:
        outcome = fuzz(target, -(-inputs * target.weight // weights), seconds)
        outcomes.append(outcome)
        print(f"{target.name:<24}{outcome.tried:>10,}{outcome.seconds:>9.0f}{len(outcome.findings):>10}", flush=True)
    findings = [path for outcome in outcomes for path in outcome.findings]
    print(f"{'together':<24}{sum(outcome.tried for outcome in outcomes):>10,}"
          f"{sum(outcome.seconds for outcome in outcomes):>9.0f}{len(findings):>10}")
    for path in findings:
        print(f"\n{path.relative_to(ROOT)}\n{path.read_text(encoding='utf-8', errors='replace')[-1500:]}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
