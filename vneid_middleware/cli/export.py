"""``vneid export``."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timezone
from typing import Any

from vneid_middleware.cli import data_subject
from vneid_middleware.cli.data_subject import described, number_of, operator, parts, reason_of
from vneid_middleware.cli.portal import opened
from vneid_middleware.cli.words import say
from vneid_middleware.events import PersonExported
from vneid_middleware.exceptions import AuditError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    data_subject.add_arguments(parser)
    parser.epilog = say("Example: {command}", command="vneid export portal.ini - > person.json")


def run(args: argparse.Namespace) -> int:
    """Print what is kept about a person, as JSON."""
    with opened("vneid export", args.ini) as services:
        if services is None:
            return 1
        try:
            number = number_of(args.number, services)
        except ValueError as error:
            _say(str(error))
            return 2
        return _export(services, number)


def _say(words: str) -> None:
    print("vneid export:", words, file=sys.stderr)


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
    made = datetime.fromtimestamp(services.clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    whole = {"personal_id": number, "exported_at": made, "parts": found, "missing": sorted(faults)}
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
