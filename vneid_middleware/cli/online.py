"""What ``vneid check --online`` tries: everything that a running portal needs from others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from vneid_middleware.cli.words import say
from vneid_middleware.exceptions import StorageError, UpstreamError, VNeIDError
from vneid_middleware.interfaces import IOnlineCheck, ITrial
from vneid_middleware.loader import told
from vneid_middleware.plugins.qr.operators import HostOperators, officer_of
from vneid_middleware.readiness import trials
from vneid_middleware.storage.soundness import damage, unsafe_settings

_UNREACHED = ("timeout", "connection", "tls")
_LONGEST = 60
"""Seconds that a transport may be tried for."""
_SKEW = 60
"""Seconds that our clock may be off; tokens are accepted within it."""


def try_online(services: Any, host: Callable[[], Any]) -> bool:
    """Ask storage, audit sinks, the provider, each endpoint, each transport's platform, the host about its officers, and
    what plugins try.

    Args:
        host: makes the host, as a WSGI application.

    Returns:
        whether all is well; what came of it is printed.
    """
    try:
        return all([*_officers(services, host), *(_ready(name, readiness) for name, readiness in services.readiness.items()),
                    *_sound(services.storage), *(_reached(services, url) for url in _addresses(services.settings)),
                    *(_tried(services, name, transport) for name, transport in services["transports"].items()
                      if IOnlineCheck.providedBy(transport)),
                    *(_told(*tried) for name, component in services.components.items() if ITrial.providedBy(component)
                      for tried in trials(name, component))])
    finally:
        services.outbound.close()
        services.storage.close()


def _ready(name: str, readiness: Any) -> bool:
    try:
        readiness.check()
    except VNeIDError as error:
        return _told(name, str(error))
    except Exception as error:
        return _told(name, told(error))
    return _told(name)


def _sound(storage: Any) -> Iterator[bool]:
    """Ask the database whether it keeps what it acknowledges. One that does not answer was told already."""
    try:
        with storage.read() as connection:
            unsafe, damaged = unsafe_settings(connection), damage(connection)
    except StorageError:
        return
    for name in unsafe:
        yield _told("storage", say("{name} is off: changes that were acknowledged are lost when the power is cut. Turn it on",
                                   name=name))
    if damaged:
        yield _told("storage", say("the database is damaged: {reason}. Stop everything and restore it from a backup",
                                   reason=damaged))


def _officers(services: Any, host: Callable[[], Any]) -> Iterator[bool]:
    """Ask the host as nobody whether an officer is there: a yes would open the counter to everybody."""
    policy = getattr(services.components.get("qr"), "policy", None)
    if not isinstance(policy, HostOperators):
        return
    answer = policy.ask_anonymously(host())
    officer, status = officer_of(answer), answer.status
    fault = ""
    if officer is not None:
        fault = say("the portal names an officer to somebody who is not signed in: everybody could look citizens up")
    elif status not in (401, 403) and not 300 <= status < 400:
        fault = say("the portal answers {status} to somebody who is not signed in, where 401 is expected", status=status)
    yield _told("qr.operators", fault)


def _addresses(settings: Any) -> Iterator[str]:
    """Give one endpoint of each server that the settings name."""
    seen = set()
    for key, value in settings.items():
        if key.endswith(("_endpoint", "jwks_uri", "qr.jwks")) and str(value).startswith("http"):
            origin = urlsplit(value)[:2]
            if origin not in seen:
                seen.add(origin)
                yield value


def _reached(services: Any, url: str) -> bool:
    origin = "://".join(urlsplit(url)[:2])
    try:
        answer = services.outbound.call("GET", url, max_body=1_000_000)
    except UpstreamError as error:
        # it answered, though not as a browser's question would be
        return _told(origin, str(error) if error.code in _UNREACHED else "")
    return _told(origin, _clock_fault(services, answer.date))


def _tried(services: Any, name: str, transport: Any) -> bool:
    work = services.outbound.submit(transport.check_online())
    try:
        date = work.result(_LONGEST)
    except UpstreamError as error:
        return _told(f"transport.{name}", str(error))
    except FutureTimeout:
        work.cancel()
        return _told(f"transport.{name}", say("did not come to an end within {seconds} s", seconds=_LONGEST))
    return _told(f"transport.{name}", _clock_fault(services, date))


def _clock_fault(services: Any, date: str) -> str:
    """Return what is wrong with this machine's clock by a ``Date`` header; empty when nothing is, or none can be read."""
    try:
        off = services.now() - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return ""
    if abs(off) <= _SKEW:
        return ""
    return say("this machine's clock is {seconds} s off. Set it by NTP", seconds=f"{off:+.0f}")


def _told(name: str, fault: str = "", severity: str = "error") -> bool:
    if fault and severity == "warning":
        print(say("online: {name}: warning: {result}", name=name, result=fault), file=sys.stderr)
        return True
    if fault:
        print(say("online: {name}: {result}", name=name, result=fault), file=sys.stderr)
    else:
        print(say("online: {name}: {result}", name=name, result=say("ok")))
    return not fault
