"""``vneid worker``."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Any

from vneid_middleware.cli.logs import begin_log
from vneid_middleware.cli.portal import opened
from vneid_middleware.cli.reading import add_ini
from vneid_middleware.cli.words import say
from vneid_middleware.cli.worker_report import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_ini(parser)
    until = parser.add_mutually_exclusive_group()
    until.add_argument("--once", action="store_true", help=say("stop after one round"))
    until.add_argument("--burst", action="store_true", help=say("stop when nothing is due"))
    parser.add_argument("--health-file", metavar="PATH",
                        help=say("write what it is at into this file every few seconds; one that grows old tells that it hangs"))
    parser.add_argument("--metrics-file", metavar="PATH",
                        help=say("write its numbers into this file, for the textfile collector of Prometheus' node_exporter"))
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

    report = Report(services, args.health_file, args.metrics_file)
    worker = Worker(services, report.note, report.turn)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: worker.stop())
    if not services.settings.get("documents.transport"):
        print("vneid worker:", say("documents.transport is not set: nothing is delivered, only cleaned up"), file=sys.stderr)
    report.begin()
    went_well = worker.run(once=args.once, burst=args.burst)
    report.end()
    # whoever runs it by the clock must notice
    return 0 if went_well or not (args.once or args.burst) else 1
