"""The command line's words: English as they stand in the code, Vietnamese where the locale is."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["argparse_speaks", "counted", "language", "say"]


def say(english: str, **values: Any) -> str:
    """Return a sentence in the language of whoever types.

    Args:
        english: the sentence, with ``{name}`` where a value belongs; its Vietnamese is in :mod:`.vietnamese`.
        values: for these places.
    """
    text = _vietnamese().get(english, english) if _is_vietnamese() else english
    return text.format(**values) if values else text


def counted(count: int, one: str, several: str) -> str:
    """Return the sentence for one, or that for several with ``{count}``, as :func:`say` does."""
    return say(one) if count == 1 else say(several, count=count)


def language() -> str:
    """Return ``vi`` or ``en``, for words that others bring in both."""
    return "vi" if _is_vietnamese() else "en"


def _is_vietnamese() -> bool:
    """Tell by the first of the three variables that is set, as other commands do, and by what the terminal can show."""
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    if locale.partition(".")[0].partition("_")[0] != "vi":
        return False
    try:
        "ế".encode(sys.stdout.encoding or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _vietnamese() -> dict[str, str]:
    # loaded for those alone who read it
    from vneid_middleware.cli.vietnamese import WORDS

    return WORDS


@contextmanager
def argparse_speaks() -> Iterator[None]:
    """Let argparse's own words go through :func:`say` for as long as the block lasts.

    It looks them up by gettext's two functions, under these names of its module; a portal that is served has its own use
    for both.
    """
    names = vars(argparse)
    before = {name: names[name] for name in ("_", "ngettext")}
    names.update(_=say, ngettext=lambda one, several, count: say(one if count == 1 else several))
    try:
        yield
    finally:
        names.update(before)
