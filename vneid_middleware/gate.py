"""What the middleware answers in the host's place, and what it changes in the host's answer: the paths that are not hot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from vneid_middleware import negotiation
from vneid_middleware.core import bearer
from vneid_middleware.core.access import FORBIDDEN, STEP_UP, Decision
from vneid_middleware.core.redirects import local_path
from vneid_middleware.exceptions import ConfigurationError
from vneid_middleware.form_gate import FormGate
from vneid_middleware.identity_headers import ENCODERS, identity_headers
from vneid_middleware.models import Identity
from vneid_middleware.pages import Link, correlation_id
from vneid_middleware.services import Services

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

_RETURN_PARAMETERS = ("return_to", "next", "came_from", "redirect_to", "returnUrl")
_REPLACED_HEADERS = frozenset({"www-authenticate", "location", "cache-control", "expires", "etag", "last-modified"})
_NONE: Mapping[str, str] = MappingProxyType({})
_SHARED_CACHE = ("public", "s-maxage", "immutable")


class Gate:
    """Answers for the host.

    Args:
        services: everything of the middleware.
        application: the embedded Pyramid application.
        portal: the host as it looks from outside, for plugins that ask it something.
    """

    def __init__(self, services: Services, application: Any, portal: Any) -> None:
        self._vneid = services
        self._application = application
        self._portal = portal
        self._login = services.links.own("/login")
        self._prefix = services.settings["prefix"]
        self.forms = FormGate(services) if services.settings["session.preserve_posts"] else None
        self._encode = ENCODERS.get(services.settings["identity_headers"])

    # -- our own pages -------------------------------------------------------------------------------------------------

    def own(self, environ: Environ, start_response: StartResponse, path: str) -> Iterable[bytes]:
        """Answer a request under the prefix."""
        inner = dict(environ)
        inner["vneid.portal"] = self._portal
        inner["vneid.script_name"] = environ.get("SCRIPT_NAME", "")
        inner["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._prefix
        inner["PATH_INFO"] = path[len(self._prefix):]
        answer: Iterable[bytes] = self._application(inner, start_response)
        return answer

    def take_over(self, environ: Environ, start_response: StartResponse, ours: str) -> Iterable[bytes]:
        """Answer the host's own login or logout path."""
        inner = dict(environ)
        if ours == "/login":
            asked = dict(parse_qsl(environ.get("QUERY_STRING", ""), errors="replace"))
            target = next((asked[name] for name in _RETURN_PARAMETERS if asked.get(name)), "")
            origin = self._vneid.links.origin
            target = target.removeprefix(origin) if target.startswith(origin + "/") else target
            inner["QUERY_STRING"] = f"return_to={quote(target, safe='')}" if target else ""
        return self.own(inner, start_response, self._prefix + ours)

    # -- refusals ------------------------------------------------------------------------------------------------------

    def refuse(self, environ: Environ, start_response: StartResponse, decision: Decision, values: Sequence[str] = (),
               others: Mapping[str, str] = _NONE) -> Iterable[bytes]:
        """Answer a request that the access rules don't let through: a login, a step-up, or 401 and 403.

        Args:
            values: the session cookies that came with it.
            others: our other cookies, by name.
        """
        from webob import Request

        pages, links, request = self._vneid.pages, self._vneid.links, Request(environ)
        navigation = negotiation.is_navigation(environ)
        if decision.outcome == FORBIDDEN:
            response = pages.outcome(request, "forbidden", 403, links=(
                Link("action.home", links.home), Link("action.logout", links.own("/logout"))))
        else:
            query = f"level={decision.level}&" if decision.level else ""
            url = f"{self._login}?{query}return_to={quote(self.return_path(environ), safe='/')}"
            code = "step_up_required" if decision.outcome == STEP_UP else "login_required"
            kept = self.forms and self.forms.refusal(environ, code, decision.level, url, values, others)
            if navigation and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
                response = pages.redirect(url)
            elif kept:
                response = kept
            else:
                response = pages.outcome(request, code, 401, details={"level": str(decision.level)}, extra={"login_url": url},
                                         links=(Link("action.login", url), Link("action.home", links.home)))
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def refuse_token(self, environ: Environ, start_response: StartResponse, decision: Decision) -> Iterable[bytes]:
        """Answer an app's request that the access rules don't let through: never with a redirect (RFC 6750, RFC 9470)."""
        from webob import Request

        code = {FORBIDDEN: "forbidden", STEP_UP: "step_up_required"}.get(decision.outcome, "login_required")
        response = self._vneid.pages.outcome(Request(environ), code, 403 if decision.outcome == FORBIDDEN else 401,
                                             details={"level": str(decision.level)})
        response.headers["WWW-Authenticate"] = (
            bearer.challenge("insufficient_scope") if decision.outcome == FORBIDDEN else
            bearer.challenge("insufficient_user_authentication", level=decision.level) if decision.outcome == STEP_UP else
            bearer.challenge("invalid_token"))
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def unverifiable(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a protected request while nobody can say which sessions have ended."""
        from webob import Request

        code = "session_unverifiable" if not (self.forms and self.forms.is_form(environ)) else "form_unverifiable"
        response = self._vneid.pages.outcome(Request(environ), code, 503, request_id=correlation_id())
        response.headers["Retry-After"] = "30"
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    # -- the host's answer ---------------------------------------------------------------------------------------------

    def challenge(self, environ: Environ, start_response: StartResponse, values: Sequence[str] = (),
                  others: Mapping[str, str] = _NONE) -> StartResponse:
        """Return a ``start_response`` that turns the host's 401 into a login. The body passes as it is.

        Where forms are kept and a session cookie came that has ended, ``wsgi.input`` of a form is exchanged for a copy.
        """
        watched = self.forms.watched(environ, values, others) if self.forms and values else None
        # taken now: a dispatcher inside the host moves path segments from one to the other
        script_name, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")

        def watching(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            if status[:3] == "401" and negotiation.is_navigation(environ):
                there = {**environ, "SCRIPT_NAME": script_name, "PATH_INFO": path}
                url, cookies = watched() if watched else (
                    f"{self._login}?return_to={quote(self.return_path(there), safe='/')}", [])
                kept = [item for item in headers if item[0].lower() not in _REPLACED_HEADERS]
                ours = [("Location", url), ("Cache-Control", "no-store"), *(("Set-Cookie", cookie) for cookie in cookies)]
                return start_response("303 See Other", [*kept, *ours], *exc_info)
            return start_response(status, headers, *exc_info)

        return watching

    def refreshing(self, start_response: StartResponse, record: list[Any], now: float) -> StartResponse:
        """Return a ``start_response`` that adds the session cookie, written again."""
        sessions = self._vneid.sessions

        def adding(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            # an answer that a cache may give to others must not carry a session, and one that took long must not
            # bring back a session that has ended meanwhile
            if not _is_shared(headers) and not sessions.revocations.is_ended(record):
                headers = [*headers, ("Set-Cookie", sessions.refreshed_cookie(record, now))]
            return start_response(status, headers, *exc_info)

        return adding

    def clearing(self, start_response: StartResponse) -> StartResponse:
        """Return a ``start_response`` that removes a session cookie which is no good."""
        names = self._vneid.sessions.names

        def removing(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            if not _is_shared(headers):
                headers = [*headers, ("Set-Cookie", names.delete(names.session))]
            return start_response(status, headers, *exc_info)

        return removing

    # -- helpers -------------------------------------------------------------------------------------------------------

    def return_path(self, environ: Mapping[str, Any]) -> str:
        """Return where the person comes back to after a login: this page, or for a form the page that it was on."""
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return local_path(environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", ""))
        referer = environ.get("HTTP_REFERER", "")
        if referer.startswith(self._vneid.links.origin + "/"):
            parts = urlsplit(referer)
            return parts.path + (f"?{parts.query}" if parts.query else "")
        return "/"

    def add_identity_headers(self, environ: Environ, identity: Identity) -> None:
        """Give the host the identity under header names too, encoded as ``identity_headers`` says."""
        if self._encode is not None:
            for name, value in identity_headers(identity, self._encode).items():
                environ["HTTP_" + name.upper().replace("-", "_")] = value


def _is_shared(headers: list[tuple[str, str]]) -> bool:
    return any(name.lower() == "cache-control" and any(word in value.lower() for word in _SHARED_CACHE)
               for name, value in headers)

def refuse_nesting(app: Any, kind: type) -> None:
    """Look through the usual ways one WSGI application holds another for a second instance of ours, which is of ``kind``.

    Raises:
        ConfigurationError: there is one.
    """
    waiting: list[Any] = [app]
    seen: set[int] = set()
    while waiting and len(seen) < 50:
        found = waiting.pop()
        if isinstance(found, kind):
            raise ConfigurationError(["the middleware stands twice in front of the host: remove one of the filters, or a "
                                      "session of one would be undone by the other"])
        if id(found) in seen:
            continue
        seen.add(id(found))
        cells = [cell.cell_contents for cell in getattr(found, "__closure__", None) or () if cell != type(cell)()]
        attributes = [getattr(found, name, None) for name in ("app", "application", "wsgi_app", "_app", "__wrapped__",
                                                              "__func__", "__self__", "func")]
        waiting += [item for item in [*cells, *attributes] if callable(item) and not isinstance(item, type)]
