"""``vneid outbox``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from vneid_middleware.cli import reconcile
from vneid_middleware.cli.portal import opened, operator
from vneid_middleware.cli.words import counted, say
from vneid_middleware.core.outbox import OPEN, READY, STATES, WAITING
from vneid_middleware.events import OutboxHandled
from vneid_middleware.exceptions import AuditError, StorageError, VNeIDError
from vneid_middleware.text import utc

_MOST = 1_000
"""Changes that ``list`` shows where it is not told how many."""
_MOST_LISTED = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("ini", metavar="FILE.ini", help=say("the portal's ini file"))
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help=say("show changes that are not settled, never their content"))
    listing.add_argument("--state", choices=STATES, help=say("only those in this state"))
    listing.add_argument("--limit", metavar="N", type=_at_least_one, default=_MOST,
                         help=say("how many at most, the oldest first (default: %(default)s)"))
    listing.add_argument("--json", action="store_true", help=say("as JSON lines"))
    show = actions.add_parser("show", help=say("show all that is known of one change but its content"))
    show.add_argument("change_id", metavar="CHANGE_ID", help=say("one change"))
    show.add_argument("--document", action="store_true",
                      help=say("also which document it is about, the personal number but for its end; the audit keeps who asked"))
    retry = actions.add_parser(
        "retry", help=say("let dead letters be tried again, or one change that waits for its next attempt"))
    discard = actions.add_parser("discard", help=say("give dead letters up; what waits behind them goes on"))
    for action in (retry, discard):
        which = action.add_mutually_exclusive_group(required=True)
        which.add_argument("change_id", metavar="CHANGE_ID", nargs="?", help=say("one change"))
        which.add_argument("--all", action="store_true", help=say("all dead letters"))
    discard.add_argument("--yes", action="store_true", help=say("also a change that is no dead letter and would still be sent"))
    anew = actions.add_parser("reconcile", help=say("announce anew what a restored backup or the receiver shows to be missing"))
    anew.add_argument("--all", action="store_true",
                      help=say("every document, under a version that was given to none: after a backup was restored"))
    actions.add_parser("resume", help=say("open a paused channel"))
    parser.epilog = say("Example: {command}", command="vneid outbox portal.ini list")


def _at_least_one(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:12]) <= _MOST_LISTED):
        raise argparse.ArgumentTypeError(say("expected a number from 1 to 1000000"))
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Look at the outbox, or put a hand on it."""
    actions = {"list": _list, "show": _show, "retry": _retry, "discard": _discard, "reconcile": _reconcile, "resume": _resume}
    with opened("vneid outbox", args.ini) as services:
        if services is None:
            return 1
        try:
            return actions[args.action](services, args)
        except StorageError as error:
            return _fault(say("storage does not answer: {reason}", reason=error.detail))


def _fault(words: str) -> int:
    print("vneid outbox:", words, file=sys.stderr)
    return 1


def _list(services: Any, args: argparse.Namespace) -> int:
    from vneid_middleware.storage import outbox, outbox_desk, outbox_watch

    with services.storage.read() as connection:
        now = outbox.present(connection, services.clock())
        # one more than is shown tells that there are more
        rows = outbox_desk.entries(connection, (args.state,) if args.state else OPEN, limit=args.limit + 1)
        backlog = outbox_watch.backlog(connection, now=now)
    if backlog.paused:
        print(say("the channel is paused: {reason}. Open it with: vneid outbox FILE.ini resume", reason=backlog.paused),
              file=sys.stderr)
    if len(rows) > args.limit:
        print(say("only the oldest {count} are listed, and there are more; --limit N shows more of them", count=args.limit),
              file=sys.stderr)
    rows = rows[:args.limit]
    if args.json:
        for row in rows:
            print(json.dumps(row._asdict()))
        _totals(backlog, now, sys.stderr)
        return 0
    print("  ".join((f"{say('change'):36}", f"{say('kind'):8}", f"{say('version'):>9}", f"{say('state'):10}",
                     f"{say('attempts'):>8}", say("reason"))))
    for row in rows:
        print(f"{row.change_id:36}  {row.kind:8}  {row.version:9}  {row.state:10}  {row.attempts:8}  {row.reason}")
    print()
    _totals(backlog, now, sys.stdout)
    return 0


def _totals(backlog: Any, now: float, to: Any) -> None:
    """Say how much is not settled, and for how long."""
    from vneid_middleware.storage.outbox_watch import MOST

    counts = ", ".join(f"{state} {say('{count} or more', count=count) if count >= MOST else count}"
                       for state, count in backlog.changes.items())
    print(say("not settled: {counts}", counts=counts), file=to)
    if backlog.oldest_at is not None:
        print(say("the oldest came in {time} ago", time=_age(now - backlog.oldest_at)), file=to)


def _age(seconds: float) -> str:
    """Return a time as people read it: ``2 d 03:04:05``, or ``03:04:05``."""
    days, rest = divmod(max(0, int(seconds)), 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return say("{days} d {clock}", days=days, clock=clock) if days else clock


def _show(services: Any, args: argparse.Namespace) -> int:
    from vneid_middleware.storage import outbox_desk

    with services.storage.read() as connection:
        row = outbox_desk.entry(connection, args.change_id)
    if row is None:
        return _unknown()
    about = _document(services, args) if args.document else {}
    if about is None:
        return 1
    labels = _labels()
    for name, value in {**row._asdict(), **about}.items():
        shown = utc(value) if name in ("created_at", "next_at") else value
        print(f"{labels.get(name, name)} = {shown}")
    return 0


def _labels() -> dict[str, str]:
    # in English the names that --json has
    return {"change_id": say("change_id"), "kind": say("kind"), "version": say("version"), "action": say("action"),
            "state": say("state"), "reason": say("reason"), "attempts": say("attempts"), "submitter": say("submitter"),
            "created_at": say("created_at"), "next_at": say("next_at"), "message_hash": say("message_hash")}


def _document(services: Any, args: argparse.Namespace) -> dict[str, str] | None:
    """Return which document a change is about; None where that can't be told, which is said."""
    from vneid_middleware.storage import outbox_desk
    from vneid_middleware.text import mask

    with services.storage.read() as connection:
        sealed = outbox_desk.sealed_document(connection, args.change_id)
    if not sealed:
        _fault(say("the document was erased: nothing says any more which one it was"))
        return None
    try:
        _, personal_id, document_id = services["outbox"].document(sealed)
        # what can't be written down is not shown
        services.tell(_handled(args, 1, "show-document"))
    except AuditError as error:
        _fault(say("the audit can't be written, so the document is not shown: {reason}", reason=error.detail))
    except VNeIDError as error:
        _fault(say("the document can't be told: {reason}", reason=str(error)))
    else:
        return {"soDinhDanh": mask(personal_id), "maGiayTo": document_id}
    return None


def _unknown() -> int:
    return _fault(say("there is no change like this that can be handled; see: vneid outbox FILE.ini list"))


def _retry(services: Any, args: argparse.Namespace) -> int:
    from vneid_middleware.storage import outbox, outbox_desk

    if _waits(services, args):
        return 1
    with services.storage.begin() as connection:
        now = outbox.present(connection, services.clock())
        again, superseded = outbox_desk.retry(connection, args.change_id, now=now)
    if superseded:
        print(counted(superseded, "1 is not sent again: a newer version was delivered",
                      "{count} are not sent again: a newer version was delivered"), file=sys.stderr)
    if not again and args.change_id:
        return 1 if superseded else _unknown()
    print(counted(again, "1 change will be tried again", "{count} changes will be tried again"))
    return _told(services, args, again)


def _waits(services: Any, args: argparse.Namespace) -> bool:
    """Tell whether a change stands behind another one, which is said."""
    from vneid_middleware.storage import outbox_desk

    if not args.change_id:
        return False
    with services.storage.read() as connection:
        older = outbox_desk.stands_before(connection, args.change_id)
    if older:
        _fault(say("this change waits for an older one of its document, {change} ({state}): see to that one",
                   change=older.change_id, state=older.state))
    return older is not None


def _discard(services: Any, args: argparse.Namespace) -> int:
    from vneid_middleware.storage import outbox, outbox_desk

    if args.change_id and not args.yes:
        with services.storage.read() as connection:
            row = outbox_desk.entry(connection, args.change_id)
        if row is not None and row.state in (READY, WAITING):
            return _fault(say("this change is no dead letter ({state}) and would still be sent. "
                              "To give it up all the same, add --yes", state=row.state))
    with services.storage.begin() as connection:
        count = outbox_desk.discard(connection, args.change_id, now=outbox.present(connection, services.clock()))
    if not count and args.change_id:
        return _unknown()
    print(counted(count, "1 change was given up", "{count} changes were given up"))
    return _told(services, args, count)


def _resume(services: Any, args: argparse.Namespace) -> int:
    from vneid_middleware.storage import outbox

    with services.storage.begin() as connection:
        now = outbox.present(connection, services.clock())
        before = outbox.channel(connection, now=now)
        outbox.resume(connection, now=now)
    print(say("the channel is open") if before.paused else say("the channel was not paused"))
    return _told(services, args, int(bool(before.paused)))


def _reconcile(services: Any, args: argparse.Namespace) -> int:
    found = reconcile.announce_anew(services, every=args.all, fault=_fault)
    print(counted(found.announced, "1 document was announced anew", "{count} documents were announced anew"))
    if found.postponed:
        _fault(say("{count} documents have a newer change on its way: run this again when it has arrived", count=found.postponed))
    return _told(services, args, found.announced)


def _told(services: Any, args: argparse.Namespace, count: int) -> int:
    services.tell_anyway(_handled(args, count, args.action))
    return 0


def _handled(args: argparse.Namespace, count: int, action: str) -> OutboxHandled:
    from vneid_middleware.pages import correlation_id

    return OutboxHandled(request_id=correlation_id(), action=action, target=getattr(args, "change_id", None) or "all",
                         count=count, by=operator())
