"""``vneid export``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from vneid_middleware.cli import data_subject
from vneid_middleware.cli.data_subject import described, parts, reason_of
from vneid_middleware.cli.portal import operator
from vneid_middleware.cli.words import say
from vneid_middleware.events import PersonExported
from vneid_middleware.exceptions import AuditError
from vneid_middleware.text import utc

_COMMAND = "vneid export"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    data_subject.add_arguments(parser)
    parser.epilog = say("Example: {command}", command="vneid export portal.ini - > person.json")


def run(args: argparse.Namespace) -> int:
    """Print what is kept about a person, as JSON."""
    return data_subject.run(_COMMAND, args, _export)


def _say(words: str) -> None:
    data_subject.tell(_COMMAND, words)


def _export(services: Any, number: str) -> int:
    from vneid_middleware.pages import correlation_id

    found, faults = _found(services, number)
    event = PersonExported(request_id=correlation_id(), who=described(services, number), by=operator(),
                           counts={name: len(records) for name, records in found.items()})
    try:
        # what can't be written down is not given out
        services.tell(event)
    except AuditError as error:
        _say(say("the audit can't be written, so nothing is given out: {reason}", reason=error.detail))
        return 1
    whole = {"personal_id": number, "exported_at": utc(services.clock()), "parts": found, "missing": sorted(faults)}
    # UTF-8 whatever the locale is: it is a file for somebody else
    sys.stdout.buffer.write(json.dumps(whole, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n")
    for name, reason in faults.items():
        _say(say("{part}: can't be read: {reason}", part=name, reason=reason))
    return 1 if faults else 0


def _found(services: Any, number: str) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Let each part tell what it keeps; what one can't does not keep the others from it."""
    found, faults = {}, {}
    for name, part in parts(services).items():
        try:
            records = [dict(record) for record in part.export(number)]
            json.dumps(records)
            found[name] = records
        except Exception as error:
            # also of a vendor's code
            faults[name] = reason_of(error)
    return found, faults
