"""All fuzz targets by name, and how one input is tried."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fuzz.choices import Choices

CORPUS = Path(__file__).with_name("corpus")
GROUPS = ("sessions", "callbacks", "tokens", "assurance", "access", "redirects", "ini", "counter", "words", "front_door")

MOST_SECONDS = 2.0
"""Processor time that one input may take, on an instrumented interpreter too."""


class Target(NamedTuple):
    """One thing that inputs come to."""

    name: str
    run: Callable[[Choices], None]
    """Raises when something does not hold."""
    weight: int
    """How large its part of all inputs is."""


TARGETS: dict[str, Target] = {}


def target(weight: int) -> Callable[[Callable[[Choices], None]], Callable[[Choices], None]]:
    """Enter a function among the targets."""

    def enter(run: Callable[[Choices], None]) -> Callable[[Choices], None]:
        TARGETS[run.__name__] = Target(run.__name__, run, weight)
        return run

    return enter


def load() -> dict[str, Target]:
    """Import every group and return all targets."""
    for group in GROUPS:
        importlib.import_module(f"fuzz.{group}")
    return TARGETS


def attempt(tried: Target, data: bytes) -> None:
    """Try one input.

    Raises:
        AssertionError: something does not hold, or it took too long.
        Exception: any that the code under test must not raise.
    """
    began = time.thread_time()
    tried.run(Choices(data))
    spent = time.thread_time() - began
    assert spent < MOST_SECONDS, f"{spent:.1f} s for {len(data)} bytes"
