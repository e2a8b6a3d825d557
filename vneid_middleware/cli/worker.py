"""``vneid worker``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections import Counter
from typing import Any

from vneid_middleware.cli.logs import begin_log
from vneid_middleware.cli.portal import opened
from vneid_middleware.cli.reading import add_ini
from vneid_middleware.cli.words import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_ini(parser)
    until = parser.add_mutually_exclusive_group()
    until.add_argument("--once", action="store_true", help=say("stop after one round"))
    until.add_argument("--burst", action="store_true", help=say("stop when nothing is due"))
    parser.epilog = say("Example: {command}", command="vneid worker portal.ini")


def run(args: argparse.Namespace) -> int:
    """Deliver, poll and clean up until stopped."""
    begin_log()
    with opened("vneid worker", args.ini, args) as services:
        if services is None:
            return 1
        return _work(services, args)


def _work(services: Any, args: argparse.Namespace) -> int:
    from vneid_middleware.plugins.documents.outbox.worker import Worker

    shown = _Shown()
    worker = Worker(services, shown.note)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: worker.stop())
    if not services.settings.get("documents.transport"):
        print("vneid worker:", say("documents.transport is not set: nothing is delivered, only cleaned up"), file=sys.stderr)
    worker.run(once=args.once, burst=args.burst)
    shown.end()
    return 0


class _Shown:
    """What was delivered: on a terminal as it goes, and at the end."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._is_terminal = sys.stderr.isatty()

    def note(self, outcome: str) -> None:
        self._outcomes[outcome] += 1
        if self._is_terminal and sum(self._outcomes.values()) % 10 == 0:
            print(f"\r{self._line()}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._is_terminal:
            print("\r", end="", file=sys.stderr)
        print(self._line())

    def _line(self) -> str:
        counts = {name: self._outcomes[name] for name in ("delivered", "retry", "dead")}
        return say("{delivered} delivered, {retry} to try again, {dead} dead letters", **counts)
