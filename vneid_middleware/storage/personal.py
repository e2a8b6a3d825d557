"""What stands in storage about one person: found by keyed hashes where there are such, and row by row where there are none.

Rows that only their sealed content could tell whose they are live for minutes and are few; they are given out for the caller to
open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, select

from vneid_middleware.storage.lookups import SETTLED
from vneid_middleware.storage.tables import accounts, audit_records, kept_forms, login_claims, lookups, mobile_sign_ons, sessions

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

AUDIT_WINDOW = 10_000
"""Audit records that one query looks through: no index helps, and a statement may take a few seconds only."""


def sessions_of(connection: Connection, person_keys: Sequence[str]) -> list[Any]:
    """Return the sessions on record of a person."""
    query = select(sessions).where(sessions.c.personal_key.in_(person_keys)).order_by(sessions.c.started_at)
    return list(connection.execute(query).all())


def accounts_of(connection: Connection, number_keys: Sequence[str], subject_keys: Sequence[str]) -> list[Any]:
    """Return which subjects are known with a number."""
    mine = or_(accounts.c.personal_key.in_(number_keys), accounts.c.subject_key.in_(subject_keys))
    return list(connection.execute(select(accounts).where(mine)).all())


def drop_accounts(connection: Connection, subject_keys: Sequence[str]) -> int:
    """Forget subjects, and which number each came with."""
    return connection.execute(delete(accounts).where(accounts.c.subject_key.in_(subject_keys))).rowcount


def forms_of(connection: Connection, subject_keys: Sequence[str]) -> list[Any]:
    """Return the kept forms of accounts, those that were sent and are empty included."""
    return list(connection.execute(select(kept_forms).where(kept_forms.c.account_key.in_(subject_keys))).all())


def drop_forms(connection: Connection, subject_keys: Sequence[str]) -> int:
    """Drop the kept forms of accounts."""
    return connection.execute(delete(kept_forms).where(kept_forms.c.account_key.in_(subject_keys))).rowcount


def ended_logins(connection: Connection) -> list[Any]:
    """Return the logins of which is still known, sealed, where they ended."""
    return list(connection.execute(select(login_claims).where(login_claims.c.outcome.is_not(None))).all())


def sign_ons(connection: Connection) -> list[Any]:
    """Return the sign-ons of apps of which is known who signed in: sealed, or by the session that they led to."""
    known = or_(mobile_sign_ons.c.outcome.is_not(None), mobile_sign_ons.c.session_id.is_not(None))
    return list(connection.execute(select(mobile_sign_ons).where(known)).all())


def drop_sign_ons(connection: Connection, keys: Sequence[str]) -> int:
    """Drop sign-ons of apps."""
    return connection.execute(delete(mobile_sign_ons).where(mobile_sign_ons.c.transaction_key.in_(keys))).rowcount


def results(connection: Connection) -> list[Any]:
    """Return the lookups whose result waits, sealed, for its operator."""
    query = select(lookups).where(lookups.c.state == SETTLED, lookups.c.sealed.is_not(None))
    return list(connection.execute(query).all())


def newest_audit(connection: Connection) -> int:
    """Return the number of the newest audit record."""
    return int(connection.execute(select(func.max(audit_records.c.seq))).scalar() or 0)


def audit_windows(newest: int) -> Iterator[tuple[int, int]]:
    """Give the parts in which the audit is looked through, as for :func:`audit_naming`."""
    for after in range(0, newest, AUDIT_WINDOW):
        yield after, after + AUDIT_WINDOW


def audit_naming(connection: Connection, hashes: Sequence[str], window: tuple[int, int]) -> list[tuple[str, str]]:
    """Return time and JSON of the audit records that hold one of the hashes, oldest first.

    Args:
        window: records after the first number, up to the second.
    """
    named = or_(*(audit_records.c.record.contains(value, autoescape=True) for value in hashes))
    query = select(audit_records.c.time, audit_records.c.record).where(
        audit_records.c.seq > window[0], audit_records.c.seq <= window[1], named)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(audit_records.c.seq))]
