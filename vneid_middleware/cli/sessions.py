"""``vneid sessions``."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timezone
from typing import Any

from vneid_middleware.cli.portal import operator
from vneid_middleware.cli.reading import sources, tell
from vneid_middleware.cli.words import say
from vneid_middleware.events import SessionsRevoked
from vneid_middleware.exceptions import AuditError, ConfigurationError, StorageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("ini", metavar="FILE.ini", help=say("the portal's ini file"))
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help=say("show live sessions, without names"))
    listing.add_argument("--user", metavar="ID", help=say("only those of a personal number; - reads it from standard input"))
    listing.add_argument("--json", action="store_true", help=say("as JSON lines"))
    revoke = actions.add_parser("revoke", help=say("end sessions, everywhere within a second"))
    which = revoke.add_mutually_exclusive_group(required=True)
    which.add_argument("session_id", metavar="SESSION_ID", nargs="?", help=say("one session"))
    which.add_argument("--user", metavar="ID", help=say("those of a personal number; - reads it from standard input"))
    which.add_argument("--all", action="store_true", help=say("all of them"))
    parser.epilog = say("Example: {command}", command="echo 001190000001 | vneid sessions portal.ini revoke --user -")


def run(args: argparse.Namespace) -> int:
    """List or end sessions."""
    from vneid_middleware.application import assemble

    try:
        assembly = assemble(sources(args.ini, {})[0])
    except ConfigurationError as error:
        tell(error.problems)
        return 1
    if assembly.services is None:
        tell(assembly.problems)
        return 1
    try:
        if args.user is not None:
            args.user = _number(args.user)
        return _list(assembly.services, args) if args.action == "list" else _revoke(assembly.services, args)
    except ValueError as error:
        print("vneid sessions:", error, file=sys.stderr)
        return 2
    except StorageError as error:
        print("vneid sessions:", say("storage does not answer: {reason}", reason=error.detail), file=sys.stderr)
        return 1
    finally:
        assembly.services.storage.close()


def _number(user: str) -> str:
    """Return the personal number; an empty one would mean everybody."""
    number = (sys.stdin.readline() if user == "-" else user).strip()
    if not number:
        raise ValueError(say("--user: there is no personal number; nothing was done"))
    return number


def _live(services: Any, user: str | None) -> list[dict[str, Any]]:
    from vneid_middleware.storage import sessions

    keys = services.key_ring.keyed_hashes("personal", user) if user else ()
    with services.storage.read() as connection:
        return sessions.live(connection, now=services.now(), subject_keys=keys)


def _list(services: Any, args: argparse.Namespace) -> int:
    rows = [{"session_id": row["session_id"], "account": row["account"], "type": row["account_type"],
             "level": row["level"], "started": _utc(row["started_at"]), "ends": _utc(row["expires_at"])}
            for row in _live(services, args.user)]
    if args.json:
        for row in rows:
            print(json.dumps(row))
        return 0
    print("  ".join((f"{say('session'):32}", f"{say('account'):14}", f"{say('type'):12}", f"{say('level'):5}",
                     f"{say('started (UTC)'):19}", say("ends (UTC)"))))
    for row in rows:
        print(f"{row['session_id']:32}  {row['account']:14}  {row['type']:12}  {row['level']:5}  {row['started']}  {row['ends']}")
    return 0


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def _revoke(services: Any, args: argparse.Namespace) -> int:
    from vneid_middleware.storage import sessions

    revocations = services.sessions.revocations
    if args.all:
        revocations.end_all()
        with services.storage.begin() as connection:
            count = sessions.forget_all(connection)
        scope, targets = "all", [""]
    else:
        targets = _targets(services, args)
        for target in targets:
            revocations.end_session(target)
        scope, count = "session", len(targets)
    print(say("{count} sessions ended", count=count) if count != 1 else say("1 session ended"))
    if not targets:
        print("vneid sessions:", say("there is no session on record like this; see: vneid sessions FILE.ini list"),
              file=sys.stderr)
        return 1
    return _told(services, scope, targets)


def _targets(services: Any, args: argparse.Namespace) -> list[str]:
    from vneid_middleware.storage import sessions

    if args.user:
        return [row["session_id"] for row in _live(services, args.user)]
    with services.storage.read() as connection:
        return [args.session_id] if sessions.exists(connection, args.session_id) else []


def _told(services: Any, scope: str, targets: list[str]) -> int:
    from vneid_middleware.pages import correlation_id

    try:
        for target in targets:
            services.tell(SessionsRevoked(request_id=correlation_id(), scope=scope, target=target,
                                          by=operator()))
    except AuditError as error:
        print("vneid sessions:", say("ended, but the audit record could not be written: {reason}", reason=error.detail),
              file=sys.stderr)
        return 1
    return 0
