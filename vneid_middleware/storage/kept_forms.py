"""Forms that wait for their senders to sign in again. Whose browser, whose account and what is in them: hashed or sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, select, update

from vneid_middleware.storage.purge import purge
from vneid_middleware.storage.tables import kept_forms

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

PER_BROWSER = 5
PER_ACCOUNT = 10
AT_ALL = 500
UNCLAIMED = AT_ALL // 2
"""Forms without a known account may take half of the room: whoever fills it without ever having signed in leaves the rest."""

_waiting = kept_forms.c.content.is_not(None)


def add(connection: Connection, row: Mapping[str, Any], *, now: int) -> bool:
    """Keep a form in place of one with the same content from the same browser (a double click).

    Returns:
        False when there is no room: this browser, this account or everybody together has too many.
    """
    purge(connection, kept_forms.c.form_key, kept_forms.c.expires_at, now + 1)
    of_browser = kept_forms.c.browser_key == row["browser_key"]
    connection.execute(delete(kept_forms).where(of_browser, kept_forms.c.content_key == row["content_key"], _waiting))
    if row["account_key"] is None:
        limits = [(of_browser, PER_BROWSER), (kept_forms.c.account_key.is_(None), UNCLAIMED)]
    else:
        limits = [(of_browser, PER_BROWSER), (kept_forms.c.account_key == row["account_key"], PER_ACCOUNT)]
    if any(_count(connection, condition) >= most for condition, most in [*limits, (_waiting, AT_ALL)]):
        return False
    connection.execute(insert(kept_forms).values(**row))
    return True


def _count(connection: Connection, condition: Any) -> int:
    return connection.execute(select(func.count()).select_from(kept_forms).where(condition, _waiting)).scalar() or 0


def claim(connection: Connection, browser_key: str, account_keys: Sequence[str]) -> list[str]:
    """Give this browser's forms to the account that signed in there.

    Args:
        account_keys: the account's keyed hashes, newest first.

    Returns:
        the keys of forms that were another account's, which are dropped.
    """
    of_browser = kept_forms.c.browser_key == browser_key
    connection.execute(update(kept_forms).where(of_browser, kept_forms.c.account_key.is_(None))
                       .values(account_key=account_keys[0]))
    return _drop(connection, and_(of_browser, kept_forms.c.account_key.not_in(account_keys)))


def owner(connection: Connection, browser_key: str, *, now: int) -> str | None:
    """Return the account that this browser's other forms are bound to, or None."""
    query = select(kept_forms.c.account_key).where(
        kept_forms.c.browser_key == browser_key, kept_forms.c.account_key.is_not(None), kept_forms.c.expires_at > now)
    return connection.execute(query.limit(1)).scalar()


def find(connection: Connection, form_key: str, browser_key: str, *, now: int) -> Any:
    """Return a browser's form, one that was sent (without ``content``) included; None where there is none.

    The row stays locked until the transaction ends.
    """
    query = select(kept_forms).where(kept_forms.c.form_key == form_key, kept_forms.c.browser_key == browser_key,
                                     kept_forms.c.expires_at > now)
    return connection.execute(query.with_for_update()).first()


def use(connection: Connection, form_key: str) -> None:
    """Wipe a form that is sent now; that it was sent stays known until it would have expired."""
    connection.execute(update(kept_forms).where(kept_forms.c.form_key == form_key).values(content=None))


def drop(connection: Connection, form_key: str, browser_key: str) -> bool:
    """Drop a browser's form; tell whether it was there and waiting."""
    return bool(_drop(connection, and_(kept_forms.c.form_key == form_key, kept_forms.c.browser_key == browser_key, _waiting)))


def drop_all(connection: Connection, browser_key: str) -> list[str]:
    """Drop all of a browser's forms; return the keys of those that were waiting."""
    return _drop(connection, kept_forms.c.browser_key == browser_key)


def _drop(connection: Connection, condition: Any) -> list[str]:
    keys = list(connection.execute(select(kept_forms.c.form_key).where(condition, _waiting)).scalars())
    connection.execute(delete(kept_forms).where(condition))
    return keys
