"""Sign-on's pages: ``/login``, ``/callback``, ``/logout``, ``/logged-out``."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qsl, quote

from vneid_middleware import addresses, negotiation
from vneid_middleware.core import oidc, redirects
from vneid_middleware.core import session as records
from vneid_middleware.events import LoginRefused, LogoutRefused, RedirectRefused
from vneid_middleware.exceptions import AuditError, LoginError, StorageError, UpstreamError, VNeIDError
from vneid_middleware.pages import Link, correlation_id
from vneid_middleware.plugins.sso.sessions import Who
from vneid_middleware.plugins.sso.signon import SignOn

log = logging.getLogger("vneid_middleware")

MAX_LOGIN_QUERY = 8192
MAX_HINT = 256


def who_asks(request: Any) -> Who:
    """Return what of a request goes into events, with a new correlation id."""
    trusted = request.vneid.settings["trusted_proxies"]
    return Who(correlation_id(), addresses.client(request.environ, trusted), request.headers.get("User-Agent", "")[:200])


# -- login -------------------------------------------------------------------------------------------------------------

def login_view(request: Any) -> Any:
    """Send the citizen to VNeID, or straight on where they are signed in at the level asked for."""
    vneid, who = request.vneid, who_asks(request)
    if not negotiation.is_navigation(request.environ):
        return vneid.pages.outcome(request, "login_required", 401, request_id=who.request_id,
                                   extra={"login_url": vneid.links.own("/login")})
    try:
        return_to, level, hint = _login_parameters(request, who)
        record = vneid.sessions.from_environ(request.environ)
        if record is not None and records.identity_of(record).level >= level:
            return vneid.pages.redirect(return_to)
        _, logins, _ = vneid.sessions.names.split(request.environ.get("HTTP_COOKIE", ""))
        url, cookies = _sign_on(request).begin(return_to, level, hint, logins)
    except LoginError as error:
        return _refuse(request, error, who)
    return _with_cookies(vneid.pages.redirect(url), cookies)


def _login_parameters(request: Any, who: Who) -> tuple[str, int, str]:
    query = request.environ.get("QUERY_STRING", "")
    if len(query) > MAX_LOGIN_QUERY:
        raise LoginError("request_malformed", "the query is too long", status=400)
    try:
        asked, rest = redirects.split_return_to(query)
    except ValueError as error:
        raise LoginError("request_malformed", str(error), status=400) from error
    own = dict(parse_qsl(rest, keep_blank_values=True, errors="replace"))
    level = own.get("level", "0") or "0"
    if level not in ("0", "1", "2"):
        raise LoginError("request_malformed", "level is none of 0, 1 and 2", status=400)
    issuer = _sign_on(request).provider.issuer
    if issuer and own.get("iss", issuer) != issuer:
        raise LoginError("issuer_mismatch", "the login was started by another issuer than sso.issuer", status=400)
    hint = own.get("login_hint", "")
    if len(hint) > MAX_HINT or not hint.isprintable():
        raise LoginError("request_malformed", "login_hint is too long or not printable", status=400)
    return _return_to(request, asked, own.get("target_link_uri", ""), who), int(level), hint


def _return_to(request: Any, asked: str | None, target_link_uri: str, who: Who) -> str:
    vneid = request.vneid
    if asked is None and target_link_uri:
        own = target_link_uri.startswith(vneid.links.origin + "/")
        asked = target_link_uri.removeprefix(vneid.links.origin) if own else "//"
    if asked is None:
        return str(vneid.links.home)
    safe = redirects.safe_return_to(asked, public_url=vneid.links.public_url)
    if safe is None:
        vneid.tell_anyway(RedirectRefused(**who._asdict()))
        return str(vneid.links.home)
    return safe


# -- callback ----------------------------------------------------------------------------------------------------------

def callback_view(request: Any) -> Any:
    """Take VNeID's answer. Never shows a page under a URL that holds a code that still works."""
    vneid, who, names = request.vneid, who_asks(request), request.vneid.sessions.names
    values, logins, _ = names.split(request.environ.get("HTTP_COOKIE", ""))
    transaction, state = None, ""
    try:
        if request.method != "GET":
            raise LoginError("method_not_allowed", "the callback takes GET", status=405)
        callback = oidc.parse_callback(request.environ.get("QUERY_STRING", ""))
        state = callback.state
        before = vneid.sessions.from_environ(request.environ) if values else None
        transaction = _sign_on(request).transaction(state, logins)
        if transaction is None and before is not None:
            outcome = _sign_on(request).known_outcome(state, before)
            if outcome is not None:
                return vneid.pages.redirect(outcome.return_to)
        outcome = _sign_on(request).finish(callback, transaction, before, who)
    except (StorageError, AuditError) as error:
        refusal = LoginError("storage_unavailable", str(error), status=503)
        return _refuse(request, refusal, who, transaction, names.login(state))
    except LoginError as error:
        return _refuse(request, error, who, transaction, names.login(state) if state else "")
    return _with_cookies(vneid.pages.redirect(outcome.return_to), [outcome.session_cookie, names.delete(names.login(state))])


# -- logout ------------------------------------------------------------------------------------------------------------

def logout_page(request: Any) -> Any:
    """Ask whether the citizen wants to sign out: a link or an image of another site must not do it."""
    vneid = request.vneid
    if vneid.sessions.from_environ(request.environ) is None:
        return vneid.pages.outcome(request, "logged_out", 200)
    return vneid.pages.page(request, "confirm.html", "confirm_logout", action=vneid.links.own("/logout"),
                            back=vneid.links.home, confirm_label="action.logout")


def logout_view(request: Any) -> Any:
    """End the session here, then at VNeID."""
    vneid, who = request.vneid, who_asks(request)
    if negotiation.is_cross_site(request.environ, vneid.links.origin):
        vneid.tell_anyway(LogoutRefused(**who._asdict(), code="cross_site"))
        return vneid.pages.outcome(request, "logout_refused", 403, request_id=who.request_id)
    names, record = vneid.sessions.names, vneid.sessions.from_environ(request.environ)
    try:
        url = _sign_on(request).end(record, who) if record is not None else None
    except StorageError as error:
        log.error("%s: the end of a session could not be recorded: %s", who.request_id, error)
        response = vneid.pages.outcome(request, "logout_incomplete", 503, request_id=who.request_id)
    else:
        response = vneid.pages.redirect(url or vneid.links.own("/logged-out"))
    response.headers["Clear-Site-Data"] = '"cache"'
    return _with_cookies(response, [names.delete(names.session)])


def logged_out_view(request: Any) -> Any:
    """Where VNeID sends the citizen back to. Whatever parameters come along, they decide nothing."""
    vneid = request.vneid
    if vneid.sessions.from_environ(request.environ) is not None:
        return vneid.pages.outcome(request, "still_signed_in", 200, links=(
            Link("action.logout", vneid.links.own("/logout")), Link("action.home", vneid.links.home)))
    return vneid.pages.outcome(request, "logged_out", 200)


MAX_LOGOUT_BODY = 65_536


def backchannel_view(request: Any) -> Any:
    """End what the provider's logout token names. No cookie counts here, and the answer tells nobody who was signed in."""
    vneid, who = request.vneid, who_asks(request)
    if not vneid.settings["sso.backchannel_logout"]:
        return vneid.pages.outcome(request, "not_found", 404)
    length = request.content_length
    if length is None or length > MAX_LOGOUT_BODY:
        status = 411 if length is None else 413
        return _oauth_error(vneid, status, "invalid_request", "the body is too large, or of unknown length")
    if request.content_type != "application/x-www-form-urlencoded":
        return _oauth_error(vneid, 415, "invalid_request", "the body must be a form with logout_token")
    try:
        given = parse_qsl(request.body_file_raw.read(length).decode("ascii"), keep_blank_values=True)
        tokens = [value for name, value in given if name == "logout_token"]
        if len(tokens) != 1:
            raise VNeIDError("request_malformed", "the body must hold logout_token once")
        _sign_on(request).backchannel.end(tokens[0], who)
    except (StorageError, UpstreamError, LoginError) as error:
        log.error("%s: a back-channel logout could not be done: %s", who.request_id, error)
        return _oauth_error(vneid, 503, "temporarily_unavailable", "try again")
    except (VNeIDError, UnicodeDecodeError) as error:
        code = error.code if isinstance(error, VNeIDError) else "request_malformed"
        log.warning("%s: back-channel logout refused: %s", who.request_id, error if isinstance(error, VNeIDError) else code)
        vneid.tell_anyway(LogoutRefused(**who._asdict(), code=code))
        return _oauth_error(vneid, 400, "invalid_request", code)
    return vneid.pages.json({})


def _oauth_error(vneid: Any, status: int, error: str, description: str) -> Any:
    return vneid.pages.json({"error": error, "error_description": description}, status)


# -- shared ------------------------------------------------------------------------------------------------------------

def _sign_on(request: Any) -> SignOn:
    component: SignOn = request.vneid["sso"]
    return component


def _refuse(request: Any, error: LoginError, who: Who, transaction: Any = None, cookie: str = "") -> Any:
    vneid = request.vneid
    vneid.tell_anyway(LoginRefused(**who._asdict(), code=error.code, status=error.status, detail=error.detail))
    log.warning("%s: login refused: %s", who.request_id, error)
    # a login that is over and one that was never ours begin anew at the page that was wanted, or at the start page
    target = transaction.return_to if transaction else vneid.links.home
    retry = vneid.links.own("/login") + "?return_to=" + quote(target.removeprefix(vneid.links.origin) or "/", safe="/")
    links = (Link("action.retry", retry), Link("action.home", vneid.links.home))
    level = error.evidence.get("level")
    response = vneid.pages.outcome(request, error.code, error.status, request_id=who.request_id, links=links,
                                   details={"level": str(level)} if level else None)
    if error.status == 405:
        response.headers["Allow"] = "GET"
    names = vneid.sessions.names
    return _with_cookies(response, [names.delete(cookie)] if cookie and transaction else [])


def _with_cookies(response: Any, cookies: list[str]) -> Any:
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    return response
