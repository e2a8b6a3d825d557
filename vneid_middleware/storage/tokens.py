"""Tokens that may be used once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from vneid_middleware.storage.purge import purge
from vneid_middleware.storage.tables import used_tokens

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def use(connection: Connection, issuer: str, token_id: str, *, now: int, expires_at: int) -> bool:
    """Use a token; False when it was used before.

    Args:
        token_id: its ``jti``.
        expires_at: unix seconds; until then it is remembered.
    """
    purge(connection, used_tokens.c.token_key, used_tokens.c.expires_at, now)
    key = hashlib.sha256(f"{issuer}\n{token_id}".encode("utf-8", "surrogatepass")).hexdigest()
    try:
        with connection.begin_nested():
            connection.execute(insert(used_tokens).values(token_key=key, expires_at=expires_at))
    except IntegrityError:
        return False
    return True
