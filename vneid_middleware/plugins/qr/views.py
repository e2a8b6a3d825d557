"""The counter's endpoints: ``/qr/lookup``, ``/qr/lookup/ID``, ``/qr/webhook``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from pyramid.exceptions import PredicateMismatch

from vneid_middleware import addresses
from vneid_middleware.core.lookup import PENDING, UNAVAILABLE, Result, read_question
from vneid_middleware.events import LookupRefused
from vneid_middleware.exceptions import AuditError, StorageError, UpstreamError, VNeIDError
from vneid_middleware.kept import COOL_DOWN
from vneid_middleware.models import Operator, Who
from vneid_middleware.pages import correlation_id
from vneid_middleware.plugins.qr.counter import Counter

log = logging.getLogger("vneid_middleware")

MAX_BODY = 65_536
_TRY_AGAIN = "5"
"""Seconds after which a caller may try again where something is down."""
_CODES = {"operator_unknown": 401, "not_an_officer": 403, "cross_site": 403, "lookup_unknown": 404, "lookup_malformed": 400,
          "media_type_unsupported": 415, "too_many_lookups": 429}

View = Callable[[Any, Operator, Who], Any]


def for_operators(view: View) -> Callable[[Any], Any]:
    """Make a view that only operators reach, and whose refusals are JSON."""

    @wraps(view)
    def checked(request: Any) -> Any:
        vneid = request.vneid
        who = Who(correlation_id(), addresses.client(request.environ, vneid.settings["trusted_proxies"]),
                  request.headers.get("User-Agent", "")[:200])
        operator: Operator | None = None
        try:
            operator = _counter(request).policy.identify(request)
            if operator is None:
                raise VNeIDError("operator_unknown")
            return view(request, operator, who)
        except (StorageError, AuditError) as error:
            log.error("%s: a lookup was stopped: %s", who.request_id, error)
            if isinstance(error, AuditError):
                vneid["alarm"].send("audit_unwritable", who.request_id)
            return refusal(request, "lookup_stopped", 503, who)
        except VNeIDError as error:
            return _refused(request, error, operator, who)

    return checked


def _refused(request: Any, error: VNeIDError, operator: Operator | None, who: Who) -> Any:
    code = "lookup_malformed" if error.code == "request_malformed" else error.code
    status = _CODES.get(code)
    if status is None:
        raise error
    # the counter's page asks by itself whether an officer is there yet; somebody who tries keys does not
    is_page = request.matched_route.name == "vneid.qr.operator" and "Authorization" not in request.headers
    if is_page:
        log.info("%s: the counter is open, and no officer is there: %s", who.request_id, error)
    else:
        log.warning("%s: lookup refused: %s", who.request_id, error)
    if status != 404:
        request.vneid.tell_anyway(LookupRefused(**who._asdict(), code=code, operator=operator.name if operator else ""))
    response = refusal(request, code, status, who, **{key: error.evidence[key] for key in ("field",) if key in error.evidence})
    challenge = getattr(_counter(request).policy, "challenge", "")
    if status == 401 and challenge:
        response.headers["WWW-Authenticate"] = challenge
    if status == 429:
        response.headers["Retry-After"] = str(error.evidence["retry_after"])
    return response


def refusal(request: Any, code: str, status: int, who: Who, **extra: Any) -> Any:
    """Answer with an error as JSON, whoever asks."""
    pages = request.vneid.pages
    message = pages.message(code, pages.language(request.environ))
    response = pages.json({"error": code, "message": f"{message.happened} {message.todo}", "correlation_id": who.request_id,
                           **extra}, status)
    if status == 503:
        response.headers["Retry-After"] = _TRY_AGAIN
    return response


@for_operators
def lookup_view(request: Any, operator: Operator, who: Who) -> Any:
    """Ask VNeID who stands at the counter."""
    # who the officer is, the policy knows better than the request
    known = ("officerId",) if operator.officer_id else ()
    question = read_question(_json_body(request), set(request.vneid.settings["qr.require"]).difference(known))
    begun = _counter(request).ask(question, operator, who)
    if begun.result is None:
        return _pending(request, begun.identifier, who)
    return _answer(request, begun.result, who)


@for_operators
def state_view(request: Any, operator: Operator, who: Who) -> Any:
    """Tell how a lookup stands; its result once."""
    if request.method == "HEAD":
        # which would be taken away with nobody having read it; routes have HEAD along with GET
        raise PredicateMismatch("a lookup's state is asked for by GET")
    identifier = request.matchdict["identifier"]
    result = _counter(request).look(identifier, operator)
    return _pending(request, identifier, who) if result is None else _answer(request, result, who)


@for_operators
def cancel_view(request: Any, operator: Operator, who: Who) -> Any:
    """End a lookup that nobody needs any more."""
    _counter(request).cancel(request.matchdict["identifier"], operator, who)
    response = request.vneid.pages.json({})
    response.status = 204
    response.body = b""
    del response.headers["Content-Type"]
    return response


def webhook_view(request: Any) -> Any:
    """Take VNeID's answer where it sends it by itself. The transaction's id is the secret that the sender knows."""
    who = Who(correlation_id(), addresses.client(request.environ, request.vneid.settings["trusted_proxies"]), "")
    try:
        if request.vneid.settings["qr.consent"] != "webhook":
            raise VNeIDError("transaction_unknown")
        _counter(request).hook(_json_body(request))
    except (StorageError, AuditError, UpstreamError) as error:
        log.error("%s: an answer by webhook could not be taken: %s", who.request_id, error)
        response = refusal(request, "lookup_stopped", 503, who)
        response.headers["Retry-After"] = str(COOL_DOWN)
        return response
    except VNeIDError as error:
        log.warning("%s: webhook refused: %s", who.request_id, error)
        if error.code == "transaction_unknown":
            return refusal(request, "lookup_unknown", 404, who)
        if error.code == "media_type_unsupported":
            return refusal(request, error.code, 415, who)
        return refusal(request, "lookup_malformed", 400, who)
    return request.vneid.pages.json({"status": "accepted"})


def _json_body(request: Any) -> bytes:
    if request.content_type != "application/json":
        raise VNeIDError("media_type_unsupported", "the body is not application/json")
    length = request.content_length
    if length is None or length > MAX_BODY:
        raise VNeIDError("request_malformed", f"the body is of unknown length, or larger than {MAX_BODY} bytes")
    body: bytes = request.body_file_raw.read(length)
    return body


def _pending(request: Any, identifier: str, who: Who) -> Any:
    response = _answer(request, Result(PENDING, _counter(request).pending_code), who)
    response.headers["Location"] = request.vneid.links.own(f"/qr/lookup/{identifier}")
    response.headers["Retry-After"] = str(_counter(request).retry_after())
    return response


def _answer(request: Any, result: Result, who: Who) -> Any:
    pages = request.vneid.pages
    words = pages.message(f"lookup.{result.status}", pages.language(request.environ))
    body = {**result.body(f"{words.happened} {words.todo}"), "correlation_id": who.request_id}
    response = pages.json(body, result.http_status)
    if result.status == UNAVAILABLE:
        response.headers["Retry-After"] = _TRY_AGAIN
    return response


def _counter(request: Any) -> Counter:
    counter: Counter = request.vneid["qr"]
    return counter
