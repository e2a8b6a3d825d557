"""``vneid plugins``."""

from __future__ import annotations

import argparse
import os
import sys

from vneid_middleware import loader
from vneid_middleware.cli.new_plugin import write
from vneid_middleware.cli.reading import sources, tell
from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import ConfigurationError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.usage = "vneid plugins [-h] [FILE.ini]\n       vneid plugins [-h] new NAME"
    parser.add_argument("ini", metavar="FILE.ini", nargs="?", help=say("also tell which are active in this file"))
    parser.add_argument("name", metavar="new NAME", nargs="?", help=say("write a vendor's distribution to start from"))
    parser.epilog = say("Example: {command}", command="vneid plugins portal.ini")


def run(args: argparse.Namespace) -> int:
    """Print installed plugins, the active ones, and what they provide; or write a new one."""
    if args.ini == "new" and args.name:
        return write(args.name)
    if args.name:
        print(f"vneid plugins: {args.name}: {say('one word too many')}", file=sys.stderr)
        return 2
    print(say("installed:"))
    found = loader.installed()
    for plugin in found:
        twice = [p.name for p in found].count(plugin.name) > 1
        clash = " " + say("(offered twice: name it by its dotted name)") if twice else ""
        print(f"  {plugin.name}  {plugin.distribution} {plugin.version}  {plugin.value}{clash}")
    print(say("always active:"))
    for name, value in loader.ALWAYS.items():
        print(f"  {name}  {value}")
    return _active(args.ini) if args.ini else 0


def _active(ini: str) -> int:
    from vneid_middleware.application import assemble

    try:
        found = sources(ini, {})
    except ConfigurationError as error:
        tell(error.problems)
        return 1
    broken = False
    for source in found:
        assembly = assemble(source)
        errors = [problem for problem in assembly.problems if problem.key == "plugins"]
        tell(errors)
        broken |= bool(errors)
        print(say("active in {file} [{section}]: {plugins}", file=os.path.basename(ini), section=source.section,
                  plugins=" ".join(source.raw.get("plugins", "sso").split())))
        for package, entries in assembly.registrations.provided.items():
            print(f"  {package}:")
            for entry in entries:
                print(f"    {entry}")
    return 1 if broken else 0
