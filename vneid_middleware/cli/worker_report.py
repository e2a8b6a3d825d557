"""What is seen of a running worker: progress, the health file, the metrics file, and what was done at the end."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections import Counter
from typing import Any

from vneid_middleware.cli.progress import Progress
from vneid_middleware.cli.state_file import StateFile
from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import StorageError

log = logging.getLogger("vneid_middleware")

_COUNT_EVERY = 5.0
_COUNT_SHARE = 20
"""Counting may take one part in so many of the worker's time."""
_HEALTH_EVERY = 1.0
_METRICS_EVERY = 10.0
_OUTCOMES = ("delivered", "retry", "dead")


class Report:
    """Follows a worker: :meth:`note` takes what came of each attempt, :meth:`turn` each turn of its loop.

    Args:
        services: everything of the middleware.
        health: path of the health file; None: there is none.
        metrics: path of the metrics file; None: there is none.
    """

    def __init__(self, services: Any, health: str | None, metrics: str | None) -> None:
        self._vneid = services
        self._health = StateFile(health) if health else None
        self._metrics = StateFile(metrics) if metrics else None
        self._progress = Progress(sys.stderr, lambda words: log.info("changes: %s", words))
        self._progress.keep_below_log()
        self._outcomes: Counter[str] = Counter()
        self._backlog: Any = None
        self._status = ""
        self._due = dict.fromkeys(("count", "health", "metrics"), 0.0)
        self._settled = self._done = self._total = 0

    def begin(self) -> None:
        """Give a first sign of life, before storage is asked for anything."""
        from vneid_middleware.plugins.documents.outbox.worker import Turn

        self._write_health(Turn("starting", 0, 0.0))

    def note(self, outcome: str) -> None:
        """Take note of what came of an attempt."""
        self._outcomes[outcome] += 1
        if outcome in ("delivered", "dead", "superseded"):
            self._settled += 1
            self._done += 1

    def turn(self, turn: Any) -> None:
        """Show and write what is to be shown and written.

        Args:
            turn: the worker's :class:`vneid_middleware.plugins.documents.outbox.worker.Turn`.
        """
        if turn.status != "storage_unavailable" and self._is_due("count", _COUNT_EVERY):
            self._count()
        self._show()
        self._write_health(turn)
        if self._metrics and self._is_due("metrics", _METRICS_EVERY):
            self._metrics.write(self._vneid["metrics"].text())

    def end(self) -> None:
        """Say what was done, and leave no sign of life."""
        self._progress.clear()
        if self._metrics:
            self._metrics.write(self._vneid["metrics"].text())
        if self._health:
            self._health.remove()
        print(say("{delivered} delivered, {retry} to try again, {dead} dead letters",
                  **{name: self._outcomes[name] for name in _OUTCOMES}))

    def _is_due(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every
        return True

    def _count(self) -> None:
        from vneid_middleware.storage import outbox, outbox_watch

        began = time.monotonic()
        try:
            with self._vneid.storage.read() as connection:
                now = outbox.present(connection, self._vneid.clock())
                self._backlog = outbox_watch.backlog(connection, now=now)
        except StorageError as error:
            self._backlog = None
            log.warning("what waits can't be counted: %s", error)
        self._settled = 0
        ended = time.monotonic()
        self._due["count"] = max(self._due["count"], ended + (ended - began) * _COUNT_SHARE)

    def _show(self) -> None:
        """Show how much of what there was is done; others may deliver, too, and more may come in meanwhile."""
        left = max(0, self._backlog.waiting - self._settled) if self._backlog else 0
        if not left:
            self._progress.clear()
            self._done = self._total = 0
            return
        self._total = max(self._total, self._done + left)
        self._progress.show(self._total - left, self._total)

    def _write_health(self, turn: Any) -> None:
        if self._health is None:
            return
        status = "paused" if turn.status == "ok" and self._backlog and self._backlog.paused else turn.status
        if status == self._status == "stuck":
            # whoever looks at its age must see it, too
            return
        if status == "stuck":
            log.error("nothing that was begun comes to an end, the longest for %g s: stop the worker and start it anew",
                      turn.longest_seconds)
        if self._is_due("health", _HEALTH_EVERY) or status != self._status:
            self._health.write(json.dumps(self._state(status, turn)).encode() + b"\n")
        self._status = status

    def _state(self, status: str, turn: Any) -> dict[str, Any]:
        now, found = self._vneid.clock(), self._backlog
        oldest = None if found is None or found.oldest_at is None else max(0, round(now - found.oldest_at))
        return {
            "status": status, "at": round(now, 3), "pid": os.getpid(), **{name: self._outcomes[name] for name in _OUTCOMES},
            "under_way": turn.under_way, "longest_seconds": round(turn.longest_seconds, 1),
            "backlog": None if found is None else found.waiting, "changes": None if found is None else dict(found.changes),
            "oldest_seconds": oldest, "paused": None if found is None else found.paused,
            "wal_bytes": self._vneid.storage.wal_bytes(),
        }
