"""``POST /documents/lookup``: VNeID pulls a citizen's document."""

from __future__ import annotations

import json
import logging
from typing import Any, NamedTuple

from vneid_middleware import addresses, bearer_keys, text
from vneid_middleware.core import documents
from vneid_middleware.core.documents import INVALID_REQUEST, PENDING, UNAVAILABLE, PullRequest
from vneid_middleware.events import DocumentAnswered, DocumentRefused
from vneid_middleware.exceptions import AuditError, StorageError, VNeIDError
from vneid_middleware.models import PERSON, FoundDocument
from vneid_middleware.pages import correlation_id
from vneid_middleware.plugins.documents.callers import Question
from vneid_middleware.plugins.documents.pulls import RETRY_AFTER
from vneid_middleware.plugins.documents.refusals import refusal

log = logging.getLogger("vneid_middleware")

_REFUSALS = {"address_refused": 403, "pull_type_unsupported": 415, "body_too_large": 413, "caller_unknown": 401,
             "caller_unverifiable": 503, "request_replayed": 409, "too_many_pulls": 429}


class Who(NamedTuple):
    """What of the request goes into events."""

    request_id: str
    remote_addr: str
    user_agent: str


def lookup_view(request: Any) -> Any:
    """Answer a pull."""
    vneid = request.vneid
    who = Who(correlation_id(), addresses.client(request.environ, vneid.settings["trusted_proxies"]),
              request.headers.get("User-Agent", "")[:200])
    try:
        question = vneid["documents"].callers.admit(request)
        return _answered(request, question, who)
    except (StorageError, AuditError) as error:
        log.error("%s: a pull was stopped: %s", who.request_id, error)
        if isinstance(error, AuditError):
            vneid["alarm"].send("audit_unwritable", who.request_id)
        return refusal(request, "pull_stopped", 503, who.request_id)
    except VNeIDError as error:
        return _refused(request, error, who)


def _answered(request: Any, question: Question, who: Who) -> Any:
    vneid = request.vneid
    pull, found = _find(request, question)
    members = _members(request, question, found)
    # what can't be written down is not told
    vneid.tell(_event(request, pull, question, found, who))
    return _response(request, question, members)


def _find(request: Any, question: Question) -> tuple[PullRequest | None, FoundDocument]:
    component = request.vneid["documents"]
    try:
        if question.content is None:
            raise VNeIDError("request_malformed", "the body is no JSON object")
        pull = documents.read_request(question.content)
    except VNeIDError as error:
        field = error.evidence.get("field")
        return None, FoundDocument(INVALID_REQUEST, fields=(field,) if field else (), reason="request_malformed")
    if pull.kind not in component.kinds():
        return pull, FoundDocument(INVALID_REQUEST, fields=("loaiGiayTo",), reason="kind_unknown")
    return pull, component.pulls.ask(question.caller, pull, component.provider(pull.kind))


def _members(request: Any, question: Question, found: FoundDocument) -> dict[str, Any]:
    given = (question.content or {}).get("requestId", "")
    request_id = given if documents.is_request_id(given) else ""
    return documents.answer(found, request_id, request.vneid.settings["documents.response_codes"], RETRY_AFTER)


def _event(request: Any, pull: PullRequest | None, question: Question, found: FoundDocument, who: Who) -> DocumentAnswered:
    citizen: dict[str, Any] = {}
    if pull is not None:
        personal_id = pull.asked.personal_id
        citizen = {"subject_hash": request.vneid.key_ring.keyed_hashes("personal", personal_id)[0],
                   "personal_id": text.mask(personal_id), "account_type": PERSON}
    return DocumentAnswered(**who._asdict(), who=citizen, caller=question.caller, kind=pull.kind if pull else "",
                            asked_as=pull.request_id if pull else "", status=found.status, reason=found.reason)


def _response(request: Any, question: Question, members: dict[str, Any]) -> Any:
    vneid, status = request.vneid, members["status"]
    response = vneid.pages.json(members, documents.HTTP_STATUS.get(status, 200))
    if question.signed:
        payload = {**members, "iss": vneid.links.public_url, "aud": question.caller, "iat": vneid.now()}
        body = json.dumps(payload, ensure_ascii=False).encode()
        response.body = vneid.keys.sign("documents.signing_key", body, {}).encode("ascii")
        response.headers["Content-Type"] = "application/jose"
    if status in (PENDING, UNAVAILABLE):
        response.headers["Retry-After"] = str(RETRY_AFTER if status == PENDING else 5)
    return response


def _refused(request: Any, error: VNeIDError, who: Who) -> Any:
    vneid, status = request.vneid, _REFUSALS.get(error.code)
    if status is None:
        raise error
    log.warning("%s: pull refused: %s", who.request_id, error)
    caller = str(error.evidence.get("caller", ""))
    vneid.tell_anyway(DocumentRefused(**who._asdict(), code=error.code, caller=caller))
    response = refusal(request, error.code, status, who.request_id)
    if status == 401:
        response.headers["WWW-Authenticate"] = bearer_keys.CHALLENGE
    if status == 429:
        response.headers["Retry-After"] = str(error.evidence["retry_after"])
        vneid["documents"].alarm_rate(who.request_id, caller)
    return response
