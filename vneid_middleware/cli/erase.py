"""``vneid erase``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from vneid_middleware import text
from vneid_middleware.cli import data_subject
from vneid_middleware.cli.data_subject import described, kept_by, parts, reason_of
from vneid_middleware.cli.portal import operator
from vneid_middleware.cli.words import say
from vneid_middleware.events import ErasureBegan, ErasureEnded
from vneid_middleware.exceptions import AuditError, StorageError

_COMMAND = "vneid erase"
_ATTEMPTS = 3
"""To empty the database's log."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    data_subject.add_arguments(parser)
    parser.add_argument("--yes", action="store_true", help=say("don't ask; without a terminal nothing is asked"))
    parser.epilog = say("Example: {command}", command="vneid erase portal.ini -")


def run(args: argparse.Namespace) -> int:
    """Erase what is kept about a person."""
    def act(services: Any, number: str) -> int:
        if not (args.yes or _is_meant(number)):
            _say(say("nothing was done"))
            return 1
        return _erase(services, number)

    return data_subject.run(_COMMAND, args, act)


def _say(words: str) -> None:
    data_subject.tell(_COMMAND, words)


def _is_meant(number: str) -> bool:
    """Ask on a terminal; where there is none, whoever wrote the script has been asked."""
    if not sys.stdin.isatty():
        return True
    question = say("Everything that is kept about {number} will be erased for good. Type yes to go on:", number=text.mask(number))
    print(question, end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == "yes"


def _erase(services: Any, number: str) -> int:
    from vneid_middleware.pages import correlation_id

    about: dict[str, Any] = {"request_id": correlation_id(), "who": described(services, number), "by": operator()}
    try:
        # what can't be written down is not done
        services.tell(ErasureBegan(**about))
    except AuditError as error:
        _say(say("the audit can't be written, so nothing was done: {reason}", reason=error.detail))
        return 1
    counts, faults = _erased(services, number)
    _show(services, counts)
    try:
        services.tell(ErasureEnded(**about, counts=counts, failed=tuple(faults)))
    except AuditError as error:
        faults["audit"] = reason_of(error)
    for name, reason in faults.items():
        _say(say("{part}: something is left: {reason}", part=name, reason=reason))
    if faults:
        _say(say("not everything could be erased. The command may be run again."))
    return 1 if faults else 0


def _erased(services: Any, number: str) -> tuple[dict[str, int], dict[str, str]]:
    """Let each part erase; what one can't does not keep the others from it."""
    counts, faults = {}, {}
    for name, part in parts(services).items():
        try:
            counts[name] = int(part.erase(number))
        except Exception as error:
            # also of a vendor's code
            faults[name] = reason_of(error)
    try:
        # where many read, none of them for long, one attempt may meet somebody all the time
        if not any(services.storage.checkpoint(waits=True) for _ in range(_ATTEMPTS)):
            faults["storage"] = say("the database's log still holds older pages, since somebody reads them")
    except StorageError as error:
        faults["storage"] = reason_of(error)
    return counts, faults


def _show(services: Any, counts: dict[str, int]) -> None:
    print(say("erased:"))
    for name, count in counts.items():
        print(f"  {name:12}  {count:6}")
    print(say("kept:"))
    for name, part in parts(services).items():
        if reason := kept_by(part):
            print(f"  {name:12}  {reason}")
