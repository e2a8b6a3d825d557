"""Reading an ini for the commands: the same way as PasteDeploy does when it serves, with every error in plain words."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from configparser import DuplicateOptionError, DuplicateSectionError, InterpolationError
from configparser import Error as IniError
from dataclasses import replace
from typing import Any

from vneid_middleware.cli.problems import explained
from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import ConfigurationError
from vneid_middleware.paste import filter_sections, source_of
from vneid_middleware.settings import Problem, Source

_PASTE = frozenset({"use", "require", "next", "filter-with"})
"""Keys that PasteDeploy takes for itself."""


def add_ini(parser: argparse.ArgumentParser) -> None:
    """Add the arguments FILE.ini and NAME=VALUE."""
    parser.add_argument("ini", metavar="FILE.ini", help=say("the portal's ini file"))
    parser.add_argument("variables", metavar="NAME=VALUE", nargs="*", help=say("variables for %%(NAME)s in the ini"))


def variables_of(args: argparse.Namespace) -> dict[str, str]:
    """Return the variables given on the command line."""
    pairs = [word.partition("=") for word in args.variables]
    wrong = [name for name, equals, _ in pairs if not (name and equals)]
    if wrong:
        raise ConfigurationError([say("{word}: expected NAME=VALUE", word=wrong[0])])
    return {name: value for name, _, value in pairs}


def sources(ini: str, variables: dict[str, str]) -> list[Source]:
    """Return the raw settings of every section of ``ini`` that uses our filter.

    Raises:
        ConfigurationError: the file can't be read as an ini, has no such section, or has values that PasteDeploy does not
            hand on.
    """
    found = read(ini, variables)
    problems = [problem for _, unread in found for problem in unread]
    if problems:
        raise ConfigurationError(problems)
    return [source for source, _ in found]


def read(ini: str, variables: dict[str, str]) -> list[tuple[Source, list[Problem]]]:
    """Return the same, each section with the keys whose values PasteDeploy does not hand on.

    Raises:
        ConfigurationError: the file can't be read as an ini, or has no such section.
    """
    path = os.path.abspath(ini)
    if not os.path.isfile(path):
        raise ConfigurationError([say("{file}: there is no such file. Make one with: vneid init", file=ini)])
    try:
        parser = loader(path, variables).parser
        defaults = parser.defaults()
    except (IniError, ValueError, OSError) as error:
        raise ConfigurationError([ini_problem(error, path)]) from error
    sections = filter_sections(path)
    if not sections:
        raise ConfigurationError([say("{file}: no section [filter:NAME] has use = egg:vneid-middleware",
                                      file=os.path.basename(path))])
    return [_read_section(path, name, lines, parser, defaults, variables) for name, lines in sections.items()]


def loader(path: str, variables: dict[str, str]) -> Any:
    """Return PasteDeploy's loader for an ini; variables of the command line win over the ini's ``[DEFAULT]``."""
    from paste.deploy.loadwsgi import ConfigLoader

    found = ConfigLoader(path)
    found.update_defaults({"here": os.path.dirname(path), "__file__": path, **variables})
    return found


def _read_section(path: str, section: str, lines: Mapping[str, int], parser: Any, defaults: Mapping[str, str],
                  variables: Mapping[str, str]) -> tuple[Source, list[Problem]]:
    """Read one section as PasteDeploy does, its own words ``set``, ``get`` and the like included."""
    raw: dict[str, str] = {}
    places = {_asked_for(option): line for option, line in lines.items()}
    source = source_of({"here": os.path.dirname(path), "__file__": path, **variables}, raw)
    source = replace(source, raw=raw, section=section, lines=places)
    problems = []
    for option in lines:
        key = _asked_for(option)
        if option in _PASTE or option.startswith("set "):
            continue
        if option in defaults:
            problems.append(_dropped(key, variables, source))
            continue
        try:
            text = parser.get(section, option)
        except (IniError, ValueError) as error:
            problems.append(ini_problem(error, path, source.place(key), key))
            continue
        if option == key:
            raw.setdefault(key, text)
        elif text in defaults:
            raw[key] = defaults[text]
        else:
            problems.append(Problem(key, say("gets its value from a name that [DEFAULT] does not have"),
                                    say("Add it there."), place=source.place(key)))
    return source, problems


def _asked_for(option: str) -> str:
    return option[4:].strip() if option.startswith("get ") else option


def _dropped(key: str, variables: Mapping[str, str], source: Source) -> Problem:
    if key in variables:
        return Problem(key, say("is dropped by PasteDeploy, since the command line gives a variable of that name"),
                       say("Give the variable another name than {key}.", key=key), place=source.place(key))
    return Problem(key, say("is dropped by PasteDeploy, since [DEFAULT] has a key of that name"),
                   say("Rename or remove {key} in [DEFAULT].", key=key), place=source.place(key))


def ini_problem(error: Exception, path: str, place: str = "", key: str = "") -> Problem:
    """Return what a parser's error means, without the value it stumbled over."""
    name = os.path.basename(path)
    if isinstance(error, UnicodeError):
        return Problem(name, say("is not UTF-8 text"), say("Save it as UTF-8."))
    if isinstance(error, InterpolationError) or "interpolat" in str(error).lower() or "%" in str(error):
        return Problem(key or getattr(error, "option", "") or say("a value"),
                       say("holds a % that PasteDeploy reads as the start of a variable"),
                       say("Put the value into a file of its own and write file:PATH here."), place=place or name)
    if isinstance(error, (DuplicateOptionError, DuplicateSectionError)):
        where = say("{file}, line {line}", file=name, line=error.lineno) if error.lineno else name
        return Problem(getattr(error, "option", None) or f"[{error.section}]", say("stands twice"), say("Remove one."),
                       place=where)
    return Problem(name, say("is no ini file that PasteDeploy can read"), str(error).splitlines()[0][:120])


def tell(problems: list[Any]) -> None:
    """Print problems to standard error, errors first."""
    for problem in problems:
        kind = say("error") if getattr(problem, "severity", "error") == "error" else say("warning")
        print(f"{kind}: {problem.told(explained) if isinstance(problem, Problem) else problem}", file=sys.stderr)
