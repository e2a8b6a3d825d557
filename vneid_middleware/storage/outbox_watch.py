"""What an onlooker sees of the outbox: how much waits in it, for how long, and whether anything may be sent.

Each number has a bounded cost: what was delivered is never read, by the index on ``state``, and counting ends somewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, literal, select

from vneid_middleware.core.outbox import DEAD, OPEN
from vneid_middleware.storage.outbox import channel
from vneid_middleware.storage.tables import outbox

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

MOST = 1_000_000
"""Changes of one state that are counted; more than that are as many."""
_MOST_DATES = 10_000
"""Changes of one state that are looked at for the oldest: of a longer queue those that come first."""


class Backlog(NamedTuple):
    """How much there is to do."""

    changes: Mapping[str, int]
    """Each state that is not settled, to how many changes are in it."""
    oldest_at: int | None
    """Unix seconds at which the oldest of them came in."""
    paused: str
    """Why the channel is paused; empty where it is open."""

    @property
    def waiting(self) -> int:
        """Changes that will be sent without anybody's hand; dead letters are none."""
        return sum(count for state, count in self.changes.items() if state != DEAD)


def backlog(connection: Connection, *, now: float) -> Backlog:
    """Return how much there is to do. A read."""
    dates = [at for at in (_oldest(connection, state) for state in OPEN) if at is not None]
    return Backlog({state: _count(connection, state) for state in OPEN}, min(dates, default=None),
                   channel(connection, now=now).paused)


def _count(connection: Connection, state: str) -> int:
    some = select(literal(1).label("one")).select_from(outbox).where(outbox.c.state == state).limit(MOST).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _oldest(connection: Connection, state: str) -> int | None:
    # by the order of the index: a bare min() of created_at or seq would be looked for among all that was delivered
    first = select(outbox.c.created_at).where(outbox.c.state == state).order_by(outbox.c.next_at).limit(_MOST_DATES).subquery()
    found: int | None = connection.execute(select(func.min(first.c.created_at))).scalar()
    return found
