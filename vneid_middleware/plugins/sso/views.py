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
from vneid_middleware.models import Who
from vneid_middleware.pages import Link
from vneid_middleware.plugins.sso.signon import SignOn

log = logging.getLogger("vneid_middleware")

MAX_LOGIN_QUERY = 8192
MAX_HINT = 256
_ANOTHER_ACCOUNT = ("level_too_low", "organisation_refused", "account_unknown", "account_conflict")
_NO_LOGIN = ("request_malformed", "method_not_allowed")
"""Pages whose next step is the start page."""


def who_asks(request: Any) -> Who:
    """Return what of a request goes into events, with a new correlation id."""
    return addresses.who_asks(request.environ, request.vneid.settings["trusted_proxies"])


# -- login -------------------------------------------------------------------------------------------------------------

def login_view(request: Any) -> Any:
    """Send the citizen to VNeID, or straight on where they are signed in at the level asked for."""
    vneid, who = request.vneid, who_asks(request)
    if not negotiation.is_navigation(request.environ):
        return vneid.pages.outcome(request, "login_required", 401, request_id=who.request_id,
                                   extra={"login_url": vneid.links.own("/login")})
    try:
        return_to, level, hint, prompt = _login_parameters(request, who)
        record = vneid.sessions.from_environ(request.environ)
        # who had no account yet may have one by now
        enough = record is not None and records.identity_of(record).level >= level and records.account_of(record) != ""
        if enough and not prompt:
            return vneid.pages.redirect(return_to)
        _, logins, _ = vneid.sessions.names.split(request.environ.get("HTTP_COOKIE", ""))
        if record is None:
            _sign_on(request).loop.check(logins)
        before = records.session_id(record) if record is not None else ""
        url, cookies = _sign_on(request).begin(return_to, level, {"login_hint": hint, "prompt": prompt}, logins, before)
    except LoginError as error:
        return _refuse(request, error, who)
    return _with_cookies(vneid.pages.redirect(url), cookies)


def _login_parameters(request: Any, who: Who) -> tuple[str, int, str, str]:
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
    prompt = own.get("prompt", "")
    if prompt not in ("", "login"):
        raise LoginError("request_malformed", "prompt is not login", status=400)
    return _return_to(request, asked, own.get("target_link_uri", ""), who), int(level), hint, prompt


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
        callback = oidc.parse_callback(_answer(request))
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
    if forms := vneid.components.get("forms"):
        forms.signed_in(request.environ, outcome.session_cookie.partition("=")[2].partition(";")[0], logins)
    cookies = [outcome.session_cookie, names.delete(names.login(state)), _sign_on(request).loop.count(logins)]
    return _with_cookies(vneid.pages.redirect(outcome.return_to), cookies)


def _answer(request: Any) -> str:
    """Return the provider's answer as a query, from where ``sso.response_mode`` has it come."""
    by_form = request.vneid.settings["sso.response_mode"] == "form_post"
    if request.method != ("POST" if by_form else "GET"):
        raise LoginError("method_not_allowed", f"the callback takes {'POST' if by_form else 'GET'}", status=405)
    if not by_form:
        return str(request.environ.get("QUERY_STRING", ""))
    length = request.content_length
    if request.content_type != "application/x-www-form-urlencoded" or length is None or length > oidc.MAX_QUERY:
        raise LoginError("callback_malformed", "the answer is no form, or too large", status=400)
    # in a form a plus sign is a space; in the callback's address it stays one
    return str(request.body_file_raw.read(length).decode("latin-1").replace("+", "%20"))


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
    if vneid.sessions.bearer_token(request.environ) is not None:
        return _end_app_session(request, record, who)
    try:
        url = _sign_on(request).end(record, who) if record is not None else None
    except StorageError as error:
        log.error("%s: the end of a session could not be recorded: %s", who.request_id, error)
        response = vneid.pages.outcome(request, "logout_incomplete", 503, request_id=who.request_id)
    else:
        response = vneid.pages.redirect(url or vneid.links.own("/logged-out"))
    response.headers["Clear-Site-Data"] = '"cache"'
    forms = vneid.components.get("forms")
    _, others, _ = names.split(request.environ.get("HTTP_COOKIE", ""))
    forgotten = forms.forget(request.environ, others) if forms else []
    return _with_cookies(response, [names.delete(names.session), _sign_on(request).loop.forget(), *forgotten])


def _end_app_session(request: Any, record: Any, who: Who) -> Any:
    """Answer an app that signs out by its access token: there is no browser to send on to VNeID."""
    vneid = request.vneid
    if record is None:
        response = vneid.pages.outcome(request, "login_required", 401, request_id=who.request_id)
        response.headers.update(vneid.sessions.challenge(request.environ))
        return response
    _sign_on(request).end(record, who)
    return vneid.pages.empty()


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
    except (StorageError, UpstreamError) as error:
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
    # whose account does not suffice needs another one, and not the one that the provider still knows
    prompt = "prompt=login&" if error.code in _ANOTHER_ACCOUNT else ""
    retry = f"{vneid.links.own('/login')}?{prompt}return_to={quote(target.removeprefix(vneid.links.origin) or '/', safe='/')}"
    links = (Link("action.retry", retry), Link("action.home", vneid.links.home))
    if error.code in _NO_LOGIN:
        links = links[::-1]
    level = error.evidence.get("level")
    response = vneid.pages.outcome(request, error.code, error.status, request_id=who.request_id, links=links,
                                   details={"level": str(level)} if level else None)
    if error.status == 405:
        response.headers["Allow"] = "POST" if vneid.settings["sso.response_mode"] == "form_post" else "GET"
    names = vneid.sessions.names
    return _with_cookies(response, [names.delete(cookie)] if cookie and transaction else [])


def _with_cookies(response: Any, cookies: list[str]) -> Any:
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    return response
