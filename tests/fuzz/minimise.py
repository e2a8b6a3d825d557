"""Writes tests/fuzz/corpus anew from what was found: ``python tests/fuzz/minimise.py [TARGET…]``, after ``run.py``.

Of each target are kept, smallest first, the inputs that take a way through the code which none before them took, and one for
each fault of ``faults.py``.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.faults import FAULTS
from fuzz.run import FOUND
from fuzz.targets import CORPUS, Target, attempt, load

KEPT, MOST_BYTES = 40, 320
"""How many inputs of a target the repository keeps, and how long they may be."""
TRIES = 50_000

Way = tuple[str, int, int]


def ways(target: Target, data: bytes) -> set[Way]:
    """Return every step from line to line of the middleware that an input takes."""
    steps: set[Way] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        if "vneid_middleware" not in frame.f_code.co_filename:
            return None
        name, last = frame.f_code.co_filename, [0]

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            steps.add((name, last[0], frame.f_lineno))
            last[0] = frame.f_lineno
            return line

        return line

    sys.settrace(enter)
    try:
        attempt(target, data)
    finally:
        sys.settrace(None)
    return steps


def minimal(target: Target, inputs: list[bytes]) -> list[bytes]:
    """Return the inputs that are worth keeping."""
    kept, taken = [], set[Way]()
    for data in inputs:
        new = ways(target, data) - taken
        if new and len(kept) < KEPT:
            kept.append(data)
            taken |= new
    for fault in FAULTS:
        if fault.target == target.name and not any(fault.shows_in(data) for data in kept):
            kept += list(islice((data for data in chain(inputs, by_chance()) if fault.shows_in(data)), 1))
    return kept


def by_chance() -> Iterator[bytes]:
    """Give inputs as they come, for a fault that none of those kept for their ways shows; the same ones each time."""
    chance = random.Random(0)
    for _ in range(TRIES):
        yield chance.randbytes(chance.randint(20, 120))


def main(names: list[str]) -> None:
    """Minimise the named targets, or all."""
    targets = load()
    for name in names or targets:
        folders = [folder for folder in (CORPUS / name, FOUND / name) if folder.is_dir()]
        found = {path.read_bytes() for folder in folders for path in folder.iterdir()}
        inputs = sorted((data for data in found if len(data) <= MOST_BYTES), key=lambda data: (len(data), data))
        kept = minimal(targets[name], inputs)
        shutil.rmtree(CORPUS / name, ignore_errors=True)
        (CORPUS / name).mkdir(parents=True)
        for data in kept:
            (CORPUS / name / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        print(f"{name:<24}{len(found):>7} found{len(kept):>5} kept", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
