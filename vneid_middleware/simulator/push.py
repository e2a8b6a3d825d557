"""Where portals push changes of documents to (the guide's part B): verified, kept by version, and answered as told."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from webob import Request, Response

from vneid_middleware.core.jose import JoseError
from vneid_middleware.simulator.accounts import caller_of
from vneid_middleware.simulator.answers import ProtocolError, json_answer
from vneid_middleware.simulator.faults import misbehaviour_of
from vneid_middleware.simulator.papers import FORGOTTEN, OK, REUSED, STALE, Change, Key, Verdict
from vneid_middleware.simulator.portal_keys import PortalKeys
from vneid_middleware.simulator.state import State
from vneid_middleware.simulator.switches import PUSH_STATUSES, RANDOM_PUSH_FAULTS
from vneid_middleware.text import is_personal_number

PATH = "/documents/changes"

_MAX_BODY = 14_100_000
"""A document of 10 MB, in base64url."""
_MAX_AGE, _MAX_AHEAD = 300, 60
"""Seconds that ``iat`` may lie behind and before us."""
_MAX_TEXT = 200
_ANSWERS: Mapping[str, tuple[int, str, str]] = {
    OK: (200, "00", "Đã nhận"), STALE: (409, "08", "Đã có phiên bản này hoặc mới hơn"),
    REUSED: (422, "09", "Phiên bản hoặc mã thay đổi đã dùng cho nội dung khác"),
    "invalid_request": (400, "07", "Thông điệp không đúng quy cách"), "unauthorized": (401, "10", "Không xác thực được"),
    "unavailable": (503, "99", "Lỗi hệ thống"), "unknown": (200, "77", "Không rõ"), "error": (500, "99", "Lỗi hệ thống")}


class _Refused(Exception):
    """A message is not taken.

    Args:
        status: the envelope's.
        reason: what is wrong, without anything of the message.
        http: another status than that of the table.
    """

    def __init__(self, status: str, reason: str, http: int = 0) -> None:
        super().__init__(reason)
        self.status, self.reason, self.http = status, reason, http


class Push:
    """``/documents/changes``.

    Args:
        state: the simulator's memory.
        keys: the portal's.
    """

    def __init__(self, state: State, keys: PortalKeys) -> None:
        self._state, self._keys = state, keys
        self._random = random.Random(1)  # noqa: S311  the same in each run

    def changes(self, request: Request, platform_client: str = "") -> Response:
        """Take a change of a document, a JWS by the portal's key.

        What can't be believed is refused whatever the fault. ``slow`` and ``hang`` take it after the wait, when the portal may
        have given up.
        """
        try:
            caller_of(request, self._state, "push_account")
            change = _read(self._claims(request), int(self._state.clock()), self._state.agency.audience)
        except ProtocolError as error:
            return self._refuse(_Refused("unauthorized", error.description))
        except _Refused as refusal:
            return self._refuse(refusal)
        request.environ["simulator.asked"] = {"loaiGiayTo": change.key.kind[:40], "version": change.version}
        wallets, fault = self._state.wallets, self._fault()
        arrival = wallets.arrived(change, fault)
        if fault == "forgets":
            arrival.outcome = FORGOTTEN
            return _envelope(Verdict(OK, change.version), change_id=change.change_id)
        if fault in ("taken-closed", "taken-500"):
            wallets.take(change, arrival)
        return _played(self._state, fault, change.version) or _envelope(wallets.take(change, arrival), change_id=change.change_id)

    def _fault(self) -> str:
        """Return the fault that this message meets."""
        fault = self._state.faults["push"]
        if self._random.random() * 100 >= int(self._state.switches["push_share"]):
            return "none"
        return self._random.choice(RANDOM_PUSH_FAULTS) if fault == "random" else fault

    def _claims(self, request: Request) -> dict[str, Any]:
        if request.content_type != "application/jose":
            raise _Refused("invalid_request", "application/jose expected", 415)
        if request.content_length is None or request.content_length > _MAX_BODY:
            raise _Refused("invalid_request", "too large, or without a length", 413)
        try:
            # not body, which copies what is large into a file of its own
            token = request.body_file.read(request.content_length).decode("ascii")
            return self._keys.verified(token, self._state.agency.jwks, _MAX_BODY)
        except UnicodeDecodeError as error:
            raise _Refused("invalid_request", "no compact JWS") from error
        except JoseError as error:
            status = "invalid_request" if error.code in ("malformed", "json_invalid") else "unauthorized"
            raise _Refused(status, f"{error.code}: {error.detail}") from error
        except ValueError as error:
            raise _Refused("unavailable", "the portal's keys are not to be had") from error

    def _refuse(self, refusal: _Refused) -> Response:
        self._state.wallets.refuse(refusal.reason)
        return _envelope(Verdict(refusal.status, 0), message=refusal.reason, http=refusal.http)


def _read(claims: Mapping[str, Any], now: int, portal: str) -> Change:
    """Return the change that verified claims tell.

    Raises:
        _Refused: ``unauthorized`` for its time and issuer, ``invalid_request`` for its form.
    """
    _check_time(claims, now)
    if claims.get("iss", portal) != portal:
        raise _Refused("unauthorized", "iss is not the portal")
    texts = {name: _text(claims, name) for name in ("changeId", "idempotencyKey", "loaiGiayTo", "soDinhDanh", "maGiayTo")}
    version, action, data = claims.get("version"), claims.get("action"), claims.get("data")
    if not is_personal_number(texts["soDinhDanh"]):
        raise _Refused("invalid_request", "soDinhDanh: 12 digits expected")
    if type(version) is not int or version < 1:
        raise _Refused("invalid_request", "version: a number from 1 expected")
    if action not in ("upsert", "revoke"):
        raise _Refused("invalid_request", "action: upsert or revoke expected")
    if not (isinstance(data, dict) or (data is None and action == "revoke")):
        raise _Refused("invalid_request", "data: an object expected")
    key = Key(texts["loaiGiayTo"], texts["soDinhDanh"], texts["maGiayTo"])
    return Change(key, texts["changeId"], texts["idempotencyKey"], version, action, data)


def _check_time(claims: Mapping[str, Any], now: int) -> None:
    issued, expires = claims.get("iat"), claims.get("exp", now + 1)
    if type(issued) is not int or not now - _MAX_AGE <= issued <= now + _MAX_AHEAD:
        raise _Refused("unauthorized", f"iat: at most {_MAX_AGE} s old expected")
    if type(expires) is not int or expires <= now:
        raise _Refused("unauthorized", "exp: in the past")


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not (isinstance(value, str) and 0 < len(value) <= _MAX_TEXT):
        raise _Refused("invalid_request", f"{name}: text of at most {_MAX_TEXT} characters expected")
    return value


def _envelope(verdict: Verdict, *, change_id: str = "", message: str = "", http: int = 0) -> Response:
    """Answer with the envelope; ``version`` is the one that is held, where one is."""
    status, code, words = _ANSWERS[verdict.status]
    body = {"responseCode": code, "responseMessage": message or words, "status": verdict.status}
    known = {"changeId": change_id, "version": verdict.version}
    return json_answer({**body, **{name: value for name, value in known.items() if value}}, http or status)


def _played(state: State, fault: str, version: int) -> Response | None:
    """Return the answer that is a fault; None: the change is taken."""
    if fault in ("closed", "taken-closed"):
        # waitress then closes the connection and sends nothing
        from waitress.channel import ClientDisconnected

        raise ClientDisconnected
    if fault in PUSH_STATUSES:
        response = _envelope(Verdict("error", 0), http=int(fault))
        if fault == "429":
            response.headers["Retry-After"] = "1"
        return response
    if fault == "409-older":
        return _envelope(Verdict(STALE, version - 1))
    if fault == "other-change":
        return _envelope(Verdict(OK, version), change_id="another")
    if fault == "malformed-envelope":
        return json_answer({"envelope": [{"responseCode": "00", "status": OK}]})
    if fault == "other-code":
        return _envelope(Verdict("unknown", 0))
    return misbehaviour_of(state, "500" if fault == "taken-500" else fault)
