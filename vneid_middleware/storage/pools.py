"""Closing the connections of an engine, also those that are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def close_connections(engine: Engine) -> None:
    """Close what is idle at once, and what a thread still uses when it gives it back.

    ``Engine.dispose()`` alone leaves the latter open until the garbage collector comes.
    """
    event.listen(engine.pool, "checkin", _close)
    engine.dispose()


def _close(connection: Any, record: Any) -> None:
    record.invalidate()
