"""Requests that carry an access token of ours in ``Authorization``: those of apps, where a plugin gives them tokens.

A filter of its own, so that a portal without such a plugin pays nothing. One substring test tells the token from the
host's own credentials, which pass untouched.
"""

from __future__ import annotations

from collections.abc import Iterable

from vneid_middleware.core.access import ALLOW, decide
from vneid_middleware.core.bearer import PREFIX
from vneid_middleware.gate import Environ, StartResponse
from vneid_middleware.identity_headers import SPOOFABLE
from vneid_middleware.middleware import Middleware
from vneid_middleware.preserving import PreservingMiddleware


class BearerMiddleware(Middleware):
    """The middleware for a portal whose apps sign in too.

    A token that is dead leaves its request without an identity, as a dead cookie does. The session cookie of a request with
    a token does not count, whatever the token is worth: two credentials could be two people's.
    """

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if PREFIX in environ.get("HTTP_AUTHORIZATION", ""):
            token, path = self._sessions.bearer_token(environ), environ.get("PATH_INFO", "")
            if token is not None and not (path == self._prefix or path.startswith(self._own[1]) or path in self._taken):
                return self._with_token(environ, start_response, path, token)
        return super().__call__(environ, start_response)

    def _with_token(self, environ: Environ, start_response: StartResponse, path: str, token: str) -> Iterable[bytes]:
        if not self._started:
            self._start()
        for key in SPOOFABLE & environ.keys():
            del environ[key]
        now = self._clock()
        known = self._current(now)
        record = self._sessions.open_bearer(token, now) if known else None
        identity = None if record is None else self._introduce(environ, record)
        if self._guarded and (requirements := self._rules.requirements(path)):
            if not known:
                return self._gate.unverifiable(environ, start_response)
            decision = decide(requirements, identity)
            if decision.outcome != ALLOW:
                return self._gate.refuse_token(environ, start_response, decision)
        self._hide(environ)
        return self.app(environ, start_response)

    def _hide(self, environ: Environ) -> None:
        del environ["HTTP_AUTHORIZATION"]
        if self._cookie in environ.get("HTTP_COOKIE", ""):
            _, _, rest = self._names.split(environ["HTTP_COOKIE"])
            if rest:
                environ["HTTP_COOKIE"] = rest
            else:
                del environ["HTTP_COOKIE"]


class BearerPreservingMiddleware(BearerMiddleware, PreservingMiddleware):
    """The same for a portal that keeps forms too.

    A request with a token takes the way above and never comes to where forms are kept or sent again: a form is kept for a
    browser, and the cookie that tells which one is taken out with the session's.
    """
