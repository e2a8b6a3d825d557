"""``vneid check``."""

from __future__ import annotations

import argparse
import os
import sys
from configparser import Error as IniError
from typing import Any, NamedTuple

from vneid_middleware.cli.reading import add_ini, ini_problem, loader, sources, tell, variables_of
from vneid_middleware.exceptions import ConfigurationError, VNeIDError
from vneid_middleware.settings import Problem, Settings, Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_ini(parser)
    parser.add_argument("--online", action="store_true", help="also try the provider, the database and the audit sinks")
    parser.epilog = "Example: vneid check portal.ini"


def run(args: argparse.Namespace) -> int:
    """Print every problem, then the compliance table; 0 only if the portal would start."""
    from vneid_middleware.application import assemble

    try:
        found = sources(args.ini, variables_of(args))
    except ConfigurationError as error:
        tell(error.problems)
        return 1
    broken = False
    for source in found:
        assembly = assemble(source)
        problems = [*assembly.problems, *_pipeline(source), *_host(args)]
        tell(sorted(problems, key=lambda problem: problem.severity))
        broken |= any(problem.severity == "error" for problem in problems)
        if assembly.services is not None:
            _print_compliance(assembly.services.settings)
            broken |= args.online and not _online(assembly.services)
    print(f"{args.ini}: {'does not start' if broken else 'starts'}", file=sys.stderr)
    return 1 if broken else 0


def _pipeline(source: Source) -> list[Problem]:
    from vneid_middleware.paste import _parser

    parser = _parser(source.file)
    if not (parser.has_section("pipeline:main") or parser.has_section("app:main")):
        return [Problem("[pipeline:main]", "is missing", "Add: pipeline = vneid portal", place=source.place("")),]
    name = source.section.partition(":")[2]
    times = parser.get("pipeline:main", "pipeline", raw=True, fallback="").split().count(name)
    if times > 1:
        return [Problem("[pipeline:main] pipeline", f"names {name} {times} times", "Name it once.", place=source.place(""))]
    return []


def _host(args: argparse.Namespace) -> list[Problem]:
    """Import the host, as serving would."""
    from vneid_middleware.paste import wsgi_app

    path = os.path.abspath(args.ini)
    defaults = {"here": os.path.dirname(path), "__file__": path, **variables_of(args)}
    try:
        parser = loader(path, variables_of(args)).parser
        for section in parser.sections():
            if section.startswith("app:") and parser.get(section, "use", fallback="") == "egg:vneid-middleware#wsgi":
                keys = {key: parser.get(section, key) for key in parser.options(section)
                        if key not in parser.defaults() and key != "use"}
                wsgi_app(defaults, **keys)
    except ConfigurationError as error:
        return list(error.problems)
    except (IniError, ValueError) as error:
        return [ini_problem(error, path)]
    except Exception as error:
        return [Problem("[app] target", f"the host fails when it is imported: {type(error).__name__}: {error}"[:300])]
    return []


class Row(NamedTuple):
    """One line of the compliance table."""

    what: str
    basis: str
    state: str
    key: str


def _print_compliance(settings: Settings) -> None:
    rows = list(_compliance(settings))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _compliance(settings: Settings) -> list[Row]:
    def state(fine: bool) -> str:
        return "ok" if fine else "attention"

    raw = settings.source.raw
    outside = all(raw.get(key, "file:").strip().startswith(("file:", "env:")) for key in ("secret", "sso.client_secret"))
    return [
        Row("requirement", "basis", "state", "setting"),
        Row("traffic over TLS only", "TCVN 11930:2017 / TCVN 14423:2026", state(settings["public_url"].startswith("https://")
            and not settings["allow_insecure_http"]), "public_url"),
        Row("session locks after 15 minutes", "level 3 of both standards", state(settings["session.idle_timeout"] <= 900),
            "session.idle_timeout"),
        Row("session ends within 12 hours", "OWASP ASVS 7.3.2", state(settings["session.max_age"] <= 43_200), "session.max_age"),
        Row("proof key for code exchange", "RFC 9700", state(settings.get("sso.pkce") != "off"), "sso.pkce"),
        Row("signed proof of identity", "OpenID Connect Core 3.1.3.7", state(settings.get("sso.id_token") == "required"),
            "sso.id_token"),
        Row("secrets outside the ini", "TCVN 11930:2017 7.2.3", state(outside), "secret"),
        Row("audit kept at least 12 months", "Decree 85/2016 / Decree 333/2026", state(settings["audit.retention_days"] >= 365),
            "audit.retention_days"),
    ]


def _online(services: Any) -> bool:
    fine = True
    for name, readiness in services.readiness.items():
        try:
            readiness.check()
        except VNeIDError as error:
            fine = False
            print(f"online: {name}: {error}", file=sys.stderr)
        else:
            print(f"online: {name}: ok")
    services.outbound.close()
    services.storage.close()
    return fine
