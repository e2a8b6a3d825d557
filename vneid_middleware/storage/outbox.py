"""The outbox: what came in (:mod:`vneid_middleware.storage.outbox_intake`) is claimed by workers, and settled.

On PostgreSQL workers pass over what another one is at; SQLite has one writer at a time. Whoever claims gets a lease with a number
(``fence``): what comes of a lease that another one has taken over since is not taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, bindparam, func, or_, select, text, update

from vneid_middleware.core.outbox import (
    CALM_CRASHES,
    DEAD,
    DELIVERED,
    LEASED,
    MOST_CRASHES,
    NEWER_THERE,
    OPEN,
    READY,
    SUPERSEDED,
    WAITING,
)
from vneid_middleware.storage.inserts import insert_channel
from vneid_middleware.storage.tables import channels, documents, outbox

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

CHANNEL = "outbox"
NOTIFY = "vneid_outbox"
"""PostgreSQL's channel by which workers are woken."""
ERASED = "erased"
"""Why a change was settled without being sent; of one that a worker is at: that it will be."""
_LOOK = 32
"""Rows that are looked at for one claim, at least."""
_SET_BACK = 5
"""Seconds beyond now that a time in the past may lie before the clock is taken to have been set back."""


class Claimed(NamedTuple):
    """A change that a worker has to itself until its lease ends."""

    seq: int
    change_id: str
    document_id: int
    version: int
    kind: str
    action: str
    sealed: str
    attempts: int
    crashes: int
    fence: int
    submitter: str
    sent_before: bool
    """An earlier attempt may have sent it: one was written down as sent, or ended with its worker."""


def present(connection: Connection, process_clock: float) -> float:
    """Return unix seconds by the clock that all workers share: PostgreSQL's own, or this machine's."""
    if connection.dialect.name != "postgresql":
        return process_clock
    return float(connection.execute(_CLOCK).scalar() or 0)


def wake(connection: Connection) -> None:
    """Wake the workers when this transaction is committed; they find out by themselves, too."""
    if connection.dialect.name == "postgresql":
        connection.execute(_WAKE)


def lock_document(connection: Connection, document_id: int) -> None:
    """Let no other change of a document come in before this transaction ends. On SQLite it is the only writer from now on."""
    connection.execute(update(documents).where(documents.c.document_id == document_id).values(kind=documents.c.kind))


_CLOCK = text("SELECT extract(epoch FROM clock_timestamp())")
_WAKE = text(f"SELECT pg_notify('{NOTIFY}', '')")


def _due(state: str) -> Any:
    """Return a SELECT of what is due in one state: read along an index, however much is settled or waits."""
    due = select(outbox).where(outbox.c.state == state, outbox.c.next_at <= bindparam("now"))
    return due.order_by(outbox.c.next_at, outbox.c.seq).limit(bindparam("most"))


def _stands_behind() -> Any:
    """Return the condition that an older change of the same document is not settled."""
    older = outbox.alias("older")
    # not one IN: between an equality and a bound SQLite 3.40 finds rows beyond the bound, once the database was ANALYZEd. Not
    # EXISTS: where most rows are of one document PostgreSQL would hope to come upon one soon, and read them all in vain
    return or_(*(select(older.c.version).where(
        older.c.document_id == outbox.c.document_id, older.c.state == state, older.c.version < outbox.c.version,
    ).order_by(older.c.version).limit(1).scalar_subquery().is_not(None) for state in OPEN))


_STANDS_BEHIND = _stands_behind()
_ANY_DUE = [_due(state).with_only_columns(outbox.c.seq) for state in (READY, LEASED)]
_LOOK_AT = [_due(state).add_columns(_STANDS_BEHIND.label("stands_behind")).with_for_update(skip_locked=True, of=outbox)
            for state in (READY, LEASED)]
# what ended no worker, or one; a lease that is over has ended one more
_CALM = [query.where(outbox.c.crashes < most) for query, most in zip(_LOOK_AT, (CALM_CRASHES, CALM_CRASHES - 1), strict=True)]
_HARMFUL = [query.where(outbox.c.crashes >= most)
            for query, most in zip(_LOOK_AT, (CALM_CRASHES, CALM_CRASHES - 1), strict=True)]


def is_any_due(connection: Connection, now: float) -> bool:
    """Tell whether a worker would find something to look at. A read."""
    return any(connection.execute(query, {"now": now, "most": 1}).first() is not None for query in _ANY_DUE)


class Claims(NamedTuple):
    """What a look at the outbox came to."""

    claimed: list[Claimed]
    parked: int
    """How many changes were found to stand behind an older one, and wait for it from now on."""


def claim(connection: Connection, limit: int, *, now: float, lease: float, alone: bool = True) -> Claims:
    """Claim changes that are due: of each document the oldest that is not settled, and nothing behind a dead one.

    What is due and stands behind an older change is put out of the way (``waiting``), so that nobody looks at it again before
    its turn: what a claim costs does not grow with what waits.

    Args:
        limit: how many.
        lease: seconds that they are the worker's.
        alone: nothing else is under way in this process. What ended workers before is claimed then only, and by itself, so
            that it takes nothing else along.
    """
    rows, parked = _heads(connection, _CALM, now, max(2 * limit, _LOOK))
    chosen = sorted(rows, key=lambda row: (row.crashes, row.next_at, row.seq))[:limit]
    if not chosen and alone:
        rows, more = _heads(connection, _HARMFUL, now, _LOOK)
        chosen, parked = rows[:1], parked + more
    leased = (_lease(connection, row, now, lease) for row in chosen)
    return Claims([claimed for claimed in leased if claimed is not None], parked)


def _heads(connection: Connection, queries: list[Any], now: float, most: int) -> tuple[list[Any], int]:
    """Return due rows that are their document's oldest open ones, locked; and how many others were put out of the way."""
    heads, parked = [], 0
    for query in queries:
        for row in connection.execute(query, {"now": now, "most": most}).all():
            if row.stands_behind:
                parked += _park(connection, row)
            else:
                heads.append(row)
    return heads, parked


def _hold_older(connection: Connection, row: Any) -> bool:
    """Tell whether an older change is not settled, and lock it; whoever settles it waits for this transaction, and then sees
    what waits. False, too, when it is being settled at this moment, and might not."""
    older = select(outbox.c.seq).where(outbox.c.document_id == row.document_id, outbox.c.state.in_(OPEN),
                                       outbox.c.version < row.version).order_by(outbox.c.version.desc()).limit(1)
    return connection.execute(older.with_for_update(read=True, skip_locked=True)).first() is not None


def _park(connection: Connection, row: Any) -> int:
    """Let a change wait for an older one; 0 where that is being settled at this moment, and might not see it."""
    if connection.dialect.name == "postgresql" and not _hold_older(connection, row):
        return 0
    mine = and_(outbox.c.seq == row.seq, outbox.c.fence == row.fence)
    return connection.execute(update(outbox).where(mine).values(state=WAITING)).rowcount


def next_turn(connection: Connection, document_id: int, now: float) -> None:
    """Make a document's next change due; after what other documents have due, so that a busy one does not go before them."""
    connection.execute(_NEXT_TURN, {"its_document": document_id, "now": now})


_WAITS = and_(outbox.c.document_id == bindparam("its_document"), outbox.c.state == WAITING)
_NEXT_TURN = update(outbox).where(_WAITS, outbox.c.version == select(func.min(outbox.c.version)).where(
    _WAITS).scalar_subquery()).values(state=READY, next_at=bindparam("now"), touched_at=bindparam("now"))


def mend(connection: Connection, *, now: float) -> int:
    """Make due what would wait for nothing: behind what was settled by other hands, or by a clock that was ahead of this one.

    Returns:
        how many changes that were.
    """
    left = and_(outbox.c.state == WAITING, ~_STANDS_BEHIND)
    ahead = and_(outbox.c.state.in_((READY, LEASED)), outbox.c.touched_at > now + _SET_BACK)
    freed = connection.execute(update(outbox).where(left).values(state=READY, next_at=now, touched_at=now)).rowcount
    return freed + connection.execute(update(outbox).where(ahead).values(next_at=now, touched_at=now)).rowcount


def _lease(connection: Connection, row: Any, now: float, lease: float) -> Claimed | None:
    crashes = row.crashes + 1 if row.state == LEASED else row.crashes
    given_up = crashes >= MOST_CRASHES
    values = {"state": DEAD if given_up else LEASED, "fence": row.fence + 1, "crashes": crashes, "touched_at": now,
              "attempts": row.attempts + 1, "next_at": now + lease,
              "reason": "worker_ended" if crashes and row.reason != ERASED else row.reason}
    if not _changed(connection, row, row.state, values):
        return None
    return Claimed(row.seq, row.change_id, row.document_id, row.version, row.kind, row.action, row.sealed,
                   row.attempts + 1, crashes, row.fence + 1, row.submitter, bool(row.message_hash or crashes))


def is_given_up(claimed: Claimed) -> bool:
    """Tell whether a claim ended as a dead letter: workers ended at it too often."""
    return claimed.crashes >= MOST_CRASHES


def _changed(connection: Connection, row: Any, state: str, values: Mapping[str, Any]) -> bool:
    """Change a row that nobody has leased since it was read; False where somebody has.

    Args:
        state: what it must be in.
    """
    given = {"its_seq": row.seq, "its_fence": row.fence, "its_state": state, **{f"new_{name}": values[name] for name in values}}
    return bool(connection.execute(_changing(tuple(values)), given).rowcount)


@cache
def _changing(names: tuple[str, ...]) -> Any:
    # kept: to make it costs more than to run it
    mine = (outbox.c[name] == bindparam(f"its_{name}") for name in ("seq", "fence", "state"))
    return update(outbox).where(*mine).values({name: bindparam(f"new_{name}") for name in names})


def settle(connection: Connection, claimed: Claimed, state: str, reason: str, *, now: float, message_hash: str = "",
           wait: float = 0, there: int = 0) -> str | None:
    """Write down what came of a claim.

    Returns:
        the reason that stands there now; None when the lease is another one's by now, and nothing is changed.

    Args:
        state: ``DELIVERED``, ``DEAD``, or ``READY`` for another attempt.
        reason: a stable word; ``NEWER_THERE``: the receiver did not take it, and what was not taken is kept for ``reconcile``.
        message_hash: SHA-256 of what was sent.
        wait: seconds until the next attempt.
        there: the version that the receiver says it has: the next one is made newer than that.
    """
    is_behind = reason == NEWER_THERE
    if is_behind:
        connection.execute(update(documents).where(
            documents.c.document_id == claimed.document_id, documents.c.version < there).values(version=there))
    values: dict[str, Any] = {"state": state, "reason": reason[:64], "touched_at": now, "next_at": now + wait, "crashes": 0}
    if message_hash:
        values["message_hash"] = message_hash
    if state == DELIVERED and not is_behind:
        values["sealed"] = None
    if not _changed(connection, claimed, LEASED, values):
        return None
    if state == DELIVERED:
        next_turn(connection, claimed.document_id, now)
    told: str = values["reason"]
    return told


def renew(connection: Connection, claimed: Claimed, *, now: float, lease: float) -> bool:
    """Lengthen a lease; False when it is another worker's by now.

    Args:
        lease: seconds from now.
    """
    return _changed(connection, claimed, LEASED, {"touched_at": now, "next_at": now + lease})


def release(connection: Connection, claimed: Claimed, *, now: float) -> None:
    """Give a claim back that was not tried: it is no attempt."""
    _changed(connection, claimed, LEASED, {"state": READY, "touched_at": now, "next_at": now, "attempts": claimed.attempts - 1})


def is_passed(connection: Connection, document_id: int, version: int) -> bool:
    """Tell whether a newer version of a document was delivered."""
    return connection.execute(_PASSED, {"its_document": document_id, "its_version": version}).first() is not None


_PASSED = select(outbox.c.seq).where(
    outbox.c.document_id == bindparam("its_document"), outbox.c.version > bindparam("its_version"), outbox.c.state == DELIVERED,
).order_by(outbox.c.version).limit(1)


def supersede(connection: Connection, claimed: Claimed, *, now: float, reason: str = "newer_delivered") -> None:
    """Settle a claim that the receiver is known to be beyond, or that must not go out any more."""
    _changed(connection, claimed, LEASED, {"state": SUPERSEDED, "reason": reason, "touched_at": now, "next_at": now,
                                           "sealed": None})
    next_turn(connection, claimed.document_id, now)


_CHANNEL = select(channels).where(channels.c.name == CHANNEL)


class ChannelState(NamedTuple):
    """Whether anything may be sent at all."""

    paused: str = ""
    """Why not, until an operator says so; empty: it may."""
    not_before: float = 0.0
    """Unix seconds."""


def channel(connection: Connection, *, now: float) -> ChannelState:
    """Return the state of the way to the receiver."""
    row = connection.execute(_CHANNEL).first()
    if row is None:
        return ChannelState()
    return ChannelState(row.paused, row.not_before if row.touched_at <= now + _SET_BACK else 0.0)


def hold(connection: Connection, *, now: float, paused: str | None = None, not_before: float | None = None) -> bool:
    """Pause the channel, or let it rest for a while; False when it is paused already.

    Args:
        paused: a stable word; "" opens it again.
        not_before: unix seconds.
    """
    insert_channel(connection, CHANNEL, now=now)
    mine = channels.c.name == CHANNEL
    # locked first: of several workers that are refused at the same time one tells so
    before = connection.execute(select(channels).where(mine).with_for_update()).one()
    if paused and before.paused:
        return False
    values: dict[str, Any] = {"touched_at": now}
    if paused is not None:
        values["paused"] = paused
    if not_before is not None:
        values["not_before"] = not_before if before.touched_at > now + _SET_BACK else max(not_before, before.not_before)
    connection.execute(update(channels).where(mine).values(**values))
    return True


def resume(connection: Connection, *, now: float) -> None:
    """Open the channel."""
    connection.execute(update(channels).where(channels.c.name == CHANNEL).values(paused="", not_before=0.0, touched_at=now))
    wake(connection)
