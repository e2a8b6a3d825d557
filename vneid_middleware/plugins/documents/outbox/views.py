"""``POST /documents/changes``: the portal's back office announces."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from vneid_middleware import addresses, bearer_keys
from vneid_middleware.core.outbox import MAX_DATA, MAX_REQUEST, read_change
from vneid_middleware.events import ChangeAnnounced, ChangeRefused
from vneid_middleware.exceptions import AuditError, StorageError, VNeIDError
from vneid_middleware.outbox import Outbox
from vneid_middleware.pages import correlation_id
from vneid_middleware.plugins.documents.outbox.settings import kinds_of
from vneid_middleware.plugins.documents.refusals import refusal

log = logging.getLogger("vneid_middleware")

_CODES = {"submitter_unknown": 401, "change_malformed": 400, "change_too_large": 413, "idempotency_conflict": 409,
          "change_type_unsupported": 415}


class Who(NamedTuple):
    """Where a request comes from."""

    request_id: str
    remote_addr: str
    user_agent: str


def changes_view(request: Any) -> Any:
    """Take a change in: 202 says that it is on disk."""
    vneid = request.vneid
    who = Who(correlation_id(), addresses.client(request.environ, vneid.settings["trusted_proxies"]),
              request.headers.get("User-Agent", "")[:200])
    submitter = ""
    try:
        submitter = _submitter(request)
        return _taken_in(request, submitter, who)
    except (StorageError, AuditError) as error:
        log.error("%s: a change was not taken in: %s", who.request_id, error)
        if isinstance(error, AuditError):
            vneid["alarm"].send("audit_unwritable", who.request_id)
        return refusal(request, "change_not_taken", 503, who.request_id)
    except VNeIDError as error:
        return _refused(request, error, submitter, who)


def _taken_in(request: Any, submitter: str, who: Who) -> Any:
    vneid = request.vneid
    change = read_change(_body(request), kinds_of(vneid.settings))
    outbox: Outbox = vneid["outbox"]
    with vneid.storage.begin() as connection:
        receipt = outbox.put(connection, change, submitter)
        event = ChangeAnnounced(**who._asdict(), submitter=submitter, change_id=receipt.change_id, kind=change.kind,
                                version=receipt.version, action=change.action)
        # in the same transaction: what can't be written down is not taken in
        with vneid.storage.sharing(connection):
            vneid.write_down(event)
    vneid.spread(event)
    return vneid.pages.json({"changeId": receipt.change_id, "version": receipt.version}, 202)


def _submitter(request: Any) -> str:
    found = bearer_keys.holder(request.headers.get("Authorization", ""), request.vneid.settings["documents.submitters"])
    if found is None:
        raise VNeIDError("submitter_unknown", "no key of a submitter")
    return found


def _body(request: Any) -> bytes:
    if request.content_type != "application/json":
        raise VNeIDError("change_type_unsupported", "the body is not application/json")
    length = request.content_length
    if length is None:
        raise VNeIDError("change_malformed", "the body is of unknown length")
    if length > MAX_DATA + MAX_REQUEST:
        raise VNeIDError("change_too_large", f"the body is larger than {MAX_DATA + MAX_REQUEST} bytes")
    body: bytes = request.body_file_raw.read(length)
    return body


def _refused(request: Any, error: VNeIDError, submitter: str, who: Who) -> Any:
    status = _CODES.get(error.code)
    if status is None:
        raise error
    log.warning("%s: announcement refused: %s", who.request_id, error)
    request.vneid.tell_anyway(ChangeRefused(**who._asdict(), code=error.code, submitter=submitter))
    response = refusal(request, error.code, status, who.request_id,
                       **{key: error.evidence[key] for key in ("field",) if key in error.evidence})
    if status == 401:
        response.headers["WWW-Authenticate"] = bearer_keys.CHALLENGE
    return response
