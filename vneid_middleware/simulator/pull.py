"""How VNeID asks a portal for a citizen's paper (the guide's part B), right and wrong, and what it makes of the answer."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from typing import Any

from webob import Request, Response

from vneid_middleware.core.jose import JoseError, loads_object
from vneid_middleware.simulator.answers import json_answer, json_body
from vneid_middleware.simulator.calls import Reply, Unreachable, call
from vneid_middleware.simulator.counter_keys import SPOILT_SIGNATURES, CounterKeys
from vneid_middleware.simulator.faults import misbehaviour
from vneid_middleware.simulator.papers import Asked
from vneid_middleware.simulator.portal_keys import PortalKeys
from vneid_middleware.simulator.state import State

WITH_DATA = ("ok", "revoked", "expired")
STATUSES = {**dict.fromkeys((*WITH_DATA, "pending", "not_found", "mismatch", "multiple"), 200), "invalid_request": 400,
            "unavailable": 503}
"""What a portal may answer, each with its HTTP status."""

_LIFETIME = 60
_SECONDS = 35
_MAX_ANSWER = 14_100_000
_MAX_TRIES = 20
_LONGEST_PAUSE = 60
_MAX_AGE = 300
"""Seconds that an answer's ``iat`` may differ from now."""


class Pull:
    """Asks portals, and publishes the keys that the questions are signed with.

    Args:
        state: the simulator's memory.
        portal_keys: the portal's.
    """

    def __init__(self, state: State, portal_keys: PortalKeys) -> None:
        self._state, self._portal_keys = state, portal_keys
        self.keys = CounterKeys()

    def jwks(self, request: Request) -> Response:
        """The published keys."""
        return misbehaviour(self._state, "documents_jwks") or json_answer(self.keys.jwks())

    def rotate(self, request: Request) -> Response:
        """Sign with new keys from now on, and publish only those."""
        json_body(request)
        self.keys.rotate()
        return json_answer(self.keys.jwks())

    def begin(self, asked: Asked) -> Asked:
        """Ask in the background, and again as long as the portal says ``pending``."""
        self._state.wallets.ask(asked)
        threading.Thread(target=self._go, args=(asked,), daemon=True).start()
        return asked

    def _go(self, asked: Asked) -> None:
        try:
            while asked.tries < _MAX_TRIES:
                asked.tries += 1
                result = self._once(asked)
                asked.result = result
                asked.answered.set()
                if result["status"] != "pending" or self._state.stopped.wait(_pause(result["answer"])):
                    return
        finally:
            asked.answered.set()
            asked.ended.set()

    def _once(self, asked: Asked) -> dict[str, Any]:
        is_signed = self._state.switches["pull_form"] == "jws"
        body, headers = self._question(asked, is_signed)
        try:
            for _ in range(2 if self._state.faults["pull"] == "replayed" else 1):
                reply = call("POST", self._state.agency.documents, body, headers, seconds=_SECONDS, limit=_MAX_ANSWER)
        except Unreachable as error:
            return {"status": "unreachable", "http": 0, "signature": "none", "problem": error.reason, "answer": {}}
        return self._judged(asked, reply, is_signed)

    def _question(self, asked: Asked, is_signed: bool) -> tuple[bytes, dict[str, str]]:
        fault = self._state.faults["pull"]
        content: dict[str, Any] = {"requestId": asked.request_id, "loaiGiayTo": asked.kind, "soDinhDanh": asked.personal_id}
        if asked.typed is not None and fault != "no-typed-data":
            content["thamSo"] = [asked.typed] if fault == "typed-data-list" else asked.typed
        if fault == "no-number":
            del content["soDinhDanh"]
        if is_signed:
            body, kind = self._signed(content, fault), "application/jose"
            return body[:-20] if fault == "broken-body" else body, {"Content-Type": _wrong(kind, fault)}
        body = json.dumps(content, ensure_ascii=False).encode()
        key = self._state.agency.caller_key + ("x" if fault in (*SPOILT_SIGNATURES, "unknown-caller") else "")
        return body[:-1] if fault == "broken-body" else body, {"Content-Type": _wrong("application/json", fault),
                                                              "Authorization": f"Bearer {key}"}

    def _signed(self, content: Mapping[str, Any], fault: str) -> bytes:
        now, agency = int(self._state.clock()), self._state.agency
        claims = {"iss": agency.caller, "aud": agency.audience, "iat": now, "exp": now + _LIFETIME,
                  "jti": secrets.token_urlsafe(16), **content}
        changes: dict[str, dict[str, Any]] = {
            "wrong-aud": {"aud": "https://another.example"}, "unknown-caller": {"iss": "stranger"},
            "expired": {"iat": now - 400, "exp": now - 340}, "old-iat": {"iat": now - 3600},
            "future-iat": {"iat": now + 3600, "exp": now + 3660}}
        missing = {"no-jti": "jti", "no-iat": "iat", "no-exp": "exp"}.get(fault)
        claims = {name: value for name, value in {**claims, **changes.get(fault, {})}.items() if name != missing}
        return self.keys.sign(claims, self._state.switches["pull_alg"], fault if fault in SPOILT_SIGNATURES else "none").encode()

    def _judged(self, asked: Asked, reply: Reply, is_signed: bool) -> dict[str, Any]:
        """Return what an answer is worth. ``signature`` is ``valid``, ``invalid``, ``missing``, or ``not-due`` for a key."""
        signature, answer, problem = self._opened(reply, is_signed)
        result = {"http": reply.status, "signature": signature, "problem": problem, "answer": {}}
        status = answer.get("status")
        known = STATUSES.get(status) if isinstance(status, str) else None
        if reply.status not in STATUSES.values() or (reply.status != 200 and known is None):
            words = answer.get("error") or answer.get("responseMessage")
            return {**result, "status": "refused", "problem": problem or str(words or "")}
        problem = problem or self._misaddressed(answer) or _problem(answer, asked, reply.status, signature)
        if problem:
            return {**result, "status": "invalid_response", "problem": problem}
        return {**result, "status": status, "answer": answer}

    def _opened(self, reply: Reply, is_signed: bool) -> tuple[str, dict[str, Any], str]:
        """Return how it stands with the signature, the answer, and what is wrong with both: then the answer is empty."""
        if not (is_signed and reply.kind == "application/jose"):
            signature = "missing" if is_signed else "not-due"
            try:
                return signature, loads_object(reply.body), ""
            except JoseError as error:
                return signature, {}, error.detail
        try:
            token, jwks = reply.body.decode("ascii"), self._state.agency.jwks
            return "valid", self._portal_keys.verified(token, jwks, _MAX_ANSWER), ""
        except JoseError as error:
            return "invalid", {}, f"{error.code}: {error.detail}"
        except ValueError as error:
            return "invalid", {}, str(error)

    def _misaddressed(self, answer: Mapping[str, Any]) -> str:
        """Return what is wrong with ``iss``, ``aud`` and ``iat``, where the portal says them."""
        now, agency = int(self._state.clock()), self._state.agency
        if answer.get("iss", agency.audience) != agency.audience:
            return "iss: not the portal"
        if answer.get("aud", agency.caller) != agency.caller:
            return "aud: somebody else"
        issued = answer.get("iat", now)
        return "" if type(issued) is int and abs(issued - now) <= _MAX_AGE else "iat: not of now"


def _problem(answer: Mapping[str, Any], asked: Asked, http: int, signature: str) -> str:
    """Return what is wrong with a portal's answer; empty: nothing."""
    status, fields, data = answer.get("status"), answer.get("fields"), answer.get("data")
    if not isinstance(status, str) or status not in STATUSES:
        return "status: unknown"
    if STATUSES[status] != http:
        return f"status: {status} with HTTP {http}"
    if http == 200 and signature == "missing":
        return "no signature, although the question had one"
    if http == 200 and answer.get("requestId") != asked.request_id:
        return "requestId: another one"
    if not isinstance(answer.get("responseCode"), str) or not isinstance(answer.get("responseMessage"), str):
        return "responseCode, responseMessage: text expected"
    if status in WITH_DATA and not _is_papers(data):
        return "data: an object expected, or a list of objects"
    if status not in WITH_DATA and data:
        return "data: not expected"
    if status in ("mismatch", "multiple") and not _is_texts(fields):
        return "fields: names expected"
    if status == "pending" and type(answer.get("retryAfter")) is not int:
        return "retryAfter: seconds expected"
    return ""


def _is_papers(value: Any) -> bool:
    """Tell whether it is a paper, or all of a citizen's papers of a kind."""
    papers = value if isinstance(value, list) else [value]
    return bool(papers) and all(isinstance(paper, dict) for paper in papers)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _pause(answer: Mapping[str, Any]) -> float:
    return float(min(max(answer["retryAfter"], 0.05), _LONGEST_PAUSE))


def _wrong(kind: str, fault: str) -> str:
    return "text/plain" if fault == "wrong-type" else kind
