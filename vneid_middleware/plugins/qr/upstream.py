"""VNeID as the counter reaches it: the question put in its words, the answer verified before anything of it is believed."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from vneid_middleware.core import lookup
from vneid_middleware.core.citizen import read_citizen
from vneid_middleware.core.jose import KeySet
from vneid_middleware.core.lookup_answer import verify_answer
from vneid_middleware.exceptions import UpstreamError, VNeIDError
from vneid_middleware.kept import Deadline, Slots, verified
from vneid_middleware.key_sets import kept_key_set
from vneid_middleware.models import TransportRequest
from vneid_middleware.outbound import Response

MAX_ENVELOPE = 262_144
_KEYS_SECONDS = 5
"""Seconds that a thread waits for the signer's keys; a webhook's is one of the server's, of which half may wait."""
_WRONG_FORM = ("malformed", "too_large")


class Asked(NamedTuple):
    """A question on its way; while it waits it lies sealed in storage."""

    identifier: str
    """The lookup's id, which only its operator knows."""
    qr_id: str
    request_id: str
    """A UUID: ``requestId`` where it is sent, and the platform's message id."""
    officer_id: str
    unit_code: str
    dossier: str
    transaction_id: str = ""
    """VNeID's own, once it has one."""


class Answer(NamedTuple):
    """What VNeID's answer comes to."""

    result: lookup.Result
    transaction_id: str = ""
    answer_key: str = ""
    """By what a signed answer is known again."""
    remember_until: int = 0
    personal_id: str = ""


class Upstream:
    """Asks VNeID.

    Args:
        services: settings, transports, keys and clock.
    """

    def __init__(self, services: Any) -> None:
        settings = services.settings
        self._vneid = services
        self._settings = settings
        self.transport = services["transports"][settings["qr.transport"]]
        self._timeout: int | None = settings["qr.consent_timeout"] if settings["qr.consent"] == "blocking" else None
        self._keys = kept_key_set("qr.jwks", settings["qr.jwks"] or "", services)
        services.outbound.warm_up()

    def request(self, asked: Asked) -> TransportRequest:
        """Return the message: the question, or the question after its transaction."""
        sends = set(self._settings["qr.send"]) | ({"requestId"} if self._settings["qr.bind"] == "request_id" else set())
        said = {"requestId": asked.request_id, "officerId": asked.officer_id, "unitCode": asked.unit_code,
                "dossier": asked.dossier}
        if asked.transaction_id:
            body = {"transactionId": asked.transaction_id, **({"requestId": asked.request_id} if "requestId" in sends else {})}
        else:
            body = {"qrID": asked.qr_id, **{name: value for name, value in said.items() if name in sends and value}}
        return TransportRequest(self._settings["qr.path"], json.dumps(body, ensure_ascii=False).encode(),
                                request_id=asked.request_id, officer_id=asked.officer_id, dossier=asked.dossier,
                                timeout=self._timeout, max_body=MAX_ENVELOPE)

    def failure(self, error: UpstreamError) -> Answer:
        """Return what an answer that did not come comes to."""
        if error.code == "timeout" and self._timeout is not None:
            return Answer(lookup.Result(lookup.CONSENT_TIMEOUT, reason="no_answer"))
        status = lookup.INVALID_RESPONSE if error.code in _WRONG_FORM else lookup.UNAVAILABLE
        return Answer(lookup.Result(status, reason=error.code))

    def read(self, response: Response, asked: Asked) -> Answer:
        """Return what an answer comes to; one that can't be believed is ``invalid_response`` and holds no data."""
        try:
            envelope = lookup.read_envelope(response.body)
        except VNeIDError as error:
            if response.status != 200:
                return Answer(lookup.Result(lookup.UNAVAILABLE, reason="status"))
            return Answer(lookup.Result(lookup.INVALID_RESPONSE, reason=error.code))
        try:
            answer = self.envelope(envelope, asked)
        except UpstreamError as error:
            return Answer(lookup.Result(lookup.INVALID_RESPONSE, envelope.code, reason=error.code))
        if response.status != 200 and answer.result.status in (lookup.OK, lookup.PENDING, lookup.INVALID_RESPONSE):
            return Answer(lookup.Result(lookup.UNAVAILABLE, reason="status"))
        return answer

    def envelope(self, envelope: lookup.Envelope, asked: Asked, slots: Slots | None = None) -> Answer:
        """Return what an envelope comes to, from whichever way it came.

        Args:
            slots: which threads may wait for the signer's keys, where it is one of the server's.

        Raises:
            UpstreamError: the signer's keys can't be had, so nobody can say.
        """
        result = lookup.status_of(envelope, self._settings["qr.response_codes"])
        if result.status == lookup.PENDING:
            return self._pending(result, envelope, asked)
        if result.status != lookup.OK:
            return Answer(result)
        try:
            return self._opened(envelope, asked, slots)
        except UpstreamError:
            raise
        except VNeIDError as error:
            return Answer(lookup.Result(lookup.INVALID_RESPONSE, envelope.code, reason=error.code))

    def _pending(self, result: lookup.Result, envelope: lookup.Envelope, asked: Asked) -> Answer:
        transaction = envelope.transaction_id or asked.transaction_id
        # one that VNeID changes on the way would be another citizen's
        if self._settings["qr.consent"] == "blocking" or not transaction or asked.transaction_id not in ("", transaction):
            return Answer(lookup.Result(lookup.INVALID_RESPONSE, envelope.code, reason="transaction_invalid"))
        return Answer(result, transaction)

    def _opened(self, envelope: lookup.Envelope, asked: Asked, slots: Slots | None) -> Answer:
        if self._settings["qr.response"] == "plain":
            if not isinstance(envelope.data, dict):
                raise VNeIDError("data_malformed", "data is not an object")
            claims, answer_key, until = envelope.data, "", 0
        else:
            token = envelope.data
            if not isinstance(token, str):
                raise VNeIDError("data_malformed", "data is not a compact token")
            if self._settings["qr.response"] == "jwe":
                token = self._vneid.keys.decrypt("qr.decryption_key", token).decode("ascii", "replace")
            claims, answer_key, until = verified(self._keys, lambda keys: self._verify(token, keys, asked),
                                                 Deadline(_KEYS_SECONDS), slots)
        citizen = read_citizen(claims, self._settings["qr.fields"])
        result = lookup.Result(lookup.OK, envelope.code, envelope.message, citizen.data, citizen.warnings)
        return Answer(result, "", answer_key, until, str(claims["soDinhDanh"]))

    def _verify(self, token: str, keys: KeySet, asked: Asked) -> Any:
        settings = self._settings
        return verify_answer(token, key_set=keys, now=self._vneid.now(), issuer=settings["qr.issuer"],
                             audience=settings["qr.audience"], bind=settings["qr.bind"], request_id=asked.request_id,
                             qr_id=asked.qr_id)

    def check(self) -> None:
        """Raise ``VNeIDError`` when the platform is known to be down, or the signer's keys can't be had."""
        self.transport.check()
        if self._settings["qr.response"] != "plain":
            self._keys.get(Deadline(2))
