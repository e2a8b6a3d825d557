"""What must hold of the outbox after each run, whatever happened in it (invariants I1 to I9 of the threat model)."""

from __future__ import annotations

from collections import Counter
from typing import Any


def check_ended(portal: Any) -> None:
    """Check a run that came to its end: everything that was announced is delivered, once, in order, and wiped."""
    rows = portal.sql("SELECT document_id, version, state, sealed, attempts, change_id FROM vneid_outbox ORDER BY seq")
    receiver = portal.receiver
    # I1 no loss, I8 convergence
    assert {row.state for row in rows} <= {"delivered"}, Counter(row.state for row in rows)
    # I2 no phantom
    assert {got.payload["changeId"] for got in receiver.got} <= {row.change_id for row in rows}
    # I3 order, I4 one effect for each version
    assert all(seen == list(range(1, len(seen) + 1)) for seen in receiver.effects.values()), dict(receiver.effects)
    assert sum(map(len, receiver.effects.values())) == len(rows)
    assert receiver.regressions == []
    # I6 bounded, and every version once
    assert len({(row.document_id, row.version) for row in rows}) == len(rows)
    # I9 wiped
    assert {row.sealed for row in rows} <= {None}
    check_records(portal)


def check_records(portal: Any) -> None:
    """Check the audit (I7): what was sent was told before; an end is missing only where a process ended."""
    began = Counter(record["request_id"] for record in portal.events("delivery.began"))
    ended = Counter(record["request_id"] for record in portal.events("delivery.ended"))
    assert set(began.values()) <= {1}
    assert set(ended.values()) <= {1}
    assert set(ended) <= set(began)
    assert len(began) >= len(portal.receiver.got)
