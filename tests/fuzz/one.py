"""One target under atheris, in a process of its own: ``python tests/fuzz/one.py MODULE TARGET FINDINGS libFuzzer-arguments…``.

What goes wrong is written down and the next input is tried: one input of each kind of finding, with its traceback.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import random
import sys
import traceback
import warnings
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
warnings.simplefilter("ignore")

with atheris.instrument_imports(include=["vneid_middleware"]):
    importlib.import_module(sys.argv[1])

from fuzz.targets import TARGETS, attempt  # noqa: E402  after the code under test, which must be instrumented


def main(module: str, name: str, findings: str, *arguments: str) -> None:
    """Fuzz one target until libFuzzer's arguments say that it is enough."""
    # what refuses garbage tells of it
    logging.getLogger("vneid_middleware").setLevel(logging.CRITICAL + 1)
    tried, folder = TARGETS[name], Path(findings)

    def once(data: bytes) -> None:
        try:
            attempt(tried, data)
        except Exception as error:
            _write_down(folder, name, data, error)

    attempt(tried, b"")
    atheris.Setup([sys.argv[0], *arguments], once, custom_mutator=_mutated)
    atheris.Fuzz()


def _mutated(data: bytes, most: int, seed: int) -> bytes:
    """Return an input that never was, or one that reached something, changed: libFuzzer alone stays with a few bytes."""
    chance = random.Random(seed)
    return chance.randbytes(chance.randint(1, most)) if chance.random() < 0.5 else atheris.Mutate(data, most)


def _write_down(folder: Path, name: str, data: bytes, error: Exception) -> None:
    last = traceback.extract_tb(error.__traceback__)[-1]
    kind = hashlib.sha256(f"{type(error).__name__}:{last.filename}:{last.lineno}".encode()).hexdigest()[:12]
    text = folder / f"{name}-{kind}.txt"
    if not text.exists():
        (folder / f"{name}-{kind}.bin").write_bytes(data)
        text.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")


if __name__ == "__main__":
    main(*sys.argv[1:])
