"""The VNeID side, for everybody who has no credentials yet: strict about clients, codes and PKCE, and able to misbehave.

It says on every page that it is a simulator, and listens on loopback only unless told otherwise.
"""

from __future__ import annotations

import argparse
import ipaddress
import sys
from typing import Any

DEFAULT_PORT = 8765


def make_simulator(issuer: str, *, portal: str = "http://127.0.0.1:6543", **options: Any) -> Any:
    """Return the simulator as a WSGI application.

    Args:
        issuer: its own base URL, without a slash at the end.
        portal: the portal's base URL, whose callback is registered for the demo's client.
        options: ``code_lifetime`` in seconds and ``clock``, for tests.
    """
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
    return Simulator(State((client, app), **options), issuer)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to ``parser``."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="port to listen on (default: %(default)s)")
    parser.add_argument("--portal", default="http://127.0.0.1:6543",
                        help="the portal's address, whose callback is registered (default: %(default)s)")
    parser.add_argument("--allow-non-loopback", action="store_true",
                        help="listen beyond this machine: anybody who reaches it can sign in as anybody")


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise argparse.ArgumentTypeError("expected a port from 1 to 65535")
    return port


def run(args: argparse.Namespace) -> int:
    """Serve until stopped; return the exit code."""
    if not _is_loopback(args.host) and not args.allow_non_loopback:
        print(f"vneid simulator: --host {args.host} is not a loopback address. Anybody who reaches the simulator can sign in "
              "as anybody; add --allow-non-loopback if that is what you want.", file=sys.stderr)
        return 2
    from waitress import create_server

    issuer = f"http://{args.host}:{args.port}"
    simulator = make_simulator(issuer, portal=args.portal.rstrip("/"))
    try:
        server = create_server(simulator, host=args.host, port=args.port, threads=8)
    except OSError as error:
        print(f"vneid simulator: port {args.port} can't be used: {error.strerror}. Choose another one with --port.",
              file=sys.stderr)
        return 1
    print(f"VNeID simulator (not VNeID): {issuer}/", flush=True)
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
