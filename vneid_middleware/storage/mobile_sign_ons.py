"""Sign-ons of apps: begun, answered by the provider once, redeemed once, in whichever process each step arrives."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from vneid_middleware.storage.purge import purge
from vneid_middleware.storage.tables import mobile_sign_ons as table

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

REMEMBER = 3600
"""Seconds that a redeemed sign-on is remembered, so that a second try is known for what it is."""


class SignOn(NamedTuple):
    """One row, but for what it is found by."""

    transaction_key: str
    content: str
    code_key: str | None
    outcome: str | None
    answered: int
    redeemed: int
    session_id: str | None


_COLUMNS = tuple(table.c[name] for name in SignOn._fields)


def hashed(secret: str) -> str:
    """Return what a transaction, a ``state`` or a code is known by here; none of them is kept."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def begin(connection: Connection, key: str, *, state_key: str, address_key: str, content: str, now: int,
          expires_at: int, limit: int) -> bool:
    """Keep a sign-on that begins.

    Args:
        key: of its transaction.
        address_key: whom the limit is for.
        limit: how many may begin within a minute.

    Returns:
        False when there were as many already: nothing is kept then.
    """
    purge(connection, table.c.transaction_key, table.c.expires_at, now)
    recent = select(func.count()).select_from(table).where(table.c.address_key == address_key, table.c.started_at > now - 60)
    if (connection.execute(recent).scalar() or 0) >= limit:
        return False
    connection.execute(insert(table).values(
        transaction_key=key, state_key=state_key, address_key=address_key, content=content, started_at=now,
        expires_at=expires_at, answered=0, redeemed=0))
    return True


def by_state(connection: Connection, state_key: str) -> SignOn | None:
    """Return the sign-on that an answer of the provider's belongs to."""
    row = connection.execute(select(*_COLUMNS).where(table.c.state_key == state_key)).first()
    return None if row is None else SignOn(*row)


def by_transaction(connection: Connection, key: str) -> SignOn | None:
    """Return the sign-on of a transaction."""
    row = connection.execute(select(*_COLUMNS).where(table.c.transaction_key == key)).first()
    return None if row is None else SignOn(*row)


def answer(connection: Connection, key: str) -> bool:
    """Note that the provider's answer came; False when it came before."""
    done = connection.execute(update(table).where(table.c.transaction_key == key, table.c.answered == 0).values(answered=1))
    return bool(done.rowcount == 1)


def settle(connection: Connection, key: str, *, code_key: str, outcome: str) -> None:
    """Keep who signed in, and the code that the app gets for it."""
    connection.execute(update(table).where(table.c.transaction_key == key).values(code_key=code_key, outcome=outcome))


def redeem(connection: Connection, key: str, *, now: int) -> bool:
    """Redeem a sign-on; False when it was redeemed before. Who signed in is forgotten with it."""
    connection.execute(update(table).where(table.c.transaction_key == key).values(
        redeemed=table.c.redeemed + 1, outcome=None, expires_at=now + REMEMBER))
    return connection.execute(select(table.c.redeemed).where(table.c.transaction_key == key)).scalar() == 1


def redeemed_again(connection: Connection, key: str) -> str | None:
    """Note that a sign-on was redeemed once more; return the session that it had led to, if it has."""
    connection.execute(update(table).where(table.c.transaction_key == key).values(redeemed=table.c.redeemed + 1))
    return connection.execute(select(table.c.session_id).where(table.c.transaction_key == key)).scalar()


def spend(connection: Connection, key: str, code_key: str) -> str | None:
    """Note the code of the provider's that a sign-on is redeemed with.

    Returns:
        None where it is new; otherwise the transaction key of the sign-on that had it first.
    """
    try:
        with connection.begin_nested():
            connection.execute(update(table).where(table.c.transaction_key == key).values(code_key=code_key))
    except IntegrityError:
        return connection.execute(select(table.c.transaction_key).where(table.c.code_key == code_key)).scalar()
    return None


def close(connection: Connection, key: str, session_id: str) -> bool:
    """Note the session that a sign-on led to; False when it was redeemed again meanwhile, so that none may."""
    done = connection.execute(update(table).where(table.c.transaction_key == key, table.c.redeemed == 1)
                              .values(session_id=session_id))
    return bool(done.rowcount == 1)
