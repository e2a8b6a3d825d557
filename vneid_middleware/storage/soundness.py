"""Whether the database keeps what it acknowledges: asked of it by ``vneid check --online``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_DURABLE = ("fsync", "synchronous_commit")
"""PostgreSQL's settings with which a commit outlives a power cut, as our own connections have them."""


def unsafe_settings(connection: Connection) -> list[str]:
    """Return PostgreSQL's settings with which acknowledged changes may be lost when the power is cut; of SQLite none, since
    we set it up ourselves."""
    if connection.dialect.name != "postgresql":
        return []
    return [name for name in _DURABLE if connection.execute(text(f"SHOW {name}")).scalar() == "off"]


def damage(connection: Connection) -> str:
    """Read all of an SQLite database and return the first damage that is found; empty where there is none, or elsewhere."""
    if connection.dialect.name != "sqlite":
        return ""
    found = str(connection.execute(text("PRAGMA quick_check(1)")).scalar())
    return "" if found == "ok" else found.splitlines()[-1][:200]
