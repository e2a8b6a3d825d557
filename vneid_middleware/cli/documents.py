"""``vneid documents``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

from vneid_middleware.cli.portal import opened
from vneid_middleware.cli.progress import Progress
from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import VNeIDError

_WAIT = 1.0
"""Seconds between two looks whether a source is free."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("ini", metavar="FILE.ini", help=say("the portal's ini file"))
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    backfill = actions.add_parser("backfill", help=say("take all documents of a kind into the outbox; started again, it goes on"))
    backfill.add_argument("kind", metavar="KIND", help=say("the kind of document, as in documents.KIND.changes"))
    backfill.add_argument("--rate", type=int, default=200, metavar="N", help=say("changes a second (default: %(default)s)"))
    backfill.add_argument("--again", default="", metavar="NAME",
                          help=say("also what was taken before, under a name of yours for this run"))
    parser.epilog = say("Example: {command}", command="vneid documents portal.ini backfill GPLX")


def run(args: argparse.Namespace) -> int:
    """Take all documents of a kind in."""
    with opened("vneid documents", args.ini) as services:
        if services is None:
            return 1
        if f"documents.{args.kind}.changes" not in services.settings:
            return _fault(say("documents.{kind}.changes is not set: there is no SELECT to read from", kind=args.kind))
        if args.rate < 1 or (not args.again.replace("-", "").isalnum() and args.again):
            return _fault(say("--rate must be at least 1, and --again a name of letters, digits and hyphens"))
        return _backfill(services, args)


def _fault(words: str) -> int:
    print("vneid documents:", words, file=sys.stderr)
    return 1


def _backfill(services: Any, args: argparse.Namespace) -> int:
    from vneid_middleware.plugins.documents.outbox.sources import Source

    total, stopped = 0, ""
    progress = Progress(sys.stderr, lambda words: print(words, file=sys.stderr))
    try:
        source = Source(args.kind, services, args.again)
        expected = source.expected()
        for brought in _batches(source, args.rate):
            total += brought
            progress.show(source.rows_read, expected and max(expected, source.rows_read))
    except VNeIDError as error:
        stopped = str(error)
    except KeyboardInterrupt:
        stopped = "Ctrl-C"
    progress.clear()
    print(say("{count} changes taken in", count=total))
    return _fault(say("stopped: {reason}. Started again, it goes on from there.", reason=stopped)) if stopped else 0


def _batches(source: Any, rate: int) -> Iterator[int]:
    """Read a source, as soon as nobody else does."""
    from vneid_middleware.plugins.documents.outbox import sources
    from vneid_middleware.storage import change_source

    told = False
    while True:
        try:
            yield from sources.paced(source.read(rate), rate)
            return
        except VNeIDError as error:
            if error.code != sources.BEING_READ:
                raise
        if not told:
            words = say("a worker or another backfill is reading documents.{kind}.changes now: this one goes on when it is done, "
                        "and {minutes} minutes after one that was killed", kind=source.kind, minutes=change_source.LEASE // 60)
            print("vneid documents:", words, file=sys.stderr)
        told = True
        time.sleep(_WAIT)
