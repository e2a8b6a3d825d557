"""``vneid serve``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from vneid_middleware.cli.logs import begin_log
from vneid_middleware.cli.reading import add_ini, ini_problem, loader, sources, tell, variables_of
from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import ConfigurationError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_ini(parser)
    parser.epilog = say("Example: {command}", command="vneid serve portal.ini")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    begin_log()
    signal.signal(signal.SIGTERM, _stop)
    try:
        found = sources(args.ini, variables_of(args))
        serve, address = _load(os.path.abspath(args.ini), variables_of(args))
        print(say("{url} (listening on {address})", url=found[0].raw.get("public_url", ""), address=address), flush=True)
        serve()
    except ConfigurationError as error:
        tell(error.problems)
        print("vneid serve:", say("{file} does not start. See: vneid check {file}", file=args.ini), file=sys.stderr)
        return 1
    except OSError as error:
        print("vneid serve:", say("the address can't be used: {reason}. Choose another port in [server:main].",
                                  reason=error.strerror), file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit):
        return 0
    return 0


def _load(path: str, variables: dict[str, str]) -> tuple[Callable[[], Any], str]:
    from configparser import Error as IniError

    from paste.deploy.loadwsgi import APP, SERVER

    try:
        found = loader(path, variables)
        given = {"here": os.path.dirname(path), "__file__": path, **variables}
        app = found.get_context(APP, None, given).create()
        return _bind(app, found.get_context(SERVER, None, given))
    except (ConfigurationError, OSError):
        raise
    except (IniError, LookupError, ImportError, ValueError) as error:
        raise ConfigurationError(_problems(error, path, variables)) from error


def _bind(app: Any, server: Any) -> tuple[Callable[[], Any], str]:
    """Return what serves until stopped, and the address: with waitress one that is ours already."""
    settings = server.local_conf
    address = settings.get("listen") or f"{settings.get('host', '0.0.0.0')}:{settings.get('port', '8080')}"  # noqa: S104
    if server.object.__module__.partition(".")[0] != "waitress":
        serve = server.create()
        return lambda: serve(app), address
    from waitress import create_server

    if "trusted_proxy" not in settings:
        # the middleware has to see these headers: it tells by them, and by trusted_proxies, who is not on this machine
        settings.setdefault("clear_untrusted_proxy_headers", "false")
    return create_server(app, **settings).run, address


def _problems(error: Exception, path: str, variables: dict[str, str]) -> list[Any]:
    from vneid_middleware.cli.pipeline import pipeline_problems

    problems = [problem for problem in pipeline_problems(path, variables) if problem.severity == "error"]
    if not problems and isinstance(error, ValueError) and "%" in str(error):
        problems = [ini_problem(error, path)]
    return problems or [f"{os.path.basename(path)}: {str(error).splitlines()[0]}"]


def _stop(number: int, frame: Any) -> None:
    raise SystemExit(0)
