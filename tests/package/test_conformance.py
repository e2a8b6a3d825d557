"""The page of the relying-party tests' modules and the tests' marks agree."""

from __future__ import annotations

import re

import pytest

from threats import DOCS, MODULES

# how many modules the OpenID Foundation's plans hold; one of Config's is Basic's too
PLANS = {"Basic": 14, "Config": 5, "RP-initiated logout": 3, "Back-channel logout": 8}


def test_every_module_has_a_test_or_a_reason() -> None:
    held = MODULES.marks()
    assert [row.id for row in MODULES.rows() if not held[row.id] and not row.reason] == []
    assert [row.id for row in MODULES.rows() if held[row.id] and row.reason] == []
    assert [row.reason for row in MODULES.rows() if row.reason and not row.reason.startswith("not applicable: ")] == []


def test_every_module_that_is_held_is_held_by_whole_logins() -> None:
    """The core's own tests show why; that a portal refuses is seen from outside alone."""
    outside = MODULES.marks(without="core")
    assert [row.id for row in MODULES.rows() if not row.reason and not outside[row.id]] == []


def test_no_test_names_a_module_that_is_not_there() -> None:
    assert set(MODULES.marks()) - {row.id for row in MODULES.rows()} == set()


@pytest.mark.parametrize("plan", PLANS)
def test_no_module_of_a_plan_is_left_out(plan: str) -> None:
    text = (DOCS / "conformance.md").read_text(encoding="utf-8")
    (section,) = re.findall(rf"^## {plan}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(oidcc-client-test[\w-]*)` \|", section, re.MULTILINE)
    assert len(rows) == len(set(rows)) == PLANS[plan]
    # what counts for a certificate is held, without excuses
    assert [row.id for row in MODULES.rows() if row.id in rows and row.reason] == []
