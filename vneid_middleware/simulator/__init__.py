"""The VNeID side, for everybody who has no credentials yet: strict about clients, codes and PKCE, and able to misbehave.

It says on every page that it is a simulator, and listens on loopback only unless told otherwise.
"""

from __future__ import annotations

import argparse
import ipaddress
import sys
from typing import Any

from vneid_middleware.cli.words import say

DEFAULT_PORT = 8765
DEFAULT_THREADS = 600
"""A lookup that waits for the citizen holds one (mode ``blocking``); one that does nothing costs about 20 kB."""


def make_simulator(issuer: str, *, portal: str = "http://127.0.0.1:6543", **options: Any) -> Any:
    """Return the simulator as a WSGI application.

    Args:
        issuer: its own base URL, without a slash at the end.
        portal: the portal's base URL, whose callback is registered for the demo's client.
        options: ``code_lifetime`` and ``patience`` in seconds and ``clock``, for tests.
    """
    from vneid_middleware.simulator.agency import Agency
    from vneid_middleware.simulator.application import Simulator
    from vneid_middleware.simulator.state import (
        DEMO_APP_CALLBACK,
        DEMO_APP_CLIENT,
        DEMO_APP_SECRET,
        DEMO_CLIENT,
        DEMO_SECRET,
        Client,
        State,
    )

    bases = sorted({portal, portal.replace("//127.0.0.1", "//localhost")})
    callbacks = tuple(base + path for base in bases for path in ("/vneid/callback", "/vneid/mobile/callback"))
    client = Client(DEMO_CLIENT, DEMO_SECRET, callbacks,
                    tuple(base + "/vneid/logged-out" for base in bases), backchannel_uri=portal + "/vneid/backchannel-logout")
    app = Client(DEMO_APP_CLIENT, DEMO_APP_SECRET, (DEMO_APP_CALLBACK,), deep_link=True)
    return Simulator(State((client, app), agency=Agency.of_portal(portal), **options), issuer)


def make_server(app: Any, host: str, port: int, threads: int = DEFAULT_THREADS) -> Any:
    """Return a waitress server in which ``threads`` requests may wait at once.

    Args:
        app: the simulator.
        host: address to listen on.
        port: 0 takes a free one.
        threads: each request that waits holds one.
    """
    from waitress import create_server

    # poll, since select knows a thousand connections at most; the look-ahead tells who hung up
    return create_server(app, host=host, port=port, threads=threads, connection_limit=2 * threads + 100,
                         asyncore_use_poll=True, channel_request_lookahead=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to ``parser``."""
    parser.add_argument("--host", default="127.0.0.1", help=say("address to listen on (default: %(default)s)"))
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help=say("port to listen on (default: %(default)s)"))
    parser.add_argument("--portal", default="http://127.0.0.1:6543",
                        help=say("the portal's address, whose callback is registered (default: %(default)s)"))
    parser.add_argument("--threads", type=_threads, default=DEFAULT_THREADS,
                        help=say("how many requests may wait at once, such as for a citizen's consent (default: %(default)s)"))
    parser.add_argument("--allow-non-loopback", action="store_true",
                        help=say("listen beyond this machine: anybody who reaches it can sign in as anybody"))


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError(say("expected a port from 1 to 65535"))
    return port


def _threads(text: str) -> int:
    threads = int(text)
    if not 0 < threads <= 10_000:
        raise argparse.ArgumentTypeError(say("expected a number from 1 to 10000"))
    return threads


def run(args: argparse.Namespace) -> int:
    """Serve until stopped; return the exit code."""
    if not _is_loopback(args.host) and not args.allow_non_loopback:
        print("vneid simulator:", say(
            "--host {host} is not a loopback address. Anybody who reaches the simulator can sign in as anybody; "
            "add --allow-non-loopback if that is what you want.", host=args.host), file=sys.stderr)
        return 2
    issuer = f"http://{args.host}:{args.port}"
    simulator = make_simulator(issuer, portal=args.portal.rstrip("/"))
    try:
        server = make_server(simulator, args.host, args.port, args.threads)
    except OSError as error:
        print("vneid simulator:", say("port {port} can't be used: {reason}. Choose another one with --port.", port=args.port,
                                      reason=error.strerror), file=sys.stderr)
        return 1
    print(say("VNeID simulator (not VNeID): {url}", url=issuer + "/"), flush=True)
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        simulator.state.stopped.set()
        server.close()
    return 0


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
