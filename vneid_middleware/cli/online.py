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
from vneid_middleware.loader import told as told_of
from vneid_middleware.plugins.qr.operators import HostOperators, officer_of
from vneid_middleware.readiness import trials as trials_of
from vneid_middleware.storage.soundness import damage, unsafe_settings

_UNREACHED = ("timeout", "connection", "tls")
_LONGEST = 60
"""Seconds that a transport may be tried for."""
_KEYS = {"audit": "audit.sinks", "provider": "sso.profile", "accounts": "accounts.url", "outbox": "documents.transport"}
"""What readiness is named by, to the setting that it is about."""
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
        trials = _Trials(services)
        return all([*trials.officers(host), *(trials.ready(name, readiness) for name, readiness in services.readiness.items()),
                    *trials.sound(), *(trials.reached(key, url) for key, url in _addresses(services.settings)),
                    *(trials.tried(name, transport) for name, transport in services["transports"].items()
                      if IOnlineCheck.providedBy(transport)),
                    *(trials.told(*tried) for name, component in services.components.items() if ITrial.providedBy(component)
                      for tried in trials_of(name, component))])
    finally:
        services.outbound.close()
        services.storage.close()


class _Trials:
    """Each trial prints what came of it, with the setting that it is about, and returns whether all is well."""

    def __init__(self, services: Any) -> None:
        self._services = services
        self._source = services.settings.source

    def ready(self, name: str, readiness: Any) -> bool:
        key = _KEYS.get(name, "")
        try:
            readiness.check()
        except VNeIDError as error:
            return self.told(name, str(error), key=key, remedy=_remedy(error, name))
        except Exception as error:
            return self.told(name, told_of(error), key=key)
        return self.told(name)

    def sound(self) -> Iterator[bool]:
        """Ask the database whether it keeps what it acknowledges. One that does not answer was told already."""
        try:
            with self._services.storage.read() as connection:
                unsafe, damaged = unsafe_settings(connection), damage(connection)
        except StorageError:
            return
        for name in unsafe:
            yield self.told("storage", say("{name} is off: changes that were acknowledged are lost when the power is cut. "
                                           "Turn it on", name=name))
        if damaged:
            yield self.told("storage", say("the database is damaged: {reason}. Stop everything and restore it from a backup",
                                           reason=damaged))

    def officers(self, host: Callable[[], Any]) -> Iterator[bool]:
        """Ask the host as nobody whether an officer is there: a yes would open the counter to everybody."""
        policy = getattr(self._services.components.get("qr"), "policy", None)
        if not isinstance(policy, HostOperators):
            return
        answer = policy.ask_anonymously(host())
        officer, status = officer_of(answer), answer.status
        fault = ""
        if officer is not None:
            fault = say("the portal names an officer to somebody who is not signed in: everybody could look citizens up")
        elif status not in (401, 403) and not 300 <= status < 400:
            fault = say("the portal answers {status} to somebody who is not signed in, where 401 is expected", status=status)
        yield self.told("qr.operators", fault, remedy=say("Name a path that only officers get an answer from."))

    def reached(self, key: str, url: str) -> bool:
        origin = "://".join(urlsplit(url)[:2])
        try:
            answer = self._services.outbound.call("GET", url, max_body=1_000_000)
        except UpstreamError as error:
            # it answered, though not as a browser's question would be
            fault = str(error) if error.code in _UNREACHED else ""
            return self.told(origin, fault, key=key, remedy=_remedy(error))
        return self.told(origin, self._clock_fault(answer.date))

    def tried(self, name: str, transport: Any) -> bool:
        name, key = f"transport.{name}", f"transport.{name}.url"
        work = self._services.outbound.submit(transport.check_online())
        try:
            date = work.result(_LONGEST)
        except UpstreamError as error:
            return self.told(name, str(error), key=key, remedy=_remedy(error))
        except FutureTimeout:
            work.cancel()
            return self.told(name, say("did not come to an end within {seconds} s", seconds=_LONGEST), key=key)
        return self.told(name, self._clock_fault(date))

    def _clock_fault(self, date: str) -> str:
        """Return what is wrong with this machine's clock by a ``Date`` header; empty when nothing is, or none can be read."""
        try:
            off = self._services.now() - parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError):
            return ""
        if abs(off) <= _SKEW:
            return ""
        return say("this machine's clock is {seconds} s off. Set it by NTP", seconds=f"{off:+.0f}")

    def told(self, name: str, fault: str = "", severity: str = "error", *, key: str = "", remedy: str = "") -> bool:
        """Print one result.

        Args:
            name: what was tried; often the setting itself.
            key: the setting that it is about, where ``name`` is none.
        """
        if not fault:
            print(say("online: {name}: {result}", name=name, result=say("ok")))
            return True
        words = " ".join(filter(None, (fault + ("." if remedy and not fault.endswith(".") else ""), remedy,
                                       self._place(name, key))))
        if severity == "warning":
            print(say("online: {name}: warning: {result}", name=name, result=words), file=sys.stderr)
            return True
        print(say("online: {name}: {result}", name=name, result=words), file=sys.stderr)
        return False

    def _place(self, name: str, key: str) -> str:
        """Return ``(sso.token_endpoint, portal.ini, line 12)``; nothing where no setting is meant."""
        if key or name in self._services.settings:
            return f"({', '.join(filter(None, (key, self._source.place(key or name))))})"
        return ""


def _remedy(error: VNeIDError, name: str = "") -> str:
    if isinstance(error, StorageError):
        return say("Check the address of the database, whether it runs, and the rights there.")
    if isinstance(error, UpstreamError):
        if error.code in ("timeout", "connection"):
            return say("Check the address, and whether DNS, the firewall and http.proxy let this machine reach it.")
        return say("Check http.ca_file, and the certificate over there.") if error.code == "tls" else ""
    return say("Check that each sink can be written.") if name == "audit" else ""


def _addresses(settings: Any) -> Iterator[tuple[str, str]]:
    """Give one endpoint of each server that the settings name, with its setting."""
    seen = set()
    for key, value in settings.items():
        if key.endswith(("_endpoint", "jwks_uri", "qr.jwks")) and str(value).startswith("http"):
            origin = urlsplit(value)[:2]
            if origin not in seen:
                seen.add(origin)
                yield key, value
