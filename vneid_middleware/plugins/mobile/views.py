"""The endpoints of apps: ``/mobile/start``, ``/mobile/callback``, ``/mobile/token``, ``/mobile/revoke``.

Programs ask here and get JSON, whatever they accept; only the callback is seen by a person.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from vneid_middleware import addresses
from vneid_middleware.core import mobile
from vneid_middleware.core.bearer import challenge
from vneid_middleware.core.jose import JoseError, loads_object
from vneid_middleware.core.mobile import AppRequestError
from vneid_middleware.events import LoginRefused
from vneid_middleware.exceptions import AuditError, LoginError, StorageError
from vneid_middleware.models import Who
from vneid_middleware.plugins.mobile.signon import AppSignOn

log = logging.getLogger("vneid_middleware")

MAX_BODY = 65_536
_RETRY_AFTER = "60"
View = Callable[[Any, AppSignOn, Who], Any]


def for_apps(view: View) -> Callable[[Any], Any]:
    """Return a view that refuses browsers, and answers every refusal with JSON."""

    @wraps(view)
    def answering(request: Any) -> Any:
        who = _who(request)
        try:
            if "HTTP_ORIGIN" in request.environ:
                raise AppRequestError("access_denied", "a web page must not ask here", status=403)
            return view(request, request.vneid["mobile"], who)
        except (AppRequestError, LoginError, StorageError, AuditError) as error:
            log.log(logging.ERROR if isinstance(error, (StorageError, AuditError)) else logging.WARNING,
                    "%s: an app's request refused: %s", who.request_id, error)
            return _refused(request.vneid, _told(error), who)

    return answering


@for_apps
def start_view(request: Any, apps: AppSignOn, who: Who) -> Any:
    """Begin a sign-on."""
    settings = request.vneid.settings
    asked = mobile.parse_start(_body(request), settings["mobile.apps"], deep_link=settings["mobile.deep_link"])
    begun = apps.begin(asked, who.remote_addr)
    return request.vneid.pages.json({"transaction": begun.transaction, "url": begun.url,
                                     "expires_in": mobile.TRANSACTION_TTL})


@for_apps
def token_view(request: Any, apps: AppSignOn, who: Who) -> Any:
    """Give an app its access token for a code."""
    given = mobile.parse_redemption(_body(request))
    try:
        granted = apps.redeem(given, who)
    except (AppRequestError, LoginError, StorageError, AuditError) as error:
        request.vneid.tell_anyway(LoginRefused(**who._asdict(), code=error.code, status=_told(error).status,
                                               detail=error.detail))
        raise
    answer = {"access_token": granted.access_token, "token_type": "Bearer", "expires_in": granted.expires_in,
              "identity": granted.identity.public()}
    return request.vneid.pages.json({**answer, "sign_up_url": granted.sign_up} if granted.sign_up else answer)


@for_apps
def revoke_view(request: Any, apps: AppSignOn, who: Who) -> Any:
    """End the session of the access token that comes along."""
    sessions = request.vneid.sessions
    token = sessions.bearer_token(request.environ)
    if token and not sessions.revocations.is_current(request.vneid.clock()):
        raise StorageError("storage_unavailable", "nobody can say which sessions have ended")
    record = sessions.from_environ(request.environ) if token else None
    if record is None:
        raise AppRequestError("invalid_token", "no living access token came along", status=401)
    apps.end(record, who)
    return request.vneid.pages.empty()


def callback_view(request: Any) -> Any:
    """Take VNeID's answer in whichever browser it comes, and send that browser on to the app."""
    vneid, who = request.vneid, _who(request)
    if request.method != "GET":
        # a HEAD would use the code up, and nobody would see where it leads
        response = vneid.pages.outcome(request, "method_not_allowed", 405, request_id=who.request_id)
        response.headers["Allow"] = "GET"
        return response
    try:
        return vneid.pages.redirect(vneid["mobile"].answer(request.environ.get("QUERY_STRING", ""), who))
    except StorageError as error:
        refusal = LoginError("storage_unavailable", str(error), status=503)
    except LoginError as error:
        refusal = error
    vneid["mobile"].note_refusal(refusal, who)
    # a login begins in the app: there is nothing here to try again
    return vneid.pages.outcome(request, "app_sign_on_failed", refusal.status, request_id=who.request_id)


# -- shared ------------------------------------------------------------------------------------------------------------

def _who(request: Any) -> Who:
    return addresses.who_asks(request.environ, request.vneid.settings["trusted_proxies"])


def _body(request: Any) -> dict[str, Any]:
    length = request.content_length
    if request.content_type != "application/json" or length is None or length > MAX_BODY:
        raise AppRequestError("invalid_request", f"the body must be application/json of at most {MAX_BODY} bytes")
    try:
        return loads_object(request.body_file_raw.read(length))
    except JoseError as error:
        raise AppRequestError("invalid_request", "the body must be a JSON object, with no name twice") from error


def _told(error: AppRequestError | LoginError | StorageError | AuditError) -> AppRequestError:
    """Return what an app is told of a refusal: of the citizen and of VNeID no more than a word."""
    if isinstance(error, AppRequestError):
        return error
    if not isinstance(error, LoginError):
        return AppRequestError("temporarily_unavailable", "storage_unavailable", status=503)
    if error.code == "code_refused":
        return AppRequestError("invalid_grant", error.code)
    # that this citizen may not sign in is no fault of ours or of VNeID's: what was redeemed is no good (RFC 6749 5.2)
    return AppRequestError(mobile.oauth_error(error), error.code, status=400 if error.status == 403 else error.status)


def _refused(vneid: Any, error: AppRequestError, who: Who) -> Any:
    response = vneid.pages.json({"error": error.code, "error_description": error.detail, "correlation_id": who.request_id},
                                error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = challenge(error.code)
    if error.status in (429, 503):
        response.headers["Retry-After"] = _RETRY_AFTER
    return response
