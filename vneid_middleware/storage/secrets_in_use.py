"""Which secrets the documents of the outbox are hashed under: who lacks one would take a known document for a new one.

A document is found by its hash. Whoever has not the secret that it was hashed under would begin with version 1 again, and the
receiver would take the change for an old one. So the secrets that are in use are named in a row, and a document is new only for
whoever has all of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from vneid_middleware.exceptions import StorageError
from vneid_middleware.storage.inserts import insert_channel
from vneid_middleware.storage.tables import channels

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_NAME = "secrets"
_READ = select(channels.c.cursor).where(channels.c.name == bindparam("name"))


def found(connection: Connection) -> list[str]:
    """Return what the secrets in use are called."""
    stored = connection.execute(_READ, {"name": _NAME}).scalar()
    return list(json.loads(stored)) if stored else []


def note(connection: Connection, secret: str, *, now: float) -> None:
    """Write down that a secret is in use from now on."""
    if secret not in found(connection):
        _change(connection, now, add=secret)


def check(connection: Connection, secrets: Sequence[str], *, now: float) -> None:
    """Make sure that somebody who hashes by these secrets finds every document there is.

    Args:
        secrets: newest first.

    Raises:
        StorageError: ``secret_missing``.
    """
    in_use = found(connection)
    if not set(in_use) <= set(secrets):
        raise StorageError("secret_missing", "documents of the outbox are hashed under a line of secret that is not here: give "
                           "all lines that the other machines have, and an old one until vneid check --online lets it go")
    if secrets[0] not in in_use:
        _change(connection, now, add=secrets[0])


def drop(connection: Connection, secrets: Sequence[str], *, now: float) -> None:
    """Write down that nothing is hashed under these any more."""
    _change(connection, now, drop=secrets)


def _change(connection: Connection, now: float, *, add: str = "", drop: Sequence[str] = ()) -> None:
    insert_channel(connection, _NAME, now=now)
    mine = channels.c.name == _NAME
    stored = connection.execute(select(channels.c.cursor).where(mine).with_for_update()).scalar()
    left = [secret for secret in (json.loads(stored) if stored else []) if secret not in drop]
    if add and add not in left:
        left.insert(0, add)
    connection.execute(update(channels).where(mine).values(cursor=json.dumps(left)))
