"""The ways in from a PasteDeploy ini."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from configparser import Error as IniError
from contextlib import suppress
from typing import Any

from vneid_middleware.application import assemble
from vneid_middleware.bearer import BearerMiddleware, BearerPreservingMiddleware
from vneid_middleware.exceptions import ConfigurationError
from vneid_middleware.middleware import Middleware
from vneid_middleware.preserving import PreservingMiddleware
from vneid_middleware.services import Services
from vneid_middleware.settings import Problem, Source

log = logging.getLogger("vneid_middleware")

EGG = "egg:vneid-middleware"


def filter_app(app: Any, global_conf: Mapping[str, str], **local_conf: str) -> Any:
    """Wrap ``app``: the ``paste.filter_app_factory`` of ``use = egg:vneid-middleware``.

    Raises:
        ConfigurationError: with every problem at once.
    """
    source = source_of(global_conf, local_conf)
    return make_filter(source.raw, source=source)(app)


def make_filter(settings: Mapping[str, str], *, source: Source | None = None,
                clock: Callable[[], float] = time.time) -> Callable[[Any], Any]:
    """Return ``filter(app)``; see :func:`vneid_middleware.make_filter`.

    Args:
        source: where the settings come from, when that is an ini.
        clock: unix seconds; tests replace it.
    """
    source = source or Source(dict(settings))
    if source.flag_is_off("enabled"):
        return lambda app: app
    assembly = assemble(source, clock)
    services = assembly.services
    if services is None:
        raise ConfigurationError([problem for problem in assembly.problems if problem.severity == "error"])
    for problem in assembly.problems:
        log.warning("%s", problem)
    kind = _kind(services)
    return lambda app: kind(app, assembly.application, services)


def _kind(services: Services) -> type[Middleware]:
    """Return the hot path that a portal pays for: with what its settings ask for and nothing else."""
    keeps_forms = bool(services.settings["session.preserve_posts"])
    if services.sessions.bearer is None:
        return PreservingMiddleware if keeps_forms else Middleware
    return BearerPreservingMiddleware if keeps_forms else BearerMiddleware


def wsgi_app(global_conf: Mapping[str, str], target: str = "", pythonpath: str = "", environ: str = "",
             **unknown: str) -> Any:
    """Return the host named by ``target``: the ``paste.app_factory`` of ``use = egg:vneid-middleware#wsgi``.

    Args:
        target: ``package.module:attribute`` of a WSGI callable.
        pythonpath: folders put first on ``sys.path``; default: the ini's folder.
        environ: lines ``NAME = value``, set before the host is imported.

    Raises:
        ConfigurationError: the target can't be imported, or is no callable.
    """
    if unknown:
        raise _wrong("wsgi", f"unknown setting {', '.join(sorted(unknown))}; there are target, pythonpath and environ")
    for line in filter(None, (line.strip() for line in environ.splitlines())):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not (name and equals):
            raise _wrong("environ", f"must be lines NAME = value; {line[:40]!r} is not")
        os.environ[name] = value
    for folder in reversed((pythonpath or global_conf.get("here", "")).split()):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    return _imported(target)


def standalone(global_conf: Mapping[str, str], **unknown: str) -> Any:
    """Return a host without pages: the ``paste.app_factory`` of ``use = egg:vneid-middleware#standalone``.

    It stands behind the middleware where that answers for a portal that is not Python, asked by a web server at
    ``GET /auth``.

    Raises:
        ConfigurationError: it takes no settings.
    """
    if unknown:
        raise _wrong("standalone", f"takes no settings; there is {', '.join(sorted(unknown))}")
    return _nothing_here


def _nothing_here(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "10")])
    return [b"Not found\n"]


def _imported(target: str) -> Any:
    module_name, colon, attribute = target.partition(":")
    if not (module_name and colon and attribute):
        raise _wrong("target", f"must name a WSGI callable as package.module:attribute, not {target!r}")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise _wrong("target", f"{module_name} can't be imported: {error}. Set pythonpath to the host's folder") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise _wrong("target", f"{module_name} has no {attribute}")
        found = getattr(found, part)
    if not callable(found):
        raise _wrong("target", f"{target} is not callable")
    return found


def _wrong(key: str, expectation: str) -> ConfigurationError:
    return ConfigurationError([Problem(f"[app] {key}", expectation)])


def source_of(global_conf: Mapping[str, str], local_conf: Mapping[str, str]) -> Source:
    """Return the raw settings of a filter section with their places in the ini."""
    file = global_conf.get("__file__", "")
    here = global_conf.get("here", os.path.dirname(os.path.abspath(file)) if file else "")
    sections = filter_sections(file) if file else {}
    section = next((name for name, keys in sections.items() if set(keys) >= set(local_conf)), "")
    return Source(dict(local_conf), here, file, section, sections.get(section, {}), _server(file, global_conf))


def filter_sections(file: str) -> dict[str, dict[str, int]]:
    """Return the sections of an ini that use our filter: name to key to line number."""
    found: dict[str, dict[str, int]] = {}
    section = ""
    for number, line in enumerate(_lines(file), 1):
        stripped = line.strip()
        if stripped.startswith("[") and "]" in stripped:
            section = stripped[1:stripped.index("]")].strip()
            found[section] = {}
        elif section and line[:1] not in (" ", "\t", "#", ";", "") and ("=" in line or ":" in line):
            key = min(line.split("=", 1)[0], line.split(":", 1)[0], key=len).strip()
            found[section].setdefault(key, number)
    return {name: keys for name, keys in found.items() if _uses_us(file, name)}


def _lines(file: str) -> list[str]:
    try:
        with open(file, encoding="utf-8") as handle:
            return handle.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _uses_us(file: str, section: str) -> bool:
    parser = _parser(file)
    use = parser.get(section, "use", raw=True, fallback="") if parser.has_section(section) else ""
    return section.startswith(("filter:", "filter-app:")) and use.partition("#")[0].strip() == EGG


def _parser(file: str) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    with suppress(IniError, UnicodeDecodeError):
        parser.read(file, encoding="utf-8")
    return parser


def _server(file: str, global_conf: Mapping[str, str]) -> dict[str, str]:
    parser = _parser(file) if file else None
    if parser is None or not parser.has_section("server:main"):
        return {}
    return dict(parser.items("server:main", raw=True))
