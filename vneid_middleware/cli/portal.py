"""A portal's services for a command that works on its storage."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vneid_middleware.cli.reading import sources, tell, variables_of
from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import ConfigurationError


@contextmanager
def opened(command: str, ini: str, args: argparse.Namespace | None = None) -> Iterator[Any]:
    """Give the services of the portal in ``ini``, closed at the end; None where it does not start, which is told.

    Args:
        command: the command's words, for what is told.
        args: the command line, where it may give variables for the ini.
    """
    from vneid_middleware.application import assemble

    try:
        assembly = assemble(sources(ini, variables_of(args) if args else {})[0])
        problems = assembly.problems if assembly.services is None else []
    except ConfigurationError as error:
        assembly, problems = None, error.problems
    if assembly is None or assembly.services is None:
        tell(problems)
        print(f"{command}:", say("{file} does not start. See: vneid check {file}", file=ini), file=sys.stderr)
        yield None
        return
    try:
        yield assembly.services
    finally:
        assembly.services.outbound.close()
        assembly.services.storage.close()


def operator() -> str:
    """Return who types, as events say it."""
    return f"cli:{getpass.getuser()}"
