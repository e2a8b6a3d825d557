"""The command ``vneid``. Results go to standard output, everything else to standard error."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from typing import Any

from vneid_middleware.cli.words import argparse_speaks, say

_COMMANDS = {
    "init": "write an ini that starts as it is",
    "serve": "serve the ini's main pipeline",
    "check": "read the whole configuration and tell every problem",
    "plugins": "list plugins: installed, active, and what each provides",
    "simulator": "play VNeID on this machine",
    "worker": "deliver changes of documents, and clean up",
    "outbox": "see what waits to be delivered, and handle what can't be",
    "documents": "take documents into the outbox",
    "sessions": "list and end sessions",
    "keys": "make secrets and keys",
    "export": "print all that is kept about a person, as JSON",
    "erase": "erase what is kept about a person",
}


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code.

    Args:
        argv: the words after ``vneid``; those of the process by default.
    """
    # Pyramid 2.1 imports pkg_resources; the warning is not for whoever types a command
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    with argparse_speaks():
        args = _parsed(sys.argv[1:] if argv is None else argv)
    try:
        code: int = _module(args.command).run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read the output has gone, and the interpreter must not stumble over it once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parsed(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vneid", description=say("Speak VNeID in front of any Python portal."))
    parser.add_argument("--version", action="version", version=_version(), help=say("show the version and exit"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, english in _COMMANDS.items():
        about = say(english)
        sub = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        if name in words[:1]:
            _module(name).add_arguments(sub)
    return parser.parse_args(words)


def _module(name: str) -> Any:
    # only the command that is called is loaded
    where = "vneid_middleware.simulator" if name == "simulator" else f"vneid_middleware.cli.{name}"
    return importlib.import_module(where)


def _version() -> str:
    from vneid_middleware import __version__

    return f"vneid-middleware {__version__}"
