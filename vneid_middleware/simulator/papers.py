"""What VNeID's store holds of citizens' papers: what was asked for, what was pushed, and how every change arrived."""

from __future__ import annotations

import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

OK, STALE, REUSED = "ok", "stale", "reused"
TAKEN, DUPLICATE, OTHER_CONTENT, NOT_TAKEN, FORGOTTEN = "taken", "duplicate", "other-content", "not-taken", "forgotten"

_MAX_ARRIVALS = 100_000
_MAX_ASKED = 1_000


class Key(NamedTuple):
    """Which document: kind, whose, and which of them."""

    kind: str
    personal_id: str
    paper_id: str


@dataclass(frozen=True)
class Change:
    """A change that a portal pushed, well formed and with a good signature."""

    key: Key
    change_id: str
    idempotency_key: str
    version: int
    action: str
    data: dict[str, Any] | None


@dataclass
class Paper:
    """A document as the last change left it. ``at`` is in unix seconds."""

    change: Change
    at: float

    def as_dict(self) -> dict[str, Any]:
        """Return everything under the names of the wire."""
        change = self.change
        return {**_names(change.key), "version": change.version, "action": change.action, "data": change.data,
                "changeId": change.change_id, "idempotencyKey": change.idempotency_key, "at": self.at}


@dataclass
class Arrival:
    """One time that a change came: what became of it, and by which fault."""

    sequence: int
    at: float
    key: Key
    change_id: str
    idempotency_key: str
    version: int
    action: str
    fault: str
    outcome: str = NOT_TAKEN

    def as_dict(self) -> dict[str, Any]:
        """Return everything under the names of the wire."""
        return {"sequence": self.sequence, "at": self.at, **_names(self.key), "changeId": self.change_id,
                "idempotencyKey": self.idempotency_key, "version": self.version, "action": self.action, "fault": self.fault,
                "outcome": self.outcome}


@dataclass
class Asked:
    """A question for a document, and what came. ``answered`` is set by the first answer, ``ended`` by the last."""

    kind: str
    personal_id: str
    typed: dict[str, Any] | None
    at: float
    request_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    result: dict[str, Any] = field(default_factory=lambda: {"status": "asking"})
    tries: int = 0
    answered: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def as_dict(self) -> dict[str, Any]:
        """Return what came, and to which question."""
        return {"requestId": self.request_id, "loaiGiayTo": self.kind, "soDinhDanh": self.personal_id, "tries": self.tries,
                **self.result}


class Verdict(NamedTuple):
    """How a change was judged: ``status`` goes into the answer, ``version`` is the one that is held now."""

    status: str
    version: int


class Wallets:
    """The store; thread-safe.

    Args:
        clock: unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._papers: dict[Key, Paper] = {}
        self._of_change: dict[str, tuple[Key, int]] = {}
        self._arrivals: deque[Arrival] = deque(maxlen=_MAX_ARRIVALS)
        self._sequence = 0
        self._refused: Counter[str] = Counter()
        self._asked: dict[str, Asked] = {}

    def arrived(self, change: Change, fault: str) -> Arrival:
        """Note that a change came, before anything is done with it."""
        with self._lock:
            self._sequence += 1
            arrival = Arrival(self._sequence, self._clock(), change.key, change.change_id, change.idempotency_key,
                              change.version, change.action, fault)
            self._arrivals.append(arrival)
            return arrival

    def refuse(self, reason: str) -> None:
        """Count a message that is none of which anything can be believed."""
        with self._lock:
            self._refused[reason] += 1

    def take(self, change: Change, arrival: Arrival) -> Verdict:
        """Keep a change when it is newer than what is held of the document, and say what became of it."""
        with self._lock:
            held, known = self._papers.get(change.key), self._of_change.get(change.change_id)
            version = held.change.version if held else 0
            if known not in (None, (change.key, change.version)):
                return self._judged(arrival, REUSED, REUSED, version)
            if change.version > version:
                self._papers[change.key] = Paper(change, self._clock())
                self._of_change[change.change_id] = (change.key, change.version)
                return self._judged(arrival, TAKEN, OK, change.version)
            if held is None or change.version < version:
                return self._judged(arrival, STALE, STALE, version)
            if (change.change_id, change.idempotency_key) != (held.change.change_id, held.change.idempotency_key):
                return self._judged(arrival, REUSED, REUSED, version)
            if change != held.change:
                return self._judged(arrival, OTHER_CONTENT, STALE, version)
            return self._judged(arrival, DUPLICATE, OK, version)

    @staticmethod
    def _judged(arrival: Arrival, outcome: str, status: str, version: int) -> Verdict:
        arrival.outcome = outcome
        return Verdict(status, version)

    def ask(self, asked: Asked) -> Asked:
        """Remember a question."""
        with self._lock:
            while len(self._asked) >= _MAX_ASKED:
                del self._asked[next(iter(self._asked))]
            self._asked[asked.request_id] = asked
            return asked

    def asked(self, request_id: str) -> Asked | None:
        """Return a question."""
        with self._lock:
            return self._asked.get(request_id)

    def asked_by(self, personal_id: str) -> list[Asked]:
        """Return a citizen's questions, the newest first."""
        with self._lock:
            return [asked for asked in reversed(self._asked.values()) if asked.personal_id == personal_id]

    def papers(self, **which: str) -> list[Paper]:
        """Return documents; ``which`` holds any of ``kind``, ``personal_id``, ``paper_id``. What is empty is not looked at."""
        with self._lock:
            return [paper for key, paper in self._papers.items() if _is(key, which)]

    def arrivals(self, **which: str) -> list[Arrival]:
        """Return arrivals in the order in which they came; ``which`` as in :meth:`papers`."""
        with self._lock:
            return [arrival for arrival in self._arrivals if _is(arrival.key, which)]

    def refused(self) -> dict[str, int]:
        """Return how many messages were refused, by reason."""
        with self._lock:
            return dict(self._refused)


def _is(key: Key, which: dict[str, str]) -> bool:
    return all(getattr(key, name) == value for name, value in which.items() if value)


def _names(key: Key) -> dict[str, str]:
    return {"loaiGiayTo": key.kind, "soDinhDanh": key.personal_id, "maGiayTo": key.paper_id}
