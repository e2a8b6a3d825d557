"""``vneid documents``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from vneid_middleware.cli.portal import opened
from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import VNeIDError


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
    from vneid_middleware.plugins.documents.outbox.sources import Source, paced

    total, is_terminal = 0, sys.stderr.isatty()
    try:
        for brought in paced(Source(args.kind, services, args.again).read(), args.rate):
            total += brought
            if is_terminal:
                print("\r" + say("{count} changes taken in", count=total), end="", file=sys.stderr, flush=True)
    except VNeIDError as error:
        print(say("{count} changes taken in", count=total))
        return _fault(say("stopped: {reason}. Started again, it goes on from there.", reason=str(error)))
    except KeyboardInterrupt:
        print(say("{count} changes taken in", count=total))
        return _fault(say("stopped: {reason}. Started again, it goes on from there.", reason="Ctrl-C"))
    if is_terminal:
        print(file=sys.stderr)
    print(say("{count} changes taken in", count=total))
    return 0
