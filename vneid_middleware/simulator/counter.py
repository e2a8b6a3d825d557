"""What a one-stop system calls (the guide's part C): a lookup by ``qrID``, and the keys that its answers are signed with."""

from __future__ import annotations

import threading
import time
from typing import Any

from webob import Request, Response

from vneid_middleware.core.jose import JoseError, loads_object
from vneid_middleware.simulator.accounts import caller_of
from vneid_middleware.simulator.answers import ProtocolError, json_answer, json_body
from vneid_middleware.simulator.counter_answers import CounterAnswers, envelope
from vneid_middleware.simulator.faults import misbehaviour
from vneid_middleware.simulator.lookups import AGREED, FAILED, REFUSED, Lookup, Refused
from vneid_middleware.simulator.state import State
from vneid_middleware.simulator.webhook import Webhook

PATH = "/qr/lookup"

_MAX_BODY = 65_536
_MAX_TEXT = 4_096
_CONTEXT = ("requestId", "officerId", "unitCode", "dossier")
_SHOWN = ("unitCode", "dossier")
_AFTER_ANSWER = 0.05
"""Seconds after which a citizen who decides by himself does so: the answer with the transaction id goes first."""


class Counter:
    """``/qr/lookup`` and ``/qr/jwks.json``.

    Args:
        state: the simulator's memory.
        issuer: its own base URL.
    """

    def __init__(self, state: State, issuer: str) -> None:
        self._state = state
        self.answers = CounterAnswers(state, issuer)
        self._webhook = Webhook(state, self.answers)
        state.on_decided = self._webhook.tell

    def jwks(self, request: Request) -> Response:
        """The published keys of the answers' signer."""
        return misbehaviour(self._state, "qr_jwks") or json_answer(self.answers.keys.jwks())

    def rotate(self, request: Request) -> Response:
        """Sign with new keys from now on, and publish only those."""
        json_body(request)
        self.answers.keys.rotate()
        return json_answer(self.answers.keys.jwks())

    def lookup(self, request: Request, platform_client: str = "") -> Response:
        """Answer an agency; ``platform_client`` is who a platform in front says that it is."""
        fault = misbehaviour(self._state, "qr")
        if fault is not None:
            return fault
        caller = f"{platform_client} {caller_of(request, self._state)}"
        try:
            body = _body(request)
            found = self._asked_again(body, caller) if "transactionId" in body else self._asked(body, caller, request)
            return json_answer(found)
        except Refused as refusal:
            return json_answer(envelope(refusal.code))
        except ValueError as error:
            return json_answer(envelope(FAILED, message=str(error)), 500)

    def _asked(self, body: dict[str, Any], caller: str, request: Request) -> Any:
        switches = self._state.switches
        asked = {name: body[name] for name in _CONTEXT if name in body}
        lookup = self._state.lookups.ask(body["qrID"], caller, asked, switches["qr_mode"], switches["qr_used_code"])
        self._decide_by_switch(lookup)
        if lookup.mode == "blocking":
            self._wait(lookup, request)
            return self.answers.envelope(lookup)
        return self.answers.pending(lookup)

    def _asked_again(self, body: dict[str, Any], caller: str) -> Any:
        lookup = self._state.lookups.find(body["transactionId"], caller, body.get("requestId"))
        return self.answers.envelope(lookup) if lookup.mode == "poll" else self.answers.pending(lookup)

    def _decide_by_switch(self, lookup: Lookup) -> None:
        state = {"always": AGREED, "never": REFUSED}.get(self._state.switches["consent"])
        if state is None:
            return
        if lookup.mode == "webhook" and self._state.switches["qr_webhook"] != "early":
            timer = threading.Timer(_AFTER_ANSWER, self._state.lookups.decide, (lookup, state))
            timer.daemon = True
            timer.start()
        else:
            self._state.lookups.decide(lookup, state)

    def _wait(self, lookup: Lookup, request: Request) -> None:
        """Hold the answer until the citizen decided. Who hangs up, or stops the simulator, ends the wait."""
        gone = request.environ.get("waitress.client_disconnected", bool)
        end = time.monotonic() + self._state.patience
        while not lookup.decided.wait(min(1, max(0, end - time.monotonic()))):
            if time.monotonic() >= end or gone() or self._state.stopped.is_set():
                self._state.lookups.expire(lookup)


def _body(request: Request) -> dict[str, Any]:
    """Return what was asked: ``qrID`` and context, or ``transactionId`` and ``requestId``; nothing else, and all text."""
    if request.content_type != "application/json":
        raise _bad(415, "application/json expected")
    if request.content_length is None or request.content_length > _MAX_BODY:
        raise _bad(413, f"at most {_MAX_BODY} bytes")
    try:
        body = loads_object(request.body)
    except JoseError as error:
        raise _bad(400, error.detail) from error
    request.environ["simulator.asked"] = {name[:40]: value if name in _SHOWN else "***" for name, value in body.items()}
    allowed = {"transactionId", "requestId"} if "transactionId" in body else {"qrID", *_CONTEXT}
    for name, value in body.items():
        if name not in allowed:
            raise _bad(400, f"{name[:40]}: not expected here")
        if not (isinstance(value, str) and 0 < len(value) <= _MAX_TEXT):
            raise _bad(400, f"{name}: must be text")
    if "qrID" not in body and "transactionId" not in body:
        raise _bad(400, "qrID: is required")
    return body


def _bad(status: int, what: str) -> ProtocolError:
    return ProtocolError(status, "invalid_request", what)
