"""The lookups at the counter as VNeID sees them: a code is shown, an agency asks with it, the citizen decides."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, TypeVar

from vneid_middleware.simulator.qr_codes import LIFETIME, QrCodes

OK, PENDING, WRONG_QR, EXPIRED_QR, DENIED, FAILED = "00", "01", "02", "03", "04", "99"
MESSAGES = {OK: "Thành công", PENDING: "Đang chờ công dân đồng ý", WRONG_QR: "Mã QR không đúng",
            EXPIRED_QR: "Mã QR đã hết hạn hoặc đã được dùng", DENIED: "Công dân không đồng ý", FAILED: "Lỗi hệ thống"}
"""The guide names ``responseCode`` and ``responseMessage`` and no value of them."""

WAITING, AGREED, REFUSED, UNANSWERED = "waiting", "agreed", "refused", "unanswered"
CODES = {WAITING: PENDING, AGREED: OK, REFUSED: DENIED, UNANSWERED: DENIED}

_KEPT = 600
"""Seconds that a code or a lookup is remembered."""

T = TypeVar("T")


class Refused(Exception):
    """A lookup gets an answer without data.

    Args:
        code: the answer's ``responseCode``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Code:
    """A code that a phone shows. ``device`` is the phone's page, empty for codes that a program asked for."""

    qr_id: str
    persona: str
    expires: float
    device: str = ""
    lookup: Lookup | None = None
    """The one that it was used for."""


@dataclass
class Lookup:
    """One question of an agency.

    ``caller`` is who asked, as the platform knows them; ``asked`` is what came with the ``qrID``; ``mode`` is how the caller
    learns the outcome: ``poll``, ``blocking`` or ``webhook``.
    """

    transaction_id: str
    code: Code
    caller: str
    asked: dict[str, Any]
    began: float
    mode: str
    state: str = WAITING
    seen: bool = False
    """The citizen looked at the result, or put the question aside."""
    told: list[int] = field(default_factory=list)
    """Statuses with which the portal's webhook answered."""
    decided: threading.Event = field(default_factory=threading.Event)

    @property
    def response_code(self) -> str:
        """The ``responseCode`` that says how things stand."""
        return CODES[self.state]


class Lookups:
    """All codes and lookups; thread-safe.

    Args:
        clock: unix seconds.
        patience: seconds that VNeID waits for the citizen.
        told: called with each lookup that was decided, after the fact and without the lock.
    """

    def __init__(self, clock: Callable[[], float], patience: int, told: Callable[[Lookup], None]) -> None:
        self._clock, self._patience, self._told = clock, patience, told
        self._lock = threading.RLock()
        self._contents = QrCodes()
        self._codes: dict[str, Code] = {}
        self._shown: dict[str, Code] = {}
        self._lookups: dict[str, Lookup] = {}

    def show(self, persona: str, device: str = "") -> Code:
        """Make a code for a citizen; the one that this phone showed before is worth nothing any more."""
        with self._lock:
            self._forget()
            now = self._clock()
            code = Code(self._contents.make(now + LIFETIME), persona, now + LIFETIME, device)
            self._codes[code.qr_id] = code
            if device:
                old = self._shown.pop(device, None)
                if old is not None:
                    old.expires = min(old.expires, now)
                self._shown[device] = code
            return code

    def ask(self, qr_id: str, caller: str, asked: dict[str, Any], mode: str, used_code: str) -> Lookup:
        """Begin a lookup with a code that was scanned, once.

        Args:
            qr_id: the content of the code.
            caller: who asks.
            asked: what else came.
            mode: how the caller learns the outcome.
            used_code: the answer for a code that was used before.

        Raises:
            Refused: the code is not ours, too old, or used.
        """
        with self._lock:
            self._forget()
            expires, code = self._contents.expiry(qr_id), self._codes.get(qr_id)
            if expires is None:
                raise Refused(WRONG_QR)
            if code is None or self._clock() >= code.expires:
                raise Refused(EXPIRED_QR)
            if code.lookup is not None:
                raise Refused(used_code)
            lookup = code.lookup = Lookup(secrets.token_urlsafe(24), code, caller, asked, self._clock(), mode)
            self._lookups[lookup.transaction_id] = lookup
            return lookup

    def find(self, transaction_id: str, caller: str, request_id: Any) -> Lookup:
        """Return a caller's own lookup.

        Raises:
            Refused: there is none, it is somebody else's, or it was begun with another ``requestId``.
        """
        with self._lock:
            self._forget()
            lookup = self._lookups.get(transaction_id)
        if lookup is None or lookup.caller != caller or lookup.asked.get("requestId") != request_id:
            raise Refused(WRONG_QR)
        if self._clock() >= lookup.began + self._patience:
            self.expire(lookup)
        return lookup

    def expire(self, lookup: Lookup) -> None:
        """End a lookup whose citizen never answered."""
        self.decide(lookup, UNANSWERED)

    def decide(self, lookup: Lookup, state: str) -> bool:
        """Settle a lookup, once; return whether it was still open."""
        with self._lock:
            if lookup.state != WAITING:
                return False
            lookup.state = state
        lookup.decided.set()
        self._told(lookup)
        return True

    def of_citizen(self, *, qr_id: str = "", transaction_id: str = "") -> Lookup | None:
        """Return a lookup for the citizen's side, by either name of it."""
        with self._lock:
            if transaction_id:
                return self._lookups.get(transaction_id)
            code = self._codes.get(qr_id)
            return code.lookup if code else None

    def shown(self, device: str) -> Code | None:
        """Return what a phone shows at present."""
        with self._lock:
            return self._shown.get(device)

    def agreed(self) -> list[Lookup]:
        """Return what was agreed to, the oldest first."""
        with self._lock:
            return [lookup for lookup in self._lookups.values() if lookup.state == AGREED]

    def _forget(self) -> None:
        """Drop what is old; all are in the order in which they came."""
        before = self._clock() - _KEPT
        _drop_first(self._codes, lambda code: code.expires < before)
        _drop_first(self._shown, lambda code: code.expires < before)
        _drop_first(self._lookups, lambda lookup: lookup.began < before)


def _drop_first(kept: dict[str, T], is_old: Callable[[T], bool]) -> None:
    for key in list(takewhile(lambda key: is_old(kept[key]), kept)):
        del kept[key]
