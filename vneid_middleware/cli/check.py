"""``vneid check``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NamedTuple

from vneid_middleware.cli.online import try_online
from vneid_middleware.cli.pipeline import host_of, pipeline_problems
from vneid_middleware.cli.reading import add_ini, read, tell, variables_of
from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import ConfigurationError
from vneid_middleware.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_ini(parser)
    parser.add_argument("--online", action="store_true", help=say("also try the provider, platforms, database and audit sinks"))
    parser.epilog = say("Example: {command}", command="vneid check portal.ini")


def run(args: argparse.Namespace) -> int:
    """Print every problem, then the compliance table; 0 only if the portal would start."""
    from vneid_middleware.application import assemble

    try:
        variables = variables_of(args)
        found = read(args.ini, variables)
    except ConfigurationError as error:
        tell(error.problems)
        print(f"{args.ini}: {say('does not start')}", file=sys.stderr)
        return 1
    assemblies, problems = [], []
    for source, unread in found:
        problems += unread
        if source.flag_is_off("enabled"):
            print(say("[{section}] enabled is false: the portal is served as if unwrapped, and the other keys are not looked at",
                      section=source.section), file=sys.stderr)
            continue
        assembly = assemble(source)
        assemblies.append(assembly)
        # what could not be read is told once
        problems += [problem for problem in assembly.problems if problem.key not in {each.key for each in unread}]
    told = {problem.key for problem in problems}
    problems += [problem for problem in pipeline_problems(os.path.abspath(args.ini), variables) if problem.key not in told]
    tell(sorted(problems, key=lambda problem: problem.severity))
    broken = any(problem.severity == "error" for problem in problems)
    answered = True
    for services in filter(None, (assembly.services for assembly in assemblies)):
        _print_compliance(services.settings)
        answered &= not args.online or try_online(services, lambda: host_of(os.path.abspath(args.ini), variables))
    verdict = (say("does not start") if broken else say("starts") if answered else
               say("starts, but not everything that it needs answers"))
    print(f"{args.ini}: {verdict}", file=sys.stderr)
    return 1 if broken or not answered else 0


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
        return say("ok") if fine else say("attention")

    raw = settings.source.raw
    outside = all(raw.get(key, "file:").strip().startswith(("file:", "env:"))
                  for key in ("secret", "sso.client_secret", "mobile.client_secret"))
    longest = max(settings["session.max_age"], settings.get("mobile.max_age", 0))
    rows = [
        Row(say("requirement"), say("basis"), say("state"), say("setting")),
        Row(say("traffic over TLS only"), "TCVN 11930:2017 / TCVN 14423:2026",
            state(settings["public_url"].startswith("https://") and not settings["allow_insecure_http"]), "public_url"),
        Row(say("session locks after 15 minutes"), say("level 3 of both standards"),
            state(settings["session.idle_timeout"] <= 900), "session.idle_timeout"),
        Row(say("session ends within 12 hours"), "OWASP ASVS 7.3.2", state(longest <= 43_200), "session.max_age"),
        Row(say("proof key for code exchange"), "RFC 9700", state(settings.get("sso.pkce") != "off"), "sso.pkce"),
        Row(say("signed proof of identity"), "OpenID Connect Core 3.1.3.7",
            state(settings.get("sso.id_token") == "required"), "sso.id_token"),
        Row(say("secrets outside the ini"), "TCVN 11930:2017 7.2.3", state(outside), "secret"),
        Row(say("audit kept at least 12 months"), say("Decree 85/2016 / Decree 333/2026"),
            state(settings["audit.retention_days"] >= 365), "audit.retention_days"),
    ]
    # the header, and what the active plugins have to do with
    return [row for row in rows if row is rows[0] or row.key in settings]
