"""What ``vneid erase`` and ``vneid export`` share: whose data, which parts, who asks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any

from vneid_middleware import text
from vneid_middleware.cli.portal import opened
from vneid_middleware.cli.words import language, say
from vneid_middleware.exceptions import VNeIDError

MOST = 255


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add FILE.ini and ID."""
    parser.add_argument("ini", metavar="FILE.ini", help=say("the portal's ini file"))
    parser.add_argument("number", metavar="ID", help=say("the personal number; - reads it from standard input, so that it stands "
                                                         "in no shell history"))


def number_of(given: str, services: Any) -> str:
    """Return the personal number.

    Raises:
        ValueError: it can't be one of this portal.
    """
    number = (sys.stdin.readline() if given == "-" else given).strip()
    settings = services.settings
    profile = services.roles.get(("profile", settings.get("sso.profile")))
    if (profile is None or profile.strict_personal_id) and not settings.get("sso.organisations"):
        if not text.is_personal_number(number):
            raise ValueError(say("a personal number has 12 digits; nothing was done"))
    elif not (0 < len(number) <= MOST and number.isprintable()):
        raise ValueError(say("there is no personal number; nothing was done"))
    return number


def run(command: str, args: argparse.Namespace, act: Callable[[Any, str], int]) -> int:
    """Let ``act`` have everything of the portal, and the number; return the exit code."""
    with opened(command, args.ini) as services:
        if services is None:
            return 1
        try:
            number = number_of(args.number, services)
        except ValueError as error:
            tell(command, str(error))
            return 2
        return act(services, number)


def tell(command: str, words: str) -> None:
    """Say something that is no result."""
    print(f"{command}:", words, file=sys.stderr)


def parts(services: Any) -> dict[str, Any]:
    """Return the parts that keep something about people, by name, in the order in which they are erased."""
    found: dict[str, Any] = services.implementations("personal_data")
    return found


def described(services: Any, number: str) -> dict[str, Any]:
    """Return what an event says of whose data it was."""
    return {"subject_hash": services.key_ring.keyed_hashes("personal", number)[0], "personal_id": text.mask(number)}


def kept_by(part: Any) -> str:
    """Return what a part leaves and why, in the language of whoever types; empty for nothing."""
    sentences: Mapping[str, str] = part.kept
    return sentences.get(language(), "") or next(iter(sentences.values()), "")


def reason_of(error: Exception) -> str:
    """Return what went wrong, without a value that foreign code may have put there."""
    return str(error) if isinstance(error, VNeIDError) else type(error).__name__
