"""The threat model's page and the tests' marks agree."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import vneid_middleware
from threats import THREATS

SOURCES = sorted(Path(vneid_middleware.__file__).parent.rglob("*.py"))
UNGUESSABLE = re.compile(r"(nonce|verifier|secret|signature|hmac|digest|password|api_key|bearer)$")


def test_every_row_has_a_test_or_a_reason() -> None:
    held = THREATS.marks()
    assert [row.id for row in THREATS.rows() if not held[row.id] and not row.reason] == []
    assert [row.id for row in THREATS.rows() if held[row.id] and row.reason] == []


def test_reasons_are_of_three_kinds() -> None:
    kinds = ("open: ", "not applicable", "held ")
    assert [row for row in THREATS.rows() if row.reason and not row.reason.startswith(kinds)] == []


def test_no_test_names_a_row_that_is_not_there() -> None:
    assert set(THREATS.marks()) - {row.id for row in THREATS.rows()} == set()
    assert len(THREATS.rows()) > 100


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


@pytest.mark.threat("A-193")
def test_what_must_not_be_guessed_is_compared_in_constant_time() -> None:
    """``==`` tells by its time how much of a guess was right; ``hmac.compare_digest`` does not."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops):
                sides = [node.left, *node.comparators]
                if any(UNGUESSABLE.search(_name(side)) for side in sides) and not any(
                        isinstance(side, ast.Constant) for side in sides):
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []
    assert len(SOURCES) > 60
