"""Claims on logins: each ``state`` is used by exactly one callback, in whichever process it arrives."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from vneid_middleware.storage.purge import purge
from vneid_middleware.storage.tables import kept_forms, login_claims

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def state_key(state: str) -> str:
    """Return what a login is known by here; the state itself is not kept."""
    return hashlib.sha256(state.encode("utf-8")).hexdigest()


def claim(connection: Connection, key: str, *, now: int, expires_at: int) -> bool:
    """Claim a login; False when another callback was first."""
    purge(connection, login_claims.c.state_key, login_claims.c.expires_at, now)
    # forms are kept rarely, and what is over must not wait for the next one
    purge(connection, kept_forms.c.form_key, kept_forms.c.expires_at, now + 1)
    try:
        with connection.begin_nested():
            connection.execute(insert(login_claims).values(state_key=key, claimed_at=now, expires_at=expires_at))
    except IntegrityError:
        return False
    return True


def settle(connection: Connection, key: str, outcome: str) -> None:
    """Keep where a claimed login ended, sealed."""
    connection.execute(update(login_claims).where(login_claims.c.state_key == key).values(outcome=outcome))


def outcome(connection: Connection, key: str) -> tuple[bool, str | None]:
    """Return whether a login was claimed, and its sealed outcome if it has one."""
    row = connection.execute(select(login_claims.c.outcome).where(login_claims.c.state_key == key)).first()
    return (False, None) if row is None else (True, row[0])
