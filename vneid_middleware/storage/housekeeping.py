"""Dropping what is over in all tables, also where nobody writes any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists

from vneid_middleware.core.outbox import SETTLED
from vneid_middleware.storage.purge import AT_ONCE, purge
from vneid_middleware.storage.tables import (
    audit_records,
    ended_sessions,
    kept_forms,
    login_claims,
    lookups,
    mobile_sign_ons,
    outbox,
    sessions,
    used_tokens,
)

if TYPE_CHECKING:
    from vneid_middleware.storage import Storage

SETTLED_FOR = 90 * 86_400
"""Seconds that a settled change is remembered, and its idempotency key with it; the newest of each document stays."""


def clean(storage: Storage, *, now: int, oldest_audit: str, after_each: Callable[[], None] = lambda: None) -> int:
    """Drop what is over and return how many rows that were; each transaction drops a few.

    Args:
        now: unix seconds.
        oldest_audit: UTC, ISO 8601: audit records from before it go.
        after_each: called after each transaction, since there may be many of them.
    """
    dropped = 0
    for over in _over(now, oldest_audit):
        while True:
            with storage.begin() as connection:
                count = purge(connection, *over)
            dropped += count
            after_each()
            if count < AT_ONCE:
                break
    return dropped


def _over(now: int, oldest_audit: str) -> list[tuple[Any, ...]]:
    newer = outbox.alias("newer")
    is_newest = ~exists().where(newer.c.document_id == outbox.c.document_id, newer.c.version > outbox.c.version)
    return [
        (sessions.c.session_id, sessions.c.expires_at, now),
        (ended_sessions.c.seq, ended_sessions.c.expires_at, now),
        (login_claims.c.state_key, login_claims.c.expires_at, now),
        (used_tokens.c.token_key, used_tokens.c.expires_at, now),
        (lookups.c.lookup_key, lookups.c.forget_at, now),
        (mobile_sign_ons.c.transaction_key, mobile_sign_ons.c.expires_at, now),
        (kept_forms.c.form_key, kept_forms.c.expires_at, now + 1),
        (audit_records.c.seq, audit_records.c.time, oldest_audit),
        # next_at is when it was settled. One state at a time: see storage.outbox, of IN before a bound
        *((outbox.c.seq, outbox.c.next_at, now - SETTLED_FOR, and_(outbox.c.state == state, ~is_newest)) for state in SETTLED),
    ]
