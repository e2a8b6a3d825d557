"""The envelope and the signed data that an agency gets for a citizen's code, right ones and wrong ones."""

from __future__ import annotations

from typing import Any

from vneid_middleware.simulator.counter_keys import SPOILT_SIGNATURES, CounterKeys, encrypt
from vneid_middleware.simulator.lookups import MESSAGES, OK, PENDING, Lookup
from vneid_middleware.simulator.personas import PERSONAS
from vneid_middleware.simulator.portal_keys import PortalKeys
from vneid_middleware.simulator.state import State

_LIFETIME = 60


class CounterAnswers:
    """Makes answers as the switches ``qr_response``, ``qr_alg``, ``qr_iss``, ``qr_aud`` and ``qr_repeats`` say, and spoils
    them as ``fault.answer`` says.

    Args:
        state: the simulator's memory.
        issuer: its own base URL.
    """

    def __init__(self, state: State, issuer: str) -> None:
        self.keys = CounterKeys()
        self._state, self._issuer = state, issuer
        self._portal_keys = PortalKeys(state.clock)

    def envelope(self, lookup: Lookup) -> Any:
        """Return how a lookup stands; with the citizen's data when they agreed.

        Raises:
            ValueError: the answer is to be encrypted, and the portal's key is not to be had.
        """
        fault = self._state.faults["answer"]
        if lookup.response_code == PENDING:
            return self.pending(lookup)
        if lookup.response_code != OK:
            return envelope(lookup.response_code, transaction_id=lookup.transaction_id)
        answer = envelope(OK, self._data(lookup, fault), lookup.transaction_id)
        spoilt: dict[str, Any] = {
            "unknown-code": {**answer, "responseCode": "77"}, "number-code": {**answer, "responseCode": 0},
            "no-code": {**answer, "responseCode": None}, "no-data": {**answer, "data": None},
            "malformed-envelope": [answer], "other-form": {**answer, "data": {"data": answer["data"]}},
            "other-transaction": {**answer, "transactionId": lookup.transaction_id[::-1]}}
        return spoilt.get(fault, answer)

    def pending(self, lookup: Lookup) -> dict[str, Any]:
        """Return that the citizen has yet to decide."""
        return envelope(PENDING, transaction_id="" if self._state.faults["answer"] == "no-transaction" else lookup.transaction_id)

    def _data(self, lookup: Lookup, fault: str) -> Any:
        if fault == "replayed" and self._state.last_data is not None:
            return self._state.last_data
        if fault == "swapped":
            lookup = next((other for other in reversed(self._state.lookups.agreed()) if other is not lookup), lookup)
        data: Any = _spoilt(self._claims(lookup), fault)
        response = self._state.switches["qr_response"]
        if response != "plain":
            data = self.keys.sign(data, self._state.switches["qr_alg"], fault if fault in SPOILT_SIGNATURES else "none")
        if response == "jwe":
            agency = self._state.agency
            data = encrypt(data, agency.encryption_key or self._portal_keys.encryption_key(agency.jwks))
        self._state.last_data = data
        return data

    def _claims(self, lookup: Lookup) -> dict[str, Any]:
        switches, now = self._state.switches, int(self._state.clock())
        claims: dict[str, Any] = PERSONAS[lookup.code.persona].counter_fields()
        if switches["qr_response"] != "plain":
            claims.update(iat=now, exp=now + _LIFETIME)
        if switches["qr_iss"] == "on":
            claims["iss"] = self._issuer
        if switches["qr_aud"] == "on":
            claims["aud"] = self._state.agency.audience
        if switches["qr_repeats"] in ("request_id", "both") and "requestId" in lookup.asked:
            claims["requestId"] = lookup.asked["requestId"]
        if switches["qr_repeats"] in ("qr_id", "both"):
            claims["qrID"] = lookup.code.qr_id
        return claims


def envelope(code: str, data: Any = None, transaction_id: str = "", message: str = "") -> dict[str, Any]:
    """Return an answer in the guide's form; ``transactionId`` is there where it is known."""
    answer = {"responseCode": code, "responseMessage": message or MESSAGES[code], "data": data}
    return {**answer, "transactionId": transaction_id} if transaction_id else answer


_MISSING = {"missing-number": "soDinhDanh", "missing-name": "hoVaTen", "no-iat": "iat", "no-exp": "exp",
            "no-request-id": "requestId", "no-qr-id": "qrID"}


def _spoilt(claims: dict[str, Any], fault: str) -> dict[str, Any]:
    now = claims.get("iat", 0)
    changes: dict[str, dict[str, Any]] = {
        "expired": {"iat": now - 121, "exp": now - 61}, "old-iat": {"iat": now - 3600, "exp": now + 60},
        "future-iat": {"iat": now + 3600, "exp": now + 3660}, "text-iat": {"iat": str(now)},
        "other-request-id": {"requestId": "another"}, "other-qr-id": {"qrID": "another"},
        "wrong-aud": {"aud": "https://another.example"}, "wrong-iss": {"iss": "https://evil.example"},
        "extra-fields": {"soDienThoai": "0912345678", "dacDiemNhanDang": "Nốt ruồi", "__proto__": {"x": 1}},
        "bad-number": {"soDinhDanh": "10019000000"}, "bad-date": {"ngayThangNamSinh": "20010230"},
        "bad-gender": {"gioiTinh": "9"}, "long-name": {"hoVaTen": "Nguyễn " * 200},
        "markup": {"hoVaTen": "<script>alert(1)</script>"},
        "control-characters": {"hoVaTen": "Nguyễn\x00Thị\u202eÁnh"}}
    return {name: value for name, value in {**claims, **changes.get(fault, {})}.items() if name != _MISSING.get(fault)}

