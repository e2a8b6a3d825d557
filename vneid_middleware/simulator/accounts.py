"""How the connecting account of an agency signs in at a service, as the switches ``qr_account`` and ``push_account`` say."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import sha256

from webob import Request

from vneid_middleware.simulator.answers import ProtocolError
from vneid_middleware.simulator.state import State

_CLOCK_DIFFERENCE = 300
"""Seconds that ``Timestamp`` may differ from now."""


def caller_of(request: Request, state: State, switch: str = "qr_account") -> str:
    """Return the account that asks; empty where none is asked for.

    Args:
        request: as it came.
        state: the simulator's memory.
        switch: the one that says how the account signs in.

    Raises:
        ProtocolError: 401, it is not the agency's.
    """
    kind, agency = state.switches[switch], state.agency
    if kind == "none":
        return ""
    expected = {"bearer": lambda: f"Bearer {agency.bearer}", "basic": lambda: basic(agency.username, agency.password),
                "c06": lambda: _c06(request, state)}[kind]()
    if not same(request.headers.get("Authorization", ""), expected):
        raise ProtocolError(401, "unauthorized", "Wrong account")
    return agency.username


def _c06(request: Request, state: State) -> str:
    """Return what ``Authorization`` must be: Basic of the user and sha256hex(URL as called + user + timestamp + password)."""
    timestamp, agency = request.headers.get("Timestamp", ""), state.agency
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) == 13):
        raise ProtocolError(401, "unauthorized", "Timestamp: milliseconds expected")
    if abs(int(timestamp) / 1000 - state.clock()) > _CLOCK_DIFFERENCE:
        raise ProtocolError(401, "unauthorized", "Timestamp: too far from now")
    url = request.host_url + request.environ.get("REQUEST_URI", request.path_qs)
    digest = sha256(f"{url}{agency.username}{timestamp}{agency.password}".encode()).hexdigest()
    return basic(agency.username, digest)


def basic(user: str, password: str) -> str:
    """Return the header's value for Basic authentication (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def same(given: str, expected: str) -> bool:
    """Compare two secrets."""
    return hmac.compare_digest(given.encode(), expected.encode())
