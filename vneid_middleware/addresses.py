"""Where a request comes from. A forwarded header counts only when a listed proxy sent it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from vneid_middleware.models import Who
from vneid_middleware.pages import correlation_id

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_FORWARDING = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA", "HTTP_X_FORWARDED_HOST")


def client(environ: Mapping[str, Any], trusted: Sequence[Network]) -> str:
    """Return the client's address: the nearest one in ``X-Forwarded-For`` that is no trusted proxy, else the peer."""
    found = str(environ.get("REMOTE_ADDR", ""))
    hops = [hop.strip() for hop in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    while hops and _is_in(found, trusted):
        candidate = hops.pop()
        if _parse(candidate) is None:
            break
        found = candidate
    return found


def who_asks(environ: Mapping[str, Any], trusted: Sequence[Network]) -> Who:
    """Return what of a request goes into events, with a new correlation id."""
    return Who(correlation_id(), client(environ, trusted), environ.get("HTTP_USER_AGENT", "")[:200])


def is_allowed(environ: Mapping[str, Any], allowed: Sequence[Network], trusted: Sequence[Network]) -> bool:
    """Tell whether a request passes an address rule.

    A rule goes by the peer. A peer on loopback that sends forwarding headers and is not a trusted proxy stands for
    somebody else, so that it does not count as loopback.
    """
    peer = str(environ.get("REMOTE_ADDR", ""))
    if _is_in(peer, trusted):
        return _is_in(client(environ, trusted), allowed)
    address = _parse(peer)
    if address is not None and address.is_loopback and any(name in environ for name in _FORWARDING):
        return False
    return _is_in(peer, allowed)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(text: str, networks: Sequence[Network]) -> bool:
    address = _parse(text)
    return address is not None and any(address in network for network in networks)
