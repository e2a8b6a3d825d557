"""``vneid serve``."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from typing import Any

from vneid_middleware.cli.reading import add_ini, ini_problem, loader, sources, tell, variables_of
from vneid_middleware.exceptions import ConfigurationError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_ini(parser)
    parser.epilog = "Example: vneid serve portal.ini"


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        found = sources(args.ini, variables_of(args))
        app, server, address = _load(os.path.abspath(args.ini), variables_of(args))
    except ConfigurationError as error:
        tell(error.problems)
        print(f"vneid serve: {args.ini} does not start. See: vneid check {args.ini}", file=sys.stderr)
        return 1
    print(f"{found[0].raw.get('public_url', '')} (listening on {address})", flush=True)
    signal.signal(signal.SIGTERM, _stop)
    try:
        server(app)
    except OSError as error:
        print(f"vneid serve: the address can't be used: {error.strerror}. Choose another port in [server:main].",
              file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit):
        return 0
    return 0


def _load(path: str, variables: dict[str, str]) -> tuple[Any, Any, str]:
    from configparser import Error as IniError

    from paste.deploy.loadwsgi import APP, SERVER

    try:
        found = loader(path, variables)
        given = {"here": os.path.dirname(path), "__file__": path, **variables}
        app = found.get_context(APP, None, given).create()
        server = found.get_context(SERVER, None, given)
        if server.object.__module__.partition(".")[0] == "waitress" and "trusted_proxy" not in server.local_conf:
            # the middleware has to see these headers: it tells by them, and by trusted_proxies, who is not on this machine
            server.local_conf.setdefault("clear_untrusted_proxy_headers", "false")
        listen = server.local_conf.get("listen")
        address = listen or f"{server.local_conf.get('host', '0.0.0.0')}:{server.local_conf.get('port', '8080')}"  # noqa: S104
        return app, server.create(), address
    except ConfigurationError:
        raise
    except (IniError, LookupError, ImportError, ValueError) as error:
        if isinstance(error, (IniError, ValueError)) and "%" in str(error):
            raise ConfigurationError([ini_problem(error, path)]) from error
        raise ConfigurationError([f"{os.path.basename(path)}: {str(error).splitlines()[0]}"]) from error


def _stop(number: int, frame: Any) -> None:
    raise SystemExit(0)
