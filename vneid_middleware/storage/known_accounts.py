"""Which subject came with which personal number. Both are kept as keyed hashes, and neither may change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from vneid_middleware.storage.tables import accounts

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


class Conflict(NamedTuple):
    """An account that is known otherwise."""

    subject_key: str
    """Keyed hash of the subject that is known."""
    same_subject: bool
    """The subject is known with another number; otherwise the number is known under another subject."""


def agree(connection: Connection, subject_keys: Sequence[str], personal_keys: Sequence[str], *, now: int) -> Conflict | None:
    """Remember an account, or compare it with what is known.

    Args:
        subject_keys: keyed hashes of issuer and subject under each secret, newest first.
        personal_keys: the same of issuer and personal number.

    Returns:
        None when subject and number belong together.
    """
    known = _known(connection, subject_keys, personal_keys)
    if not known:
        row = {"subject_key": subject_keys[0], "personal_key": personal_keys[0], "first_seen": now}
        try:
            with connection.begin_nested():
                connection.execute(insert(accounts).values(**row))
            return None
        except IntegrityError:
            # another process was first with one of the two
            known = _known(connection, subject_keys, personal_keys)
    for row in known:
        same_subject = row.subject_key in subject_keys
        if not (same_subject and row.personal_key in personal_keys):
            return Conflict(row.subject_key, same_subject)
    _rekey(connection, known, subject_keys[0], personal_keys[0])
    return None


def _known(connection: Connection, subject_keys: Sequence[str], personal_keys: Sequence[str]) -> Sequence[Any]:
    query = select(accounts).where(or_(accounts.c.subject_key.in_(subject_keys), accounts.c.personal_key.in_(personal_keys)))
    return connection.execute(query).all()


def _rekey(connection: Connection, known: Sequence[Any], subject_key: str, personal_key: str) -> None:
    """Hash a row anew under the newest secret, so that it is still found when the older ones are gone."""
    if len(known) == 1 and (known[0].subject_key, known[0].personal_key) != (subject_key, personal_key):
        connection.execute(update(accounts).where(accounts.c.subject_key == known[0].subject_key)
                           .values(subject_key=subject_key, personal_key=personal_key))
