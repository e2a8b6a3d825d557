"""Who may pull documents: callers that sign what they ask, and callers with a bearer key."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from vneid_middleware import addresses, bearer_keys
from vneid_middleware.core import documents
from vneid_middleware.core.jose import JoseError
from vneid_middleware.exceptions import UpstreamError, VNeIDError
from vneid_middleware.kept import Deadline, Slots, verified
from vneid_middleware.key_sets import kept_key_set
from vneid_middleware.per_process import PerProcess
from vneid_middleware.storage import tokens

MAX_BODY = documents.MAX_BODY
_KEYS_SECONDS = 5
_MINUTE = 60.0
_SIGNED, _PLAIN = "application/jose", "application/json"


class Question(NamedTuple):
    """What an admitted caller asks."""

    caller: str
    signed: bool
    content: dict[str, Any] | None
    """None: no JSON object."""


class Turns:
    """How often each caller asked within the last minute, in this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._asked: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> int:
        """Take a turn: return 0, or the seconds after which there is one."""
        now = time.monotonic()
        with self._lock:
            asked = self._asked.setdefault(name, deque())
            while asked and now - asked[0] >= _MINUTE:
                asked.popleft()
            if len(asked) >= self._most:
                return 1 + int(_MINUTE - (now - asked[0]))
            asked.append(now)
            return 0


class Callers:
    """Admits callers.

    Args:
        services: everything of the middleware.
        slots: gives those of the server's threads that may wait for a caller's keys.
    """

    def __init__(self, services: Any, slots: Callable[[], Slots]) -> None:
        settings = services.settings
        self._vneid = services
        self._slots = slots
        self._settings = settings
        key_sets, self._digests = settings["documents.callers"]
        self._keys = {name: kept_key_set(f"documents.callers {name}", place, services) for name, place in key_sets.items()}
        self._turns = PerProcess(lambda: Turns(settings["documents.rate_limit"]))

    def admit(self, request: Any) -> Question:
        """Return what a caller asks, once it is known who it is and that it may ask now.

        Raises:
            VNeIDError: ``address_refused``, ``pull_type_unsupported``, ``body_too_large``, ``caller_unknown``,
                ``caller_unverifiable``, ``request_replayed``, or ``too_many_pulls`` with evidence ``retry_after``; evidence
                ``caller`` where that is known.
            StorageError: nobody can say whether the request was used before.
        """
        self._check_origin(request)
        if request.content_type not in (_SIGNED, _PLAIN):
            raise VNeIDError("pull_type_unsupported", f"the body is neither {_SIGNED} nor {_PLAIN}")
        body = _body(request)
        return self._signed(body) if request.content_type == _SIGNED else self._plain(request, body)

    def check_keys(self) -> None:
        """Raise ``VNeIDError`` when the keys of a caller can't be had."""
        for keys in self._keys.values():
            keys.get(Deadline(2))

    def _check_origin(self, request: Any) -> None:
        settings = self._settings
        allowed = settings["documents.allow"]
        if allowed and not addresses.is_allowed(request.environ, allowed, settings["trusted_proxies"]):
            raise VNeIDError("address_refused", "the request comes from an address that documents.allow does not have")
        clients = settings["documents.x_road_clients"]
        # two headers arrive as one with a comma, and no client has a comma in it
        if clients and request.environ.get("HTTP_X_ROAD_CLIENT") not in clients:
            raise VNeIDError("address_refused", "X-Road-Client is not among documents.x_road_clients")

    def _plain(self, request: Any, body: bytes) -> Question:
        caller = bearer_keys.holder(request.headers.get("Authorization", ""), self._digests)
        if caller is None:
            raise VNeIDError("caller_unknown", "no key, or nobody's")
        self._take_turn(caller)
        try:
            return Question(caller, False, documents.read_json(body))
        except VNeIDError:
            return Question(caller, False, None)

    def _signed(self, body: bytes) -> Question:
        vneid, now = self._vneid, self._vneid.now()
        token = body.decode("ascii", "replace").strip()
        caller = ""
        try:
            caller = documents.signer_of(token)
            if caller not in self._keys:
                raise JoseError("key_unknown", "iss is nobody of documents.callers who signs")
            checked = verified(self._keys[caller], lambda keys: documents.verify_request(
                token, caller=caller, key_set=keys, audience=vneid.links.public_url, now=now), Deadline(_KEYS_SECONDS),
                self._slots())
        except UpstreamError as error:
            raise VNeIDError("caller_unverifiable", str(error), caller=caller) from error
        except JoseError as error:
            raise VNeIDError("caller_unknown", str(error)) from error
        self._take_turn(caller)
        with vneid.storage.begin() as connection:
            is_new = tokens.use(connection, f"documents\n{caller}", checked.token_id, now=now, expires_at=checked.remember_until)
        if not is_new:
            raise VNeIDError("request_replayed", "this jti was used before", caller=caller)
        return Question(caller, True, checked.claims)

    def _take_turn(self, caller: str) -> None:
        wait = self._turns().take(caller)
        if wait:
            raise VNeIDError("too_many_pulls", "documents.rate_limit is reached", caller=caller, retry_after=wait)


def _body(request: Any) -> bytes:
    length = request.content_length
    if length is None or length > MAX_BODY:
        raise VNeIDError("body_too_large", f"the body is of unknown length, or larger than {MAX_BODY} bytes")
    body: bytes = request.body_file_raw.read(length)
    return body
