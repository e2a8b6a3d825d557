"""Documents as they are now: of a change without data the provider is asked, within a time, and beside everything else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

from vneid_middleware.core.outbox import Change
from vneid_middleware.exceptions import StorageError, UpstreamError, VNeIDError
from vneid_middleware.plugins.documents.asking import Asking

log = logging.getLogger("vneid_middleware")

MOMENT = 2.0
"""Seconds that any delivery waits for a provider."""
LONGEST = 30.0
"""Seconds that a few deliveries wait for one that takes longer."""
SLOTS = 4
"""How many: half of what a worker delivers at once, so that the other half goes on."""
_LOOK = 0.2
"""Seconds after which it is seen that the worker is to stop."""
_TELL_EVERY = 60.0

Asked = tuple[str, str, str]


class Stopping(Exception):
    """The worker is to stop: a provider is not waited for any longer."""


class Question(NamedTuple):
    """A question that was not answered in time."""

    answer: Future[Any]
    began: float


class Present:
    """Asks providers for documents as they are now.

    Args:
        services: everything of the middleware.
        is_stopping: tells whether the worker is to stop.
    """

    def __init__(self, services: Any, is_stopping: Callable[[], bool]) -> None:
        self._vneid = services
        self._is_stopping = is_stopping
        self._asking = Asking()
        self._slots = threading.BoundedSemaphore(SLOTS)
        self._late: dict[Asked, Question] = {}
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def data(self, change: Change, spare: float, lengthen: Callable[[], None]) -> Mapping[str, Any] | None:
        """Return a document's data; None where there is none any more.

        Args:
            spare: seconds until ``lengthen`` must be called.
            lengthen: called before the wait for an answer goes on for long.

        Raises:
            VNeIDError: ``provider_unavailable``: it was not asked, or can't tell now; ``provider_timeout``: it does not answer;
                ``provider_failed``; ``kind_unknown``.
            Stopping: the worker is to stop.
        """
        asked = change.kind, change.personal_id, change.document_id
        question = self._begin(asked)
        if not wait([question.answer], max(0.0, min(MOMENT, spare))).done:
            self._asking.note_slow(change.kind, question.answer)
            if question.answer.cancelled():
                raise VNeIDError("provider_unavailable", "the provider is busy")
            self._wait(asked, question, lengthen)
        return _answer(change.kind, question.answer)

    def _begin(self, asked: Asked) -> Question:
        """Ask, unless it was asked the same before and has not answered yet: a document that hangs holds one thread only."""
        kind = asked[0]
        if kind not in self._vneid["documents"].kinds():
            raise VNeIDError("kind_unknown", f"the ini has no documents.{kind}.provider")
        with self._lock:
            late = self._late.get(asked)
            if late is not None and not late.answer.done():
                raise _late(late)
            self._late = {name: question for name, question in self._late.items() if not question.answer.done()}
        answer = self._asking.begin(kind, self._current, *asked)
        if answer is None:
            self._tell(kind)
            raise VNeIDError("provider_unavailable", "the provider hangs")
        return Question(answer, time.monotonic())

    def _current(self, kind: str, personal_id: str, document_id: str) -> dict[str, Any] | None:
        found = self._vneid["documents"].provider(kind).current(personal_id, document_id)
        return None if found is None else dict(found)

    def _wait(self, asked: Asked, question: Question, lengthen: Callable[[], None]) -> None:
        with self._lock:
            self._late[asked] = question
        if not self._slots.acquire(blocking=False):
            raise _late(question)
        try:
            lengthen()
            while not wait([question.answer], _LOOK).done:
                if self._is_stopping():
                    raise Stopping
                if time.monotonic() - question.began > LONGEST:
                    raise _late(question)
        finally:
            self._slots.release()

    def _tell(self, kind: str) -> None:
        now = time.monotonic()
        if now - self._told.get(kind, float("-inf")) >= _TELL_EVERY:
            self._told[kind] = now
            log.error("the provider of %s does not answer what it was asked: it is asked nothing more before it does", kind)


def _late(question: Question) -> VNeIDError:
    hangs = time.monotonic() - question.began > LONGEST
    return VNeIDError("provider_timeout" if hangs else "provider_unavailable", "the provider has not answered yet")


def _answer(kind: str, answer: Future[Any]) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] | None = answer.result()
        return found
    except (StorageError, UpstreamError) as error:
        raise VNeIDError("provider_unavailable", error.detail) from error
    except VNeIDError as error:
        raise VNeIDError("provider_unavailable", error.code) from error
    except BaseException as error:
        # also what would end a thread of ours: it is the provider's
        log.error("the provider of %s failed: %s", kind, type(error).__name__)
        raise VNeIDError("provider_failed", type(error).__name__) from error
