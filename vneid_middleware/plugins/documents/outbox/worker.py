"""The worker's round: clean up, claim, deliver several documents at once, sleep until there is something to do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from vneid_middleware.daemon_threads import DaemonThreads
from vneid_middleware.exceptions import StorageError, VNeIDError
from vneid_middleware.plugins.documents.outbox.delivery import Courier, ticks
from vneid_middleware.plugins.documents.outbox.sources import BEING_READ, RATE, Source, paced, sources
from vneid_middleware.plugins.documents.outbox.wal import WalWatch
from vneid_middleware.storage.housekeeping import clean
from vneid_middleware.storage.wake import Bell

log = logging.getLogger("vneid_middleware")

AT_ONCE = 8
"""Documents that one worker delivers at the same time."""
_CLEAN_EVERY = 600.0
_LONGEST_REST = 30.0
_TURN = 1.0
"""Seconds after which the loop goes round while it only waits for the end of something."""
GRACE = 10.0
"""Seconds beyond the transport's time-out that a worker which is told to stop waits for what it began."""
STUCK_AFTER = 300.0
"""Seconds beyond its lease after which a delivery counts as one that will never end."""


class Turn(NamedTuple):
    """What a worker is at. A loop that hangs tells nothing any more."""

    status: str
    """``ok``; ``storage_unavailable``; ``stopping``; ``stuck``: all that it may do at once has not come to an end for long."""
    under_way: int
    """Deliveries that have begun and not ended."""
    longest_seconds: float
    """How long the oldest of them has been under way."""


class Worker:
    """Works until it is stopped; several may run, also on several machines.

    Args:
        services: everything of the middleware.
        told: called with each outcome, for a display.
        turned: called at least every few seconds, as long as the loop goes round: also while it waits for the end of a long
            reading or delivery, and while it cleans up.
    """

    def __init__(self, services: Any, told: Callable[[str], None] = lambda outcome: None,
                 turned: Callable[[Turn], None] = lambda turn: None) -> None:
        self._vneid = services
        self._told = told
        self._tell_turn = turned
        self._courier = Courier(services, lambda: self._stopping) if services.settings.get("documents.transport") else None
        self._bell = Bell(services.storage)
        self._stopping = False
        self._leave_at = float("inf")
        self._has_failed = False
        self._running: dict[Future[str], float] = {}
        self._wal = WalWatch(services)
        self._sources = sources(services) if self._courier else []
        self._reading: dict[str, Future[None]] = {}
        self._clean_at = 0.0
        self._rest = 0.0

    def stop(self) -> None:
        """End the work when what is under way has ended, and after a while in any case. May be called from a signal's handler."""
        grace = GRACE + (self._courier.timeout if self._courier else 0)
        self._leave_at = min(self._leave_at, ticks() + grace)
        self._stopping = True
        self._bell.ring()

    def run(self, *, once: bool = False, burst: bool = False) -> bool:
        """Work.

        Returns:
            False: storage did not answer, or a source of changes could not be read. Of ``once`` and ``burst`` the first ends
            the work.

        Args:
            once: stop after one round.
            burst: stop when nothing is due.
        """
        try:
            self._work(once=once, burst=burst)
        finally:
            self._bell.close()
        return not self._has_failed

    def _work(self, *, once: bool, burst: bool) -> None:
        # a worker ends, whatever hangs in it: what it leaves behind is found again when its lease is over
        pool = DaemonThreads(AT_ONCE + len(self._sources), "vneid-outbox")
        while not self._stopping:
            self._look(pool)
            if once:
                self._await(self._reading.values())
            # what a reading brings until its end is for the next round
            was_read = self._is_all_read()
            began = self._round(pool, is_last=once or burst)
            self._turned()
            if once or (burst and (self._rest or (not began and was_read and self._is_idle()))):
                break
            self._sleep(began)
        self._await([*self._running, *self._reading.values()])
        self._reap()
        if self._running:
            log.warning("%s deliveries have not ended in time and are left to the next worker", len(self._running))

    def _await(self, work: Iterable[Future[Any]]) -> None:
        work = list(work)
        while wait(work, _TURN).not_done and ticks() < self._leave_at:
            self._turned()

    def _turned(self) -> None:
        ages = [ticks() - began for began in self._running.values()]
        status = "stopping" if self._stopping else "storage_unavailable" if self._rest else "ok"
        if self._courier and len(ages) == AT_ONCE and min(ages) > self._courier.lease + STUCK_AFTER:
            status = "stuck"
        self._tell_turn(Turn(status, len(ages), max(ages, default=0.0)))

    def _is_idle(self) -> bool:
        return not self._running and not self._rest and self._is_all_read()

    def _is_all_read(self) -> bool:
        return all(reading.done() for reading in self._reading.values())

    def _look(self, pool: DaemonThreads) -> None:
        """Read the sources of changes that are due, beside the deliveries and each beside the others."""
        try:
            due = [source for source in self._sources if not self._is_reading(source) and source.is_due()]
        except StorageError:
            # the round that follows meets it, too, and waits
            return
        for source in due:
            self._reading[source.name] = pool.submit(self._read, source)
            self._reading[source.name].add_done_callback(lambda ended: self._bell.ring())

    def _is_reading(self, source: Source) -> bool:
        return source.name in self._reading and not self._reading[source.name].done()

    def _read(self, source: Source) -> None:
        try:
            with closing(paced(source.read(RATE), RATE)) as batches:
                for brought in batches:
                    if brought:
                        self._bell.ring()
                    if self._stopping:
                        return
        except VNeIDError as error:
            if error.code == BEING_READ:
                log.debug("documents.%s.changes: %s", source.kind, error)
                return
            self._has_failed = True
            source.note_end(error)
        except Exception as error:
            log.exception("documents.%s.changes could not be read", source.kind)
            self._has_failed = True
            source.note_end(VNeIDError("changes_failed", type(error).__name__))
        else:
            source.note_end()

    def _round(self, pool: DaemonThreads, *, is_last: bool) -> bool:
        """Do what is due now; tell whether anything was.

        Args:
            is_last: there will be no further one when storage does not answer.
        """
        self._reap()
        try:
            self._clean()
            self._wal.look()
            began = self._begin(pool)
        except StorageError as error:
            # a database that restarts is not asked without a pause
            self._rest = min(_LONGEST_REST, max(0.5, self._rest * 2))
            self._has_failed = True
            again = "" if is_last else f", next try in {self._rest:g} s"
            log.error("storage does not answer%s: %s", again, error.detail)
            return False
        self._rest = 0.0
        return began

    def _begin(self, pool: DaemonThreads) -> bool:
        free = AT_ONCE - len(self._running)
        if self._courier is None or free < 1:
            return False
        leases = self._courier.claim(free, alone=not self._running)
        for lease in leases:
            work = pool.submit(self._courier.deliver, lease)
            work.add_done_callback(lambda ended: self._bell.ring())
            self._running[work] = ticks()
        return bool(leases)

    def _reap(self) -> None:
        for work in [work for work in self._running if work.done()]:
            del self._running[work]
            self._told(work.result())

    def _sleep(self, began: bool) -> None:
        if self._rest:
            self._wait_out()
        elif len(self._running) == AT_ONCE or not began:
            self._bell.wait(_LONGEST_REST)

    def _wait_out(self) -> None:
        """Leave storage alone as long as was said, whoever rings; but for who stops the worker."""
        until = ticks() + self._rest
        while not self._stopping and (left := until - ticks()) > 0:
            self._bell.rest(min(left, _TURN))
            self._turned()

    def _clean(self) -> None:
        if ticks() < self._clean_at:
            return
        self._clean_at = ticks() + _CLEAN_EVERY
        if "outbox_rotation" in self._vneid.components:
            self._vneid["outbox_rotation"].run(self._turned)
        now = self._vneid.now()
        oldest = datetime.fromtimestamp(now, timezone.utc) - timedelta(days=self._vneid.settings["audit.retention_days"])
        dropped = clean(self._vneid.storage, now=now, oldest_audit=oldest.strftime("%Y-%m-%dT%H:%M:%S"),
                        after_each=self._turned)
        self._vneid.storage.checkpoint()
        if dropped:
            log.info("%s rows that are over were dropped", dropped)
