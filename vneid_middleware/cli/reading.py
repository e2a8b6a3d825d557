"""Reading an ini for the commands: the same way as PasteDeploy does when it serves, with every error in plain words."""

from __future__ import annotations

import argparse
import os
import sys
from configparser import DuplicateOptionError, DuplicateSectionError, InterpolationError
from configparser import Error as IniError
from typing import Any

from vneid_middleware.exceptions import ConfigurationError
from vneid_middleware.paste import filter_sections, source_of
from vneid_middleware.settings import Problem, Source


def add_ini(parser: argparse.ArgumentParser) -> None:
    """Add the arguments FILE.ini and NAME=VALUE."""
    parser.add_argument("ini", metavar="FILE.ini", help="the portal's ini file")
    parser.add_argument("variables", metavar="NAME=VALUE", nargs="*", help="variables for %%(NAME)s in the ini")


def variables_of(args: argparse.Namespace) -> dict[str, str]:
    """Return the variables given on the command line."""
    pairs = [word.partition("=") for word in args.variables]
    wrong = [name for name, equals, _ in pairs if not (name and equals)]
    if wrong:
        raise ConfigurationError([f"{wrong[0]}: expected NAME=VALUE"])
    return {name: value for name, _, value in pairs}


def sources(ini: str, variables: dict[str, str]) -> list[Source]:
    """Return the raw settings of every section of ``ini`` that uses our filter.

    Raises:
        ConfigurationError: the file can't be read as an ini, or has no such section.
    """
    path = os.path.abspath(ini)
    if not os.path.isfile(path):
        raise ConfigurationError([f"{ini}: there is no such file. Make one with: vneid init"])
    names = list(filter_sections(path))
    if not names:
        raise ConfigurationError([f"{os.path.basename(path)}: no section [filter:NAME] has use = egg:vneid-middleware"])
    return [_source(path, name, variables) for name in names]


def loader(path: str, variables: dict[str, str]) -> Any:
    """Return PasteDeploy's loader for an ini; variables of the command line win over the ini's ``[DEFAULT]``."""
    from paste.deploy.loadwsgi import ConfigLoader

    found = ConfigLoader(path)
    found.update_defaults({"here": os.path.dirname(path), "__file__": path, **variables})
    return found


def _source(path: str, section: str, variables: dict[str, str]) -> Source:
    try:
        parser = loader(path, variables).parser
        local = {key: parser.get(section, key) for key in parser.options(section) if key not in parser.defaults()}
    except (IniError, ValueError) as error:
        raise ConfigurationError([ini_problem(error, path)]) from error
    return source_of({"here": os.path.dirname(path), "__file__": path, **variables}, local)


def ini_problem(error: Exception, path: str) -> Problem:
    """Return what a parser's error means, without the value it stumbled over."""
    place = os.path.basename(path)
    if isinstance(error, InterpolationError) or "interpolat" in str(error).lower() or "%" in str(error):
        key = getattr(error, "option", "") or "a value"
        return Problem(key, "holds a % that PasteDeploy reads as the start of a variable",
                       "Put the value into a file of its own and write file:PATH here.", place=place)
    if isinstance(error, (DuplicateOptionError, DuplicateSectionError)):
        where = f"{place}, line {error.lineno}" if error.lineno else place
        return Problem(getattr(error, "option", None) or f"[{error.section}]", "stands twice", "Remove one.", place=where)
    return Problem(place, "is no ini file that PasteDeploy can read", str(error).splitlines()[0][:120])


def tell(problems: list[Any]) -> None:
    """Print problems to standard error, errors first."""
    for problem in problems:
        kind = getattr(problem, "severity", "error")
        print(f"{kind}: {problem}", file=sys.stderr)
