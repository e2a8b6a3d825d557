"""What the fuzzer has found worth keeping is tried again with every run of the tests, and each target can fail."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator

import pytest

from fuzz.choices import Choices
from fuzz.faults import FAULTS, Fault
from fuzz.targets import CORPUS, TARGETS, attempt, load

load()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log: what refuses garbage tells of it."""
    logging.getLogger("vneid_middleware").setLevel(logging.CRITICAL + 1)
    yield
    logging.getLogger("vneid_middleware").setLevel(logging.NOTSET)


@pytest.mark.filterwarnings("ignore::wsgiref.validate.WSGIWarning")
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_what_was_found_holds(name: str) -> None:
    inputs = sorted((CORPUS / name).iterdir())
    assert inputs, "make fuzz keeps inputs of every target"
    for path in inputs:
        attempt(TARGETS[name], path.read_bytes())


def test_every_folder_is_a_target_s_and_small() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*")) < 400_000


def test_the_same_bytes_decide_the_same() -> None:
    data = random.Random(7).randbytes(200)
    first, second = (Choices(data) for _ in range(2))
    assert first.bent_json({"a": [1, {"b": "x"}]}, 9) == second.bent_json({"a": [1, {"b": "x"}]}, 9)
    assert first.bent("abcdef" * 9) == second.bent("abcdef" * 9)
    used_up = Choices(b"")
    assert (bool(used_up), used_up.number(9), used_up.pick("ab"), used_up.text(), used_up.bent("x")) == (False, 0, "a", "", "x")


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_found(fault: Fault) -> None:
    assert any(fault.shows_in(path.read_bytes()) for path in sorted((CORPUS / fault.target).iterdir())), "no input shows it"
