"""What an ini serves: its main pipeline, the host behind it, the server in front of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from configparser import Error as IniError
from importlib.metadata import PackageNotFoundError
from typing import Any

from vneid_middleware.cli.reading import ini_problem, loader
from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import ConfigurationError
from vneid_middleware.settings import Problem

_KINDS = ("app", "application", "composite", "composit", "pipeline", "filter-app")


def pipeline_problems(path: str, variables: Mapping[str, str]) -> list[Problem]:
    """Resolve what ``path`` serves and import the host, as serving would, but start nothing.

    Args:
        path: the ini's absolute path.
        variables: those of the command line.

    Returns:
        what would keep it from starting, and what is likely not meant as it stands.
    """
    try:
        found = loader(path, dict(variables))
        names = found.parser.sections()
        if not any(f"{kind}:main" in names for kind in _KINDS):
            return [Problem("[pipeline:main]", say("is missing"), say("Add: {line}", line="pipeline = vneid portal"),
                            place=os.path.basename(path))]
        given = {"here": os.path.dirname(path), "__file__": path, **variables}
        return [*_served(found, given, path), *_server(found, given, path)]
    except (IniError, ValueError) as error:
        return [ini_problem(error, path)]


def _served(found: Any, given: dict[str, str], path: str) -> list[Problem]:
    from paste.deploy.loadwsgi import APP

    from vneid_middleware.paste import filter_app

    try:
        *filters, host = _walk(found.get_context(APP, None, given))
    except (LookupError, ImportError) as error:
        return [_unresolved("[pipeline:main]", error, path)]
    times = sum(context.object is filter_app for context in filters)
    problems = []
    if times > 1:
        problems.append(Problem("[pipeline:main] pipeline",
                                say("puts the middleware {times} times in front of the portal", times=times),
                                say("Name it once."), place=os.path.basename(path)))
    elif not times and "composit" not in (host.protocol or ""):
        problems.append(Problem("[pipeline:main] pipeline", say("does not name the middleware: the portal is served without it"),
                                say("Put the name of its [filter:NAME] first."), place=os.path.basename(path),
                                severity="warning"))
    return problems + _host(host)


def _walk(context: Any) -> Iterator[Any]:
    """Give the filters of a PasteDeploy context from the outermost on, and the host last."""
    if hasattr(context, "app_context"):
        yield from context.filter_contexts
        yield from _walk(context.app_context)
    elif hasattr(context, "next_context"):
        yield context.filter_context
        yield from _walk(context.next_context)
    else:
        yield context


def _host(context: Any) -> list[Problem]:
    try:
        context.create()
    except ConfigurationError as error:
        return [problem if isinstance(problem, Problem) else Problem("[app]", str(problem)) for problem in error.problems]
    except (Exception, SystemExit) as error:
        words = f"{type(error).__name__}: {error}".removesuffix(": ")
        return [Problem("[app] target", say("the host fails when it is imported: {words}", words=words)[:300])]
    return []


def _server(found: Any, given: dict[str, str], path: str) -> list[Problem]:
    from paste.deploy.loadwsgi import SERVER

    if not {"server:main", "server"} & set(found.parser.sections()):
        return [Problem("[server:main]", say("is missing: vneid serve needs it, other servers don't"),
                        say("Add: {line}", line="use = egg:waitress#main"), place=os.path.basename(path), severity="warning")]
    try:
        found.get_context(SERVER, None, given)
    except (LookupError, ImportError) as error:
        return [_unresolved("[server:main]", error, path)]
    return []


def _unresolved(section: str, error: Exception, path: str) -> Problem:
    place = os.path.basename(path)
    if isinstance(error, PackageNotFoundError):
        egg = f"egg:{error.name}"
        return Problem(section, say("uses {egg}, and no such distribution is installed", egg=egg),
                       say("Install it into this environment, or correct the line use = {egg}.", egg=egg), place=place)
    return Problem(section, say("can't be resolved: {reason}", reason=str(error).splitlines()[0]), place=place)
