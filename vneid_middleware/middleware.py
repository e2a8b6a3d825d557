"""The hot path: what every request to the portal passes.

Without our cookie the host is called with the very objects that came, spoofed headers taken out. With it the session is
opened and the identity set, nothing else. ``start_response`` is wrapped only where something must be added or answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vneid_middleware.core.access import ALLOW, decide
from vneid_middleware.core.session import account_of, identity_of, is_refresh_due
from vneid_middleware.gate import Environ, Gate, StartResponse, refuse_nesting
from vneid_middleware.identity_headers import SPOOFABLE
from vneid_middleware.negotiation import may_navigate
from vneid_middleware.services import Services


class Middleware:
    """A WSGI application around the host.

    Args:
        app: the host.
        application: the embedded application for our own pages.
        services: everything else.

    Raises:
        ConfigurationError: ``app`` is, or wraps, a middleware of ours already.
    """

    def __init__(self, app: Any, application: Any, services: Services) -> None:
        refuse_nesting(app, Middleware)
        settings = services.settings
        self.app = app
        self.services = services
        self._gate = Gate(services, application, self)
        self._prefix: str = settings["prefix"]
        self._own = (self._prefix, self._prefix + "/")
        self._taken = {path: ours for key, ours in (("takeover.login", "/login"), ("takeover.logout", "/logout"))
                       for given in settings[key] for path in (given.rstrip("/") or "/", given.rstrip("/") + "/")}
        self._names = services.sessions.names
        self._cookie = self._names.session
        self._sessions = services.sessions
        self._current = services.sessions.revocations.is_current
        self._clock = services.clock
        self._rules = settings["access"]
        self._guarded = bool(settings["access"])
        self._challenge: bool = settings["challenge"] and services.signs_in
        self._remote_user: str = settings.get("sso.remote_user", "personal_id")
        self._headers = settings["identity_headers"] != "off"
        self._started = False

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not self._started:
            self._start()
        path = environ.get("PATH_INFO", "")
        if not environ.keys().isdisjoint(SPOOFABLE):
            for key in SPOOFABLE & environ.keys():
                del environ[key]
        if path.startswith(self._prefix) and (path == self._prefix or path.startswith(self._own[1])):
            return self._gate.own(environ, start_response, path)
        if self._taken and path in self._taken:
            return self._gate.take_over(environ, start_response, self._taken[path])
        if self._cookie in environ.get("HTTP_COOKIE", ""):
            return self._with_cookie(environ, start_response, path)
        if self._guarded and (requirements := self._rules.requirements(path)):
            return self._gate.refuse(environ, start_response, decide(requirements, None))
        if self._challenge and may_navigate(environ):
            start_response = self._gate.challenge(environ, start_response)
        return self.app(environ, start_response)

    def _with_cookie(self, environ: Environ, start_response: StartResponse, path: str) -> Iterable[bytes]:
        values, others, rest = self._names.split(environ["HTTP_COOKIE"])
        if rest:
            environ["HTTP_COOKIE"] = rest
        else:
            del environ["HTTP_COOKIE"]
        now = self._clock()
        known = not values or self._current(now)
        record = self._sessions.open(values, now) if known else None
        identity = None
        if record is not None:
            identity = self._introduce(environ, record)
            if is_refresh_due(record, now):
                start_response = self._gate.refreshing(start_response, record, now)
        elif values and known and may_navigate(environ):
            start_response = self._gate.clearing(start_response)
        if self._guarded and (requirements := self._rules.requirements(path)):
            if not known:
                return self._gate.unverifiable(environ, start_response)
            decision = decide(requirements, identity)
            if decision.outcome != ALLOW:
                return self._gate.refuse(environ, start_response, decision, values, others)
        if identity is None and self._challenge and may_navigate(environ):
            start_response = self._gate.challenge(environ, start_response, values, others)
        return self.app(environ, start_response)

    def _introduce(self, environ: Environ, record: list[Any]) -> Any:
        identity = environ["vneid.identity"] = identity_of(record)
        account = account_of(record)
        user = getattr(identity, self._remote_user) if account is None else account
        if user:
            environ["REMOTE_USER"] = user if user.isascii() else user.encode("utf-8").decode("latin-1")
            environ["AUTH_TYPE"] = "VNeID"
        else:
            # somebody without an account here: what a server in front may have set is not theirs
            environ.pop("REMOTE_USER", None)
            environ.pop("AUTH_TYPE", None)
        if self._headers:
            self._gate.add_identity_headers(environ, identity)
        return identity

    def _start(self) -> None:
        import threading

        from vneid_middleware.application import start

        self._started = True
        threading.Thread(target=start, args=(self.services,), name="vneid-start", daemon=True).start()
